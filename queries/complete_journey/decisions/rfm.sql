-- Households by recency, frequency and amount of their visits of the last 26 weeks, in fifths, with a name that says what to do.
-- Grain: household. Who is alike is in one fifth. 5 is best: came last, most often, spent most.
-- Application: behaviour.
with fifths as (
    select
        household_id,
        household_days_since_visit as days_since_visit,
        household_visits_26w as visits,
        household_spend_26w as spend,
        1 + cast(floor(4.999 * percent_rank() over (order by household_days_since_visit desc)) as integer) as recency,
        1 + cast(floor(4.999 * percent_rank() over (order by household_visits_26w)) as integer) as frequency,
        1 + cast(floor(4.999 * percent_rank() over (order by household_spend_26w)) as integer) as monetary
    from household
)

select
    household_id,
    days_since_visit,
    visits,
    spend,
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
order by recency + frequency + monetary desc, spend desc, household_id
