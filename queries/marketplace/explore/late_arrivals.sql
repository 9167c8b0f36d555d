-- How late rows arrive: the share that a night at the end of the day does not know yet, by days of delay.
select
    cast(cast(arrived_at as date) - cast(occurred_at as date) as integer) as days_late,
    count(*) as impressions,
    count(*) / sum(cast(count(*) as double)) over () as share
from impressions
group by cast(cast(arrived_at as date) - cast(occurred_at as date) as integer)
order by days_late
