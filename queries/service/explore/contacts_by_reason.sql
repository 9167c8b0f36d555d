-- Contacts and minutes by reason and week.
select
    date_trunc('week', opened_at) as week,
    reason,
    count(*) as contacts,
    avg(minutes) as minutes
from contacts
group by date_trunc('week', opened_at), reason
order by week, reason
