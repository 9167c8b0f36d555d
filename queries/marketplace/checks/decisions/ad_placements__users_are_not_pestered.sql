-- No user sees a campaign more often than its frequency cap.
select ad_placements.campaign_id, ad_placements.segment, count(*) as times, max(campaigns.frequency_cap) as cap
from ad_placements
inner join campaigns on campaigns.campaign_id = ad_placements.campaign_id
group by ad_placements.campaign_id, ad_placements.segment
having count(*) > max(campaigns.frequency_cap)
