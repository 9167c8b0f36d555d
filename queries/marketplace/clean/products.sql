-- Products.
-- Grain: one product. Refused: a second row of a product. Repaired: categories spelt in several ways; a price that is not
-- positive is not known. A brand or rating that is not known stays NULL.
with numbered as (
    select
        product_id,
        title,
        lower(trim(category)) as category,
        brand,
        case when price > 0 then price end as price,
        margin,
        stock,
        rating,
        listed_on,
        embedding,
        row_number() over (partition by product_id order by listed_on) as listing
    from raw.products
)

select
    product_id,
    title,
    category,
    brand,
    price,
    margin, -- share of the price that is left after the cost
    stock, -- pieces in stock
    rating, -- mean of the reviews, 1 to 5
    listed_on,
    embedding,
    case
        when product_id is null then 'no product'
        when listing > 1 then 'listed twice'
    end as refused
from numbered
