-- A product stands once in the catalogue.
select product_id, count(*) as copies
from products
group by product_id
having count(*) > 1
