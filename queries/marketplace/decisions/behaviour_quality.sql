-- Did users do what was expected? Users by how probable a purchase was in the held-out week, in fifths, with how many bought.
-- Given what they were shown in that week: whether they come at all is not forecast here.
-- Grain: fifth of the users (1 = least probable).
-- Application: behaviour, figures of merit.
with expected as (
    select
        user_id,
        1 - exp(sum(ln(greatest(1 - p_purchase, 0.000000001)))) as buys,
        max(cast(y_purchase as double)) as bought,
        sum(p_spend) as expected_spend,
        sum(y_spend) as spend
    from holdout
    group by user_id
),

fifths as (
    select
        user_id,
        buys,
        bought,
        expected_spend,
        spend,
        ntile(5) over (order by buys, user_id) as fifth
    from expected
)

select
    fifth,
    count(*) as users,
    avg(buys) as expected,
    avg(bought) as bought,
    avg(expected_spend) as expected_spend,
    avg(spend) as spend
from fifths
group by fifth
order by fifth desc
