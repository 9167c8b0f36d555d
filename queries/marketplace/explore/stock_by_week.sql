-- How stock has moved: pieces, and products of which a location has none, week by week.
select
    counted_on,
    location,
    sum(on_hand) as pieces,
    count(*) filter (where on_hand = 0) as products_without
from stock
group by counted_on, location
order by counted_on, location
