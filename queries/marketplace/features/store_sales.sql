-- What each store sold of a product in the last week and the last four.
-- Grain: product x store, where something was sold.
select
    product_id,
    store,
    count(*) filter (where ordered_at >= $as_of - interval '7 days') as sold_7d,
    count(*) as sold_28d
from orders
where ordered_at >= $as_of - interval '28 days'
group by product_id, store
