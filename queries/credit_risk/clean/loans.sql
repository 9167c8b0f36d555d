-- Loans, as the bank saw them when they were asked for, and whether they were paid back.
-- Grain: one loan. Amounts are German marks. The list knows sex and marital status as one word only; women's is always the same.
select
    cast(loan_id as bigint) as loan_id,
    purpose,
    cast(credit_amount as double) as amount_dm,
    cast(duration_in_month as integer) as duration_months,
    cast(age_in_years as integer) as age_years,
    cast(installment_rate_in_percentage_of_disposable_income as integer) as instalment_rate,
    cast(present_residence_since as integer) as residence_since,
    cast(number_of_existing_credits_at_this_bank as integer) as credits_here,
    cast(number_of_people_being_liable_to_provide_maintenance_for as integer) as dependants,
    case when personal_status_and_sex like 'female%' then 'female' else 'male' end as sex,
    case
        when age_in_years <= 25 then 'up to 25'
        when age_in_years <= 40 then '26 to 40'
        else 'over 40'
    end as age_group,
    status_of_existing_checking_account as checking_account,
    credit_history,
    savings_account_and_bonds as savings,
    present_employment_since as employed_since,
    other_debtors_or_guarantors as guarantors,
    property,
    other_installment_plans as other_plans,
    housing,
    job,
    telephone <> 'none' as has_telephone,
    case creditability when 'bad' then 1 when 'good' then 0 end as defaulted,
    case
        when loan_id is null then 'no loan'
        when purpose is null then 'no purpose'
        when not credit_amount > 0 then 'no amount'
    end as refused
from raw.loans
