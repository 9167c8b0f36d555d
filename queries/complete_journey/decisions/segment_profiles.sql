-- The segments in words: how many households, and what sets them apart most from all others.
-- Grain: segment. `above` and `below` the mean of all households; `far` = by more than a standard deviation.
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
            when 'discounted_share' then 'share bought at a discount'
            when 'mailer_share' then 'share bought from the mailer'
            when 'display_share' then 'share bought from a display'
            when 'repeat_share' then 'share of products bought again'
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
            name,
            case
                when z >= 1 then ' far above'
                when z >= 0.3 then ' above'
                when z <= -1 then ' far below'
                when z <= -0.3 then ' below'
                else ' as usual'
            end
        ),
        ', ' order by rank
    ) filter (where rank = 1 or (rank <= 4 and abs(z) >= 0.3)) as in_words,
    max(z) filter (where rank = 1) as strongest_z
from told
group by segment
order by segment
