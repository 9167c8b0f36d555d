-- The expected demand lies within its interval.
select store_id, product_category, expected_purchases, low, high
from store_demand
where expected_purchases < 0 or low > expected_purchases or high < expected_purchases
