-- What may be shown to a user in the coming week: what was shown in the last 7 days, where it was shown, and the popular
-- products of the user's favourite category on the home page and in the category.
-- Grain: user x product x scenario, for users who came in the last 28 days. Impressions of one week are much like those of
-- the next, so what is scored looks like what was learned from.
with shown as (
    select
        user_id,
        product_id,
        scenario
    from impressions
    where occurred_at >= $as_of - interval '7 days'
),

popular as (
    select
        favourite_category.user_id,
        popular_product.product_id
    from favourite_category
    inner join popular_product on popular_product.category = favourite_category.category
    where popular_product.place <= $popular_products
)

select user_id, product_id, scenario from shown
union
select user_id, product_id, 'home' as scenario from popular
union
select user_id, product_id, 'category' as scenario from popular
