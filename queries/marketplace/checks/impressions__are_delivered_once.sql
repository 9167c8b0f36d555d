-- An event counts once, however often it was delivered.
select event_id, count(*) as copies
from impressions
group by event_id
having count(*) > 1
