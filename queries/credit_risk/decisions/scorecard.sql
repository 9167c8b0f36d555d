-- The scorecard: the points of each value of each feature, for every loan the same sum as its score in `loan_points`.
-- Grain: feature x value. More points are better odds of being paid back. Points are those of the linear model, exact and additive; where
-- a purpose has an effect of its own, or a number is shown rounded, the points of a value differ: they lie from `lowest` to `highest`.
-- The row `(base)` has the points that every loan begins with, which differ by purpose where its level does.
-- Application: lending.
with points as (
    select
        loan_id,
        case when feature = 'scenario' then 'purpose' else feature end as feature,
        coalesce(value, case when feature = '(base)' then '' else '(missing)' end) as value,
        case when feature = '(base)' then $points_at_even_odds else 0.0 end
        - log_odds * $points_to_double_the_odds / ln(2.0) as points
    from score_contributions
    where task = 'default'
)

select
    feature,
    value,
    count(*) as loans,
    avg(points) as points,
    min(points) as lowest,
    max(points) as highest
from points
group by feature, value
order by feature, points desc, value
