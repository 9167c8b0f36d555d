-- What a household did with a product in the last 26 weeks.
-- Grain: household x product. A purchase is a day with at least one line.
with totals as (
    select
        household_id,
        product_id,
        count(*) as purchases_26w,
        count(*) filter (where days_ago <= 84) as purchases_12w,
        count(*) filter (where days_ago <= 56) as purchases_8w,
        count(*) filter (where days_ago <= 28) as purchases_4w,
        count(*) filter (where days_ago <= 14) as purchases_2w,
        min(days_ago) as days_since_purchase,
        max(days_ago) as days_since_first,
        cast(max(days_ago) - min(days_ago) as double) / nullif(count(*) - 1, 0) as mean_gap_days,
        sum(units) as units_26w,
        sum(spend) as spend_26w,
        sum(discount) as discount_26w,
        count(*) filter (where on_discount) as discounted_purchases_26w,
        count(*) filter (where on_display) as display_purchases_26w,
        count(*) filter (where in_mailer) as mailer_purchases_26w
    from pair_days
    group by household_id, product_id
)

select
    totals.*,
    newest.units as last_units,
    newest.spend as last_spend,
    newest.on_discount as last_on_discount
from totals
inner join pair_days as newest
    on newest.household_id = totals.household_id
    and newest.product_id = totals.product_id
    and newest.days_ago = totals.days_since_purchase
