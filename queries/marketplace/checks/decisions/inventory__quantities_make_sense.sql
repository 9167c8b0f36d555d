-- No quantity is negative, nothing is ordered that is not bought again or that is there in plenty, and a risk is a probability.
select product_id, location, on_hand, on_order, reorder_point, order_up_to, order_quantity, overstock, stockout_risk, action
from inventory
where order_quantity < 0
    or overstock < 0
    or reorder_point > order_up_to
    or (order_quantity > 0 and overstock > 0)
    or (action = 'not bought again' and order_quantity > 0)
    or stockout_risk < 0
    or stockout_risk > 1
