-- The coming week plans a product once in a store.
select product_id, store_id, count(*) as copies
from promotions
where starts_on = $as_of_date
group by product_id, store_id
having count(*) > 1
