-- A campaign is in the plan once, in a scenario that there is.
select campaign_id, count(*) as copies, max(scenario) as scenario
from campaigns
group by campaign_id
having count(*) > 1 or max(scenario) not in ('home', 'search', 'category', 'cart')
