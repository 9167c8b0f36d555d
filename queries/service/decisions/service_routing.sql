-- Whom to reach before they call, in which queue, most worth first, as far as the agents' minutes go.
-- Grain: user x reason that is worth a message. `saved`: minutes that a message is expected to spare, probability x minutes x
-- `spared_share`, less what it takes. `queue` is the reason that is most probable for the user; `today` says who fits into the capacity.
-- That a message spares a contact is an assumption (`spared_share`), no effect that was measured.
-- Application: service.
with likely as (
    select
        user_id,
        scenario as reason,
        contact,
        minutes,
        minutes * $spared_share - $minutes_per_message as saved,
        row_number() over (partition by user_id order by minutes desc, scenario) as place
    from scores
),

worth_it as (
    select
        user_id,
        reason,
        contact,
        minutes,
        saved,
        row_number() over (order by saved desc, user_id) as priority
    from likely
    where place = 1 and saved > 0
)

select
    worth_it.priority,
    worth_it.user_id,
    worth_it.priority * $minutes_per_message <= $agents * $minutes_per_agent as today,
    worth_it.reason as queue,
    worth_it.contact as contact_probability,
    worth_it.minutes as expected_minutes,
    worth_it.saved,
    sum(worth_it.saved) over (order by worth_it.priority) as saved_so_far,
    case
        when worth_it.reason = 'delivery' and user_orders.late_7d > 0 then concat('orders late or overdue: ', user_orders.late_7d)
        when worth_it.reason = 'return' and user_orders.returned_7d > 0 then concat('orders going back: ', user_orders.returned_7d)
        when worth_it.reason = 'product' and user_orders.intricate_7d > 0 then
            concat('orders that need explaining: ', user_orders.intricate_7d)
        when worth_it.reason = 'payment' and users.signed_up_on > $as_of_date - 60 then 'new user'
        when user_orders.orders_7d > 0 then concat('orders of the week: ', user_orders.orders_7d)
        else 'past contacts'
    end as because
from worth_it
inner join users on users.user_id = worth_it.user_id
left join user_orders on user_orders.user_id = worth_it.user_id
order by worth_it.priority
