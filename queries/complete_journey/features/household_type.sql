-- What a household buys of one type of product (its substitutes): the last 26 weeks.
-- Grain: household x product type.
select
    pair.household_id,
    products.product_type,
    count(*) as type_products_26w,
    sum(pair.purchases_26w) as type_purchases_26w,
    sum(pair.purchases_4w) as type_purchases_4w,
    min(pair.days_since_purchase) as type_days_since_purchase
from pair
inner join products on products.product_id = pair.product_id
where products.product_type is not null
group by pair.household_id, products.product_type
