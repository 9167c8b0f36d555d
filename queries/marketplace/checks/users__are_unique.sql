-- A user stands once in the list of users.
select user_id, count(*) as copies
from users
group by user_id
having count(*) > 1
