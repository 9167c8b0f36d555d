-- Loans to learn from: whether they defaulted, and the amount that was asked for.
-- Grain: one loan.
select
    loan_id,
    purpose,
    defaulted,
    amount_dm as amount
from loans
where defaulted is not null
