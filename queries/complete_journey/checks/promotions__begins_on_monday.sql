-- Weeks of promotions begin on Monday.
select distinct starts_on
from promotions
where extract(dow from starts_on) <> 1
