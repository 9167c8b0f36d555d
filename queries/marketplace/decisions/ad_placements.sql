-- What to place in the coming week: product, scenario and segment of each campaign, for the greatest expected value under budgets,
-- frequency caps, promised impressions and slots (`ad_budgets` says how tight each is).
-- Grain: campaign x product x segment that is placed. Scores under another scenario are predictions, not causal effects.
-- Application: advertisements.
select
    placed.campaign_id,
    placed.scenario,
    placed.segment,
    placed.product_id,
    products.title,
    products.category,
    placed.impressions,
    placed.value,
    placed.cost,
    placed.expected_margin,
    placed.expected_clicks
from place(
    (select * from ad_choices order by campaign_id, product_id, segment),
    (select resource, at_least, at_most from ad_limits order by resource)
) as placed
inner join products on products.product_id = placed.product_id
where placed.taken
order by placed.campaign_id, placed.value desc, placed.product_id, placed.segment
