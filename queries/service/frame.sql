-- What the model sees.
-- Grain: one row of `rows`.
with joined as (
    select
        rows.user_id,
        rows.reason,

        least(coalesce(user_orders.orders_7d, 0), 3) as orders_7d, -- orders of the last 7 days, 3 and more as 3
        least(coalesce(user_orders.late_7d, 0), 3) as late_7d, -- orders of the last 7 days that came late, or are overdue
        least(coalesce(user_orders.under_way, 0), 3) as under_way, -- orders of the last 7 days that are not delivered
        least(coalesce(user_orders.returned_7d, 0), 3) as returned_7d, -- orders of the last 7 days that go back
        least(coalesce(user_orders.intricate_7d, 0), 3) as intricate_7d, -- orders of the last 7 days of things that need explaining
        cast($as_of_date - users.signed_up_on < 60 as integer) as is_new, -- 1 = signed up within 60 days
        users.age_group, -- age group of the user
        users.segment, -- segment of the user
        coalesce(user_contacts.contacts_28d, 0) as contacts_28d, -- contacts for this reason, 28 days
        user_visits.visits_28d -- days on which the user came, 28 days
    from rows
    left join users on users.user_id = rows.user_id
    left join user_orders on user_orders.user_id = rows.user_id
    left join user_visits on user_visits.user_id = rows.user_id
    left join user_contacts on user_contacts.user_id = rows.user_id and user_contacts.reason = rows.reason
)

select * from joined
