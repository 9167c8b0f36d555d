-- Each outcome and estimator has the best prediction and every arm for all, over the same patients; those who happened to be in the policy's
-- arm are some of them, and over the four fixed arms everybody once. A difference is one of the values, and 0 to itself.
with arms as (
    select count(distinct arm) as arms from patients
),

beside as (
    select
        policy_value.outcome,
        policy_value.policy,
        policy_value.estimator,
        policy_value.patients,
        policy_value.patients_in_the_arm,
        policy_value.value,
        policy_value.against_zidovudine,
        policy_value.best_prediction_less_this,
        arms.arms + 1 as policies_expected,
        count(*) over outcomes as policies,
        sum(case when policy_value.policy like '% for all' then policy_value.patients_in_the_arm end) over outcomes as patients_in_arms,
        max(case when policy_value.policy = 'zidovudine for all' then policy_value.value end) over outcomes as value_of_zidovudine,
        max(case when policy_value.policy = 'arm with the best prediction' then policy_value.value end) over outcomes as value_of_best
    from policy_value
    cross join arms
    window outcomes as (partition by policy_value.outcome, policy_value.estimator)
)

select
    outcome,
    policy,
    estimator,
    policies,
    patients,
    patients_in_the_arm,
    patients_in_arms,
    value,
    against_zidovudine,
    best_prediction_less_this
from beside
where policies <> policies_expected
    or patients_in_the_arm < 1
    or patients_in_the_arm > patients
    or patients_in_arms <> patients
    or value_of_zidovudine is null
    or value_of_best is null
    or abs(against_zidovudine - (value - value_of_zidovudine)) > 0.000001 * (1.0 + abs(value))
    or abs(best_prediction_less_this - (value_of_best - value)) > 0.000001 * (1.0 + abs(value))
