-- Every loan has one score, which is its base points and the points of its features; the odds of its points are those of its probability.
with counted as (
    select loans.loan_id, count(loan_points.loan_id) as scores
    from loans
    left join loan_points on loan_points.loan_id = loans.loan_id
    group by loans.loan_id
)

select
    counted.loan_id,
    counted.scores,
    loan_points.score,
    loan_points.base_points,
    loan_points.feature_points,
    loan_points.default_probability,
    loan_points.default_probability_by_points
from counted
left join loan_points on loan_points.loan_id = counted.loan_id
where counted.scores <> 1
    or abs(loan_points.base_points + loan_points.feature_points - loan_points.score) > 0.000001 * (1.0 + abs(loan_points.score))
    or abs(loan_points.default_probability_by_points - loan_points.default_probability) > 0.001
