-- How many products the households of a store are expected to buy in each category in the coming week, with an interval of 95 in 100.
-- Grain: store x category, the store being where a household shops most. There is no stock in this data, so nothing says what to order:
-- this is the demand that a reorder point would start from. Level by category and width come from the held-out week.
-- Application: inventory.
with overall as (
    select sum(bought) / sum(model) as level from store_demand_weeks
),

levels as (
    select
        store_demand_weeks.product_category,
        (sum(store_demand_weeks.bought) + 10 * max(overall.level)) / (sum(store_demand_weeks.model) + 10) as level
    from store_demand_weeks
    cross join overall
    group by store_demand_weeks.product_category
),

errors as (
    -- Without a forecast to learn from, as wide as chance.
    select coalesce(max(dispersion), 1.0) as dispersion from store_demand_backtest where method = 'model'
),

candidates_of as (
    select
        usual_store.store_id,
        products.product_category,
        count(distinct scores.household_id) as households,
        greatest(sum(scores.purchase), 0.02) as purchases,
        sum(scores.spend) as spend
    from scores
    inner join usual_store on usual_store.household_id = scores.household_id
    inner join products on products.product_id = scores.product_id
    group by usual_store.store_id, products.product_category
),

expected as (
    select
        candidates_of.store_id,
        candidates_of.product_category,
        candidates_of.households,
        candidates_of.purchases * coalesce(levels.level, overall.level) as purchases,
        candidates_of.spend * coalesce(levels.level, overall.level) as spend,
        errors.dispersion
    from candidates_of
    cross join overall
    cross join errors
    left join levels on levels.product_category = candidates_of.product_category
    where candidates_of.households >= 10
)

select
    store_id,
    product_category,
    households,
    purchases as expected_purchases,
    greatest(
        least(floor(purchases - 1.96 * sqrt(dispersion * purchases) + dispersion * (1.96 * 1.96 - 1) / 6 + 0.5), floor(purchases)),
        0
    ) as low,
    floor(purchases + 1.96 * sqrt(dispersion * purchases) + dispersion * (1.96 * 1.96 - 1) / 6 + 0.5) as high,
    spend as expected_spend
from expected
order by expected_purchases desc, store_id, product_category
