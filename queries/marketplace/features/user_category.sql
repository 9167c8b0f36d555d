-- What a user was shown and clicked of a category in the last 28 days.
-- Grain: user x category.
select
    user_id,
    category,
    count(*) as category_views_28d,
    count(*) filter (where clicked) as category_clicks_28d
from impressions
where occurred_at >= $as_of - interval '28 days'
group by user_id, category
