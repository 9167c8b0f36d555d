-- What to send tonight between warehouse and stores so that next week's demand is met at least cost.
-- Grain: product x lane with something on it. A store may send what it has beyond its own order-up-to level, the warehouse all that
-- lies there. A piece is sent where the margin that it is expected to save is more than the lane costs.
-- Application: supply chain.
select
    sent.item as product_id,
    products.title,
    sent.origin,
    sent.destination,
    sent.quantity,
    sent.unit_cost,
    sent.cost,
    lanes.lead_days
from ship(
    (select item, origin, quantity from transfer_supply),
    (select item, destination, quantity, penalty from transfer_demand),
    (select origin, destination, unit_cost, cast(capacity as double) as capacity from lanes)
) as sent
inner join products on products.product_id = sent.item
inner join lanes on lanes.origin = sent.origin and lanes.destination = sent.destination
order by sent.cost desc, product_id, sent.origin, sent.destination
