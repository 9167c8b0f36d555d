-- Products that many households are due to buy: last bought about one mean gap ago.
select
    pair.product_id,
    count(*) as households_due
from pair
inner join pair_gaps on pair_gaps.household_id = pair.household_id and pair_gaps.product_id = pair.product_id
where pair.days_since_purchase / pair_gaps.mean_gap_days between 0.8 and 1.2
group by pair.product_id
order by households_due desc
limit 50
