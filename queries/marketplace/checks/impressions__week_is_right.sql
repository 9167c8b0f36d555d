-- An event lies in the folder of the week in which it happened.
select event_id, week, occurred_at
from impressions
where cast(occurred_at as date) < week or cast(occurred_at as date) >= week + 7
