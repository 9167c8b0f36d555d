-- What a household buys of a department: the last 26 weeks.
-- Grain: household x department.
select
    pair.household_id,
    products.department,
    sum(pair.purchases_26w) as department_purchases_26w,
    sum(pair.purchases_4w) as department_purchases_4w
from pair
inner join products on products.product_id = pair.product_id
where products.department is not null
group by pair.household_id, products.department
