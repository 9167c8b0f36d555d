-- Products for which a campaign has a coupon.
-- Grain: campaign x product; several coupons of a campaign for one product are merged.
select distinct
    cast(campaign_id as integer) as campaign_id,
    cast(product_id as integer) as product_id
from raw.coupons
where campaign_id is not null and product_id is not null
