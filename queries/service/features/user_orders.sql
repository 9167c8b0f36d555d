-- What became of a user's orders of the last week, as far as it is known.
-- Grain: user with orders in the last 7 days. Late: delivered after the promised day, or promised and not there.
select
    orders.user_id,
    count(*) as orders_7d,
    count(*) filter (where deliveries.days_late > 0 or (deliveries.event_id is null and orders.promised_on < $as_of_date)) as late_7d,
    count(*) filter (where deliveries.event_id is null) as under_way,
    count(returns.event_id) as returned_7d,
    count(*) filter (where orders.category in ('tools', 'electronics', 'furniture')) as intricate_7d,
    sum(orders.amount) as amount_7d,
    max(orders.ordered_at) as last_ordered_at
from orders
left join deliveries on deliveries.event_id = orders.event_id
left join returns on returns.event_id = orders.event_id
where orders.ordered_at >= $as_of - interval '7 days'
group by orders.user_id
