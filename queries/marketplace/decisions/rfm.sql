-- Users by recency, frequency and amount of their purchases of the last 28 days, in fifths, with a name that says what to do.
-- Grain: user who bought. Who is alike is in one fifth. 5 is best: bought last, most often, for most.
-- Application: behaviour.
with bought as (
    select
        user_id,
        cast($as_of_date - max(cast(ordered_at as date)) as integer) as days_since_order,
        count(*) as orders,
        sum(amount) as amount
    from orders
    where ordered_at >= $as_of - interval '28 days'
    group by user_id
),

fifths as (
    select
        user_id,
        days_since_order,
        orders,
        amount,
        1 + cast(floor(4.999 * percent_rank() over (order by days_since_order desc)) as integer) as recency,
        1 + cast(floor(4.999 * percent_rank() over (order by orders)) as integer) as frequency,
        1 + cast(floor(4.999 * percent_rank() over (order by amount)) as integer) as monetary
    from bought
)

select
    user_id,
    days_since_order,
    orders,
    amount,
    recency,
    frequency,
    monetary,
    case
        when recency >= 4 and frequency >= 4 and monetary >= 4 then 'best'
        when recency <= 2 and frequency >= 4 then 'slipping away'
        when recency >= 4 and frequency <= 2 then 'new or back'
        when monetary >= 4 then 'big baskets'
        when recency <= 2 and frequency <= 2 then 'nearly lost'
        else 'middle'
    end as name
from fifths
order by recency + frequency + monetary desc, amount desc, user_id
