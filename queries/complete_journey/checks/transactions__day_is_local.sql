-- The shop's day and the time of a line agree: a local day begins four or five hours after the day in UTC.
select household_id, product_id, sold_at, sold_day
from transactions
where sold_day <> cast(floor((date_part('epoch', sold_at) - 14400) / 86400) as bigint)
    and sold_day <> cast(floor((date_part('epoch', sold_at) - 18000) / 86400) as bigint)
