-- A product stands once in the list of products.
select product_id, count(*) as copies
from products
group by product_id
having count(*) > 1
