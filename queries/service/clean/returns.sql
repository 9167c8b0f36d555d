-- Returns that users have asked for.
-- Grain: one order.
select
    event_id,
    user_id,
    requested_at,
    case when event_id is null or requested_at is null then 'no order or time' end as refused
from raw.returns
