-- What the alerts of the held-out week would have found: each day's orders in a day's capacity, by method.
-- Grain: method. `precision`: returned orders among those looked at; `recall`: found among all returned; `worth`: what the looks save
-- less what they cost. `model`: by what a look is expected to save, above the cost of a look; `riskiest`: by the model's probability
-- alone; `user's past`: by the share that the user had sent back before; `any order`: by chance.
-- Application: risk, figures of merit.
with nights as (
    select min(cast(as_of as timestamp)) as held_out from holdout
),

pasts as (
    select
        orders.user_id,
        (count(returns.event_id) + 0.5) / (count(*) + 10.0) as return_share
    from orders
    cross join nights
    left join returns on returns.event_id = orders.event_id and returns.requested_at < nights.held_out
    where orders.ordered_at < nights.held_out
    group by orders.user_id
),

days as (
    select
        orders.user_id,
        orders.product_id,
        min(cast(orders.ordered_at as date)) as day
    from orders
    cross join nights
    where orders.ordered_at >= nights.held_out and orders.ordered_at < nights.held_out + interval '7 days'
    group by orders.user_id, orders.product_id
),

bought as (
    select
        days.day,
        holdout.user_id,
        holdout.product_id,
        cast(holdout.y_returned as double) as returned,
        holdout.p_returned / nullif(holdout.p_purchase, 0) as risk,
        holdout.y_spend * products.margin + $return_cost as loss,
        coalesce(pasts.return_share, 0.05) as past,
        sha256(concat_ws('|', holdout.user_id, holdout.product_id, holdout.scenario)) as chance
    from holdout
    inner join products on products.product_id = holdout.product_id
    left join pasts on pasts.user_id = holdout.user_id
    left join days on days.user_id = holdout.user_id and days.product_id = holdout.product_id
    where holdout.y_purchase = 1 and holdout.y_returned is not null
),

methods as (
    select 'model' as method, day, returned, loss, chance, risk * $prevented_share * loss - $review_cost as score from bought
    union all
    select 'riskiest' as method, day, returned, loss, chance, risk as score from bought
    union all
    select 'user''s past' as method, day, returned, loss, chance, past as score from bought
    union all
    select 'any order' as method, day, returned, loss, chance, 1.0 as score from bought
),

placed as (
    select
        method,
        returned,
        loss,
        score,
        row_number() over (partition by method, day order by score desc, chance) as place
    from methods
),

judged as (
    select
        method,
        returned,
        loss,
        place <= $reviews_per_day and score > 0 as looked_at
    from placed
)

select
    method,
    count(*) as orders,
    cast(sum(returned) as bigint) as returned,
    avg(returned) as base_rate,
    count(*) filter (where looked_at) as looked_at,
    cast(sum(returned) filter (where looked_at) as bigint) as found,
    avg(returned) filter (where looked_at) as precision,
    sum(returned) filter (where looked_at) / sum(returned) as recall,
    sum(returned * $prevented_share * loss - $review_cost) filter (where looked_at) as worth
from judged
group by method
order by worth desc, method
