-- Products that are in the promotion that runs when the coming week begins.
-- Grain: product.
select
    product_id,
    max(discount) as discount
from promotions
where starts_on > $as_of_date - 7 and starts_on <= $as_of_date
group by product_id
