-- No more users are reached today than the agents have minutes for.
select count(*) as reached, count(*) * $minutes_per_message as minutes
from service_routing
where today
having count(*) * $minutes_per_message > $agents * $minutes_per_agent
