-- Nothing is delivered that was not ordered before.
select deliveries.event_id, orders.ordered_at, deliveries.delivered_at
from deliveries
left join orders on orders.event_id = deliveries.event_id
where orders.event_id is null or deliveries.delivered_at < orders.ordered_at
