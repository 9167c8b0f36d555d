-- What users were shown, and what they did with it.
-- Grain: one product shown once to a user. Repaired: scenarios spelt in several ways.
-- Refused: a second delivery of an event, rows that name no known user or product, no time or no outcome, prices and dwell
-- times that cannot be.
with numbered as (
    select
        event_id,
        user_id,
        product_id,
        lower(trim(scenario)) as scenario,
        slot,
        price,
        clicked,
        dwell_seconds,
        carted,
        purchased,
        amount,
        occurred_at,
        arrived_at,
        week,
        row_number() over (partition by event_id order by arrived_at) as delivery
    from raw.impressions
)

select
    numbered.event_id,
    numbered.user_id,
    numbered.product_id,
    numbered.scenario,
    numbered.slot,
    numbered.price,
    numbered.clicked,
    numbered.dwell_seconds,
    numbered.carted,
    numbered.purchased,
    numbered.amount,
    products.category,
    products.brand,
    numbered.occurred_at,
    numbered.arrived_at,
    numbered.week,
    case
        when numbered.user_id is null then 'no user'
        when users.user_id is null then 'unknown user'
        when numbered.product_id is null then 'no product'
        when products.product_id is null then 'unknown product'
        when numbered.occurred_at is null or numbered.arrived_at is null then 'no time'
        when numbered.clicked is null then 'no outcome'
        when numbered.price is null or numbered.price <= 0 then 'price is not positive'
        when numbered.dwell_seconds < 0 then 'negative dwell time'
        when numbered.delivery > 1 then 'delivered twice'
    end as refused
from numbered
left join users on users.user_id = numbered.user_id
left join products on products.product_id = numbered.product_id
