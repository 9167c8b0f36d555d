-- How crowded the coming week's plan is in a category.
-- Grain: store x product category.
select
    promotion_plan.store_id,
    products.product_category,
    count(*) filter (where promotion_plan.on_display) as category_planned_displays,
    count(*) filter (where promotion_plan.in_mailer) as category_planned_mailers
from promotion_plan
inner join products on products.product_id = promotion_plan.product_id
where products.product_category is not null
group by promotion_plan.store_id, products.product_category
