-- Products.
-- Grain: one product.
with typed as (
    select
        product_id,
        manufacturer_id,
        department,
        brand,
        product_category,
        product_type,
        case when product_id is null then 'no product' end as refused
    from raw.products
)

select * from typed
