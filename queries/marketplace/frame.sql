-- What the model sees.
-- Grain: one row of `rows`. Windows end at the as-of date: 28d is the last 28 days. Counts are logs: the second click says
-- less than the first. Ids of users and products are left out: what they stand for is in their columns, and an id says
-- nothing of a new user or product.
with joined as (
    select
        rows.user_id, -- the user
        rows.product_id, -- the product
        rows.scenario,

        inner_product(users.taste, products.embedding) as taste_match, -- how well the product lies in the direction of the user's taste: the inner product of their embeddings, -1 to 1
        ln(1 + coalesce(user_category.category_clicks_28d, 0)) as category_clicks_28d_log, -- clicks of the user in the product's category, 28 days: log of 1 + clicks
        products.title, -- words of the product's title
        product_slot.usual_slot, -- mean slot of the product on this scenario's page, 28 days: 1 is the top
        products.category, -- category of the product
        product_price.price_level, -- log of the price against the mean of the category's logs: 0.1 is about 10 % dearer
        products.rating, -- mean of the product's reviews, 1 to 5
        products.embedding, -- the product's embedding
        ln(1 + coalesce(user_brand.brand_clicks_28d, 0)) as brand_clicks_28d_log, -- clicks of the user on the product's brand, 28 days: log of 1 + clicks
        users.segment, -- segment of the user
        coalesce(product_discount.discount, 0) as discount, -- discount of the product in the promotion of the coming week, as a share of the price
        ln(1 + coalesce(product_views.product_views_28d, 0)) as product_views_28d_log, -- impressions of the product, 28 days: log of 1 + impressions
        user_visits.days_since_visit, -- days since the user last came, within 28
        products.brand, -- brand of the product
        users.age_group, -- age group of the user
        ln(1 + greatest($as_of_date - products.listed_on, 0)) as listed_days_log, -- days since the product was listed: log of 1 + days
        ln(1 + greatest($as_of_date - users.signed_up_on, 0)) as tenure_days_log, -- days since the user signed up: log of 1 + days
        users.region, -- region of the user
        coalesce(user_visits.visits_28d, 0) as visits_28d, -- days on which the user came, 28 days
        coalesce(user_returns.return_share, 0.05) as return_share -- share of the user's orders that came back, leaning to 0.05 where there are few
    from rows
    left join users on users.user_id = rows.user_id
    left join products on products.product_id = rows.product_id
    left join product_price on product_price.product_id = rows.product_id
    left join product_views on product_views.product_id = rows.product_id
    left join product_discount on product_discount.product_id = rows.product_id
    left join product_slot
        on product_slot.product_id = rows.product_id
        and product_slot.scenario = rows.scenario
    left join user_returns on user_returns.user_id = rows.user_id
    left join user_visits on user_visits.user_id = rows.user_id
    left join user_category
        on user_category.user_id = rows.user_id
        and user_category.category = products.category
    left join user_brand
        on user_brand.user_id = rows.user_id
        and user_brand.brand = products.brand
)

select * from joined
