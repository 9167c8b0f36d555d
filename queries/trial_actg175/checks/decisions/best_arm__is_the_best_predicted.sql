-- No arm has a smaller predicted chance of an event than the best one, out of fold where the patient has a label; margins are differences of
-- these chances, so that none is negative and the one over zidovudine is no smaller than the one over the next best, unless zidovudine is best.
with said as (
    select
        scores_under.patient_id,
        scores_under.under,
        coalesce(holdout_under.p_event, scores_under.event) as event
    from scores_under
    left join holdout_under
        on holdout_under.patient_id = scores_under.patient_id
        and holdout_under.under = scores_under.under
),

least as (
    select
        patient_id,
        min(event) as event,
        max(event) filter (where under = 'zidovudine') as event_zidovudine
    from said
    group by patient_id
)

select
    best_arm.patient_id,
    best_arm.best_arm,
    best_arm.event_best,
    least.event as least_event,
    best_arm.margin_over_next,
    best_arm.margin_over_zidovudine
from best_arm
inner join least on least.patient_id = best_arm.patient_id
where best_arm.event_best < 0.0
    or best_arm.event_best > 1.0
    or abs(best_arm.event_best - least.event) > 0.000001
    or best_arm.margin_over_next < 0.0
    or abs(best_arm.margin_over_zidovudine - (least.event_zidovudine - least.event)) > 0.000001
    or (best_arm.best_arm <> 'zidovudine' and best_arm.margin_over_zidovudine < best_arm.margin_over_next - 0.000001)
