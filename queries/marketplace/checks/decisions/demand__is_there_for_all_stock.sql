-- Every product and place with stock has a demand and an order to decide on.
select
    stock_now.product_id,
    stock_now.location,
    demand.expected,
    inventory.reorder_point
from stock_now
left join demand on demand.product_id = stock_now.product_id and demand.location = stock_now.location
left join inventory on inventory.product_id = stock_now.product_id and inventory.location = stock_now.location
where demand.expected is null
    or demand.high is null
    or inventory.reorder_point is null
