-- How much of what a user ordered came back, ever.
-- Grain: user with orders. Few orders say little: the share leans to five in a hundred as if there were ten orders more.
select
    orders.user_id,
    count(*) as orders_ever,
    count(returns.event_id) as returns_ever,
    (count(returns.event_id) + 0.5) / (count(*) + 10.0) as return_share
from orders
left join returns on returns.event_id = orders.event_id
group by orders.user_id
