-- Users.
-- Grain: one user. Refused: a second row of a user. An age group that is not known stays NULL.
with numbered as (
    select
        user_id,
        segment,
        age_group,
        signed_up_on,
        row_number() over (partition by user_id order by signed_up_on) as listing
    from raw.users
)

select
    user_id,
    segment,
    age_group,
    signed_up_on,
    case
        when user_id is null then 'no user'
        when listing > 1 then 'listed twice'
    end as refused
from numbered
