-- How well recommendations would have ordered what was shown in the held-out week, against popularity and what was bought last.
-- Grain: method x label x measure. Every method orders the same products, those that a user was shown in a scenario; what was not shown has
-- no label. `recommended` orders as `recommendations` does, by value and unlikeness; `value alone` by the expected margin. NDCG and recall
-- are of the first places of a list (`recommended_products` of the job), means over the lists with at least one click or purchase; coverage
-- is the share of the catalogue that is in somebody's list; novelty is the mean of -log2 of a product's share of the impressions before;
-- diversity is one less the mean cosine of the embeddings of two products of a list.
-- Application: recommendation, figures of merit.
with methods as (
    select column1 as method
    from (values ('recommended'), ('value alone'), ('popular'), ('last bought'), ('any order')) as listed
),

placed as (
    select
        methods.method,
        held.user_id,
        held.scenario,
        held.product_id,
        held.click,
        held.purchase,
        held.share,
        held.best_by_click,
        held.best_by_purchase,
        case methods.method
            when 'recommended' then held.recommended
            when 'value alone' then held.value_alone
            when 'popular' then held.popular
            when 'last bought' then held.last_bought
            else held.any_order
        end as place
    from recommendation_held as held
    cross join methods
    where held.list_length > $recommended_products
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
    select method, user_id, scenario, product_id, share, place
    from placed
    where place <= $recommended_products
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
