-- How many loans are accepted, referred and declined, and what they are expected to bring: the morning's work in three rows.
-- Grain: decision. Amounts are German marks.
-- Application: lending.
select
    decision,
    count(*) as loans,
    cast(count(*) as double) / sum(count(*)) over () as share,
    sum(amount_dm) as amount_dm,
    avg(default_probability) as mean_default_probability,
    sum(expected_result_dm) as expected_result_dm,
    sum(expected_income_dm) as expected_income_dm,
    sum(expected_loss_dm) as expected_loss_dm
from loan_decisions
group by decision
order by case decision when 'refer' then 1 when 'accept' then 2 else 3 end
