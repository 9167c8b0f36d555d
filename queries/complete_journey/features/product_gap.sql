-- How often a product is bought again by those who buy it again.
-- Grain: product.
select
    product_id,
    avg(mean_gap_days) as product_mean_gap_days
from pair_gaps
group by product_id
