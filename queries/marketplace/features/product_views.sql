-- How often a product was shown in the last 28 days.
-- Grain: product.
select
    product_id,
    count(*) as product_views_28d,
    count(*) filter (where occurred_at >= $as_of - interval '7 days') as product_views_7d
from impressions
where occurred_at >= $as_of - interval '28 days'
group by product_id
