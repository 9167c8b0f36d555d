-- Ways between two locations.
-- Grain: origin x destination.
select
    origin,
    destination,
    unit_cost, -- of one piece
    lead_days,
    capacity, -- pieces a week, of all products together
    case
        when origin is null or destination is null or origin = destination then 'leads nowhere'
        when unit_cost is null or unit_cost < 0 or capacity < 0 then 'no cost or capacity'
    end as refused
from raw.lanes
