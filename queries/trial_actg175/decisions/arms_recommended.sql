-- How many patients each arm is best for, for how many of them there is evidence, and in how many folds it is best for anybody.
-- Grain: one arm. A demonstration, not medical advice. By predictions out of fold, as in `best_arm`; evidence is an interval of the
-- predicted margin that does not hold 0.
-- Application: treatment.
with ranked as (
    select
        patient_id,
        fold,
        under,
        row_number() over (partition by patient_id order by p_event, under) as place
    from holdout_under
),

evidence as (
    select
        best_arm,
        count(*) filter (where verdict_over_next <> 'no evidence') as over_next,
        count(*) filter (where verdict_over_zidovudine <> 'no evidence') as over_zidovudine
    from best_arm
    group by best_arm
)

select
    ranked.under as arm,
    count(*) as patients,
    count(*) filter (where ranked.place = 1) as best_for,
    coalesce(max(evidence.over_next), 0) as evidence_over_next_best,
    coalesce(max(evidence.over_zidovudine), 0) as evidence_over_zidovudine,
    count(distinct ranked.fold) filter (where ranked.place = 1) as folds_that_name_it
from ranked
left join evidence on evidence.best_arm = ranked.under
group by ranked.under
order by best_for desc, arm
