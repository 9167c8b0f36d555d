-- The groups of an attribute are all loans with a label, and accept as many as the rule does; one group is the reference, and is like itself.
with summed as (
    select
        attribute,
        sum(loans) as loans,
        sum(loans * acceptance) as accepted,
        count(*) filter (where group_name = reference) as references,
        max(abs(parity_ratio - 1.0)) filter (where group_name = reference) as ratio_to_itself,
        max(abs(opportunity_difference)) filter (where group_name = reference) as difference_to_itself,
        max(loans) as largest,
        max(loans) filter (where group_name = reference) as loans_of_reference
    from fairness
    group by attribute
),

rule as (
    select loans, accepted
    from rule_backtest
    where rule = 'accept below break-even'
)

select summed.attribute, summed.loans, rule.loans as loans_of_rule, summed.accepted, rule.accepted as accepted_by_rule, summed.references
from summed
cross join rule
where summed.loans <> rule.loans
    or abs(summed.accepted - rule.accepted) > 0.000001
    or summed.references <> 1
    or summed.ratio_to_itself > 0.000001
    or summed.difference_to_itself > 0.000001
    or summed.loans_of_reference <> summed.largest
