-- How far the forecast of the held-out week was from what each store sold, against a moving average of four weeks.
-- Grain: method. The forecast: what was shown of a product to a region in the week before, times the model's mean probability that
-- it is bought, times the store's share. `level` is sold over forecast, `dispersion` the mean squared error over what chance alone
-- would give (1 = chance alone), each from one half of the products; `covered` is the share of the other half's sales that lie within the interval
-- of 95 in 100 made with it. The other half's level is that of the same week, so what a whole week is off by is not in these errors.
-- Counts are few and whole, so an interval covers rather more.
-- Application: inventory, figures of merit.
with nights as (
    select min(cast(as_of as timestamp)) as held_out from holdout
),

rates as (
    -- Products with few rows lean to the mean of all.
    select
        product_id,
        (sum(p_purchase) + 10 * max(mean)) / (count(*) + 10) as rate
    from (select product_id, p_purchase, avg(p_purchase) over () as mean from holdout) as held
    group by product_id
),

shown as (
    select
        impressions.product_id,
        users.region,
        count(distinct concat_ws('|', impressions.user_id, impressions.scenario)) as pairs
    from impressions
    cross join nights
    inner join users on users.user_id = impressions.user_id
    where impressions.occurred_at >= nights.held_out - interval '7 days' and impressions.occurred_at < nights.held_out
    group by impressions.product_id, users.region
),

forecast as (
    select
        shown.product_id,
        areas.store,
        sum(shown.pairs * rates.rate * areas.share) as expected
    from shown
    inner join rates on rates.product_id = shown.product_id
    inner join areas on areas.region = shown.region
    group by shown.product_id, areas.store
),

sold as (
    select
        orders.product_id,
        orders.store,
        count(*) filter (where orders.ordered_at >= nights.held_out) as sold,
        count(*) filter (where orders.ordered_at < nights.held_out) / 4.0 as average
    from orders
    cross join nights
    where orders.ordered_at >= nights.held_out - interval '28 days'
        and orders.ordered_at < nights.held_out + interval '7 days'
    group by orders.product_id, orders.store
),

places as (
    select products.product_id, stores.store
    from products
    cross join (select distinct store from areas) as stores
),

weeks as (
    select
        places.product_id,
        places.store,
        coalesce(forecast.expected, 0) as model,
        coalesce(sold.average, 0) as average,
        cast(coalesce(sold.sold, 0) as double) as sold
    from places
    left join forecast on forecast.product_id = places.product_id and forecast.store = places.store
    left join sold on sold.product_id = places.product_id and sold.store = places.store
),

methods as (
    -- Nothing shown and nothing sold is a fiftieth of a piece: nothing is impossible.
    select 'model' as method, product_id, hash_bucket(product_id, 2) as half, store, greatest(model, 0.02) as expected, sold from weeks
    union all
    select 'moving average' as method, product_id, hash_bucket(product_id, 2) as half, store, greatest(average, 0.02) as expected, sold from weeks
),

levels as (
    select
        method,
        half,
        sum(sold) / sum(expected) as level
    from methods
    group by method, half
),

dispersions as (
    select
        methods.method,
        methods.half,
        max(levels.level) as level,
        greatest(
            sum(power(methods.sold - levels.level * methods.expected, 2)) / sum(levels.level * methods.expected),
            1.0
        ) as dispersion
    from methods
    inner join levels on levels.method = methods.method and levels.half = methods.half
    group by methods.method, methods.half
),

judged as (
    -- Each half is judged with what the other one has taught.
    select
        methods.method,
        methods.sold,
        dispersions.level,
        dispersions.dispersion,
        dispersions.level * methods.expected as expected,
        1.96 * sqrt(dispersions.dispersion * dispersions.level * methods.expected) as reach,
        dispersions.dispersion * (1.96 * 1.96 - 1) / 6 as skew
    from methods
    inner join dispersions on dispersions.method = methods.method and dispersions.half <> methods.half
)

select
    method,
    count(*) as products_and_stores,
    sum(expected) as expected,
    sum(sold) as sold,
    avg(abs(sold - expected)) as mean_error,
    sqrt(avg(power(sold - expected, 2))) as root_mean_squared_error,
    avg(level) as level,
    avg(dispersion) as dispersion,
    avg(
        cast(
            sold >= greatest(least(floor(expected - reach + skew + 0.5), floor(expected)), 0)
            and sold <= floor(expected + reach + skew + 0.5)
            as double
        )
    ) as covered
from judged
group by method
order by method
