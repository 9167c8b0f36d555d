-- Lines of receipts, each with the promotion of its product in its store and week.
-- Grain: one product in one basket at one price.
-- Refused: lines without a positive quantity or sales value, and fuel, which is counted in small units and not recommended.
-- Timestamps are UTC; `sold_on` is the day in New York, where the shop's day begins.
with typed as (
    select
        cast(household_id as integer) as household_id,
        cast(product_id as integer) as product_id,
        cast(store_id as integer) as store_id,
        basket_id,
        cast(week as integer) as week,
        quantity,
        sales_value,
        retail_disc + coupon_disc + coupon_match_disc as discount,
        transaction_timestamp at time zone 'UTC' as sold_at,
        cast(transaction_timestamp at time zone 'UTC' at time zone 'America/New_York' as date) as sold_on
    from raw.transactions
)

select
    typed.household_id,
    typed.product_id,
    typed.store_id,
    typed.basket_id,
    typed.week,
    typed.quantity,
    typed.sales_value,
    typed.discount,
    typed.discount > 0 as on_discount,
    coalesce(promotions.on_display, false) as on_display,
    coalesce(promotions.in_mailer, false) as in_mailer,
    typed.sold_at,
    typed.sold_on,
    case
        when typed.household_id is null or typed.product_id is null or typed.store_id is null then 'no household, product or store'
        when typed.sold_at is null then 'no time'
        when typed.quantity is null or typed.quantity <= 0 then 'no positive quantity'
        when typed.sales_value is null or typed.sales_value <= 0 then 'no sales value'
        when typed.quantity > 1000 then 'quantity over 1,000 (fuel)'
        when products.product_type like 'GASOLINE%' then 'fuel'
    end as refused
from typed
left join products on products.product_id = typed.product_id
left join promotions
    on promotions.product_id = typed.product_id
    and promotions.store_id = typed.store_id
    and promotions.starts_on = cast(date_trunc('week', typed.sold_on) as date)
