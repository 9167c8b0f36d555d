-- A user stands in the routing once, with a probability, a worth and a queue that there is.
select user_id, count(*) as places, max(contact_probability) as contact_probability, min(saved) as saved
from service_routing
group by user_id
having count(*) > 1
    or max(contact_probability) > 1
    or min(contact_probability) < 0
    or min(saved) <= 0
    or max(queue) not in ('delivery', 'return', 'payment', 'product')
