-- Orders, one for each purchase, with the category of what was ordered.
-- Grain: one purchase.
select
    orders.event_id,
    orders.user_id,
    products.category,
    orders.amount,
    orders.promised_on,
    orders.ordered_at,
    case
        when orders.event_id is null or orders.user_id is null then 'no order or user'
        when orders.ordered_at is null then 'no time'
    end as refused
from raw.orders as orders
left join products on products.product_id = orders.product_id
