-- How many products each week promotes, and how.
select
    starts_on,
    count(distinct product_id) as products,
    count(*) filter (where on_display) as displays,
    count(*) filter (where in_mailer) as mailers
from promotions
group by starts_on
order by starts_on
