-- Every campaign has at least the impressions that its limit asks for.
with shown as (
    select campaign_id, sum(impressions) as impressions
    from ad_placements
    group by campaign_id
)

select ad_limits.resource, ad_limits.at_least, shown.impressions
from ad_limits
left join shown on ad_limits.resource = concat('impressions of campaign ', shown.campaign_id)
where ad_limits.at_least is not null and coalesce(shown.impressions, 0) < ad_limits.at_least * 0.999999
