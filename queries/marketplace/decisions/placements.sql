-- For each product, the scenario in which showing it gains most, against its own mean over the scenarios.
-- Grain: product in stock with at least twenty users to whom it may be shown. The same users and products are scored under
-- every scenario; these are predictions for another scenario, not effects of moving a product there.
-- Application: advertisements.
with pairs as (
    -- A pair that is a candidate in two scenarios counts once.
    select
        user_id,
        product_id,
        under,
        avg(click) as click,
        avg(spend) as spend
    from scores_under
    group by user_id, product_id, under
),

expected as (
    select
        pairs.product_id,
        pairs.under as scenario,
        count(*) as users,
        avg(pairs.click) as click,
        avg(pairs.spend * products.margin) as margin_per_impression
    from pairs
    inner join products on products.product_id = pairs.product_id
    where products.stock > 0
    group by pairs.product_id, pairs.under
    having count(*) >= 20
),

ranked as (
    select
        product_id,
        scenario,
        users,
        click,
        margin_per_impression,
        margin_per_impression - avg(margin_per_impression) over (partition by product_id) as gain,
        row_number() over (partition by product_id order by margin_per_impression desc, scenario) as place
    from expected
)

select
    ranked.product_id,
    products.title,
    products.category,
    ranked.scenario,
    ranked.users,
    ranked.click,
    ranked.margin_per_impression,
    ranked.gain
from ranked
inner join products on products.product_id = ranked.product_id
where ranked.place = 1
order by ranked.gain desc, ranked.product_id
