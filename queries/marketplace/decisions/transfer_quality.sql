-- What tonight's transfers meet of what the stores lack, what they cost, and what sending everything from the warehouse would.
-- Grain: plan. `saved`: margin that is expected to be saved, less the lanes' cost.
-- Application: supply chain, figures of merit.
with lacking as (
    select
        sum(quantity) as pieces,
        sum(quantity * penalty) as margin
    from transfer_demand
),

planned as (
    select
        coalesce(sum(transfers.quantity), 0) as pieces,
        coalesce(sum(transfers.cost), 0) as cost,
        coalesce(sum(transfers.quantity * transfer_demand.penalty), 0) as margin
    from transfers
    inner join transfer_demand
        on transfer_demand.item = transfers.product_id
        and transfer_demand.destination = transfers.destination
),

filled as (
    -- Store by store, what lies in the warehouse until it is gone.
    select
        transfer_demand.item,
        transfer_demand.penalty,
        lanes.unit_cost,
        greatest(
            least(
                transfer_demand.quantity,
                transfer_supply.quantity - coalesce(
                    sum(transfer_demand.quantity) over (
                        partition by transfer_demand.item
                        order by transfer_demand.destination
                        rows between unbounded preceding and 1 preceding
                    ),
                    0
                )
            ),
            0
        ) as pieces
    from transfer_demand
    inner join transfer_supply on transfer_supply.item = transfer_demand.item and transfer_supply.origin = 'warehouse'
    inner join lanes on lanes.origin = 'warehouse' and lanes.destination = transfer_demand.destination
)

select
    'transfers' as plan,
    planned.pieces,
    planned.pieces / nullif(lacking.pieces, 0) as met,
    planned.cost,
    planned.margin - planned.cost as saved
from planned
cross join lacking
union all
select
    'warehouse only' as plan,
    sum(filled.pieces) as pieces,
    sum(filled.pieces) / nullif(max(lacking.pieces), 0) as met,
    sum(filled.pieces * filled.unit_cost) as cost,
    sum(filled.pieces * (filled.penalty - filled.unit_cost)) as saved
from filled
cross join lacking
order by plan
