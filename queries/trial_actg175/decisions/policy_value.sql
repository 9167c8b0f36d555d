-- What policies would have been worth: each patient in the arm with the best prediction, against everybody in one arm.
-- Grain: outcome x policy x estimator. A demonstration, not medical advice.
-- Because arms were drawn at random the value is estimated without bias, as far as those whose outcome is not known left for reasons that
-- have nothing to do with it: `ipw` (inverse propensity) weighs patients who happened to be in the
-- policy's arm by the inverse of its chance (normalised: Hájek), `doubly robust` adds what the model says of everybody and weighs only its
-- errors (Robins, Rotnitzky, Zhao 1994). Predictions are out of fold, so that no patient's own outcome has a say in the arm that it gets.
-- Intervals: 1.96 standard errors of the mean of the influence values. `against` compares with zidovudine alone, patient by patient.
-- Event: share of patients with one, less is better. CD4: count at week 20, more is better.
-- Application: treatment, figures of merit.
with predicted as (
    select
        patient_id,
        scenario as drawn,
        under,
        y_event,
        y_cd4_week_20,
        p_event,
        p_cd4_week_20,
        row_number() over (partition by patient_id order by p_event, under) as place_event,
        row_number() over (partition by patient_id order by p_cd4_week_20 desc, under) as place_cd4
    from holdout_under
),

-- Both outcomes in one shape: y was observed in the arm that was drawn, p is predicted under each arm.
outcomes as (
    select 'event within 96 weeks' as outcome, patient_id, drawn, under, y_event as y, p_event as p, place_event as place
    from predicted
    where y_event is not null
    union all
    select 'CD4 count at week 20' as outcome, patient_id, drawn, under, y_cd4_week_20 as y, p_cd4_week_20 as p, place_cd4 as place
    from predicted
    where y_cd4_week_20 is not null
),

given as (
    select outcome, 'arm with the best prediction' as policy, patient_id, drawn, under, y, p
    from outcomes
    where place = 1
    union all
    select outcome, under || ' for all' as policy, patient_id, drawn, under, y, p
    from outcomes
),

weighed as (
    select
        outcome,
        policy,
        patient_id,
        case when drawn = under then 1.0 / $chance_of_arm else 0.0 end as weight,
        y,
        p + case when drawn = under then (y - p) / $chance_of_arm else 0.0 end as robust
    from given
),

means as (
    select
        outcome,
        policy,
        sum(weight * y) / sum(weight) as ipw,
        avg(weight) as mean_weight,
        avg(robust) as robust
    from weighed
    group by outcome, policy
),

-- Influence values: their mean is 0, and their spread is that of the estimate.
influence as (
    select
        weighed.outcome,
        weighed.policy,
        'ipw' as estimator,
        weighed.patient_id,
        means.ipw as value,
        weighed.weight * (weighed.y - means.ipw) / means.mean_weight as own,
        weighed.weight
    from weighed
    inner join means on means.outcome = weighed.outcome and means.policy = weighed.policy
    union all
    select
        weighed.outcome,
        weighed.policy,
        'doubly robust' as estimator,
        weighed.patient_id,
        means.robust as value,
        weighed.robust - means.robust as own,
        weighed.weight
    from weighed
    inner join means on means.outcome = weighed.outcome and means.policy = weighed.policy
),

against as (
    select
        influence.outcome,
        influence.policy,
        influence.estimator,
        count(*) as patients,
        count(*) filter (where influence.weight > 0.0) as patients_in_the_arm,
        max(influence.value) as value,
        stddev(influence.own) / sqrt(count(*)) as error,
        max(influence.value) - max(control.value) as difference,
        stddev(influence.own - control.own) / sqrt(count(*)) as error_of_difference
    from influence
    inner join influence as control
        on control.outcome = influence.outcome
        and control.estimator = influence.estimator
        and control.patient_id = influence.patient_id
        and control.policy = 'zidovudine for all'
    group by influence.outcome, influence.policy, influence.estimator
),

best as (
    select
        influence.outcome,
        influence.policy,
        influence.estimator,
        max(best.value) - max(influence.value) as best_less_this,
        stddev(best.own - influence.own) / sqrt(count(*)) as error_of_best_less_this
    from influence
    inner join influence as best
        on best.outcome = influence.outcome
        and best.estimator = influence.estimator
        and best.patient_id = influence.patient_id
        and best.policy = 'arm with the best prediction'
    group by influence.outcome, influence.policy, influence.estimator
)

select
    against.outcome,
    against.policy,
    against.estimator,
    against.value,
    against.value - $z_quantile * against.error as low,
    against.value + $z_quantile * against.error as high,
    against.difference as against_zidovudine,
    against.difference - $z_quantile * against.error_of_difference as against_zidovudine_low,
    against.difference + $z_quantile * against.error_of_difference as against_zidovudine_high,
    best.best_less_this as best_prediction_less_this,
    best.best_less_this - $z_quantile * best.error_of_best_less_this as best_prediction_less_this_low,
    best.best_less_this + $z_quantile * best.error_of_best_less_this as best_prediction_less_this_high,
    against.patients,
    against.patients_in_the_arm
from against
inner join best
    on best.outcome = against.outcome
    and best.policy = against.policy
    and best.estimator = against.estimator
order by against.outcome desc, against.estimator, against.policy
