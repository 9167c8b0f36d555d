-- A contact is counted once.
select contact_id, count(*) as copies
from contacts
group by contact_id
having count(*) > 1
