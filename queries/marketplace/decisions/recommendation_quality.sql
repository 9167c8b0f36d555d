-- How well recommendations would have ordered what was shown in the held-out week, against popularity and what was bought last.
-- Grain: method x label x measure. Every method orders the same products, those that a user was shown in a scenario; what was not
-- shown has no label. `recommended` orders as `recommendations` does, by value and unlikeness; `value alone` by the expected margin.
-- NDCG and recall at $recommended_products are means over the lists with at least one click or purchase; coverage is the share of the
-- catalogue that is in somebody's list; novelty is the mean of -log2 of a product's share of the impressions before; diversity is one
-- less the mean cosine of the embeddings of two products of a list.
-- Application: recommendation, figures of merit.
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
        sha256(concat_ws('|', holdout.user_id, holdout.product_id)) as chance
    from holdout
    inner join products on products.product_id = holdout.product_id
    left join spread
        on spread.user_id = holdout.user_id
        and spread.scenario = holdout.scenario
        and spread.product_id = holdout.product_id
    left join popular on popular.product_id = holdout.product_id
    left join bought on bought.user_id = holdout.user_id and bought.category = products.category
),

methods as (
    select 'recommended' as method, user_id, scenario, product_id, click, purchase, share, spread as score, chance from shown
    union all
    select 'value alone' as method, user_id, scenario, product_id, click, purchase, share, expected_margin as score, chance from shown
    union all
    select 'popular' as method, user_id, scenario, product_id, click, purchase, share, views as score, chance from shown
    union all
    select 'last bought' as method, user_id, scenario, product_id, click, purchase, share, last_bought as score, chance from shown
    union all
    select 'any order' as method, user_id, scenario, product_id, click, purchase, share, 0.0 as score, chance from shown
),

placed as (
    select
        method,
        user_id,
        scenario,
        product_id,
        click,
        purchase,
        share,
        row_number() over (partition by method, user_id, scenario order by score desc, chance, product_id) as place,
        row_number() over (partition by method, user_id, scenario order by click desc, product_id) as best_by_click,
        row_number() over (partition by method, user_id, scenario order by purchase desc, product_id) as best_by_purchase
    from methods
),

lists as (
    select
        method,
        user_id,
        scenario,
        sum(click) as clicks,
        sum(purchase) as purchases,
        sum(click / log2(place + 1)) filter (where place <= $recommended_products) as click_gain,
        sum(click / log2(best_by_click + 1)) filter (where best_by_click <= $recommended_products) as click_best,
        sum(purchase / log2(place + 1)) filter (where place <= $recommended_products) as purchase_gain,
        sum(purchase / log2(best_by_purchase + 1)) filter (where best_by_purchase <= $recommended_products) as purchase_best,
        sum(click) filter (where place <= $recommended_products) as click_hits,
        sum(purchase) filter (where place <= $recommended_products) as purchase_hits
    from placed
    group by method, user_id, scenario
    having count(*) > $recommended_products
),

gains as (
    select method, 'click' as label, 'ndcg' as measure, avg(click_gain / click_best) as value, count(*) as lists
    from lists where clicks > 0 group by method
    union all
    select method, 'purchase' as label, 'ndcg' as measure, avg(purchase_gain / purchase_best) as value, count(*) as lists
    from lists where purchases > 0 group by method
    union all
    select method, 'click' as label, 'recall' as measure, avg(click_hits / clicks) as value, count(*) as lists
    from lists where clicks > 0 group by method
    union all
    select method, 'purchase' as label, 'recall' as measure, avg(purchase_hits / purchases) as value, count(*) as lists
    from lists where purchases > 0 group by method
),

first_places as (
    select placed.method, placed.user_id, placed.scenario, placed.product_id, placed.share, placed.place
    from placed
    inner join lists
        on lists.method = placed.method
        and lists.user_id = placed.user_id
        and lists.scenario = placed.scenario
    where placed.place <= $recommended_products
),

catalogue as (
    select count(*) as products from products
),

breadth as (
    select
        first_places.method,
        '' as label,
        'coverage' as measure,
        count(distinct first_places.product_id) / cast(max(catalogue.products) as double) as value,
        count(*) as lists
    from first_places
    cross join catalogue
    group by first_places.method
    union all
    select method, '' as label, 'novelty' as measure, avg(-log2(share)) filter (where share > 0) as value, count(*) as lists
    from first_places
    group by method
),

unlike as (
    select
        one.method,
        '' as label,
        'diversity' as measure,
        1 - avg(
            inner_product(own.embedding, others.embedding)
            / sqrt(inner_product(own.embedding, own.embedding) * inner_product(others.embedding, others.embedding))
        ) as value,
        count(*) as lists
    from first_places as one
    inner join first_places as other
        on other.method = one.method
        and other.user_id = one.user_id
        and other.scenario = one.scenario
        and other.place > one.place
    inner join products as own on own.product_id = one.product_id
    inner join products as others on others.product_id = other.product_id
    group by one.method
),

figures as (
    select method, label, measure, value, lists from gains
    union all
    select method, label, measure, value, lists from breadth
    union all
    select method, label, measure, value, lists from unlike
)

select
    measure,
    label,
    method,
    value,
    lists -- lists that count; for coverage and novelty the products in them, for diversity the pairs
from figures
order by
    case measure when 'ndcg' then 1 when 'recall' then 2 when 'coverage' then 3 when 'novelty' then 4 else 5 end,
    label,
    case method when 'recommended' then 1 when 'value alone' then 2 when 'popular' then 3 when 'last bought' then 4 else 5 end
