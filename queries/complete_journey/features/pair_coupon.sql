-- Coupons that a household holds for products it knows, from campaigns that run on the as-of date.
-- Grain: household x product.
select
    pair.household_id,
    pair.product_id,
    count(*) as running_coupons
from pair
inner join coupons on coupons.product_id = pair.product_id
inner join campaigns
    on campaigns.campaign_id = coupons.campaign_id
    and campaigns.household_id = pair.household_id
where campaigns.ends_on >= $as_of_date
group by pair.household_id, pair.product_id
