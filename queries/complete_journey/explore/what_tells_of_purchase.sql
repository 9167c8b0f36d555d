-- How much a few features tell of a purchase in the first and the newest labelled snapshot, and whether they have moved in between.
with ends as (
    select min(as_of) as first, max(as_of) as newest from snapshots.frame where y_purchase is not null
),

labelled as (
    select frames.*, frames.as_of = ends.newest as is_newest
    from snapshots.frame as frames
    inner join ends on frames.as_of = ends.first or frames.as_of = ends.newest
)

select
    mutual_information(days_since_purchase, y_purchase) as days_since_purchase,
    mutual_information(purchases_26w, y_purchase) as purchases_26w,
    mutual_information(due, y_purchase) as due,
    mutual_information(department, y_purchase) as department,
    mutual_information(scenario, y_purchase) as scenario,
    psi(days_since_purchase, is_newest) as days_since_purchase_moved,
    psi(department, is_newest) as department_moved
from labelled
