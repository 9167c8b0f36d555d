-- What the shop knows of some households.
-- Grain: one household; about a third of them answered.
select
    cast(household_id as integer) as household_id,
    age,
    income,
    home_ownership,
    marital_status,
    household_size,
    household_comp,
    kids_count,
    case when household_id is null then 'no household' end as refused
from raw.demographics
