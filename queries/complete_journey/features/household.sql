-- How a household shops: the last 26 weeks.
-- Grain: household.
with days as (
    select
        household_id,
        days_ago,
        count(*) as products,
        sum(spend) as spend,
        sum(discount) as discount,
        count(*) filter (where on_discount) as discounted
    from pair_days
    group by household_id, days_ago
)

select
    household_id,
    count(*) as household_visits_26w,
    count(*) filter (where days_ago <= 84) as household_visits_12w,
    count(*) filter (where days_ago <= 28) as household_visits_4w,
    min(days_ago) as household_days_since_visit,
    sum(spend) as household_spend_26w,
    sum(spend) filter (where days_ago <= 28) as household_spend_4w,
    avg(spend) as household_spend_per_visit,
    avg(products) as household_products_per_visit,
    sum(discount) / nullif(sum(spend) + sum(discount), 0) as household_discount_share,
    cast(sum(discounted) as double) / sum(products) as household_discounted_share,
    cast(max(days_ago) - min(days_ago) as double) / nullif(count(*) - 1, 0) as household_visit_gap_days
from days
group by household_id
