-- What a store lacks is sent to it or stands in `transfers_unmet` with a reason.
with sent as (
    select product_id, destination, sum(quantity) as quantity
    from transfers
    group by product_id, destination
)

select
    transfer_demand.item as product_id,
    transfer_demand.destination,
    transfer_demand.quantity,
    sent.quantity as sent,
    transfers_unmet.unmet,
    transfers_unmet.reason
from transfer_demand
left join sent on sent.product_id = transfer_demand.item and sent.destination = transfer_demand.destination
left join transfers_unmet
    on transfers_unmet.product_id = transfer_demand.item
    and transfers_unmet.destination = transfer_demand.destination
where abs(transfer_demand.quantity - coalesce(sent.quantity, 0) - coalesce(transfers_unmet.unmet, 0)) > 0.0001
    or (transfers_unmet.unmet > 0 and transfers_unmet.reason is null)
