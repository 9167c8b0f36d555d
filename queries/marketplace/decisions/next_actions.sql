-- What each user will probably do in the coming week: click, put into the cart, buy, and where the next visit goes.
-- Grain: user who was shown something in the last 7 days. The user is expected to be shown the like again: the probability of at
-- least one click is one less the product of the probabilities of none. The next scenario is the commonest after the last one seen.
-- `clicks`, `fills_cart` and `buys` are probabilities, `spend` is the expected amount; who is expected to spend most comes first.
-- Application: behaviour.
with shown as (
    select distinct
        user_id,
        product_id,
        scenario
    from impressions
    where occurred_at >= $as_of - interval '7 days'
),

actions as (
    select
        scores.user_id,
        count(*) as products,
        1 - exp(sum(ln(greatest(1 - scores.click, 0.000000001)))) as clicks,
        1 - exp(sum(ln(greatest(1 - scores.cart, 0.000000001)))) as fills_cart,
        1 - exp(sum(ln(greatest(1 - scores.purchase, 0.000000001)))) as buys,
        sum(scores.spend) as spend
    from scores
    inner join shown
        on shown.user_id = scores.user_id
        and shown.product_id = scores.product_id
        and shown.scenario = scores.scenario
    group by scores.user_id
),

last_seen as (
    select
        user_id,
        last_value(scenario order by occurred_at, event_id) as scenario
    from impressions
    where occurred_at >= $as_of - interval '7 days'
    group by user_id
),

steps as (
    select
        scenario,
        lead(scenario) over (partition by user_id order by occurred_at, event_id) as next_scenario
    from impressions
    where occurred_at >= $as_of - interval '28 days'
),

commonest as (
    select
        scenario,
        next_scenario,
        count(*) / sum(cast(count(*) as double)) over (partition by scenario) as probability,
        row_number() over (partition by scenario order by count(*) desc, next_scenario) as place
    from steps
    where next_scenario is not null
    group by scenario, next_scenario
)

select
    actions.user_id,
    actions.products,
    actions.clicks,
    actions.fills_cart,
    actions.buys,
    actions.spend,
    last_seen.scenario as last_scenario,
    commonest.next_scenario,
    commonest.probability as next_scenario_probability
from actions
inner join last_seen on last_seen.user_id = actions.user_id
left join commonest on commonest.scenario = last_seen.scenario and commonest.place = 1
order by actions.spend desc, actions.user_id
