-- Orders to look at this morning before they are sent: those that are most expensive to have returned, up to a day's capacity.
-- Grain: order that is not delivered and not returned. `risk`: probability of a return once it is bought, from the chain. An order is
-- alerted where what a look is expected to save, risk x loss x the share that a look prevents (`prevented_share`), is more than a look
-- costs; `worth` is what is left of it, `loss` the margin and what a return costs. `reason` and `second_reason` are the features that raise
-- the model's odds of a return most for this order against the average one; `odds_times` and `second_odds_times` say how many times. Where
-- no feature of the model raises them, `reason` is the driver whose past return share is highest against all orders' (a log ratio), and
-- `reason_source` says so.
-- Application: risk.
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
        risks.risk,
        all_orders.amount * all_orders.margin + $return_cost as loss,
        risks.risk * $prevented_share * (all_orders.amount * all_orders.margin + $return_cost) - $review_cost as worth,
        ln(coalesce(user_returns.return_share, 0.05) / 0.05) as user_weight,
        ln(categories.share / usual.share) as category_weight,
        case when all_orders.price_band <> 'usual price' then ln(prices.share / usual.share) else -10.0 end as price_weight,
        case when all_orders.reviews <> 'usual reviews' then ln(reviewed.share / usual.share) else -10.0 end as review_weight,
        coalesce(user_returns.returns_ever, 0) as returns_before,
        coalesce(user_returns.orders_ever, 0) as orders_before
    from all_orders
    cross join usual
    inner join risks on risks.user_id = all_orders.user_id and risks.product_id = all_orders.product_id
    left join user_returns on user_returns.user_id = all_orders.user_id
    inner join categories on categories.category = all_orders.category
    inner join prices on prices.price_band = all_orders.price_band
    inner join reviewed on reviewed.reviews = all_orders.reviews
    where not all_orders.delivered
        and all_orders.returned = 0
        and all_orders.ordered_at >= $as_of - interval '7 days'
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
),

alerted as (
    select * from queued where place <= $reviews_per_day
),

-- What the model holds against an order: its contributions to the odds of a return, once it is bought.
told as (
    select
        alerted.event_id,
        score_contributions.feature,
        max(score_contributions.value) as value,
        avg(score_contributions.contribution) as contribution,
        avg(score_contributions.log_odds) as log_odds
    from alerted
    inner join score_contributions
        on score_contributions.user_id = alerted.user_id
        and score_contributions.product_id = alerted.product_id
    where score_contributions.task = 'returned' and score_contributions.feature <> '(base)'
    group by alerted.event_id, score_contributions.feature
),

against as (
    select
        told.event_id,
        case told.feature
            when 'return_share' then concat('the user sent ', alerted.returns_before, ' of ', alerted.orders_before, ' orders back')
            when 'price_level' then
                case
                    when alerted.price_band = 'usual price' then concat('price against its category: ', told.value)
                    else alerted.price_band
                end
            when 'rating' then concat('reviews of ', told.value)
            when 'brand_clicks_28d_log' then
                concat('the user clicked ', coalesce(user_brand.brand_clicks_28d, 0), ' times on the brand in 28 days')
            when 'category_clicks_28d_log' then
                concat('the user clicked ', coalesce(user_category.category_clicks_28d, 0), ' times in the category in 28 days')
            when 'usual_slot' then concat('shown at place ', told.value, ' of the page on average')
            else concat(replace(told.feature, '_', ' '), ': ', coalesce(told.value, 'missing'))
        end as reason,
        exp(told.log_odds) as odds_times,
        row_number() over (partition by told.event_id order by told.contribution desc, told.feature) as place
    from told
    inner join alerted on alerted.event_id = told.event_id
    left join user_brand on user_brand.user_id = alerted.user_id and user_brand.brand = alerted.brand
    left join user_category on user_category.user_id = alerted.user_id and user_category.category = alerted.category
    where told.contribution > 0
),

reasons as (
    select
        event_id,
        max(reason) filter (where place = 1) as reason,
        max(odds_times) filter (where place = 1) as odds_times,
        max(reason) filter (where place = 2) as second_reason,
        max(odds_times) filter (where place = 2) as second_odds_times
    from against
    where place <= 2
    group by event_id
)

select
    alerted.place,
    alerted.event_id,
    alerted.user_id,
    alerted.product_id,
    alerted.risk,
    alerted.worth,
    coalesce(
        reasons.reason,
        case greatest(alerted.user_weight, alerted.category_weight, alerted.price_weight, alerted.review_weight)
            when alerted.user_weight then concat('the user sent ', alerted.returns_before, ' of ', alerted.orders_before, ' orders back')
            when alerted.category_weight then concat('category: ', alerted.category)
            when alerted.price_weight then alerted.price_band
            else alerted.reviews
        end
    ) as reason,
    reasons.odds_times,
    reasons.second_reason,
    reasons.second_odds_times,
    case when reasons.reason is null then 'past return shares' else 'the model' end as reason_source,
    alerted.category,
    alerted.amount,
    alerted.loss,
    alerted.ordered_at
from alerted
left join reasons on reasons.event_id = alerted.event_id
order by alerted.place
