-- A purchase is ordered once.
select event_id, count(*) as copies
from orders
group by event_id
having count(*) > 1
