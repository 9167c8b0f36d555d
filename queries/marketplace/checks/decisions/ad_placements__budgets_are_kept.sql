-- No campaign spends more than its budget.
select ad_placements.campaign_id, sum(ad_placements.cost) as spent, max(campaigns.budget) as budget
from ad_placements
inner join campaigns on campaigns.campaign_id = ad_placements.campaign_id
group by ad_placements.campaign_id
having sum(ad_placements.cost) > max(campaigns.budget) * 1.000001
