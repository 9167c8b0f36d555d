-- What the coming week brings from each segment, by tonight's scores.
select
    users.segment,
    scores.scenario,
    count(*) as candidates,
    avg(scores.click) as click,
    avg(scores.purchase) as purchase,
    avg(scores.spend) as spend
from scores
inner join users on users.user_id = scores.user_id
group by users.segment, scores.scenario
order by users.segment, scores.scenario
