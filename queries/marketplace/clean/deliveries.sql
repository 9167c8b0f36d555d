-- Parcels that have reached their users.
-- Grain: one order. A delivery is known when it has happened: orders that are still under way are not in this table.
select
    event_id,
    user_id,
    days_late, -- after the promised day; 0 = in time
    delivered_at,
    case
        when event_id is null or delivered_at is null then 'no order or time'
        when days_late < 0 then 'negative delay'
    end as refused
from raw.deliveries
