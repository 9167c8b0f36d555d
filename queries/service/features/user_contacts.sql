-- How often a user turned to the service for a reason in the last 28 days.
-- Grain: user x reason, where there was a contact.
select
    user_id,
    reason,
    count(*) as contacts_28d
from contacts
where opened_at >= $as_of - interval '28 days'
group by user_id, reason
