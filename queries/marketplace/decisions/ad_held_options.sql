-- What the campaigns of the held-out week could have placed among what users were shown, as the placement reads it.
-- Grain: campaign x product x segment. Value: expected margin less what the impressions cost; each option uses its campaign's money.
-- Application: advertisements, working table.
with nights as (
    select min(cast(as_of as date)) as held_out from holdout
),

plan as (
    select
        campaigns.campaign_id,
        campaigns.scenario,
        campaigns.category,
        campaigns.audience,
        campaigns.budget,
        campaigns.cost_per_impression
    from campaigns
    cross join nights
    where campaigns.starts_on >= nights.held_out and campaigns.starts_on < nights.held_out + 7
),

shown as (
    select
        holdout.user_id,
        holdout.product_id,
        holdout.scenario,
        users.segment,
        products.category,
        holdout.p_spend * products.margin as expected
    from holdout
    inner join users on users.user_id = holdout.user_id
    inner join products on products.product_id = holdout.product_id
),

options as (
    select
        plan.campaign_id,
        shown.product_id,
        shown.segment,
        shown.scenario,
        max(plan.budget) as budget,
        count(*) * max(plan.cost_per_impression) as cost,
        sum(shown.expected) / count(*) as expected_each,
        sum(shown.expected) - count(*) * max(plan.cost_per_impression) as value
    from plan
    inner join shown
        on shown.scenario = plan.scenario
        and shown.category = plan.category
        and (plan.audience is null or shown.segment = plan.audience)
    group by plan.campaign_id, shown.product_id, shown.segment, shown.scenario
)

select
    campaign_id,
    scenario,
    product_id,
    segment,
    budget,
    cost,
    value,
    concat_ws('|', scenario, product_id, segment) as choice,
    make_array(concat('budget of campaign ', campaign_id)) as resources,
    make_array(cost) as amounts
from options
order by campaign_id, product_id, segment
