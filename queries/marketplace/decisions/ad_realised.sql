-- What the campaigns of the held-out week would have placed among what users were shown, and what these impressions brought, against
-- what was expected of them and against what was not placed.
-- Grain: scenario x placed or not. Impressions that were shown anyway, so nothing here is the effect of an advertisement: the table says
-- whether the expectations by which a placement chooses hold for what it chooses. `low` and `high`: 95 in 100 for the realised margin.
-- Application: advertisements, figures of merit.
with placed as (
    select
        scenario,
        product_id,
        segment,
        bool_or(taken) as taken
    from place(
        (select * from ad_held_options order by campaign_id, product_id, segment),
        (
            select
                concat('budget of campaign ', campaign_id) as resource,
                cast(null as double) as at_least,
                cast(max(budget) as double) as at_most
            from ad_held_options
            group by campaign_id
            order by campaign_id
        )
    )
    group by scenario, product_id, segment
),

shown as (
    select
        holdout.scenario,
        holdout.product_id,
        users.segment,
        holdout.p_spend * products.margin as expected,
        holdout.y_spend * products.margin as realised
    from holdout
    inner join users on users.user_id = holdout.user_id
    inner join products on products.product_id = holdout.product_id
),

rows_of as (
    select
        shown.scenario,
        placed.taken,
        shown.expected,
        shown.realised
    from shown
    inner join placed
        on placed.scenario = shown.scenario
        and placed.product_id = shown.product_id
        and placed.segment = shown.segment
)

select
    scenario,
    case when taken then 'placed' else 'not placed' end as placement,
    count(*) as impressions,
    sum(expected) as expected_margin,
    sum(realised) as realised_margin,
    avg(expected) as expected_each,
    avg(realised) as realised_each,
    avg(realised) - 1.96 * stddev(realised) / sqrt(count(*)) as low,
    avg(realised) + 1.96 * stddev(realised) / sqrt(count(*)) as high
from rows_of
group by scenario, taken
order by scenario, taken desc
