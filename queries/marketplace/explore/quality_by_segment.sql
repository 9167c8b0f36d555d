-- In which segments the predictions hold on the held-out night: order, level, and what was clicked.
select
    users.segment,
    holdout.scenario,
    auc(holdout.y_click, holdout.p_click) as auc,
    gauc(holdout.y_click, holdout.p_click, holdout.user_id) as gauc,
    predicted_observed(holdout.y_click, holdout.p_click) as predicted_observed,
    avg(holdout.y_click) as click_rate,
    count(*) as impressions
from current.holdout
inner join users on users.user_id = holdout.user_id
group by users.segment, holdout.scenario
order by auc, users.segment, holdout.scenario
