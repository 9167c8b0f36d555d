-- A loan is accepted where every model of the folds expects it to earn, and by more than the band; declined where every one expects it to
-- lose, and by more than the band; else a person decides. Worked out here from what the parameters say, not from the table's columns.
with reckoned as (
    select
        loan_decisions.loan_id,
        loan_decisions.decision,
        loan_decisions.default_probability,
        loan_decisions.lowest_opinion,
        loan_decisions.highest_opinion,
        loan_decisions.break_even,
        $margin / ($margin + $loss_given_default) as break_even_of_parameters,
        $margin - loan_decisions.default_probability * ($margin + $loss_given_default) as earns,
        $margin - loan_decisions.lowest_opinion * ($margin + $loss_given_default) as earns_at_best,
        $margin - loan_decisions.highest_opinion * ($margin + $loss_given_default) as earns_at_worst,
        $refer_band * ($margin + $loss_given_default) as band
    from loan_decisions
)

select loan_id, decision, default_probability, lowest_opinion, highest_opinion, break_even, earns, earns_at_best, earns_at_worst, band
from reckoned
where decision is null
    or decision not in ('accept', 'refer', 'decline')
    or abs(break_even - break_even_of_parameters) > 0.000001
    or lowest_opinion > highest_opinion
    or (decision = 'accept' and (earns < band - 0.000001 or earns_at_worst < -0.000001))
    or (decision = 'decline' and (earns > 0.000001 - band or earns_at_best > 0.000001))
    or (decision = 'refer' and abs(earns) > band + 0.000001 and (earns_at_worst > 0.000001 or earns_at_best < -0.000001))
