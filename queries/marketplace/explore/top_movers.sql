-- Products whose expected clicks have changed most since the night before, among the candidates of both nights.
with tonight as (
    select product_id, sum(click) as clicks, count(*) as pairs from current.scores group by product_id
),

before as (
    select product_id, sum(click) as clicks, count(*) as pairs from previous.scores group by product_id
)

select
    products.product_id,
    products.category,
    before.clicks as before,
    tonight.clicks as tonight,
    tonight.clicks - before.clicks as change,
    tonight.pairs - before.pairs as more_pairs
from tonight
inner join before on before.product_id = tonight.product_id
inner join products on products.product_id = tonight.product_id
order by abs(tonight.clicks - before.clicks) desc, products.product_id
limit 30
