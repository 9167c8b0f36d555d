-- What a household buys of a category: the last 26 weeks.
-- Grain: household x product category.
with days as (
    select
        pair_days.household_id,
        products.product_category,
        pair_days.days_ago,
        pair_days.spend
    from pair_days
    inner join products on products.product_id = pair_days.product_id
    where products.product_category is not null
)

select
    household_id,
    product_category,
    count(*) as category_purchases_26w,
    count(*) filter (where days_ago <= 28) as category_purchases_4w,
    min(days_ago) as category_days_since_purchase,
    sum(spend) as category_spend_26w
from days
group by household_id, product_category
