-- Days between two purchases of a product by a household, in the last 26 weeks.
-- Grain: household x product, bought on at least two days (few pairs are: a window over all of them costs five times as much).
with gaps as (
    select
        pair_days.household_id,
        pair_days.product_id,
        pair_days.days_ago,
        pair_days.days_ago - lag(pair_days.days_ago) over (
            partition by pair_days.household_id, pair_days.product_id
            order by pair_days.days_ago
        ) as gap_days
    from pair_days
    inner join pair
        on pair.household_id = pair_days.household_id
        and pair.product_id = pair_days.product_id
    where pair.purchases_26w >= 2
)

select
    household_id,
    product_id,
    stddev_pop(gap_days) as gap_spread_days,
    min(gap_days) as shortest_gap_days,
    max(gap_days) as longest_gap_days,
    first_value(gap_days order by days_ago) as last_gap_days
from gaps
where gap_days is not null
group by household_id, product_id
