-- How dear a product is for its category.
-- Grain: product.
select
    product_id,
    ln(price) - avg(ln(price)) over (partition by category) as price_level
from products
