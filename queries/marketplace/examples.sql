-- What was shown to a user in the week, and what came of it.
-- Grain: user x product x scenario. A task that follows another one holds only where that one happened: cart and purchase
-- after a click, spend after a purchase.
select
    user_id,
    product_id,
    scenario,
    bool_or(clicked) as click,
    bool_or(carted) as cart,
    bool_or(purchased) as purchase,
    sum(amount) as spend
from outcome.impressions
group by user_id, product_id, scenario
