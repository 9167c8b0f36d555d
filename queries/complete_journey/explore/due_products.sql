-- Products that many households are due to buy: last bought about one mean gap ago.
select
    product_id,
    count(*) as households_due
from pair
where days_since_purchase / mean_gap_days between 0.8 and 1.2
group by product_id
order by households_due desc, product_id
limit 50
