-- Every loan has exactly one decision, and nothing is decided on a loan that is not in the list.
with listed as (
    select loan_id, 1 as listed, 0 as decided
    from loans
    union all
    select loan_id, 0 as listed, 1 as decided
    from loan_decisions
)

select loan_id, sum(listed) as listed, sum(decided) as decisions
from listed
group by loan_id
having sum(listed) <> 1 or sum(decided) <> 1
