-- How many contacts and minutes each queue is to expect in the coming week.
-- Grain: reason. `low` and `high`: 95 in 100, contacts of different users being independent.
-- Application: service.
select
    scenario as reason,
    count(*) as users,
    sum(contact) as expected_contacts,
    greatest(sum(contact) - 1.96 * sqrt(sum(contact * (1 - contact))), 0) as low,
    sum(contact) + 1.96 * sqrt(sum(contact * (1 - contact))) as high,
    sum(minutes) as expected_minutes,
    sum(minutes) / cast($minutes_per_week as double) as agents_needed
from scores
group by scenario
order by expected_minutes desc
