-- Returns that users have asked for.
-- Grain: one order.
select
    event_id,
    user_id,
    product_id,
    reason,
    ordered_at,
    requested_at,
    case
        when event_id is null or requested_at is null then 'no order or time'
        when requested_at < ordered_at then 'returned before it was ordered'
    end as refused
from raw.returns
