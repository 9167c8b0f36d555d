-- What a user did in the last 28 days, in numbers by which users are grouped.
-- Grain: user who came.
with shown as (
    select
        user_id,
        count(*) as views,
        count(distinct cast(occurred_at as date)) as visits,
        avg(cast(clicked as double)) as click_rate,
        count(*) filter (where purchased) as purchases,
        sum(amount) as spend,
        count(distinct category) filter (where clicked) as clicked_categories,
        avg(cast(scenario = 'search' as double)) as search_share,
        avg(cast(scenario = 'cart' as double)) as cart_share,
        cast($as_of_date - max(cast(occurred_at as date)) as double) as days_since_visit
    from impressions
    where occurred_at >= $as_of - interval '28 days'
    group by user_id
),

clicked as (
    select
        impressions.user_id,
        avg(product_price.price_level) as clicked_price_level
    from impressions
    inner join product_price on product_price.product_id = impressions.product_id
    where impressions.occurred_at >= $as_of - interval '28 days' and impressions.clicked
    group by impressions.user_id
)

select
    shown.user_id,
    ln(1 + cast(shown.views as double)) as views_log, -- products shown: log of 1 + impressions
    cast(shown.visits as double) as visits, -- days on which the user came
    shown.click_rate, -- share of what was shown that was clicked
    ln(1 + cast(shown.purchases as double)) as purchases_log, -- purchases: log of 1 + purchases
    ln(1 + shown.spend) as spend_log, -- amount: log of 1 + amount
    cast(shown.clicked_categories as double) as clicked_categories, -- categories with a click
    shown.search_share, -- share of what was shown in the search
    shown.cart_share, -- share of what was shown in the cart
    clicked.clicked_price_level, -- how dear what was clicked is for its category: log
    shown.days_since_visit -- days since the last visit
from shown
left join clicked on clicked.user_id = shown.user_id
