-- The orders that `risk_alerts` speaks of, with what their reasons are made of.
-- Grain: order that is not delivered and not returned, and worth a look this morning; `place` 1 is worth most. The weights are log ratios of
-- past return shares against all orders'. `score_contributions` explains these orders' scores (`explain.contributions_of` in job.toml).
-- Application: risk, working table.
with all_orders as (
    select
        orders.event_id,
        orders.user_id,
        orders.product_id,
        orders.amount,
        orders.ordered_at,
        products.category,
        products.margin,
        products.brand,
        case
            when product_price.price_level >= 0.3 then 'dear for its category'
            when product_price.price_level <= -0.3 then 'cheap for its category'
            else 'usual price'
        end as price_band,
        case
            when products.rating < 3.5 then 'reviews below 3.5'
            when products.rating >= 4.3 then 'reviews from 4.3'
            else 'usual reviews'
        end as reviews,
        cast(returns.event_id is not null as double) as returned,
        deliveries.event_id is not null as delivered
    from orders
    inner join products on products.product_id = orders.product_id
    left join product_price on product_price.product_id = orders.product_id
    left join returns on returns.event_id = orders.event_id
    left join deliveries on deliveries.event_id = orders.event_id
),

usual as (
    select avg(returned) as share from all_orders
),

categories as (
    select category, (sum(returned) + 20 * max(usual.share)) / (count(*) + 20) as share
    from all_orders cross join usual
    group by category
),

prices as (
    select price_band, (sum(returned) + 20 * max(usual.share)) / (count(*) + 20) as share
    from all_orders cross join usual
    group by price_band
),

reviewed as (
    select reviews, (sum(returned) + 20 * max(usual.share)) / (count(*) + 20) as share
    from all_orders cross join usual
    group by reviews
),

risks as (
    -- A pair that was shown in two scenarios counts once.
    select
        user_id,
        product_id,
        avg(returned / nullif(purchase, 0)) as risk
    from scores
    group by user_id, product_id
),

-- How long it took until a return was asked for.
delays as (
    select returns.requested_at - returns.ordered_at as delay
    from returns
),

-- Share of the returns that come later than an order is old: what is over is no longer a risk.
ages as (
    select
        all_orders.event_id,
        coalesce(avg(cast(delays.delay > $as_of - all_orders.ordered_at as double)), 1.0) as to_come
    from all_orders
    left join delays on true
    where not all_orders.delivered
        and all_orders.returned = 0
        and all_orders.ordered_at >= $as_of - interval '7 days'
    group by all_orders.event_id
),

-- The probability of a return of an order that has not come back by now (Bayes).
left_over as (
    select
        ages.event_id,
        risks.risk * ages.to_come / (1 - risks.risk * (1 - ages.to_come)) as risk
    from ages
    inner join all_orders on all_orders.event_id = ages.event_id
    inner join risks on risks.user_id = all_orders.user_id and risks.product_id = all_orders.product_id
    where risks.risk < 1 or ages.to_come > 0
),

waiting as (
    select
        all_orders.event_id,
        all_orders.user_id,
        all_orders.product_id,
        all_orders.category,
        all_orders.price_band,
        all_orders.reviews,
        all_orders.brand,
        all_orders.amount,
        all_orders.ordered_at,
        left_over.risk,
        all_orders.amount * all_orders.margin + $return_cost as loss,
        left_over.risk * $prevented_share * (all_orders.amount * all_orders.margin + $return_cost) - $review_cost as worth,
        ln(coalesce(user_returns.return_share, 0.05) / 0.05) as user_weight,
        ln(categories.share / usual.share) as category_weight,
        case when all_orders.price_band <> 'usual price' then ln(prices.share / usual.share) else -10.0 end as price_weight,
        case when all_orders.reviews <> 'usual reviews' then ln(reviewed.share / usual.share) else -10.0 end as review_weight,
        coalesce(user_returns.returns_ever, 0) as returns_before,
        coalesce(user_returns.orders_ever, 0) as orders_before
    from all_orders
    cross join usual
    inner join left_over on left_over.event_id = all_orders.event_id
    left join user_returns on user_returns.user_id = all_orders.user_id
    inner join categories on categories.category = all_orders.category
    inner join prices on prices.price_band = all_orders.price_band
    inner join reviewed on reviewed.reviews = all_orders.reviews
),

queued as (
    select
        event_id,
        user_id,
        product_id,
        category,
        price_band,
        reviews,
        brand,
        amount,
        ordered_at,
        risk,
        loss,
        worth,
        user_weight,
        category_weight,
        price_weight,
        review_weight,
        returns_before,
        orders_before,
        row_number() over (order by worth desc, event_id) as place
    from waiting
    where worth > 0
)

select * from queued
where place <= $reviews_per_day
order by place
