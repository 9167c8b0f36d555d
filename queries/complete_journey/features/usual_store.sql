-- The store where a household shopped on most days of the last 26 weeks; the smaller number where two are equal.
-- Grain: household.
with visits as (
    select
        household_id,
        store_id,
        count(distinct sold_on) as store_visits_26w
    from transactions
    where sold_on >= $as_of_date - 182
    group by household_id, store_id
),

ranked as (
    select
        household_id,
        store_id,
        store_visits_26w,
        row_number() over (partition by household_id order by store_visits_26w desc, store_id) as place
    from visits
)

select
    household_id,
    store_id,
    store_visits_26w
from ranked
where place = 1
