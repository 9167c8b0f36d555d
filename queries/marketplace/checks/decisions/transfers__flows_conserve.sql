-- No location sends more of a product than it can spare, none gets more than it lacks, no lane carries more than it can, and nothing
-- negative is sent.
with sent as (
    select transfers.product_id, transfers.origin, sum(transfers.quantity) as quantity, max(transfer_supply.quantity) as there
    from transfers
    left join transfer_supply
        on transfer_supply.item = transfers.product_id
        and transfer_supply.origin = transfers.origin
    group by transfers.product_id, transfers.origin
),

got as (
    select transfers.product_id, transfers.destination, sum(transfers.quantity) as quantity, max(transfer_demand.quantity) as lacking
    from transfers
    left join transfer_demand
        on transfer_demand.item = transfers.product_id
        and transfer_demand.destination = transfers.destination
    group by transfers.product_id, transfers.destination
),

carried as (
    select transfers.origin, transfers.destination, sum(transfers.quantity) as quantity, max(lanes.capacity) as capacity
    from transfers
    inner join lanes on lanes.origin = transfers.origin and lanes.destination = transfers.destination
    group by transfers.origin, transfers.destination
)

select 'sends more than it has' as wrong, product_id, origin as place, quantity, there as most
from sent
where quantity > coalesce(there, 0) + 0.0001
union all
select 'gets more than it lacks' as wrong, product_id, destination as place, quantity, lacking as most
from got
where quantity > coalesce(lacking, 0) + 0.0001
union all
select 'carries more than it can' as wrong, null as product_id, concat(origin, ' to ', destination) as place, quantity, cast(capacity as double) as most
from carried
where quantity > capacity + 0.0001
union all
select 'negative' as wrong, product_id, origin as place, quantity, 0.0 as most
from transfers
where quantity < 0
