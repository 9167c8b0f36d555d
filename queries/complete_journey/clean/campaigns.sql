-- Coupon campaigns that reached a household.
-- Grain: household x campaign, known from the day on which the campaign starts.
select
    cast(campaigns.household_id as integer) as household_id,
    cast(campaigns.campaign_id as integer) as campaign_id,
    campaign_descriptions.campaign_type,
    cast(campaign_descriptions.start_date as date) as starts_on,
    cast(campaign_descriptions.end_date as date) as ends_on,
    case when campaign_descriptions.start_date is null then 'campaign without a start' end as refused
from raw.campaigns
left join raw.campaign_descriptions on campaign_descriptions.campaign_id = campaigns.campaign_id
