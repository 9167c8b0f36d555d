-- The twenty products that each household will most probably buy in the coming week.
-- Grain: household x product.
-- Application: recommendation.
select
    scores.household_id,
    scores.rank,
    scores.product_id,
    products.product_category,
    scores.scenario,
    scores.purchase,
    scores.discount_purchase,
    scores.spend
from scores
left join products on products.product_id = scores.product_id
where scores.rank <= 20
order by scores.household_id, scores.rank
