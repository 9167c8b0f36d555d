-- The plan of promotions: where a product is displayed and whether it is in the mailer.
-- Grain: product x store x week, named by its Monday. Only promoted products have rows; 12.8 k rows are repeated with
-- another location and merged.
-- Week 1 of the study begins on 2016-12-26. A location of '0' means "not on display" or "not in the mailer".
with weekly as (
    select
        product_id,
        store_id,
        week,
        bool_or(display_location <> '0') as on_display,
        bool_or(mailer_location <> '0') as in_mailer
    from raw.promotions
    group by product_id, store_id, week
)

select
    cast(product_id as integer) as product_id,
    cast(store_id as integer) as store_id,
    on_display,
    in_mailer,
    date '2016-12-26' + 7 * cast(week - 1 as integer) as starts_on,
    case when product_id is null or store_id is null or week is null then 'no product, store or week' end as refused
from weekly
