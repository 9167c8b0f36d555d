-- Accept, refer or decline by expected result: what a loan earns if it is paid back, less what is lost if it is not.
-- Grain: one loan. break-even probability = margin / (margin + loss given default); within the band around it a person decides, and
-- also where the models of the folds, which learned from different loans, do not all say the same (`lowest_opinion`, `highest_opinion`).
-- The loans here are those that were learned from, so these results look better than those of new loans: `rule_backtest` is out of fold.
-- What a person has to look at comes first, the largest loans before the others. Amounts are German marks.
-- Application: lending.
with opinions as (
    select
        loan_id,
        min("default") as lowest,
        max("default") as highest
    from scores_folds
    where under = scenario
    group by loan_id
),

priced as (
    select
        scores.loan_id,
        scores.scenario as purpose,
        loans.amount_dm,
        scores."default" as default_probability,
        opinions.lowest as lowest_opinion,
        opinions.highest as highest_opinion,
        $margin / ($margin + $loss_given_default) as break_even,
        scores."default" * $loss_given_default * loans.amount_dm as expected_loss_dm,
        (1.0 - scores."default") * $margin * loans.amount_dm as expected_income_dm
    from scores
    inner join loans on loans.loan_id = scores.loan_id
    inner join opinions on opinions.loan_id = scores.loan_id
)

select
    loan_id,
    case
        when abs(default_probability - break_even) <= $refer_band then 'refer'
        when lowest_opinion <= break_even and highest_opinion > break_even then 'refer'
        when default_probability < break_even then 'accept'
        else 'decline'
    end as decision,
    purpose,
    amount_dm,
    expected_income_dm - expected_loss_dm as expected_result_dm,
    default_probability,
    lowest_opinion,
    highest_opinion,
    expected_income_dm,
    expected_loss_dm,
    break_even
from priced
order by case decision when 'refer' then 1 when 'accept' then 2 else 3 end, amount_dm desc, loan_id
