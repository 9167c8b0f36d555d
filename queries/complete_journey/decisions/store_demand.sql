-- How many households are expected to buy in each category at each store in the coming week, with an interval of 95 in 100.
-- Grain: store x category, the store being where a household shops most. There is no stock in this data, so nothing says what to order:
-- this is the demand that a reorder point would start from. Level and width come from the held-out week (`store_demand_backtest`).
-- Application: inventory.
with errors as (
    select level, dispersion from store_demand_backtest where method = 'model'
),

expected as (
    select
        usual_store.store_id,
        products.product_category,
        count(distinct scores.household_id) as households,
        greatest(sum(scores.purchase), 0.02) as expected,
        sum(scores.spend) as spend
    from scores
    inner join usual_store on usual_store.household_id = scores.household_id
    inner join products on products.product_id = scores.product_id
    group by usual_store.store_id, products.product_category
)

select
    expected.store_id,
    expected.product_category,
    expected.households,
    expected.expected * errors.level as expected_purchases,
    greatest(
        floor(
            expected.expected * errors.level - 1.96 * sqrt(errors.dispersion * expected.expected * errors.level)
            + errors.dispersion * (1.96 * 1.96 - 1) / 6 + 0.5
        ),
        0
    ) as low,
    floor(
        expected.expected * errors.level + 1.96 * sqrt(errors.dispersion * expected.expected * errors.level)
        + errors.dispersion * (1.96 * 1.96 - 1) / 6 + 0.5
    ) as high,
    expected.spend * errors.level as expected_spend
from expected
cross join errors
where expected.households >= 10
order by expected_purchases desc, expected.store_id, expected.product_category
