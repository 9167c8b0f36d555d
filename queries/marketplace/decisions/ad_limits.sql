-- What the placement of the coming week may use: each campaign's budget, the promised impressions, how often a user sees a campaign,
-- the share of a scenario's impressions that may be advertisements.
-- Grain: resource. A promise is cut to half of what frequency caps and budget leave room for: else nothing could keep it.
-- Application: advertisements, working table.
with plan as (
    select
        campaign_id,
        scenario,
        budget,
        cost_per_impression,
        frequency_cap,
        least_impressions
    from campaigns
    where starts_on >= $as_of_date and starts_on < $as_of_date + 7
),

largest as (
    select
        ad_options.campaign_id,
        ad_options.segment,
        ad_options.impressions,
        row_number() over (
            partition by ad_options.campaign_id, ad_options.segment
            order by ad_options.impressions desc, ad_options.product_id
        ) as place
    from ad_options
),

room as (
    select
        largest.campaign_id,
        sum(largest.impressions) as impressions
    from largest
    inner join plan on plan.campaign_id = largest.campaign_id
    where largest.place <= plan.frequency_cap
    group by largest.campaign_id
),

slots as (
    select
        scenario,
        floor($ad_share * count(*)) as impressions
    from impressions
    where occurred_at >= $as_of - interval '7 days'
    group by scenario
)

select
    concat('budget of campaign ', plan.campaign_id) as resource,
    cast(null as double) as at_least,
    cast(plan.budget as double) as at_most
from plan
inner join room on room.campaign_id = plan.campaign_id
union all
select
    concat('impressions of campaign ', plan.campaign_id) as resource,
    cast(
        floor(
            least(
                cast(plan.least_impressions as double),
                0.5 * least(cast(room.impressions as double), plan.budget / plan.cost_per_impression)
            )
        )
        as double
    ) as at_least,
    cast(null as double) as at_most
from plan
inner join room on room.campaign_id = plan.campaign_id
where plan.least_impressions > 0
union all
select
    concat('times of campaign ', plan.campaign_id, ' to ', audiences.segment) as resource,
    cast(null as double) as at_least,
    cast(plan.frequency_cap as double) as at_most
from plan
inner join (select distinct campaign_id, segment from ad_options) as audiences on audiences.campaign_id = plan.campaign_id
union all
select
    concat('slots of ', slots.scenario) as resource,
    cast(null as double) as at_least,
    cast(slots.impressions as double) as at_most
from slots
order by resource
