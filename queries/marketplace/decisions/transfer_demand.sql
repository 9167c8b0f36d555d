-- What each store lacks tonight, and what a piece is worth there.
-- Grain: product x store that has less than its order-up-to level. `penalty`: the margin of a piece times the probability that the store
-- runs out before the next review.
-- Application: supply chain, working table.
select
    inventory.product_id as item,
    inventory.location as destination,
    cast(inventory.order_up_to - inventory.on_hand - inventory.on_order as double) as quantity,
    products.price * products.margin * inventory.stockout_risk as penalty
from inventory
inner join products on products.product_id = inventory.product_id
where inventory.location <> 'warehouse'
    and inventory.on_hand + inventory.on_order < inventory.order_up_to
    and products.price is not null
order by inventory.product_id, inventory.location
