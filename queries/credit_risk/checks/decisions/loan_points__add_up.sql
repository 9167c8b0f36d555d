-- Every loan has one score, which is its base points and the points of its features. Of two loans for the same purpose the one with more
-- points is not the more probable to default: calibration may bend the odds of the points, and has steps then, but does not turn them.
with counted as (
    select loans.loan_id, loans.purpose, count(loan_points.loan_id) as scores
    from loans
    left join loan_points on loan_points.loan_id = loans.loan_id
    group by loans.loan_id, loans.purpose
),

beside as (
    select
        counted.loan_id,
        counted.scores,
        loan_points.score,
        loan_points.base_points,
        loan_points.feature_points,
        loan_points.default_probability,
        lag(loan_points.default_probability) over (
            partition by counted.purpose order by loan_points.score desc, loan_points.default_probability, counted.loan_id
        ) as of_the_next_better
    from counted
    left join loan_points on loan_points.loan_id = counted.loan_id
)

select loan_id, scores, score, base_points, feature_points, default_probability, of_the_next_better
from beside
where scores <> 1
    or abs(base_points + feature_points - score) > 0.000001 * (1.0 + abs(score))
    or default_probability < of_the_next_better - 0.0001
