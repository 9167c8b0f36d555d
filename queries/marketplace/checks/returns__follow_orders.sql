-- Nothing is sent back that was not ordered.
select returns.event_id, returns.user_id
from returns
left join orders on orders.event_id = returns.event_id
where orders.event_id is null
