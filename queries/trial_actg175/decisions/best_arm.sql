-- For each patient the arm with the smallest predicted chance of an event, its margin over the next best and over zidovudine alone.
-- Grain: one patient. A demonstration, not medical advice.
-- Which arm is best is said by a model that has not seen the patient's outcome (out of fold; the published one for patients without any).
-- Interval of a margin: the grouped jackknife over the models of the folds, SE² = (K − 1)/K · Σ (margin_k − mean)², times Student's t with
-- K − 1 degrees of freedom. All but one of these models learned from the patient too, one of about 1,900. "no evidence" where the interval
-- holds 0, and so always of zidovudine over itself. It is the interval of what the model says, and says nothing of how patients with the same features differ.
-- Application: treatment.
with seen as (
    select patient_id, under, p_event as event, p_cd4_week_20 as cd4
    from holdout_under
),

said as (
    select
        scores_under.patient_id,
        scores_under.scenario as arm_drawn,
        scores_under.under,
        coalesce(seen.event, scores_under.event) as event,
        coalesce(seen.cd4, scores_under.cd4_week_20) as cd4
    from scores_under
    left join seen on seen.patient_id = scores_under.patient_id and seen.under = scores_under.under
),

ranked as (
    select
        patient_id,
        arm_drawn,
        under,
        event,
        cd4,
        row_number() over (partition by patient_id order by event, under) as place
    from said
),

best as (
    select
        winner.patient_id,
        winner.arm_drawn,
        winner.under as best_arm,
        winner.event as event_best,
        winner.cd4 as cd4_best,
        runner_up.under as next_arm,
        runner_up.event - winner.event as margin_over_next,
        control.event - winner.event as margin_over_zidovudine
    from ranked as winner
    inner join ranked as runner_up on runner_up.patient_id = winner.patient_id and runner_up.place = 2
    inner join ranked as control on control.patient_id = winner.patient_id and control.under = 'zidovudine'
    where winner.place = 1
),

-- The same margins in the words of each fold's model.
opinions as (
    select
        best.patient_id,
        other.event - own.event as over_next,
        control.event - own.event as over_zidovudine
    from best
    inner join scores_folds as own on own.patient_id = best.patient_id and own.under = best.best_arm
    inner join scores_folds as other on other.patient_id = best.patient_id and other.under = best.next_arm and other.fold = own.fold
    inner join scores_folds as control on control.patient_id = best.patient_id and control.under = 'zidovudine' and control.fold = own.fold
),

spread as (
    select
        patient_id,
        sqrt((count(*) - 1.0) * var_pop(over_next)) as error_over_next,
        sqrt((count(*) - 1.0) * var_pop(over_zidovudine)) as error_over_zidovudine
    from opinions
    group by patient_id
)

select
    best.patient_id,
    best.arm_drawn,
    best.best_arm,
    case
        when best.margin_over_zidovudine - $t_quantile * spread.error_over_zidovudine > 0.0 then best.best_arm
        else 'no evidence'
    end as verdict_over_zidovudine,
    best.margin_over_zidovudine,
    best.margin_over_zidovudine - $t_quantile * spread.error_over_zidovudine as margin_over_zidovudine_low,
    best.margin_over_zidovudine + $t_quantile * spread.error_over_zidovudine as margin_over_zidovudine_high,
    best.next_arm,
    case
        when best.margin_over_next - $t_quantile * spread.error_over_next > 0.0 then best.best_arm
        else 'no evidence'
    end as verdict_over_next,
    best.margin_over_next,
    best.margin_over_next - $t_quantile * spread.error_over_next as margin_over_next_low,
    best.margin_over_next + $t_quantile * spread.error_over_next as margin_over_next_high,
    best.event_best,
    best.cd4_best
from best
inner join spread on spread.patient_id = best.patient_id
order by best.margin_over_zidovudine desc, best.patient_id
