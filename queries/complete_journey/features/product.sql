-- How a product sells: the last 26 weeks.
-- Grain: product.
with of_pairs as (
    select
        product_id,
        count(*) as product_buyers_26w,
        count(*) filter (where purchases_4w > 0) as product_buyers_4w,
        count(*) filter (where purchases_12w > 0) as product_buyers_12w,
        cast(count(*) filter (where purchases_26w >= 2) as double) / count(*) as product_repeat_share,
        avg(purchases_26w) as product_purchases_per_buyer,
        sum(units_26w) as product_units_26w,
        sum(spend_26w) / nullif(sum(units_26w), 0) as product_price,
        sum(discount_26w) / nullif(sum(spend_26w) + sum(discount_26w), 0) as product_discount_depth,
        cast(sum(discounted_purchases_26w) as double) / sum(purchases_26w) as product_discounted_share,
        3.0 * sum(purchases_4w) / nullif(sum(purchases_12w), 0) as product_trend_4w_12w
    from pair
    group by product_id
)

select * from of_pairs
