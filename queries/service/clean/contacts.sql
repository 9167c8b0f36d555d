-- Contacts with the customer service, with the minutes that they took.
-- Grain: one contact.
select
    contact_id,
    user_id,
    reason,
    minutes,
    opened_at,
    case
        when contact_id is null or user_id is null then 'no contact or user'
        when opened_at is null then 'no time'
        when minutes is null or minutes < 0 then 'no minutes'
    end as refused
from raw.contacts
