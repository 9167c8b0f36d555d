-- The four arms are there, each patient with a prediction out of fold has one best arm, an arm that is best for nobody is named by no fold,
-- and there is evidence for as many patients as `best_arm` has.
with everybody as (
    select count(distinct patient_id) as patients, count(distinct under) as arms, count(distinct fold) as folds
    from holdout_under
),

summed as (
    select
        count(*) as arms,
        sum(best_for) as best_for,
        sum(evidence_over_next_best) as over_next,
        sum(evidence_over_zidovudine) as over_zidovudine
    from arms_recommended
),

verdicts as (
    select
        count(*) filter (where verdict_over_next <> 'no evidence') as over_next,
        count(*) filter (where verdict_over_zidovudine <> 'no evidence') as over_zidovudine
    from best_arm
)

select
    arms_recommended.arm,
    arms_recommended.patients,
    arms_recommended.best_for,
    arms_recommended.folds_that_name_it,
    summed.best_for as best_for_of_all,
    summed.over_next,
    verdicts.over_next as over_next_of_patients,
    summed.over_zidovudine,
    verdicts.over_zidovudine as over_zidovudine_of_patients
from arms_recommended
cross join everybody
cross join summed
cross join verdicts
where arms_recommended.patients <> everybody.patients
    or summed.best_for <> everybody.patients
    or summed.arms <> everybody.arms
    or arms_recommended.folds_that_name_it > everybody.folds
    or (arms_recommended.best_for = 0) <> (arms_recommended.folds_that_name_it = 0)
    or arms_recommended.evidence_over_next_best > arms_recommended.best_for
    or arms_recommended.evidence_over_zidovudine > arms_recommended.best_for
    or summed.over_next <> verdicts.over_next
    or summed.over_zidovudine <> verdicts.over_zidovudine
