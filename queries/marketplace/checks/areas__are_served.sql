-- The stores of a region serve all of its orders between them.
select region, sum(share) as shares
from areas
group by region
having abs(sum(share) - 1) > 0.000001
