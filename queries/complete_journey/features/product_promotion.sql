-- How widely a product is promoted: stores of the coming week's plan, store-weeks of the eight weeks before.
-- Grain: product.
with past as (
    select
        product_id,
        sum(weeks_on_display) as display_store_weeks_8w,
        sum(weeks_in_mailer) as mailer_store_weeks_8w,
        min(weeks_since_promotion) as weeks_since_any_promotion
    from product_store_promotion
    group by product_id
),

planned as (
    select
        product_id,
        count(*) filter (where on_display) as planned_display_stores,
        count(*) filter (where in_mailer) as planned_mailer_stores
    from promotion_plan
    group by product_id
)

select
    coalesce(past.product_id, planned.product_id) as product_id,
    coalesce(past.display_store_weeks_8w, 0) as display_store_weeks_8w,
    coalesce(past.mailer_store_weeks_8w, 0) as mailer_store_weeks_8w,
    past.weeks_since_any_promotion,
    coalesce(planned.planned_display_stores, 0) as planned_display_stores,
    coalesce(planned.planned_mailer_stores, 0) as planned_mailer_stores
from past
full join planned on planned.product_id = past.product_id
