-- What a user clicked of a brand in the last 28 days.
-- Grain: user x brand, where there was a click.
select
    user_id,
    brand,
    count(*) as brand_clicks_28d
from impressions
where occurred_at >= $as_of - interval '28 days' and clicked and brand is not null
group by user_id, brand
