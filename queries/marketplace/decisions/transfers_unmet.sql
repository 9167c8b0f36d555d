-- What the stores lack that no transfer brings, and why.
-- Grain: product x store with something missing. Lost margin: what is missing times what a piece is expected to be worth there.
-- Application: supply chain.
select
    missing.item as product_id,
    products.title,
    missing.destination,
    missing.demand,
    missing.met,
    missing.unmet,
    missing.reason,
    missing.unmet * transfer_demand.penalty as lost_margin
from ship_unmet(
    (select item, origin, quantity from transfer_supply),
    (select item, destination, quantity, penalty from transfer_demand),
    (select origin, destination, unit_cost, cast(capacity as double) as capacity from lanes)
) as missing
inner join products on products.product_id = missing.item
inner join transfer_demand on transfer_demand.item = missing.item and transfer_demand.destination = missing.destination
where missing.unmet > 0
order by lost_margin desc, product_id, missing.destination
