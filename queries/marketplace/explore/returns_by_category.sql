-- What comes back: the share of orders that were returned, by category and whether the parcel was late.
select
    products.category,
    deliveries.days_late > 0 as was_late,
    count(*) as orders,
    avg(cast(returns.event_id is not null as double)) as return_share
from orders
inner join products on products.product_id = orders.product_id
inner join deliveries on deliveries.event_id = orders.event_id
left join returns on returns.event_id = orders.event_id
group by products.category, deliveries.days_late > 0
having count(*) >= 30
order by return_share desc, products.category, was_late
