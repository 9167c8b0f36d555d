-- How a product sells: the last 26 weeks.
-- Grain: product.
select
    product_id,
    count(*) as product_buyers_26w,
    count(*) filter (where purchases_4w > 0) as product_buyers_4w,
    cast(count(*) filter (where purchases_26w >= 2) as double) / count(*) as product_repeat_share,
    cast(sum(purchases_26w) as double) / count(*) as product_purchases_per_buyer,
    avg(mean_gap_days) as product_mean_gap_days,
    sum(purchases_26w) as product_purchases_26w,
    sum(units_26w) as product_units_26w,
    sum(spend_26w) / sum(units_26w) as product_price,
    sum(discount_26w) / nullif(sum(spend_26w) + sum(discount_26w), 0) as product_discount_depth,
    cast(sum(discounted_purchases_26w) as double) / sum(purchases_26w) as product_discounted_share,
    cast(sum(display_purchases_26w) as double) / sum(purchases_26w) as product_display_share,
    cast(sum(mailer_purchases_26w) as double) / sum(purchases_26w) as product_mailer_share,
    3.0 * sum(purchases_4w) / nullif(sum(purchases_12w), 0) as product_trend_4w_12w
from pair
group by product_id
