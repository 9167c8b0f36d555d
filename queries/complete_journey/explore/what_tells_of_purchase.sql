-- How much each of a few features tells of a purchase in the labelled snapshots, and whether it has moved since the first of them.
with labelled as (
    select * from snapshots.frame where y_purchase is not null
),

newest as (
    select max(as_of) as as_of from labelled
)

select
    mutual_information(days_since_purchase, y_purchase) as days_since_purchase,
    mutual_information(purchases_26w, y_purchase) as purchases_26w,
    mutual_information(due, y_purchase) as due,
    mutual_information(department, y_purchase) as department,
    mutual_information(scenario, y_purchase) as scenario,
    psi(days_since_purchase, labelled.as_of = newest.as_of) as days_since_purchase_moved,
    psi(department, labelled.as_of = newest.as_of) as department_moved
from labelled
cross join newest
