-- What the model sees.
-- Grain: one row of `rows`. Windows end at the as-of date: 4w is the last 28 days, 26w the last 182.
with joined as (
    select
        rows.household_id, -- the household itself
        rows.product_id, -- the product itself
        rows.scenario,

        usual_store.store_id, -- the household's usual store
        products.manufacturer_id, -- who makes the product
        products.department, -- department of the product
        products.brand, -- national or private brand
        products.product_category, -- category of the product
        demographics.age, -- age group of the household's head
        demographics.income, -- income group of the household
        demographics.home_ownership, -- owner, renter
        demographics.household_comp, -- who lives in the household
        demographics.kids_count, -- number of children

        pair.purchases_2w, -- days with a purchase of the product by the household, 2 weeks
        pair.purchases_4w, -- days with a purchase of the product by the household, 4 weeks
        pair.purchases_8w, -- days with a purchase of the product by the household, 8 weeks
        pair.purchases_12w, -- days with a purchase of the product by the household, 12 weeks
        pair.purchases_26w, -- days with a purchase of the product by the household, 26 weeks
        pair.days_since_purchase, -- days since the household last bought the product
        pair.days_since_first, -- days since the household's first purchase of the product in 26 weeks
        pair_gaps.mean_gap_days, -- mean days between two purchases of the pair
        pair_gaps.gap_spread_days, -- standard deviation of the days between two purchases of the pair
        pair_gaps.shortest_gap_days, -- fewest days between two purchases of the pair
        pair.days_since_purchase / pair_gaps.mean_gap_days as due, -- days since the last purchase, in mean gaps of the pair: 1 is due
        pair.days_since_purchase / product_gap.product_mean_gap_days as due_by_product, -- days since the last purchase, in mean gaps of the product
        abs(pair.days_since_purchase / nullif(pair_gaps.mean_gap_days, 0) - 1) as distance_from_due, -- how far the pair is from being due, in mean gaps
        pair.units_26w, -- units bought by the pair, 26 weeks
        pair.most_units, -- most units bought by the pair on one day
        pair.last_units, -- units bought by the pair last time
        pair.spend_26w, -- spend of the pair, 26 weeks, dollars
        pair.last_spend, -- spend of the pair last time, dollars
        pair.spend_26w / pair.units_26w as pair_price, -- mean price that the household paid for the product, dollars
        pair.spend_26w / pair.units_26w / nullif(product.product_price, 0) as relative_price, -- that price against the product's mean price
        cast(pair.discounted_purchases_26w as double) / pair.purchases_26w as pair_discounted_share, -- share of the pair's purchases on discount
        pair.last_on_discount, -- whether the last purchase of the pair was on discount

        household.household_visits_4w, -- days with a visit of the household, 4 weeks
        household.household_visits_12w, -- days with a visit of the household, 12 weeks
        household.household_visits_26w, -- days with a visit of the household, 26 weeks
        household.household_days_since_visit, -- days since the household's last visit
        household.household_visit_gap_days, -- mean days between two visits of the household
        household.household_spend_4w, -- spend of the household, 4 weeks, dollars
        household.household_spend_26w, -- spend of the household, 26 weeks, dollars
        household.household_spend_per_visit, -- mean spend of a visit, dollars
        household.household_products_per_visit, -- mean number of products of a visit
        household.household_discount_share, -- discount as a share of the household's list-price spend
        household.household_discounted_share, -- share of the household's product-days on discount
        household_variety.household_products_26w, -- different products bought by the household, 26 weeks
        household_variety.household_purchases_per_product, -- mean purchases of each of the household's products
        household_variety.household_repeat_share, -- share of the household's products bought at least twice
        pair.purchases_26w / cast(household.household_visits_26w as double) as share_of_visits, -- share of the household's visits with this product

        product.product_buyers_4w, -- households that bought the product, 4 weeks
        product.product_buyers_26w, -- households that bought the product, 26 weeks
        product.product_repeat_share, -- share of the product's buyers who bought it at least twice
        product.product_purchases_per_buyer, -- mean purchases of each buyer of the product
        product.product_units_26w, -- units of the product sold, 26 weeks
        product.product_price, -- mean price of the product, dollars
        product.product_discount_depth, -- discount as a share of the product's list-price sales
        product.product_discounted_share, -- share of the product's purchases on discount
        product.product_trend_4w_12w, -- purchases of the last 4 weeks against the mean 4 weeks of the last 12
        product_gap.product_mean_gap_days, -- mean days between two purchases by those who buy it again

        household_category.category_purchases_4w, -- the household's purchases in the category, 4 weeks
        household_category.category_purchases_26w, -- the household's purchases in the category, 26 weeks
        household_category.category_days_since_purchase, -- days since the household last bought of the category
        household_category.category_spend_26w, -- spend of the household in the category, 26 weeks, dollars
        pair.purchases_26w / cast(household_category.category_purchases_26w as double) as share_of_category, -- the product's share of the household's purchases in the category
        household_department.department_purchases_4w, -- the household's purchases in the department, 4 weeks
        household_department.department_purchases_26w, -- the household's purchases in the department, 26 weeks

        usual_store.store_visits_26w, -- days with a visit at the usual store, 26 weeks
        promotion_stores.planned_display_stores, -- stores that display the product in the coming week
        promotion_stores.planned_mailer_stores, -- stores whose mailer has the product in the coming week
        promotion_stores.promoted_weeks_8w, -- weeks with any promotion of the product, last 8
        promotion_stores.mailer_weeks_8w, -- weeks with the product in a mailer, last 8
        promotion_stores.display_stores_8w, -- stores that displayed the product, mean of the last 8 weeks
        promotion_stores.weeks_since_mailer -- weeks since the product was last in a mailer
    from rows
    inner join pair on pair.household_id = rows.household_id and pair.product_id = rows.product_id
    left join pair_gaps on pair_gaps.household_id = rows.household_id and pair_gaps.product_id = rows.product_id
    left join household on household.household_id = rows.household_id
    left join household_variety on household_variety.household_id = rows.household_id
    left join usual_store on usual_store.household_id = rows.household_id
    left join demographics on demographics.household_id = rows.household_id
    left join product on product.product_id = rows.product_id
    left join product_gap on product_gap.product_id = rows.product_id
    left join products on products.product_id = rows.product_id
    left join household_category
        on household_category.household_id = rows.household_id
        and household_category.product_category = products.product_category
    left join household_department
        on household_department.household_id = rows.household_id
        and household_department.department = products.department
    left join promotion_stores on promotion_stores.product_id = rows.product_id
)

select * from joined
