-- What lies in each location, counted once a week in the evening.
-- Grain: product x location x day of the count.
select
    product_id,
    location,
    on_hand,
    on_order, -- pieces on their way there
    counted_on,
    case
        when product_id is null or location is null or counted_on is null then 'no product, location or day'
        when on_hand < 0 or on_order < 0 then 'fewer than no pieces'
    end as refused
from raw.stock
