-- The cells that the current run's model ranks worst on the held-out night, with their intervals.
select
    metrics.scenario,
    metrics.task,
    metrics.value as auc,
    metrics.low,
    metrics.high,
    metrics.n,
    metrics.positives
from current.metrics
inner join runs.runs on runs.run = metrics.run and runs.learner = metrics.learner
where metrics.metric = 'auc' and metrics.scenario <> '*' and metrics.task <> '*'
order by auc, metrics.scenario, metrics.task
