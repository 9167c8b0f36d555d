-- What is known of a loan when it is asked for. No amount (it is a task itself), no sex, age, marital status or nationality.
-- Grain: one loan.
select
    rows.loan_id,
    rows.purpose,
    loans.duration_months, -- months over which the loan is to be paid back
    loans.instalment_rate, -- instalment as a share of the disposable income, in four steps (4 = 35 % and more)
    loans.residence_since, -- years at the present address, in four steps
    loans.credits_here, -- loans that the applicant has at this bank, this one included
    loans.dependants, -- people whom the applicant has to maintain
    loans.checking_account, -- balance of the checking account
    loans.credit_history, -- how earlier loans were paid back
    loans.savings, -- savings and bonds
    loans.employed_since, -- how long the applicant has had the present job
    loans.guarantors, -- other debtors or guarantors
    loans.property, -- most valuable property
    loans.other_plans, -- instalment plans elsewhere
    loans.housing, -- own, rent or for free
    loans.job, -- kind of job
    loans.has_telephone -- whether a telephone is registered under the applicant's name
from rows
inner join loans on loans.loan_id = rows.loan_id
