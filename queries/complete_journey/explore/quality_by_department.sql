-- In which departments the predictions hold on the held-out night: order, level, and what was sold.
select
    products.department,
    auc(holdout.y_purchase, holdout.p_purchase) as auc,
    gauc(holdout.y_purchase, holdout.p_purchase, holdout.household_id) as gauc,
    predicted_observed(holdout.y_purchase, holdout.p_purchase) as predicted_observed,
    sum(holdout.y_spend) as spend,
    count(*) as pairs
from current.holdout
inner join products on products.product_id = holdout.product_id
group by products.department
having sum(holdout.y_purchase) >= 100
order by auc, products.department
