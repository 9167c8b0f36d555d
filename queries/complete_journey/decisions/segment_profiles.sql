-- The segments in words: how many households, and what sets them apart most from all others.
-- Grain: segment. `far` = more than a standard deviation of all households from their mean.
-- Application: behaviour, figures of merit.
with told as (
    select
        segment,
        size,
        feature,
        z,
        rank,
        case feature
            when 'visits_log' then 'visits'
            when 'days_since_visit' then 'days since the last visit'
            when 'spend_log' then 'amount spent'
            when 'products_per_visit' then 'lines of a visit'
            when 'discounted_share' then 'bought at a discount'
            when 'mailer_share' then 'bought from the mailer'
            when 'display_share' then 'bought from a display'
            when 'repeat_share' then 'products bought again'
            else feature
        end as name
    from segment_profiles(
        (select * from household_behaviour), 'household_id', 3, 8, (select household_id, segment from previous.segments)
    )
)

select
    segment,
    max(size) as households,
    string_agg(
        concat(
            case
                when z >= 1 then 'far more '
                when z >= 0.3 then 'more '
                when z <= -1 then 'far less '
                when z <= -0.3 then 'less '
                else 'usual '
            end,
            name
        ),
        ', ' order by rank
    ) filter (where rank = 1 or (rank <= 4 and abs(z) >= 0.3)) as in_words,
    max(z) filter (where rank = 1) as strongest_z
from told
group by segment
order by segment
