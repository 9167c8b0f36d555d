-- What the model sees.
-- Grain: one row of `rows`. Windows end at the as-of date: 4w is the last 28 days, 26w the last 182. A purchase is a day
-- on which the household bought the product. Long-tailed amounts are logs: a straight line in them does not run away with
-- a dear product. The plan at the usual store is the scenario itself and is not repeated.
with joined as (
    select
        rows.household_id, -- the household itself
        rows.product_id, -- the product itself
        rows.scenario,

        pair_plan.store_id, -- the household's usual store
        products.manufacturer_id, -- who makes the product
        products.department, -- department of the product
        products.brand, -- national or private brand
        products.product_category, -- category of the product
        products.product_type, -- type of the product within its category
        demographics.age, -- age group of the household's head
        demographics.income, -- income group of the household
        demographics.home_ownership, -- owner, renter
        demographics.marital_status, -- married or not
        demographics.household_size, -- persons in the household
        demographics.household_comp, -- who lives in the household
        demographics.kids_count, -- number of children

        pair.purchases_2w, -- purchases of the product by the household, 2 weeks
        pair.purchases_4w, -- purchases of the product by the household, 4 weeks
        pair.purchases_8w, -- purchases of the product by the household, 8 weeks
        pair.purchases_12w, -- purchases of the product by the household, 12 weeks
        pair.purchases_26w, -- purchases of the product by the household, 26 weeks
        pair.days_since_purchase, -- days since the household last bought the product
        pair.days_since_first, -- days since the household's first purchase of the product in 26 weeks
        pair.mean_gap_days, -- mean days between two purchases of the pair
        pair_gaps.gap_spread_days, -- standard deviation of the days between two purchases of the pair
        pair_gaps.shortest_gap_days, -- fewest days between two purchases of the pair
        pair_gaps.longest_gap_days, -- most days between two purchases of the pair
        pair_gaps.last_gap_days, -- days between the last two purchases of the pair
        pair.days_since_purchase / pair.mean_gap_days as due, -- days since the last purchase, in mean gaps of the pair: 1 is due
        abs(pair.days_since_purchase / pair.mean_gap_days - 1) as distance_from_due, -- how far the pair is from being due, in mean gaps
        pair.days_since_purchase / product.product_mean_gap_days as due_by_product, -- days since the last purchase, in mean gaps of the product's buyers
        last_visit.visit - 1 as visits_since_purchase, -- visits of the household since it last bought the product
        cast(pair.purchases_26w as double) / first_visit.visit as share_of_visits_since_first, -- share of visits with this product, since the first purchase of it
        pair.purchases_26w / cast(household.household_visits_26w as double) as share_of_visits_26w, -- share of the household's visits with this product, 26 weeks
        pair.purchases_12w / nullif(cast(household.household_visits_12w as double), 0) as share_of_visits_12w, -- share of the household's visits with this product, 12 weeks
        ln(1 + pair.units_26w / cast(pair.purchases_26w as double)) as units_per_purchase_log, -- units bought by the pair at a time: log of 1 + units
        ln(1 + pair.last_units) as last_units_log, -- units bought by the pair last time: log of 1 + units
        ln(1 + pair.spend_26w) as spend_26w_log, -- spend of the pair, 26 weeks: log of 1 + dollars
        ln(1 + pair.last_spend) as last_spend_log, -- spend of the pair last time: log of 1 + dollars
        ln(1 + pair.spend_26w / pair.units_26w) as pair_price_log, -- mean price that the household paid for the product: log of 1 + dollars
        ln(pair.last_spend / pair.last_units / product.product_price) as relative_last_price_log, -- price paid last time against the product's mean price: log of the ratio
        cast(pair.discounted_purchases_26w as double) / pair.purchases_26w as pair_discounted_share, -- share of the pair's purchases on discount
        cast(pair.display_purchases_26w as double) / pair.purchases_26w as pair_display_share, -- share of the pair's purchases while on display
        cast(pair.mailer_purchases_26w as double) / pair.purchases_26w as pair_mailer_share, -- share of the pair's purchases while in the mailer
        pair.last_on_discount, -- whether the last purchase of the pair was on discount
        coalesce(pair_coupon.running_coupons, 0) as running_coupons, -- running campaigns that gave the household a coupon for the product

        household.household_visits_2w, -- days with a visit of the household, 2 weeks
        household.household_visits_4w, -- days with a visit of the household, 4 weeks
        household.household_visits_12w, -- days with a visit of the household, 12 weeks
        household.household_visits_26w, -- days with a visit of the household, 26 weeks
        household.household_days_since_visit, -- days since the household's last visit
        household.household_visit_gap_days, -- mean days between two visits of the household
        household.household_visit_gap_spread_days, -- standard deviation of the days between two visits
        household.household_spend_4w, -- spend of the household, 4 weeks, dollars
        household.household_spend_26w, -- spend of the household, 26 weeks, dollars
        household.household_spend_per_visit, -- mean spend of a visit, dollars
        household.household_products_per_visit, -- mean number of products of a visit
        household.household_discount_share, -- discount as a share of the household's list-price spend
        household.household_discounted_share, -- share of the household's purchases on discount
        household.household_display_share, -- share of the household's purchases while on display
        household.household_mailer_share, -- share of the household's purchases while in the mailer
        household_variety.household_products_26w, -- different products bought by the household, 26 weeks
        household_variety.household_purchases_per_product, -- mean purchases of each of the household's products
        household_variety.household_repeat_share, -- share of the household's products bought at least twice
        usual_store.store_visits_26w, -- days with a visit at the usual store, 26 weeks

        product.product_buyers_4w, -- households that bought the product, 4 weeks
        product.product_buyers_26w, -- households that bought the product, 26 weeks
        product.product_repeat_share, -- share of the product's buyers who bought it at least twice
        product.product_purchases_per_buyer, -- mean purchases of each buyer of the product
        product.product_mean_gap_days, -- mean days between two purchases by those who buy it again
        product.product_units_26w, -- units of the product sold, 26 weeks
        ln(1 + product.product_price) as product_price_log, -- mean price of the product: log of 1 + dollars
        product.product_discount_depth, -- discount as a share of the product's list-price sales
        product.product_discounted_share, -- share of the product's purchases on discount
        product.product_display_share, -- share of the product's purchases while on display
        product.product_mailer_share, -- share of the product's purchases while in the mailer
        product.product_trend_4w_12w, -- purchases of the last 4 weeks against the mean 4 weeks of the last 12

        household_category.category_visits_4w, -- days on which the household bought of the category, 4 weeks
        household_category.category_visits_26w, -- days on which the household bought of the category, 26 weeks
        household_category.category_days_since_purchase, -- days since the household last bought of the category
        household_category.category_days_since_purchase / household_category.category_gap_days as category_due, -- the same in mean gaps: 1 is due
        ln(1 + household_category.category_spend_26w) as category_spend_26w_log, -- spend of the household in the category, 26 weeks: log of 1 + dollars
        pair.purchases_26w / cast(household_category.category_purchases_26w as double) as share_of_category, -- the product's share of the household's purchases in the category
        household_type.type_products_26w, -- different products of this type that the household bought, 26 weeks
        household_type.type_purchases_4w, -- the household's purchases of this type of product, 4 weeks
        household_type.type_days_since_purchase, -- days since the household bought any product of this type
        pair.purchases_26w / cast(household_type.type_purchases_26w as double) as share_of_type, -- the product's share of the household's purchases of its type
        household_department.department_purchases_4w, -- the household's purchases in the department, 4 weeks
        household_department.department_purchases_26w, -- the household's purchases in the department, 26 weeks

        pair_plan.store_weeks_promoted_8w, -- weeks with the product promoted at the usual store, last 8
        pair_plan.store_weeks_on_display_8w, -- weeks with the product on display at the usual store, last 8
        pair_plan.store_weeks_in_mailer_8w, -- weeks with the product in the usual store's mailer, last 8
        pair_plan.store_weeks_since_promotion, -- weeks since the product was promoted at the usual store, within 8
        product_promotion.display_store_weeks_8w, -- weeks on display summed over stores, last 8
        product_promotion.mailer_store_weeks_8w, -- weeks in the mailer summed over stores, last 8
        product_promotion.planned_display_stores, -- stores that display the product in the coming week
        product_promotion.planned_mailer_stores, -- stores whose mailer has the product in the coming week
        ln(product_lift.product_display_lift) as product_display_lift_log, -- log of the sales of the product in a store-week on display against one that is not, last 8 weeks
        ln(product_lift.product_mailer_lift) as product_mailer_lift_log, -- log of the sales of the product in a store-week in the mailer against one that is not, last 8 weeks
        coalesce(store_category_plan.category_planned_displays, 0) as category_planned_displays, -- products of the category on display at the usual store in the coming week
        coalesce(store_category_plan.category_planned_mailers, 0) as category_planned_mailers -- products of the category in the usual store's mailer in the coming week
    from rows
    inner join pair on pair.household_id = rows.household_id and pair.product_id = rows.product_id
    inner join pair_plan on pair_plan.household_id = rows.household_id and pair_plan.product_id = rows.product_id
    left join pair_gaps on pair_gaps.household_id = rows.household_id and pair_gaps.product_id = rows.product_id
    left join pair_coupon on pair_coupon.household_id = rows.household_id and pair_coupon.product_id = rows.product_id
    left join household on household.household_id = rows.household_id
    left join household_variety on household_variety.household_id = rows.household_id
    left join usual_store on usual_store.household_id = rows.household_id
    left join household_days as last_visit
        on last_visit.household_id = rows.household_id
        and last_visit.days_ago = pair.days_since_purchase
    left join household_days as first_visit
        on first_visit.household_id = rows.household_id
        and first_visit.days_ago = pair.days_since_first
    left join demographics on demographics.household_id = rows.household_id
    left join product on product.product_id = rows.product_id
    left join product_promotion on product_promotion.product_id = rows.product_id
    left join product_lift on product_lift.product_id = rows.product_id
    left join products on products.product_id = rows.product_id
    left join household_category
        on household_category.household_id = rows.household_id
        and household_category.product_category = products.product_category
    left join household_type
        on household_type.household_id = rows.household_id
        and household_type.product_type = products.product_type
    left join household_department
        on household_department.household_id = rows.household_id
        and household_department.department = products.department
    left join store_category_plan
        on store_category_plan.store_id = pair_plan.store_id
        and store_category_plan.product_category = products.product_category
)

select * from joined
