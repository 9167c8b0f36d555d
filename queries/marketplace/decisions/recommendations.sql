-- Products to recommend to each user in each scenario, by the margin that they are expected to bring and how unlike they are.
-- Grain: user x scenario x product. The expected margin is click, purchase and amount multiplied along the chain, times the
-- product's margin. Left out: what the user bought within 28 days, what lies nowhere, products whose reviews are too bad
-- (`least_rating`).
-- `why`: `value` = greedy by value and unlikeness; `explore` = the least shown of what is left, to learn about it. `served_by`
-- says which users and products are new, so that what is shared between users and products speaks for them.
-- Application: recommendation.
with spread as (
    -- The first ten of each list by value and unlikeness: how many of them are shown is a parameter.
    select
        user_id,
        scenario,
        product_id,
        place
    from diversify(
        (
            select
                concat_ws('|', candidates.user_id, candidates.scenario) as list,
                candidates.user_id,
                candidates.scenario,
                candidates.product_id,
                candidates.expected_margin as value,
                candidates.category,
                products.embedding
            from recommendation_candidates as candidates
            inner join products on products.product_id = candidates.product_id
            where candidates.by_value <= 20
            order by list, candidates.by_value
        ),
        10,
        0.7
    )
),

picked as (
    select user_id, scenario, product_id, place
    from spread
    where place <= $recommended_products - $explored_products
),

left_over as (
    select
        allowed.user_id,
        allowed.scenario,
        allowed.product_id,
        row_number() over (
            partition by allowed.user_id, allowed.scenario
            order by allowed.views, allowed.by_value, allowed.product_id
        ) as place
    from recommendation_candidates as allowed
    left join picked
        on picked.user_id = allowed.user_id
        and picked.scenario = allowed.scenario
        and picked.product_id = allowed.product_id
    where picked.product_id is null
),

chosen as (
    select user_id, scenario, product_id, cast(place as bigint) as place, 'value' as why from picked
    union all
    select
        user_id,
        scenario,
        product_id,
        cast($recommended_products - $explored_products + place as bigint) as place,
        'explore' as why
    from left_over
    where place <= $explored_products
)

select
    chosen.user_id,
    chosen.scenario,
    chosen.place,
    chosen.product_id,
    products.title,
    products.category,
    allowed.expected_margin,
    chosen.why,
    allowed.click,
    allowed.purchase,
    allowed.spend,
    case
        when user_visits.user_id is null or users.signed_up_on > $as_of_date - $new_days then 'shared part: new user'
        when products.listed_on > $as_of_date - $new_days then 'shared part: new product'
        else 'own past'
    end as served_by
from chosen
inner join recommendation_candidates as allowed
    on allowed.user_id = chosen.user_id
    and allowed.scenario = chosen.scenario
    and allowed.product_id = chosen.product_id
inner join products on products.product_id = chosen.product_id
inner join users on users.user_id = chosen.user_id
left join user_visits on user_visits.user_id = chosen.user_id
order by chosen.user_id, chosen.scenario, chosen.place
