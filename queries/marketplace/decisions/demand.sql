-- How many pieces of each product each store and the warehouse are expected to need in the coming week, with an interval of 95 in 100.
-- Grain: product x location. Expected: the calibrated probability that each pair shown in the last 7 days is bought, which is what a
-- week shows, times the store's share of the user's region; corrected by the level of the held-out week, and as wide as its errors
-- (`demand_backtest`). The warehouse needs what its stores need.
-- Application: inventory.
with shown as (
    select distinct
        user_id,
        product_id,
        scenario
    from impressions
    where occurred_at >= $as_of - interval '7 days'
),

by_region as (
    select
        scores.product_id,
        users.region,
        sum(scores.purchase) as expected
    from scores
    inner join shown
        on shown.user_id = scores.user_id
        and shown.product_id = scores.product_id
        and shown.scenario = scores.scenario
    inner join users on users.user_id = scores.user_id
    group by scores.product_id, users.region
),

by_store as (
    select
        by_region.product_id,
        areas.store as location,
        sum(by_region.expected * areas.share) as expected
    from by_region
    inner join areas on areas.region = by_region.region
    group by by_region.product_id, areas.store
),

errors as (
    -- Without a forecast to learn from, as it is.
    select coalesce(max(level), 1.0) as level, coalesce(max(dispersion), 1.0) as dispersion
    from demand_backtest
    where method = 'model'
),

stores as (
    select
        stock_now.product_id,
        stock_now.location,
        greatest(coalesce(by_store.expected, 0), 0.02) * errors.level as expected,
        errors.dispersion
    from stock_now
    cross join errors
    left join by_store on by_store.product_id = stock_now.product_id and by_store.location = stock_now.location
    where stock_now.location <> 'warehouse'
),

needed as (
    select product_id, location, expected, dispersion from stores
    union all
    select product_id, 'warehouse' as location, sum(expected) as expected, max(dispersion) as dispersion
    from stores
    group by product_id
)

select
    needed.product_id,
    needed.location,
    needed.expected,
    greatest(
        least(
            floor(needed.expected - 1.96 * sqrt(needed.dispersion * needed.expected) + needed.dispersion * 0.473600 + 0.5),
            floor(needed.expected)
        ),
        0
    ) as low,
    floor(needed.expected + 1.96 * sqrt(needed.dispersion * needed.expected) + needed.dispersion * 0.473600 + 0.5) as high,
    needed.dispersion
from needed
order by needed.expected desc, needed.product_id, needed.location
