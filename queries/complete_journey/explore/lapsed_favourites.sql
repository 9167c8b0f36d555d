-- Products that a household bought often and has not bought for eight weeks.
select
    household_id,
    product_id,
    purchases_26w,
    days_since_purchase
from pair
where purchases_26w >= 6 and purchases_8w = 0
order by purchases_26w desc, household_id, product_id
limit 100
