-- The four arms are there, each patient with a prediction out of fold has one best arm, and an arm that is best for nobody is named by no fold.
with everybody as (
    select count(distinct patient_id) as patients, count(distinct under) as arms, count(distinct fold) as folds
    from holdout_under
),

summed as (
    select count(*) as arms, sum(best_for) as best_for
    from arms_recommended
)

select arms_recommended.arm, arms_recommended.patients, arms_recommended.best_for, arms_recommended.folds_that_name_it, summed.best_for as of_all
from arms_recommended
cross join everybody
cross join summed
where arms_recommended.patients <> everybody.patients
    or summed.best_for <> everybody.patients
    or summed.arms <> everybody.arms
    or arms_recommended.folds_that_name_it > everybody.folds
    or (arms_recommended.best_for = 0) <> (arms_recommended.folds_that_name_it = 0)
