-- Products whose expected purchases have changed most since the night before, among the candidates of both nights.
with tonight as (
    select product_id, sum(purchase) as purchases, count(*) as pairs from current.scores group by product_id
),

before as (
    select product_id, sum(purchase) as purchases, count(*) as pairs from previous.scores group by product_id
)

select
    products.product_id,
    products.product_category,
    before.purchases as before,
    tonight.purchases as tonight,
    tonight.purchases - before.purchases as change,
    tonight.pairs - before.pairs as more_pairs
from tonight
inner join before on before.product_id = tonight.product_id
inner join products on products.product_id = tonight.product_id
order by abs(tonight.purchases - before.purchases) desc, products.product_id
limit 30
