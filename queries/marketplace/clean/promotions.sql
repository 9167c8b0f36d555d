-- The plan of promotions: products that are cheaper for a week.
-- Grain: product x week, named by its first day. Products that are not in it cost what they always do.
select
    product_id,
    discount, -- share of the price
    starts_on,
    case
        when product_id is null or starts_on is null then 'no product or week'
        when discount is null or discount <= 0 or discount >= 1 then 'discount is no share'
    end as refused
from raw.promotions
