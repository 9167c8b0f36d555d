-- What the agents' minutes would have spared in the held-out week: users reached by the model's priority, in the order in which they
-- ordered first in the days before (first come), by chance, and with foresight.
-- Grain: method. `spared`: minutes of the contacts of the users reached, times `spared_share`, less what the messages take.
-- Application: service, figures of merit.
with nights as (
    select min(cast(as_of as timestamp)) as held_out from holdout
),

last_orders as (
    select
        orders.user_id,
        min(orders.ordered_at) as first_ordered_at
    from orders
    cross join nights
    where orders.ordered_at >= nights.held_out - interval '7 days' and orders.ordered_at < nights.held_out
    group by orders.user_id
),

pairs as (
    select
        holdout.user_id,
        holdout.scenario,
        holdout.p_minutes,
        cast(holdout.y_contact as double) as contact,
        coalesce(holdout.y_minutes, 0) as minutes,
        row_number() over (partition by holdout.user_id order by holdout.p_minutes desc, holdout.scenario) as place
    from holdout
),

users_of as (
    -- A message is about one reason: the likeliest.
    select
        pairs.user_id,
        pairs.p_minutes,
        pairs.contact,
        pairs.minutes,
        coalesce(date_part('epoch', last_orders.first_ordered_at), 99999999999) as came,
        sha256(cast(pairs.user_id as varchar)) as chance
    from pairs
    left join last_orders on last_orders.user_id = pairs.user_id
    where pairs.place = 1
),

methods as (
    -- As `service_routing` does: only who is expected to be worth a message.
    select 'model' as method, contact, minutes, -p_minutes as score, chance
    from users_of
    where p_minutes * $spared_share > $minutes_per_message
    union all
    select 'first come' as method, contact, minutes, came as score, chance from users_of
    union all
    select 'any order' as method, contact, minutes, 0.0 as score, chance from users_of
    union all
    select 'foresight' as method, contact, minutes, -minutes as score, chance from users_of
),

placed as (
    select
        method,
        contact,
        minutes,
        row_number() over (partition by method order by score, chance) as place
    from methods
)

select
    method,
    count(*) as reached,
    sum(contact) as contacts_reached,
    avg(contact) as precision,
    sum(minutes) as minutes_of_contacts,
    sum(minutes * $spared_share - $minutes_per_message) as spared
from placed
where place * $minutes_per_message <= $agents * $minutes_per_agent
group by method
order by spared desc
