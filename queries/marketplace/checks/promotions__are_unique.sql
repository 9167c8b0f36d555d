-- A product is in a week's promotion once.
select product_id, starts_on, count(*) as copies
from promotions
group by product_id, starts_on
having count(*) > 1
