-- What users were shown in the held-out week, with the place that each way of ordering gives it in its list.
-- Grain: user x scenario x product. A list is what a user was shown in a scenario. `recommended`: by value and unlikeness, what is not among
-- the first ten behind them by value; `value_alone`: by expected margin; `popular`: by impressions of the 28 days before; `last_bought`:
-- by when the user last bought, or clicked, in the category; `any_order`: by a hash. `best_*`: with foresight.
-- Application: recommendation, working table.
with nights as (
    select min(cast(as_of as timestamp)) as held_out from holdout
),

past as (
    select
        impressions.user_id,
        impressions.product_id,
        impressions.category,
        impressions.clicked,
        impressions.purchased,
        impressions.occurred_at
    from impressions
    cross join nights
    where impressions.occurred_at < nights.held_out
        and impressions.occurred_at >= nights.held_out - interval '28 days'
),

popular as (
    select
        product_id,
        cast(count(*) as double) as views,
        count(*) / sum(cast(count(*) as double)) over () as share
    from past
    group by product_id
),

bought as (
    -- When a user last bought in a category, and where there was no purchase, last clicked.
    select
        user_id,
        category,
        max(occurred_at) filter (where purchased) as bought_at,
        max(occurred_at) as clicked_at
    from past
    where clicked
    group by user_id, category
),

spread as (
    select
        user_id,
        scenario,
        product_id,
        place
    from diversify(
        (
            select
                concat_ws('|', holdout.user_id, holdout.scenario) as list,
                holdout.user_id,
                holdout.scenario,
                holdout.product_id,
                holdout.p_spend * products.margin as value,
                products.category,
                products.embedding
            from holdout
            inner join products on products.product_id = holdout.product_id
            order by list, value desc, holdout.product_id
        ),
        10,
        0.7
    )
),

shown as (
    select
        holdout.user_id,
        holdout.scenario,
        holdout.product_id,
        cast(holdout.y_click as double) as click,
        cast(holdout.y_purchase as double) as purchase,
        holdout.p_spend * products.margin as expected_margin,
        -- Places before values: what is not among the first ten comes after them.
        coalesce(1000000000.0 - spread.place, holdout.p_spend * products.margin) as spread,
        coalesce(popular.views, 0) as views,
        coalesce(popular.share, 0) as share,
        coalesce(date_part('epoch', bought.bought_at), 0) + coalesce(date_part('epoch', bought.clicked_at), 0) / 1000000 as last_bought,
        encode(sha256(concat_ws('|', holdout.user_id, holdout.product_id)), 'hex') as chance
    from holdout
    inner join products on products.product_id = holdout.product_id
    left join spread
        on spread.user_id = holdout.user_id
        and spread.scenario = holdout.scenario
        and spread.product_id = holdout.product_id
    left join popular on popular.product_id = holdout.product_id
    left join bought on bought.user_id = holdout.user_id and bought.category = products.category
)

select
    user_id,
    scenario,
    product_id,
    click,
    purchase,
    share,
    count(*) over (partition by user_id, scenario) as list_length,
    row_number() over (partition by user_id, scenario order by spread desc, chance, product_id) as recommended,
    row_number() over (partition by user_id, scenario order by expected_margin desc, chance, product_id) as value_alone,
    row_number() over (partition by user_id, scenario order by views desc, chance, product_id) as popular,
    row_number() over (partition by user_id, scenario order by last_bought desc, chance, product_id) as last_bought,
    row_number() over (partition by user_id, scenario order by chance, product_id) as any_order,
    row_number() over (partition by user_id, scenario order by click desc, product_id) as best_by_click,
    row_number() over (partition by user_id, scenario order by purchase desc, product_id) as best_by_purchase
from shown
order by user_id, scenario, recommended
