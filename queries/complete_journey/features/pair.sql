-- What a household did with a product in the last 26 weeks.
-- Grain: household x product.
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
        sum(units) as units_26w,
        max(units) as most_units,
        sum(spend) as spend_26w,
        sum(discount) as discount_26w,
        count(*) filter (where on_discount) as discounted_purchases_26w,
        first_value(units order by days_ago) as last_units,
        first_value(spend order by days_ago) as last_spend,
        first_value(on_discount order by days_ago) as last_on_discount
    from pair_days
    group by household_id, product_id
)

select * from totals
