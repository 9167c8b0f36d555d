-- Candidates with what the household did next.
-- Grain: household x product. purchase, discount_purchase, spend: within 7 days; repeat: within 28 days.
with bought as (
    select
        household_id,
        product_id,
        sold_day < cast(date_part('epoch', $as_of_date) / 86400 as bigint) + 7 as within_7_days,
        on_discount,
        sales_value
    from outcome.transactions
),

outcomes as (
    select
        household_id,
        product_id,
        bool_or(within_7_days) as purchase,
        bool_or(within_7_days and on_discount) as discount_purchase,
        coalesce(sum(sales_value) filter (where within_7_days), 0) as spend
    from bought
    group by household_id, product_id
)

select
    candidates.household_id,
    candidates.product_id,
    candidates.scenario,
    coalesce(outcomes.purchase, false) as purchase,
    coalesce(outcomes.discount_purchase, false) as discount_purchase,
    outcomes.household_id is not null as repeat,
    coalesce(outcomes.spend, 0) as spend
from candidates
left join outcomes
    on outcomes.household_id = candidates.household_id
    and outcomes.product_id = candidates.product_id
