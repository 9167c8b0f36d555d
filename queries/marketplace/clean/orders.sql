-- Orders: one for each purchase, with the store that serves it.
-- Grain: one purchase; `event_id` is its impression. Refused: an order without a time, user, product or store.
select
    event_id,
    user_id,
    product_id,
    store,
    amount,
    promised_on, -- day on which it was to be there
    ordered_at,
    case
        when event_id is null or user_id is null or product_id is null then 'no purchase'
        when store is null then 'no store'
        when ordered_at is null then 'no time'
    end as refused
from raw.orders
