-- What the households of each store bought in the held-out week, and what was expected of it.
-- Grain: store x category with candidates, the store being where a household shopped most. `model`: the calibrated probabilities of all
-- pairs of the store's households; `average`: pairs bought in a week of the four before.
-- Application: inventory, working table.
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
        forecast.store_id,
        forecast.product_category,
        greatest(forecast.expected, 0.02) as model,
        greatest(coalesce(bought.average, 0), 0.02) as average,
        coalesce(bought.bought, 0) as bought
    from forecast
    left join bought
        on bought.store_id = forecast.store_id
        and bought.product_category = forecast.product_category
)

select
    store_id,
    product_category,
    model,
    average,
    bought
from weeks
order by store_id, product_category
