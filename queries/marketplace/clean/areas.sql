-- Which stores serve the orders of a region.
-- Grain: region x store.
select
    region,
    store,
    share, -- of the region's orders
    case
        when region is null or store is null then 'no region or store'
        when share is null or share < 0 or share > 1 then 'share is no share'
    end as refused
from raw.areas
