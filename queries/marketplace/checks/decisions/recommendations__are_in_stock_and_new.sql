-- Nothing is recommended that lies nowhere, or that the user bought within 28 days.
with stocked as (
    select product_id, sum(on_hand) as pieces
    from stock_now
    group by product_id
),

bought as (
    select distinct user_id, product_id
    from orders
    where ordered_at >= $as_of - interval '28 days'
)

select recommendations.user_id, recommendations.scenario, recommendations.product_id, stocked.pieces
from recommendations
left join stocked on stocked.product_id = recommendations.product_id
left join bought on bought.user_id = recommendations.user_id and bought.product_id = recommendations.product_id
where coalesce(stocked.pieces, 0) <= 0 or bought.user_id is not null
