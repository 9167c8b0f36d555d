-- Who delivers each product, how fast, what a piece costs and what it costs to keep.
-- Grain: one product.
select
    product_id,
    supplier,
    lead_days,
    unit_cost,
    holding_cost, -- of one piece for a week
    case
        when product_id is null then 'no product'
        when lead_days is null or lead_days < 0 then 'no lead time'
        when holding_cost is null or holding_cost < 0 then 'no holding cost'
    end as refused
from raw.supply
