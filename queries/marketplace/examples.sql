-- What was shown to a user in the week, and what came of it.
-- Grain: user x product x scenario. A task that follows another one holds only where that one happened: cart and purchase
-- after a click, spend and return after a purchase. A return counts where it was asked for within the week.
with shown as (
    select
        impressions.user_id,
        impressions.product_id,
        impressions.scenario,
        impressions.clicked,
        impressions.carted,
        impressions.purchased,
        impressions.amount,
        returns.event_id is not null as returned
    from outcome.impressions as impressions
    left join outcome.returns as returns on returns.event_id = impressions.event_id
)

select
    user_id,
    product_id,
    scenario,
    bool_or(clicked) as click,
    bool_or(carted) as cart,
    bool_or(purchased) as purchase,
    sum(amount) as spend,
    bool_or(returned) as returned
from shown
group by user_id, product_id, scenario
