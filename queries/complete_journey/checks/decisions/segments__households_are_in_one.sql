-- Every household with behaviour is in one segment, and only in one.
select household_behaviour.household_id, count(segments.segment) as segments
from household_behaviour
left join segments on segments.household_id = household_behaviour.household_id
group by household_behaviour.household_id
having count(segments.segment) <> 1
