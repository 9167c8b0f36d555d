-- How each known product is and was promoted at the household's usual store.
-- Grain: household x product.
with at_store as (
    select
        pair.household_id,
        pair.product_id,
        usual_store.store_id
    from pair
    inner join usual_store on usual_store.household_id = pair.household_id
)

select
    at_store.household_id,
    at_store.product_id,
    at_store.store_id,
    coalesce(promotion_plan.on_display, false) as on_display,
    coalesce(promotion_plan.in_mailer, false) as in_mailer,
    coalesce(past.weeks_promoted, 0) as store_weeks_promoted_8w,
    coalesce(past.weeks_on_display, 0) as store_weeks_on_display_8w,
    coalesce(past.weeks_in_mailer, 0) as store_weeks_in_mailer_8w,
    past.weeks_since_promotion as store_weeks_since_promotion
from at_store
left join promotion_plan
    on promotion_plan.product_id = at_store.product_id
    and promotion_plan.store_id = at_store.store_id
left join product_store_promotion as past
    on past.product_id = at_store.product_id
    and past.store_id = at_store.store_id
