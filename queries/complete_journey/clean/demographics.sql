-- What the shop knows of some households.
-- Grain: one household; about a third of them answered.
select
    household_id,
    age,
    income,
    home_ownership,
    marital_status,
    household_size,
    household_comp,
    kids_count
from raw.demographics
