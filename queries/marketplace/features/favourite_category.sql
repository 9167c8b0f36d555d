-- The category that a user clicked most in the last 28 days; where two are equal, the one that was shown more.
-- Grain: user.
with ranked as (
    select
        user_id,
        category,
        row_number() over (
            partition by user_id
            order by category_clicks_28d desc, category_views_28d desc, category
        ) as place
    from user_category
)

select
    user_id,
    category
from ranked
where place = 1
