-- No arm is named that patients were not drawn into, the next best is another than the best, and a verdict names the best arm or nothing.
with arms as (
    select distinct arm from patients
)

select best_arm.patient_id, best_arm.best_arm, best_arm.next_arm, best_arm.verdict_over_next, best_arm.verdict_over_zidovudine
from best_arm
left join arms as own on own.arm = best_arm.best_arm
left join arms as other on other.arm = best_arm.next_arm
where own.arm is null
    or other.arm is null
    or best_arm.best_arm = best_arm.next_arm
    or best_arm.verdict_over_next is null
    or best_arm.verdict_over_next not in (best_arm.best_arm, 'no evidence')
    or best_arm.verdict_over_zidovudine is null
    or best_arm.verdict_over_zidovudine not in (best_arm.best_arm, 'no evidence')
