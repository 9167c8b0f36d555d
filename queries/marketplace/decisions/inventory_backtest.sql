-- What a week's stock would have served and cost on the held-out night, by policy: the model's forecast or a moving average of four
-- weeks, each filled up to the same quantile of its own errors.
-- Grain: policy x quantile. `fill_rate`: pieces served over pieces wanted; `holding_cost`: of what is left at the week's end;
-- `lost_margin`: of what could not be served. Each product is judged with the errors of the other half of
-- the products in the same week, so what a whole week is off by is in neither policy's stock.
-- Application: inventory, figures of merit.
with nights as (
    select min(cast(as_of as timestamp)) as held_out from holdout
),

rates as (
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

weeks as (
    select
        products.product_id,
        hash_bucket(products.product_id, 2) as half,
        greatest(coalesce(forecast.expected, 0), 0.02) as model,
        greatest(coalesce(sold.average, 0), 0.02) as average,
        cast(coalesce(sold.sold, 0) as double) as sold,
        products.price * products.margin as margin,
        supply.holding_cost
    from products
    cross join (select distinct store from areas) as stores
    inner join supply on supply.product_id = products.product_id
    left join forecast on forecast.product_id = products.product_id and forecast.store = stores.store
    left join sold on sold.product_id = products.product_id and sold.store = stores.store
),

methods as (
    select 'model' as policy, half, model as expected, sold, margin, holding_cost from weeks
    union all
    select 'moving average' as policy, half, average as expected, sold, margin, holding_cost from weeks
),

levels as (
    select policy, half, sum(sold) / sum(expected) as level
    from methods
    group by policy, half
),

dispersions as (
    select
        methods.policy,
        methods.half,
        max(levels.level) as level,
        greatest(
            sum(power(methods.sold - levels.level * methods.expected, 2)) / sum(levels.level * methods.expected),
            1.0
        ) as dispersion
    from methods
    inner join levels on levels.policy = methods.policy and levels.half = methods.half
    group by methods.policy, methods.half
),

quantiles as (
    select column1 as quantile, column2 as z
    from (values (0.5, 0.0), (0.8, 0.842), (0.9, 1.282), (0.95, 1.645), (0.98, 2.054)) as listed
),

filled as (
    select
        methods.policy,
        quantiles.quantile,
        methods.sold,
        methods.margin,
        methods.holding_cost,
        greatest(
            floor(
                dispersions.level * methods.expected
                + quantiles.z * sqrt(dispersions.dispersion * dispersions.level * methods.expected)
                + dispersions.dispersion * (quantiles.z * quantiles.z - 1) / 6
                + 0.5
            ),
            0
        ) as pieces
    from methods
    inner join dispersions on dispersions.policy = methods.policy and dispersions.half <> methods.half
    cross join quantiles
)

select
    policy,
    quantile,
    sum(pieces) as pieces,
    sum(least(pieces, sold)) / sum(sold) as fill_rate,
    sum(greatest(pieces - sold, 0) * holding_cost) as holding_cost,
    sum(greatest(sold - pieces, 0) * margin) as lost_margin,
    sum(greatest(pieces - sold, 0) * holding_cost + greatest(sold - pieces, 0) * margin) as cost
from filled
group by policy, quantile
order by quantile, policy
