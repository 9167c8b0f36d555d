-- Where on the page a scenario showed a product in the last 28 days.
-- Grain: product x scenario.
select
    product_id,
    scenario,
    avg(cast(slot as double)) as usual_slot
from impressions
where occurred_at >= $as_of - interval '28 days'
group by product_id, scenario
