-- Candidates with what the household did next.
-- Grain: household x product. purchase, discount_purchase, spend: within 7 days; repeat: within 28 days.
with outcomes as (
    select
        household_id,
        product_id,
        coalesce(bool_or(sold_on < $as_of_date + 7), false) as purchase,
        coalesce(bool_or(sold_on < $as_of_date + 7 and on_discount), false) as discount_purchase,
        true as repeat,
        coalesce(sum(sales_value) filter (where sold_on < $as_of_date + 7), 0) as spend
    from outcome.transactions
    group by household_id, product_id
)

select
    candidates.household_id,
    candidates.product_id,
    candidates.scenario,
    coalesce(outcomes.purchase, false) as purchase,
    coalesce(outcomes.discount_purchase, false) as discount_purchase,
    coalesce(outcomes.repeat, false) as repeat,
    coalesce(outcomes.spend, 0) as spend
from candidates
left join outcomes
    on outcomes.household_id = candidates.household_id
    and outcomes.product_id = candidates.product_id
