-- Every scenario is one of the four, whatever way it was spelt.
select scenario, count(*) as impressions
from impressions
where scenario is null or scenario not in ('home', 'search', 'category', 'cart')
group by scenario
