-- Products to recommend to each user: those of the greatest expected margin, each in the scenario where it is greatest.
-- Grain: user x product, the best of each user. Only products in stock. The expected margin is the expected spend (click,
-- purchase and amount multiplied along the chain) times the product's margin.
with expected as (
    select
        scores.user_id,
        scores.product_id,
        scores.scenario,
        scores.click,
        scores.purchase,
        scores.spend,
        scores.spend * products.margin as expected_margin,
        row_number() over (
            partition by scores.user_id, scores.product_id
            order by scores.spend * products.margin desc, scores.scenario
        ) as place_of_scenario
    from scores
    inner join products on products.product_id = scores.product_id
    where products.stock > 0
),

ranked as (
    select
        user_id,
        product_id,
        scenario,
        click,
        purchase,
        spend,
        expected_margin,
        row_number() over (partition by user_id order by expected_margin desc, product_id) as place
    from expected
    where place_of_scenario = 1
)

select
    ranked.user_id,
    ranked.place,
    ranked.product_id,
    products.title,
    products.category,
    ranked.scenario,
    ranked.click,
    ranked.purchase,
    ranked.spend,
    ranked.expected_margin
from ranked
inner join products on products.product_id = ranked.product_id
where ranked.place <= $recommended_products
order by ranked.user_id, ranked.place
