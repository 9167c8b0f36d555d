-- How often a user came in the last 28 days.
-- Grain: user.
select
    user_id,
    cast($as_of_date - max(cast(occurred_at as date)) as integer) as days_since_visit,
    count(distinct cast(occurred_at as date)) as visits_28d
from impressions
where occurred_at >= $as_of - interval '28 days'
group by user_id
