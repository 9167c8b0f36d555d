-- Weeks of promotions begin on Monday.
select distinct starts_on
from promotions
where cast(date_trunc('week', starts_on) as date) <> starts_on
