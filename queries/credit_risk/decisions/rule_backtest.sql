-- What the rule would have earned, by probabilities from models that had not seen the loan: beside accepting all, and knowing everything.
-- Grain: one rule. A loan that is referred counts as declined here: what a person would have said is not known. The interval is 1.96 standard
-- errors of the sum over loans. Amounts are German marks.
-- Application: lending, figures of merit.
with judged as (
    select
        holdout_under.loan_id,
        loans.amount_dm,
        holdout_under.y_default as defaulted,
        holdout_under.p_default as probability,
        $margin / ($margin + $loss_given_default) as break_even,
        case
            when holdout_under.y_default > 0.5 then -$loss_given_default * loans.amount_dm
            else $margin * loans.amount_dm
        end as result_dm
    from holdout_under
    inner join loans on loans.loan_id = holdout_under.loan_id
    where holdout_under.under = holdout_under.scenario and holdout_under.y_default is not null
),

taken as (
    select 'accept below the band' as rule, probability < break_even - $refer_band as accepted, result_dm, defaulted from judged
    union all
    select 'accept below break-even' as rule, probability < break_even as accepted, result_dm, defaulted from judged
    union all
    select 'accept all' as rule, true as accepted, result_dm, defaulted from judged
    union all
    select 'knowing what happened' as rule, defaulted < 0.5 as accepted, result_dm, defaulted from judged
),

summed as (
    select
        rule,
        count(*) as loans,
        count(*) filter (where accepted) as accepted,
        count(*) filter (where accepted and defaulted > 0.5) as defaults_accepted,
        sum(case when accepted then result_dm else 0.0 end) as result_dm,
        sqrt(count(*)) * stddev(case when accepted then result_dm else 0.0 end) as standard_error_dm
    from taken
    group by rule
)

select
    rule,
    loans,
    accepted,
    defaults_accepted,
    result_dm,
    result_dm - 1.96 * standard_error_dm as low_dm,
    result_dm + 1.96 * standard_error_dm as high_dm
from summed
order by result_dm desc, rule
