-- The segments in words: how many users, and what sets them apart most from all others.
-- Grain: segment. `above` and `below` the mean of all users; `far` = by more than a standard deviation.
-- Application: behaviour, figures of merit.
with told as (
    select
        segment,
        size,
        feature,
        z,
        rank,
        case feature
            when 'views_log' then 'products shown'
            when 'visits' then 'days with a visit'
            when 'click_rate' then 'share clicked'
            when 'purchases_log' then 'purchases'
            when 'spend_log' then 'amount spent'
            when 'clicked_categories' then 'categories clicked'
            when 'search_share' then 'share seen in the search'
            when 'cart_share' then 'share seen in the cart'
            when 'clicked_price_level' then 'price of what is clicked'
            when 'days_since_visit' then 'days since the last visit'
            else feature
        end as name
    from segment_profiles(
        (select * from user_behaviour), 'user_id', 3, 8, (select user_id, segment from previous.segments)
    )
)

select
    segment,
    max(size) as users,
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
