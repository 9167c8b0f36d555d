-- Households grouped by what they did in the last 26 weeks (`household_behaviour`); the number of groups is the one with the best
-- silhouette.
-- Grain: household. A segment keeps the number that it had in the run before (`previous_segment`); `segment_profiles` says what each is.
-- Application: behaviour.
select
    household_id,
    segment,
    distance,
    previous_segment
from segments((select * from household_behaviour), 'household_id', 3, 8, (select household_id, segment from previous.segments))
order by segment, distance, household_id
