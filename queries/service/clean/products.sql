-- Products and their categories.
-- Grain: one product. Refused: a second row of a product. Repaired: categories spelt in several ways.
with numbered as (
    select
        product_id,
        lower(trim(category)) as category,
        row_number() over (partition by product_id order by listed_on) as listing
    from raw.products
)

select
    product_id,
    category,
    case
        when product_id is null then 'no product'
        when listing > 1 then 'listed twice'
    end as refused
from numbered
