-- The expected demand is not negative and lies within its interval; the warehouse needs what its stores need.
with stores as (
    select product_id, sum(expected) as expected
    from demand
    where location <> 'warehouse'
    group by product_id
)

select demand.product_id, demand.location, demand.expected, demand.low, demand.high, stores.expected as of_stores
from demand
inner join stores on stores.product_id = demand.product_id
where demand.expected < 0
    or demand.low > demand.expected
    or demand.high < demand.expected
    or (demand.location = 'warehouse' and abs(demand.expected - stores.expected) > 0.000001 * (1 + stores.expected))
