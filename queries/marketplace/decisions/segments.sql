-- Users grouped by what they did in the last 28 days (`user_behaviour`); the number of groups is the one with the best silhouette.
-- Grain: user who came. A segment keeps the number that it had in the run before (`previous_segment`); `segment_profiles` says what each is.
-- Application: behaviour.
select
    user_id,
    segment,
    distance,
    previous_segment
from segments((select * from user_behaviour), 'user_id', 3, 8, (select user_id, segment from previous.segments))
order by segment, distance, user_id
