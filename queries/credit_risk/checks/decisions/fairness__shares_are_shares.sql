-- A share lies between 0 and 1, an estimate lies within its interval, and the word says what the interval of the ratio says.
select
    attribute,
    group_name,
    acceptance,
    acceptance_of_paid_back,
    parity_low,
    parity_ratio,
    parity_high,
    opportunity_low,
    opportunity_difference,
    opportunity_high,
    four_fifths
from fairness
where acceptance < 0.0
    or acceptance > 1.0
    or acceptance_of_paid_back < 0.0
    or acceptance_of_paid_back > 1.0
    or parity_low > parity_ratio + 0.000001
    or parity_high < parity_ratio - 0.000001
    or opportunity_low > opportunity_difference + 0.000001
    or opportunity_high < opportunity_difference - 0.000001
    or (four_fifths = 'below four fifths' and parity_high >= 0.8)
    or (four_fifths = 'may be below four fifths' and (parity_low >= 0.8 or parity_high < 0.8))
    or (four_fifths = 'four fifths kept' and parity_low < 0.8)
    or (four_fifths = 'reference') <> (group_name = reference)
