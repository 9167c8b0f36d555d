-- What may be recommended tonight, with what it is expected to bring.
-- Grain: user x scenario x product among the candidates. Left out: what the user bought within 28 days, what lies nowhere, products with
-- reviews below the job's `least_rating`. The expected margin is click, purchase and amount multiplied along the chain, times the
-- product's margin.
-- Application: recommendation, working table.
with in_stock as (
    select product_id
    from stock_now
    group by product_id
    having sum(on_hand) > 0
),

bought as (
    select distinct user_id, product_id
    from orders
    where ordered_at >= $as_of - interval '28 days'
),

allowed as (
    select
        scores.user_id,
        scores.product_id,
        scores.scenario,
        scores.click,
        scores.purchase,
        scores.spend,
        scores.spend * products.margin as expected_margin,
        products.category,
        row_number() over (
            partition by scores.user_id, scores.scenario
            order by scores.spend * products.margin desc, scores.product_id
        ) as by_value,
        coalesce(product_views.product_views_28d, 0) as views
    from scores
    inner join products on products.product_id = scores.product_id
    inner join in_stock on in_stock.product_id = scores.product_id
    left join bought on bought.user_id = scores.user_id and bought.product_id = scores.product_id
    left join product_views on product_views.product_id = scores.product_id
    where bought.user_id is null
        and products.stock > 0
        and coalesce(products.rating, $least_rating) >= $least_rating
)

select
    user_id,
    scenario,
    product_id,
    category,
    click,
    purchase,
    spend,
    expected_margin,
    by_value,
    views
from allowed
order by user_id, scenario, by_value
