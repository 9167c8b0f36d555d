-- How many different products a household bought, and how loyal it is to them: the last 26 weeks.
-- Grain: household.
select
    household_id,
    count(*) as household_products_26w,
    cast(sum(purchases_26w) as double) / count(*) as household_purchases_per_product,
    cast(count(*) filter (where purchases_26w >= 2) as double) / count(*) as household_repeat_share
from pair
group by household_id
