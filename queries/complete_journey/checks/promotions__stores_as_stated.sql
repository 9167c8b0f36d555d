-- No more stores take part in promotions than job.toml says.
select count(distinct store_id) as stores
from promotions
where starts_on = $as_of_date
having count(distinct store_id) > $promoting_stores
