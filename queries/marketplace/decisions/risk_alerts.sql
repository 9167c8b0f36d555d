-- Orders to look at this morning before they are sent: those that are most expensive to have returned, up to a day's capacity.
-- Grain: order that is not delivered and not returned. `risk`: probability of a return of an order that
-- has not come back at its age: that of a return once it is bought, from the chain, with the shares of past returns by their delay. An order is
-- alerted where what a look is expected to save, risk x loss x the share that a look prevents (`prevented_share`), is more than a look
-- costs; `worth` is what is left of it, `loss` the margin and what a return costs. `reason` and `second_reason` are the features that raise
-- the model's odds of a return most for this order against the average one; `odds_times` and `second_odds_times` say how many times. Where
-- no feature of the model raises them, `reason` is the driver whose past return share is highest against all orders' (a log ratio), and
-- `reason_source` says so.
-- Application: risk.
with told as (
    -- What the model holds against an order: its contributions to the odds of a return, once it is bought.
    select
        risk_queue.event_id,
        score_contributions.feature,
        max(score_contributions.value) as value,
        avg(score_contributions.contribution) as contribution,
        avg(score_contributions.log_odds) as log_odds
    from risk_queue
    inner join score_contributions
        on score_contributions.user_id = risk_queue.user_id
        and score_contributions.product_id = risk_queue.product_id
    where score_contributions.task = 'returned' and score_contributions.feature <> '(base)'
    group by risk_queue.event_id, score_contributions.feature
),

against as (
    select
        told.event_id,
        case told.feature
            when 'return_share' then concat('the user sent ', risk_queue.returns_before, ' of ', risk_queue.orders_before, ' orders back')
            when 'price_level' then
                case
                    when risk_queue.price_band = 'usual price' then concat('price against its category: ', told.value)
                    else risk_queue.price_band
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
    inner join risk_queue on risk_queue.event_id = told.event_id
    left join user_brand on user_brand.user_id = risk_queue.user_id and user_brand.brand = risk_queue.brand
    left join user_category on user_category.user_id = risk_queue.user_id and user_category.category = risk_queue.category
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
    risk_queue.place,
    risk_queue.event_id,
    risk_queue.user_id,
    risk_queue.product_id,
    risk_queue.risk,
    risk_queue.worth,
    coalesce(
        reasons.reason,
        case greatest(risk_queue.user_weight, risk_queue.category_weight, risk_queue.price_weight, risk_queue.review_weight)
            when risk_queue.user_weight then concat('the user sent ', risk_queue.returns_before, ' of ', risk_queue.orders_before, ' orders back')
            when risk_queue.category_weight then concat('category: ', risk_queue.category)
            when risk_queue.price_weight then risk_queue.price_band
            else risk_queue.reviews
        end
    ) as reason,
    reasons.odds_times,
    reasons.second_reason,
    reasons.second_odds_times,
    case when reasons.reason is null then 'past return shares' else 'the model' end as reason_source,
    risk_queue.category,
    risk_queue.amount,
    risk_queue.loss,
    risk_queue.ordered_at
from risk_queue
left join reasons on reasons.event_id = risk_queue.event_id
order by risk_queue.place
