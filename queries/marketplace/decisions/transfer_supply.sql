-- What each location could send tonight.
-- Grain: product x location with pieces to spare. A store keeps its order-up-to level; the warehouse keeps nothing.
-- Application: supply chain, working table.
select
    product_id as item,
    location as origin,
    cast(case when location = 'warehouse' then on_hand else on_hand - order_up_to end as double) as quantity
from inventory
where case when location = 'warehouse' then on_hand else on_hand - order_up_to end > 0
order by product_id, location
