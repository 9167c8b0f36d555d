-- Every patient stands in the table once, in the arm that was drawn, and nobody who is not of the trial.
with listed as (
    select patient_id, arm as drawn, cast(null as text) as told, 1 as of_the_trial, 0 as rows_told
    from patients
    union all
    select patient_id, null as drawn, arm_drawn as told, 0 as of_the_trial, 1 as rows_told
    from best_arm
)

select patient_id, sum(of_the_trial) as of_the_trial, sum(rows_told) as rows_told, max(drawn) as drawn, max(told) as told
from listed
group by patient_id
having sum(of_the_trial) <> 1 or sum(rows_told) <> 1 or max(drawn) <> max(told)
