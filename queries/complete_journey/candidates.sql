-- Every product that a household bought in the last 26 weeks.
-- Grain: household x product. Scenario: how the product is promoted in the coming week at the household's usual store.
select
    household_id,
    product_id,
    case
        when on_display and in_mailer then 'both'
        when on_display then 'display'
        when in_mailer then 'mailer'
        else 'shelf'
    end as scenario
from pair_plan
