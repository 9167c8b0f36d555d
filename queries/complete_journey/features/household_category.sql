-- What a household buys of a category: the last 26 weeks.
-- Grain: household x product category.
with days as (
    select
        pair_days.household_id,
        products.product_category,
        pair_days.days_ago,
        count(*) as products,
        sum(pair_days.spend) as spend
    from pair_days
    inner join products on products.product_id = pair_days.product_id
    where products.product_category is not null
    group by pair_days.household_id, products.product_category, pair_days.days_ago
)

select
    household_id,
    product_category,
    count(*) as category_visits_26w,
    count(*) filter (where days_ago <= 28) as category_visits_4w,
    sum(products) as category_purchases_26w,
    sum(spend) as category_spend_26w,
    min(days_ago) as category_days_since_purchase,
    cast(max(days_ago) - min(days_ago) as double) / nullif(count(*) - 1, 0) as category_gap_days
from days
group by household_id, product_category
