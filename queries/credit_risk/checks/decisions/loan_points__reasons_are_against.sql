-- A reason takes points away, the first takes most, each is another feature, and none is skipped. Where fewer than three are told nothing
-- else takes points away: the features together then have no fewer points than the reasons.
select loan_id, feature_points, reason_1, points_1, reason_2, points_2, reason_3, points_3
from loan_points
where points_1 >= 0.0
    or points_2 >= 0.0
    or points_3 >= 0.0
    or points_1 > points_2
    or points_2 > points_3
    or reason_1 in (reason_2, reason_3)
    or reason_2 = reason_3
    or (reason_1 is null) <> (points_1 is null)
    or (reason_2 is null) <> (points_2 is null)
    or (reason_3 is null) <> (points_3 is null)
    or (reason_1 is null and reason_2 is not null)
    or (reason_2 is null and reason_3 is not null)
    or (
        points_3 is null
        and feature_points < coalesce(points_1, 0.0) + coalesce(points_2, 0.0) - 0.000001
    )
