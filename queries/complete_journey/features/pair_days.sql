-- Days on which a household bought a product in the last 26 weeks. Most other features read it.
-- Grain: household x product x day.
select
    household_id,
    product_id,
    cast($as_of_date - sold_on as integer) as days_ago,
    sum(quantity) as units,
    sum(sales_value) as spend,
    sum(discount) as discount,
    bool_or(on_discount) as on_discount,
    bool_or(on_display) as on_display,
    bool_or(in_mailer) as in_mailer
from transactions
where sold_on >= $as_of_date - 182
group by household_id, product_id, sold_on
