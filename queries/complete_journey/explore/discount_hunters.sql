-- Households that buy most of their products on discount.
select
    household_id,
    household_discounted_share,
    household_spend_26w,
    household_visits_26w
from household
where household_visits_26w >= 10
order by household_discounted_share desc, household_id
limit 50
