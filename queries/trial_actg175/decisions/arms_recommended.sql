-- How many patients each arm is best for, and in how many folds it is best for anybody.
-- Grain: one arm. A demonstration, not medical advice. By predictions out of fold, as in `best_arm`.
with ranked as (
    select
        patient_id,
        fold,
        under,
        row_number() over (partition by patient_id order by p_event, under) as place
    from holdout_under
)

select
    under as arm,
    count(*) as patients,
    count(*) filter (where place = 1) as best_for,
    count(distinct fold) filter (where place = 1) as folds_that_name_it
from ranked
group by under
order by best_for desc, arm
