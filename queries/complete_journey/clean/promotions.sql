-- The plan of promotions: where a product is displayed and whether it is in the mailer.
-- Grain: product x store x week. Duplicates are merged. Weeks begin on Monday; week 2 of the study on 2017-01-02.
-- A location of '0' means neither displayed nor in the mailer.
with planned as (
    select
        product_id,
        store_id,
        week,
        bool_or(display_location <> '0') as on_display,
        bool_or(mailer_location <> '0') as in_mailer
    from raw.promotions
    group by product_id, store_id, week
),

dated as (
    select
        cast(product_id as integer) as product_id,
        cast(store_id as integer) as store_id,
        on_display,
        in_mailer,
        cast(17161 + 7 * (week - 1) as integer) as start_day,
        cast(date '2016-12-26' + 7 * (week - 1) * interval '1 day' as date) as starts_on
    from planned
)

select * from dated
