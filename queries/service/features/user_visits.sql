-- How often a user came in the last 28 days.
-- Grain: user who came.
select
    user_id,
    count(distinct cast(occurred_at as date)) as visits_28d
from visits
where occurred_at >= $as_of - interval '28 days'
group by user_id
