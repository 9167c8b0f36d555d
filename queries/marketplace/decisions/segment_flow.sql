-- Who moved: users by the segment of the run before and the one of tonight.
-- Grain: earlier segment x segment. NULL = was not there in the run before. Flows of fewer than ten users are left out.
-- Application: behaviour.
select
    previous_segment,
    segment,
    count(*) as users,
    count(*) / sum(cast(count(*) as double)) over (partition by previous_segment) as share
from segments
group by previous_segment, segment
having count(*) >= 10
order by previous_segment, segment
