-- A list has at most $recommended_products products, each once, at the places 1, 2, 3 …
select
    user_id,
    scenario,
    count(*) as products,
    count(distinct product_id) as different,
    max(place) as last_place
from recommendations
group by user_id, scenario
having count(*) > $recommended_products or count(distinct product_id) <> count(*) or max(place) > $recommended_products
