-- The day in New York lies in the week that the study itself names: reasoning in UTC would put late Sundays into the next.
select household_id, product_id, sold_at, sold_on, week
from transactions
where cast(date_trunc('week', sold_on) as date) <> date '2016-12-26' + 7 * (week - 1)
