-- What a household did in the last 26 weeks, in numbers by which households are grouped.
-- Grain: household.
select
    household.household_id,
    ln(1 + cast(household.household_visits_26w as double)) as visits_log, -- visits: log of 1 + days
    cast(household.household_days_since_visit as double) as days_since_visit, -- days since the last visit
    ln(1 + household.household_spend_26w) as spend_log, -- amount: log of 1 + amount
    household.household_products_per_visit as products_per_visit, -- lines of a visit
    household.household_discounted_share as discounted_share, -- share of what was bought at a discount
    household.household_mailer_share as mailer_share, -- share of what was bought while in the mailer
    household.household_display_share as display_share, -- share of what was bought while on display
    household_variety.household_repeat_share as repeat_share -- share of products bought more than once
from household
left join household_variety on household_variety.household_id = household.household_id
