-- Every user with behaviour is in one segment, and only in one.
select user_behaviour.user_id, count(segments.segment) as segments
from user_behaviour
left join segments on segments.user_id = user_behaviour.user_id
group by user_behaviour.user_id
having count(segments.segment) <> 1
