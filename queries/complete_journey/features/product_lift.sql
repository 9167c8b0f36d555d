-- How much faster a product sells in a store-week under promotion: the last eight weeks, smoothed by one purchase.
-- Grain: product. $promoting_stores stores take part in promotions; purchases in other stores count as unpromoted.
with sold as (
    select
        product_id,
        count(*) as purchases,
        count(*) filter (where on_display) as display_purchases,
        count(*) filter (where in_mailer) as mailer_purchases
    from pair_days
    where days_ago <= 56
    group by product_id
),

rates as (
    select
        sold.product_id,
        (display_purchases + 1.0) / (display_store_weeks_8w + 8) as on_display,
        (purchases - display_purchases + 1.0) / (8 * $promoting_stores - display_store_weeks_8w + 8) as off_display,
        (mailer_purchases + 1.0) / (mailer_store_weeks_8w + 8) as in_mailer,
        (purchases - mailer_purchases + 1.0) / (8 * $promoting_stores - mailer_store_weeks_8w + 8) as outside_mailer
    from sold
    inner join product_promotion on product_promotion.product_id = sold.product_id
)

select
    product_id,
    on_display / off_display as product_display_lift,
    in_mailer / outside_mailer as product_mailer_lift
from rates
