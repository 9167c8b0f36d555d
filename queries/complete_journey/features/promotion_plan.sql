-- The plan for the coming week.
-- Grain: product x store, promoted in the week that begins on the as-of date.
select
    product_id,
    store_id,
    on_display,
    in_mailer
from promotions
where starts_on = $as_of_date
