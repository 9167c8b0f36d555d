-- How far the forecast of the held-out week was from what the households of each store bought, against a moving average of four weeks.
-- Grain: method. Forecast: the calibrated probabilities of all pairs of the store's households, added up by category. `level`: bought
-- over forecast (pairs that were never bought before are in no candidate), `dispersion`: mean squared error over what chance alone
-- gives; both from one half of the categories, and `covered`, the share within the interval of 95 in 100, on the other half.
-- Application: inventory, figures of merit.
with nights as (
    select min(cast(as_of as date)) as held_out from holdout
),

visits as (
    select
        transactions.household_id,
        transactions.store_id,
        count(distinct transactions.sold_on) as days
    from transactions
    cross join nights
    where transactions.sold_on >= nights.held_out - 182 and transactions.sold_on < nights.held_out
    group by transactions.household_id, transactions.store_id
),

stores as (
    select household_id, store_id
    from (
        select
            household_id,
            store_id,
            row_number() over (partition by household_id order by days desc, store_id) as place
        from visits
    ) as ranked
    where place = 1
),

forecast as (
    select
        stores.store_id,
        products.product_category,
        sum(holdout.p_purchase) as expected
    from holdout
    inner join stores on stores.household_id = holdout.household_id
    inner join products on products.product_id = holdout.product_id
    group by stores.store_id, products.product_category
),

bought_pairs as (
    select distinct
        transactions.household_id,
        transactions.product_id,
        cast(floor(cast(transactions.sold_on - nights.held_out as double) / 7) as integer) as week
    from transactions
    cross join nights
    where transactions.sold_on >= nights.held_out - 28 and transactions.sold_on < nights.held_out + 7
),

bought as (
    select
        stores.store_id,
        products.product_category,
        cast(count(*) filter (where bought_pairs.week = 0) as double) as bought,
        count(*) filter (where bought_pairs.week < 0) / 4.0 as average
    from bought_pairs
    inner join stores on stores.household_id = bought_pairs.household_id
    inner join products on products.product_id = bought_pairs.product_id
    group by stores.store_id, products.product_category
),

weeks as (
    select
        forecast.product_category,
        greatest(forecast.expected, 0.02) as model,
        greatest(coalesce(bought.average, 0), 0.02) as average,
        coalesce(bought.bought, 0) as bought
    from forecast
    left join bought
        on bought.store_id = forecast.store_id
        and bought.product_category = forecast.product_category
),

methods as (
    select 'model' as method, character_length(product_category) % 2 as half, model as expected, bought from weeks
    union all
    select 'moving average' as method, character_length(product_category) % 2 as half, average as expected, bought from weeks
),

levels as (
    select method, half, sum(bought) / sum(expected) as level
    from methods
    group by method, half
),

dispersions as (
    select
        methods.method,
        methods.half,
        max(levels.level) as level,
        greatest(
            sum(power(methods.bought - levels.level * methods.expected, 2)) / sum(levels.level * methods.expected),
            1.0
        ) as dispersion
    from methods
    inner join levels on levels.method = methods.method and levels.half = methods.half
    group by methods.method, methods.half
),

judged as (
    select
        methods.method,
        methods.bought,
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
    count(*) as stores_and_categories,
    sum(expected) as expected,
    sum(bought) as bought,
    avg(abs(bought - expected)) as mean_error,
    sqrt(avg(power(bought - expected, 2))) as root_mean_squared_error,
    avg(level) as level,
    avg(dispersion) as dispersion,
    avg(
        cast(
            bought >= greatest(floor(expected - reach + skew + 0.5), 0) and bought <= floor(expected + reach + skew + 0.5)
            as double
        )
    ) as covered
from judged
group by method
order by method
