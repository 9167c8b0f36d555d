-- Who comes back: of the households first seen in a month, the share that came in each later month.
-- Grain: first month x months since. The first month on record holds everybody who had come before; cohorts of fewer than ten households
-- are left out.
-- Application: behaviour.
with visits as (
    select distinct
        household_id,
        cast(date_part('year', sold_on) * 12 + date_part('month', sold_on) as integer) as month_number,
        date_trunc('month', sold_on) as month
    from transactions
),

firsts as (
    select
        household_id,
        min(month) as first_month,
        min(month_number) as first_number
    from visits
    group by household_id
),

sizes as (
    select first_month, count(*) as households
    from firsts
    group by first_month
    having count(*) >= 10
),

came as (
    select
        firsts.first_month,
        visits.month_number - firsts.first_number as months_since,
        count(*) as came
    from firsts
    inner join visits on visits.household_id = firsts.household_id
    group by firsts.first_month, visits.month_number - firsts.first_number
)

select
    sizes.first_month,
    came.months_since,
    sizes.households,
    came.came,
    came.came / cast(sizes.households as double) as retention
from sizes
inner join came on came.first_month = sizes.first_month
order by sizes.first_month, came.months_since
