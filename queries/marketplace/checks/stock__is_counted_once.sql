-- A product is counted once in a location and evening.
select product_id, location, counted_on, count(*) as copies
from stock
group by product_id, location, counted_on
having count(*) > 1
