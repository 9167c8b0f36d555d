-- Every product that a household bought in the last 26 weeks.
-- Grain: household x product. Scenario: how the product is promoted in the coming week at the household's usual store.
with planned as (
    select
        pair.household_id,
        pair.product_id,
        usual_store.store_id,
        coalesce(promotion_plan.on_display, false) as on_display,
        coalesce(promotion_plan.in_mailer, false) as in_mailer
    from pair
    inner join usual_store on usual_store.household_id = pair.household_id
    left join promotion_plan
        on promotion_plan.product_id = pair.product_id
        and promotion_plan.store_id = usual_store.store_id
)

select
    household_id,
    product_id,
    case
        when on_display and in_mailer then 'both'
        when on_display then 'display'
        when in_mailer then 'mailer'
        else 'shelf'
    end as scenario
from planned
