-- How a household shops: the last 26 weeks.
-- Grain: household.
with gaps as (
    select
        *,
        days_ago - lag(days_ago) over (partition by household_id order by days_ago) as gap_days
    from household_days
)

select
    household_id,
    count(*) as household_visits_26w,
    count(*) filter (where days_ago <= 84) as household_visits_12w,
    count(*) filter (where days_ago <= 28) as household_visits_4w,
    count(*) filter (where days_ago <= 14) as household_visits_2w,
    min(days_ago) as household_days_since_visit,
    avg(gap_days) as household_visit_gap_days,
    stddev_pop(gap_days) as household_visit_gap_spread_days,
    sum(spend) as household_spend_26w,
    sum(spend) filter (where days_ago <= 28) as household_spend_4w,
    sum(spend) / count(*) as household_spend_per_visit,
    cast(sum(products) as double) / count(*) as household_products_per_visit,
    sum(discount) / nullif(sum(spend) + sum(discount), 0) as household_discount_share,
    cast(sum(discounted) as double) / sum(products) as household_discounted_share,
    cast(sum(displayed) as double) / sum(products) as household_display_share,
    cast(sum(mailed) as double) / sum(products) as household_mailer_share
from gaps
group by household_id
