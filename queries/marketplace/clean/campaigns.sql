-- The plan of advertisements: what a campaign shows to whom in which scenario in a week, and its limits.
-- Grain: one campaign of one week. No audience = everybody.
select
    campaign_id,
    scenario,
    category, -- what it advertises
    audience, -- a segment of users
    budget,
    cost_per_impression,
    frequency_cap, -- how often a user may see it in the week
    least_impressions, -- promised to the brand
    starts_on,
    case
        when campaign_id is null or starts_on is null then 'no campaign or week'
        when budget is null or budget < 0 then 'no budget'
        when cost_per_impression is null or cost_per_impression <= 0 then 'no cost'
    end as refused
from raw.campaigns
