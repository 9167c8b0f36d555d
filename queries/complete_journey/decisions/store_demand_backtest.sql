-- How far the forecast of the held-out week was from what the households of each store bought, against a moving average of four weeks.
-- Grain: method. `level`: bought over forecast, by category, leaning to that of all where a category is small; pairs that were never bought
-- before are in no candidate, so the model's is above 1. `dispersion`: mean squared error over what chance alone gives. Both are from
-- one half of the stores, in the same week: what a whole week is off by is not in these errors; the errors, and `covered`, the share within the interval of 95 in 100, are of the other half.
-- Application: inventory, figures of merit.
with methods as (
    select 'model' as method, hash_bucket(store_id, 2) as half, product_category, model as expected, bought from store_demand_weeks
    union all
    select 'moving average' as method, hash_bucket(store_id, 2) as half, product_category, average as expected, bought from store_demand_weeks
),

overall as (
    select method, half, sum(bought) / sum(expected) as level
    from methods
    group by method, half
),

levels as (
    -- As if ten more purchases had been expected at the level of all.
    select
        methods.method,
        methods.half,
        methods.product_category,
        (sum(methods.bought) + 10 * max(overall.level)) / (sum(methods.expected) + 10) as level
    from methods
    inner join overall on overall.method = methods.method and overall.half = methods.half
    group by methods.method, methods.half, methods.product_category
),

dispersions as (
    select
        methods.method,
        methods.half,
        greatest(
            sum(power(methods.bought - levels.level * methods.expected, 2)) / sum(levels.level * methods.expected),
            1.0
        ) as dispersion
    from methods
    inner join levels
        on levels.method = methods.method
        and levels.half = methods.half
        and levels.product_category = methods.product_category
    group by methods.method, methods.half
),

judged as (
    select
        methods.method,
        methods.bought,
        levels.level,
        dispersions.dispersion,
        levels.level * methods.expected as expected,
        1.96 * sqrt(dispersions.dispersion * levels.level * methods.expected) as reach,
        dispersions.dispersion * (1.96 * 1.96 - 1) / 6 as skew
    from methods
    inner join levels
        on levels.method = methods.method
        and levels.half <> methods.half
        and levels.product_category = methods.product_category
    inner join dispersions on dispersions.method = methods.method and dispersions.half <> methods.half
)

select
    method,
    count(*) as stores_and_categories,
    sum(expected) as expected,
    sum(bought) as bought,
    avg(abs(bought - expected)) as mean_error,
    sqrt(avg(power(bought - expected, 2))) as root_mean_squared_error,
    sum(expected) / sum(expected / level) as level,
    avg(dispersion) as dispersion,
    avg(
        cast(
            bought >= greatest(least(floor(expected - reach + skew + 0.5), floor(expected)), 0)
            and bought <= floor(expected + reach + skew + 0.5)
            as double
        )
    ) as covered
from judged
group by method
order by method
