-- Products of a category by how often they were shown in the last 7 days.
-- Grain: product that was shown.
select
    products.category,
    products.product_id,
    row_number() over (
        partition by products.category
        order by product_views.product_views_7d desc, products.product_id
    ) as place
from product_views
inner join products on products.product_id = product_views.product_id
