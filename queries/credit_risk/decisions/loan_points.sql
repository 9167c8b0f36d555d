-- What a loan's points are made of, and the strongest reasons against it.
-- Grain: one loan. score = base points + the sum over features; odds double every 20 points (`points_to_double_the_odds`). A reason is a
-- feature that takes points away from the average applicant's, the one that takes most first; where fewer than three do, fewer are told.
-- Those with the fewest points come first.
-- Application: lending.
with points as (
    select
        loan_id,
        case when feature = 'scenario' then 'purpose' else feature end as feature,
        value,
        case when feature = '(base)' then $points_at_even_odds else 0.0 end
        - log_odds * $points_to_double_the_odds / ln(2.0) as points
    from score_contributions
    where task = 'default'
),

against as (
    select
        loan_id,
        feature || ' = ' || coalesce(value, 'missing') as reason,
        points,
        row_number() over (partition by loan_id order by points, feature) as place
    from points
    where feature <> '(base)' and points < 0.0
),

totals as (
    select
        loan_id,
        sum(points) as score,
        sum(points) filter (where feature = '(base)') as base_points,
        sum(points) filter (where feature <> '(base)') as feature_points
    from points
    group by loan_id
),

reasons as (
    select
        loan_id,
        max(reason) filter (where place = 1) as reason_1,
        max(points) filter (where place = 1) as points_1,
        max(reason) filter (where place = 2) as reason_2,
        max(points) filter (where place = 2) as points_2,
        max(reason) filter (where place = 3) as reason_3,
        max(points) filter (where place = 3) as points_3
    from against
    where place <= 3
    group by loan_id
)

select
    totals.loan_id,
    totals.score,
    scores."default" as default_probability,
    reasons.reason_1,
    reasons.points_1,
    reasons.reason_2,
    reasons.points_2,
    reasons.reason_3,
    reasons.points_3,
    totals.base_points,
    totals.feature_points,
    1.0 / (1.0 + exp((totals.score - $points_at_even_odds) * ln(2.0) / $points_to_double_the_odds)) as default_probability_by_points
from totals
inner join scores on scores.loan_id = totals.loan_id
left join reasons on reasons.loan_id = totals.loan_id
order by totals.score, totals.loan_id
