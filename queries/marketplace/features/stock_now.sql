-- What lies where, by the last count.
-- Grain: product x location.
with latest as (
    select max(counted_on) as counted_on from stock
)

select
    stock.product_id,
    stock.location,
    stock.on_hand,
    stock.on_order
from stock
inner join latest on latest.counted_on = stock.counted_on
