-- A probability is one, nothing is expected to be lost or earned that is less than nothing or more than the amount allows, and the result is
-- what is earned less what is lost.
select loan_id, amount_dm, default_probability, expected_loss_dm, expected_income_dm, expected_result_dm
from loan_decisions
where default_probability is null
    or default_probability < 0.0
    or default_probability > 1.0
    or expected_loss_dm < 0.0
    or expected_income_dm < 0.0
    or expected_loss_dm > amount_dm * $loss_given_default + 0.000001
    or expected_income_dm > amount_dm * $margin + 0.000001
    or abs(expected_loss_dm / $loss_given_default + expected_income_dm / $margin - amount_dm) > 0.000001 * (1.0 + amount_dm)
    or abs(expected_income_dm - expected_loss_dm - expected_result_dm) > 0.000001 * (1.0 + amount_dm)
