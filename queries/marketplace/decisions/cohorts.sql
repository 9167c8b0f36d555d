-- Who comes back: of the users first seen in a week, the share that came in each later week.
-- Grain: first week x weeks since. Weeks begin with the first one on record, whose users had come before: it is left out,
-- and so are cohorts of fewer than ten users.
-- Application: behaviour.
with visits as (
    select distinct
        user_id,
        week
    from impressions
),

firsts as (
    select
        user_id,
        min(week) as first_week
    from visits
    group by user_id
),

beginning as (
    select min(week) as week from visits
),

sizes as (
    select
        firsts.first_week,
        count(*) as users
    from firsts
    cross join beginning
    where firsts.first_week > beginning.week
    group by firsts.first_week
    having count(*) >= 10
),

returned as (
    select
        firsts.first_week,
        cast((visits.week - firsts.first_week) / 7 as integer) as weeks_since,
        count(*) as came
    from firsts
    inner join visits on visits.user_id = firsts.user_id
    group by firsts.first_week, cast((visits.week - firsts.first_week) / 7 as integer)
)

select
    sizes.first_week,
    returned.weeks_since,
    sizes.users,
    returned.came,
    returned.came / cast(sizes.users as double) as retention
from sizes
inner join returned on returned.first_week = sizes.first_week
order by sizes.first_week, returned.weeks_since
