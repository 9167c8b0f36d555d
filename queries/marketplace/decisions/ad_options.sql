-- What the campaigns of the coming week could place: a product of the campaign's category, in its scenario, to one segment of its
-- audience, with what that is expected to bring and cost.
-- Grain: campaign x product x segment. Value: the expected margin of the segment's users who may be shown the product, scored under the
-- campaign's scenario, less what the impressions cost. These are predictions for another scenario, not effects of the advertisement.
-- Only products in stock, only users who have not bought the product within 28 days.
-- Application: advertisements, working table.
with plan as (
    select
        campaign_id,
        scenario,
        category,
        audience,
        cost_per_impression
    from campaigns
    where starts_on >= $as_of_date and starts_on < $as_of_date + 7
),

in_stock as (
    select product_id
    from stock_now
    group by product_id
    having sum(on_hand) > 0
),

bought as (
    select distinct user_id, product_id
    from orders
    where ordered_at >= $as_of - interval '28 days'
),

pairs as (
    -- A pair that is a candidate in two scenarios counts once.
    select
        user_id,
        product_id,
        under,
        avg(click) as click,
        avg(spend) as spend
    from scores_under
    group by user_id, product_id, under
)

select
    plan.campaign_id,
    plan.scenario,
    pairs.product_id,
    users.segment,
    count(*) as impressions,
    sum(pairs.click) as expected_clicks,
    sum(pairs.spend * products.margin) as expected_margin,
    count(*) * max(plan.cost_per_impression) as cost,
    sum(pairs.spend * products.margin) - count(*) * max(plan.cost_per_impression) as value
from plan
inner join products on products.category = plan.category
inner join in_stock on in_stock.product_id = products.product_id
inner join pairs on pairs.product_id = products.product_id and pairs.under = plan.scenario
inner join users on users.user_id = pairs.user_id and (plan.audience is null or users.segment = plan.audience)
left join bought on bought.user_id = pairs.user_id and bought.product_id = pairs.product_id
where bought.user_id is null and products.stock > 0
group by plan.campaign_id, plan.scenario, pairs.product_id, users.segment
order by plan.campaign_id, pairs.product_id, users.segment
