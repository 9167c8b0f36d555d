-- Days on which users came.
-- Grain: one impression. Refused: rows without a user or a time, a second delivery of an event.
with numbered as (
    select
        event_id,
        user_id,
        occurred_at,
        arrived_at,
        row_number() over (partition by event_id order by arrived_at) as delivery
    from raw.impressions
)

select
    numbered.event_id,
    numbered.user_id,
    numbered.occurred_at,
    numbered.arrived_at,
    case
        when users.user_id is null then 'no or unknown user'
        when numbered.occurred_at is null or numbered.arrived_at is null then 'no time'
        when numbered.delivery > 1 then 'delivered twice'
    end as refused
from numbered
left join users on users.user_id = numbered.user_id
