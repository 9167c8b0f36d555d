-- Days on which a household bought a product in the last 26 weeks.
-- Grain: household x product x day.
with lines as (
    select
        household_id,
        product_id,
        cast(cast(date_part('epoch', $as_of_date) / 86400 as bigint) - sold_day as integer) as days_ago,
        quantity,
        sales_value,
        discount,
        on_discount
    from transactions
    where sold_day >= cast(date_part('epoch', $as_of_date) / 86400 as bigint) - 182
)

select
    household_id,
    product_id,
    days_ago,
    sum(quantity) as units,
    sum(sales_value) as spend,
    sum(discount) as discount,
    bool_or(on_discount) as on_discount
from lines
group by household_id, product_id, days_ago
