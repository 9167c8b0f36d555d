-- Candidates, and whether the user turned to the service for that reason within the week.
-- Grain: user x reason. Minutes hold only where there was a contact.
with contacted as (
    select
        user_id,
        reason,
        sum(minutes) as minutes
    from outcome.contacts
    group by user_id, reason
)

select
    candidates.user_id,
    candidates.reason,
    cast(contacted.user_id is not null as integer) as contact,
    coalesce(contacted.minutes, 0) as minutes
from candidates
left join contacted
    on contacted.user_id = candidates.user_id
    and contacted.reason = candidates.reason
