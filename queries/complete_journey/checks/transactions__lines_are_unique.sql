-- No line is delivered twice.
select basket_id, product_id, sold_at, quantity, sales_value, discount, count(*) as copies
from transactions
group by basket_id, product_id, sold_at, quantity, sales_value, discount
having count(*) > 1
