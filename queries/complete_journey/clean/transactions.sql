-- Lines of receipts.
-- Grain: one product in one basket at one price.
-- Refused: lines without a positive quantity or sales value, and quantities over 1,000 (fuel is counted in cents).
with typed as (
    select
        household_id,
        product_id,
        store_id,
        basket_id,
        cast(quantity as bigint) as quantity,
        sales_value,
        retail_disc + coupon_disc + coupon_match_disc as discount,
        transaction_timestamp at time zone 'UTC' as sold_at
    from raw.transactions
),

dated as (
    select
        household_id,
        product_id,
        store_id,
        basket_id,
        quantity,
        sales_value,
        discount,
        discount > 0 as on_discount,
        sold_at,
        -- Days since 1970-01-01 in the shop's zone.
        cast(floor(date_part('epoch', to_local_time(sold_at at time zone 'America/New_York')) / 86400) as bigint) as sold_day,
        case
            when household_id is null or product_id is null then 'no household or product'
            when sold_at is null then 'no time'
            when quantity <= 0 then 'no positive quantity'
            when sales_value <= 0 then 'no sales value'
            when quantity > 1000 then 'quantity over 1,000 (fuel)'
        end as refused
    from typed
)

select * from dated
