-- A household stands once in the demographics.
select household_id, count(*) as copies
from demographics
group by household_id
having count(*) > 1
