-- Amounts and terms are those of consumer loans, and applicants are of age.
select loan_id, amount_dm, duration_months, age_years
from loans
where amount_dm <= 0 or amount_dm > 100000 or duration_months < 1 or duration_months > 120 or age_years < 18
