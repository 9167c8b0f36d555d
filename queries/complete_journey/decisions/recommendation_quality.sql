-- How well the held-out night's scores would have ordered what each household might buy, against popularity and what was bought last.
-- Grain: method x measure. Lists are a household's candidates, everything that it bought in 26 weeks; NDCG and recall at 20 are means over
-- households that bought something in the week; coverage is the share of all candidate products that is in somebody's list; novelty
-- is the mean of -log2 of a product's share of the purchases of the four weeks before.
-- Application: recommendation, figures of merit.
with nights as (
    select min(cast(as_of as date)) as held_out from holdout
),

popular as (
    select
        transactions.product_id,
        cast(count(*) as double) as purchases,
        count(*) / sum(cast(count(*) as double)) over () as share
    from transactions
    cross join nights
    where transactions.sold_on >= nights.held_out - 28 and transactions.sold_on < nights.held_out
    group by transactions.product_id
),

last_bought as (
    select
        transactions.household_id,
        transactions.product_id,
        max(transactions.sold_on) as sold_on
    from transactions
    cross join nights
    where transactions.sold_on < nights.held_out
    group by transactions.household_id, transactions.product_id
),

listed as (
    select
        holdout.household_id,
        holdout.product_id,
        cast(holdout.y_purchase as double) as purchase,
        coalesce(popular.share, 0) as share,
        row_number() over (partition by holdout.household_id order by holdout.p_purchase desc, holdout.product_id) as by_score,
        row_number() over (
            partition by holdout.household_id order by coalesce(popular.purchases, 0) desc, holdout.product_id
        ) as by_popularity,
        row_number() over (
            partition by holdout.household_id order by last_bought.sold_on desc, holdout.product_id
        ) as by_last_bought,
        row_number() over (
            partition by holdout.household_id order by cast(holdout.y_purchase as double) desc, holdout.product_id
        ) as best
    from holdout
    left join popular on popular.product_id = holdout.product_id
    left join last_bought
        on last_bought.household_id = holdout.household_id
        and last_bought.product_id = holdout.product_id
),

placed as (
    select 'recommended' as method, household_id, product_id, purchase, share, best, by_score as place from listed
    union all
    select 'popular' as method, household_id, product_id, purchase, share, best, by_popularity as place from listed
    union all
    select 'last bought' as method, household_id, product_id, purchase, share, best, by_last_bought as place from listed
),

lists as (
    select
        method,
        household_id,
        sum(purchase) as purchases,
        sum(purchase / log2(place + 1)) filter (where place <= 20) as gain,
        sum(purchase / log2(best + 1)) filter (where best <= 20) as best_gain,
        sum(purchase) filter (where place <= 20) as hits
    from placed
    group by method, household_id
    having count(*) > 20
),

catalogue as (
    select count(distinct product_id) as products from holdout
),

figures as (
    select method, 'ndcg at 20' as measure, avg(gain / best_gain) as value, count(*) as lists
    from lists
    where purchases > 0
    group by method
    union all
    select method, 'recall at 20' as measure, avg(hits / purchases) as value, count(*) as lists
    from lists
    where purchases > 0
    group by method
    union all
    select
        placed.method,
        'coverage' as measure,
        count(distinct placed.product_id) / cast(max(catalogue.products) as double) as value,
        count(distinct placed.household_id) as lists
    from placed
    cross join catalogue
    where placed.place <= 20
    group by placed.method
    union all
    select method, 'novelty' as measure, avg(-log2(share)) filter (where share > 0) as value, count(distinct household_id) as lists
    from placed
    where place <= 20
    group by method
)

select measure, method, value, lists
from figures
order by
    case measure when 'ndcg at 20' then 1 when 'recall at 20' then 2 when 'coverage' then 3 else 4 end,
    case method when 'recommended' then 1 when 'popular' then 2 else 3 end
