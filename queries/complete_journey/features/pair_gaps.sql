-- Days between two purchases of a product by a household.
-- Grain: household x product, bought on at least two days.
with gaps as (
    select
        household_id,
        product_id,
        lag(days_ago) over (partition by household_id, product_id order by days_ago desc) - days_ago as gap_days
    from pair_days
)

select
    household_id,
    product_id,
    avg(gap_days) as mean_gap_days,
    stddev_pop(gap_days) as gap_spread_days,
    min(gap_days) as shortest_gap_days
from gaps
where gap_days is not null
group by household_id, product_id
