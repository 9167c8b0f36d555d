-- Over the decisions there are as many loans, marks and shares as `loan_decisions` has, and no decision twice.
with summed as (
    select
        count(*) as decisions,
        count(distinct decision) as different,
        sum(loans) as loans,
        sum(share) as share,
        sum(amount_dm) as amount_dm,
        sum(expected_result_dm) as expected_result_dm
    from decision_counts
),

decided as (
    select count(*) as loans, sum(amount_dm) as amount_dm, sum(expected_result_dm) as expected_result_dm
    from loan_decisions
)

select summed.loans, decided.loans as decided, summed.share, summed.amount_dm, decided.amount_dm as amount_decided_dm
from summed
cross join decided
where summed.loans <> decided.loans
    or summed.different <> summed.decisions
    or abs(summed.share - 1.0) > 0.000001
    or abs(summed.amount_dm - decided.amount_dm) > 0.01
    or abs(summed.expected_result_dm - decided.expected_result_dm) > 0.01
