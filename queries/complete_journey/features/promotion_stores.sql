-- In how many stores a product is promoted, in the coming week and in the eight weeks before.
-- Grain: product.
with weeks as (
    select
        product_id,
        start_day,
        count(*) as stores,
        count(*) filter (where on_display) as display_stores,
        count(*) filter (where in_mailer) as mailer_stores
    from promotions
    where starts_on >= $as_of_date - interval '56 days'
    group by product_id, start_day
)

select
    product_id,
    coalesce(sum(display_stores) filter (where start_day >= cast(date_part('epoch', $as_of_date) / 86400 as bigint)), 0) as planned_display_stores,
    coalesce(sum(mailer_stores) filter (where start_day >= cast(date_part('epoch', $as_of_date) / 86400 as bigint)), 0) as planned_mailer_stores,
    count(*) filter (where start_day < cast(date_part('epoch', $as_of_date) / 86400 as bigint)) as promoted_weeks_8w,
    count(*) filter (where mailer_stores > 0 and start_day < cast(date_part('epoch', $as_of_date) / 86400 as bigint)) as mailer_weeks_8w,
    coalesce(sum(display_stores) filter (where start_day < cast(date_part('epoch', $as_of_date) / 86400 as bigint)), 0) / 8.0 as display_stores_8w,
    min((cast(date_part('epoch', $as_of_date) / 86400 as bigint) - start_day) / 7)
        filter (where mailer_stores > 0 and start_day < cast(date_part('epoch', $as_of_date) / 86400 as bigint)) as weeks_since_mailer
from weeks
group by product_id
