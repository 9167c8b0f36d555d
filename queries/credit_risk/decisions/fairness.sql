-- Who is accepted, by sex and by age group, by probabilities from models that had not seen the loan.
-- Grain: attribute x group, each against the largest group of its attribute. Accepted = default probability below break-even.
-- Demographic parity ratio: the group's acceptance rate over the reference's; the interval is that of its logarithm (delta method).
-- Equal opportunity difference: the acceptance rate among loans that were paid back, less the reference's; interval of two proportions.
-- Four fifths and 0 are the usual yardsticks. Neither sex nor age is a feature of the model.
-- Application: lending, figures of merit.
with judged as (
    select
        loans.sex,
        loans.age_group,
        holdout_under.p_default < $margin / ($margin + $loss_given_default) as accepted,
        holdout_under.y_default < 0.5 as paid_back
    from holdout_under
    inner join loans on loans.loan_id = holdout_under.loan_id
    where holdout_under.under = holdout_under.scenario and holdout_under.y_default is not null
),

grouped as (
    select 'sex' as attribute, sex as group_name, accepted, paid_back from judged
    union all
    select 'age' as attribute, age_group as group_name, accepted, paid_back from judged
),

rates as (
    select
        attribute,
        group_name,
        cast(count(*) as double) as loans,
        cast(count(*) filter (where paid_back) as double) as paid_back,
        avg(case when accepted then 1.0 else 0.0 end) as acceptance,
        avg(case when accepted then 1.0 else 0.0 end) filter (where paid_back) as acceptance_of_paid_back,
        row_number() over (partition by attribute order by count(*) desc, group_name) as place
    from grouped
    group by attribute, group_name
),

compared as (
    select
        rates.attribute,
        rates.group_name,
        reference.group_name as reference,
        rates.loans,
        rates.paid_back,
        rates.acceptance,
        rates.acceptance_of_paid_back,
        rates.acceptance / nullif(reference.acceptance, 0.0) as parity_ratio,
        rates.acceptance_of_paid_back - reference.acceptance_of_paid_back as opportunity_difference,
        case
            when rates.place = 1 then 0.0
            else sqrt(
                (1.0 - rates.acceptance) / nullif(rates.loans * rates.acceptance, 0.0)
                + (1.0 - reference.acceptance) / nullif(reference.loans * reference.acceptance, 0.0)
            )
        end as error_of_log_ratio,
        case
            when rates.place = 1 then 0.0
            else sqrt(
                rates.acceptance_of_paid_back * (1.0 - rates.acceptance_of_paid_back) / nullif(rates.paid_back, 0.0)
                + reference.acceptance_of_paid_back * (1.0 - reference.acceptance_of_paid_back) / nullif(reference.paid_back, 0.0)
            )
        end as error_of_difference
    from rates
    inner join rates as reference on reference.attribute = rates.attribute and reference.place = 1
)

select
    attribute,
    group_name,
    reference,
    cast(loans as bigint) as loans,
    acceptance,
    case
        when group_name = reference then 'reference'
        when parity_ratio is null or parity_ratio > 0.0 and error_of_log_ratio is null then 'not known'
        when parity_ratio = 0.0 then 'below four fifths'
        when parity_ratio * exp(1.96 * error_of_log_ratio) < 0.8 then 'below four fifths'
        when parity_ratio * exp(-1.96 * error_of_log_ratio) < 0.8 then 'may be below four fifths'
        else 'four fifths kept'
    end as four_fifths,
    parity_ratio,
    parity_ratio * exp(-1.96 * error_of_log_ratio) as parity_low,
    parity_ratio * exp(1.96 * error_of_log_ratio) as parity_high,
    acceptance_of_paid_back,
    opportunity_difference,
    opportunity_difference - 1.96 * error_of_difference as opportunity_low,
    opportunity_difference + 1.96 * error_of_difference as opportunity_high
from compared
order by attribute, loans desc, group_name
