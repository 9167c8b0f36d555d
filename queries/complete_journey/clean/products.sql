-- Products.
-- Grain: one product. 540 of them have no category; that stays NULL.
select
    cast(product_id as integer) as product_id,
    cast(manufacturer_id as integer) as manufacturer_id,
    department,
    brand,
    product_category,
    product_type,
    package_size,
    case when product_id is null then 'no product' end as refused
from raw.products
