-- How many impressions become clicks, cart entries and purchases in each scenario, and what a purchase brings.
select
    scenario,
    count(*) as impressions,
    avg(cast(clicked as double)) as click_rate,
    sum(cast(carted as double)) / sum(cast(clicked as double)) as carts_per_click,
    sum(cast(purchased as double)) / sum(cast(clicked as double)) as purchases_per_click,
    avg(amount) filter (where purchased) as amount_per_purchase
from impressions
group by scenario
order by impressions desc
