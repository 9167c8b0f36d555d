-- Parcels that have reached their users.
-- Grain: one order, known when it is delivered.
select
    event_id,
    days_late, -- after the promised day; 0 = in time
    delivered_at,
    case when event_id is null or delivered_at is null then 'no order or time' end as refused
from raw.deliveries
