-- How a product was promoted in a store: the eight weeks before the as-of date.
-- Grain: product x store.
select
    product_id,
    store_id,
    count(*) as weeks_promoted,
    count(*) filter (where on_display) as weeks_on_display,
    count(*) filter (where in_mailer) as weeks_in_mailer,
    cast($as_of_date - max(starts_on) as integer) / 7 as weeks_since_promotion
from promotions
where starts_on >= $as_of_date - 56 and starts_on < $as_of_date
group by product_id, store_id
