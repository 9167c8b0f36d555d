-- Each feature of the scorecard has every loan once, its points lie within their range, and over all loans the scorecard hands out as many
-- points as `loan_points` has.
with features as (
    select feature, sum(loans) as loans
    from scorecard
    group by feature
),

listed as (
    select count(*) as loans
    from loans
),

handed_out as (
    select sum(loans * points) as points
    from scorecard
),

scored as (
    select sum(score) as points
    from loan_points
)

select 'not every loan once' as wrong, features.feature, cast(features.loans as double) as here, cast(listed.loans as double) as there
from features
cross join listed
where features.loans <> listed.loans
union all
select 'outside its range' as wrong, feature, points as here, case when points < lowest then lowest else highest end as there
from scorecard
where points < lowest - 0.000001 or points > highest + 0.000001
union all
select 'other points than the loans have' as wrong, null as feature, handed_out.points as here, scored.points as there
from handed_out
cross join scored
where abs(handed_out.points - scored.points) > 0.000001 * (1.0 + abs(scored.points))
    or handed_out.points is null
    or scored.points is null
