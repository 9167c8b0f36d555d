//! `importance` and `compare_runs`: figures of runs that are asked for often.
//!
//! In: ids of runs. Out: queries over `current.*` and `runs.*`.

use datafusion::catalog::Session;
use datafusion::common::{DataFusionError, Result};
use datafusion::logical_expr::LogicalPlan;

use super::{Call, Calls, own, planned};

pub(super) const IMPORTANCE: Call = Call {
    name: "importance",
    syntax: "importance()",
    about: "importance of each feature in each cell by the published learner of the current run, the largest first within a cell: the mean \
            size of its contributions with a 95 % interval, and its rank",
    example: "select rank, feature, value from importance() where scenario = '*' and task = '*' and rank <= 10",
    make: |_, _, session| planned(session, IMPORTANCE_SQL),
};

pub(super) const COMPARE_RUNS: Call = Call {
    name: "compare_runs",
    syntax: "compare_runs('run', 'run')",
    about: "the figures of two runs, by their ids or how these begin, side by side: scenario, task, metric, a, b, change = b - a, the \
            95 % intervals, and whether these lie apart. Each run has its own held-out night; current.compared holds pairs on the same rows",
    example: "select * from compare_runs('2026-03-12', '2026-03-26') where metric = 'auc'",
    make: |calls, texts, session| compared(calls, &texts[0], &texts[1], session),
};

const IMPORTANCE_SQL: &str = "select importance.scenario, importance.task, \
    row_number() over (partition by importance.scenario, importance.task order by importance.value desc, importance.feature) as rank, \
    importance.feature, importance.value, importance.low, importance.high, importance.shared, importance.scenario_part, \
    importance.task_part, importance.permutation, importance.direction \
    from current.importance \
    inner join runs.runs on runs.run = importance.run and runs.learner = importance.learner";

fn compared(calls: &Calls, a: &str, b: &str, session: &dyn Session) -> Result<LogicalPlan> {
    let id = |wanted: &str| Ok::<_, DataFusionError>(calls.store.run(wanted).map_err(own)?.replace('\'', "''"));
    let (a, b) = (id(a)?, id(b)?);
    let figures = |run: &str| {
        format!(
            "(select metrics.scenario, metrics.task, metrics.metric, metrics.value, metrics.low, metrics.high from runs.metrics \
             inner join runs.runs on runs.run = metrics.run and runs.learner = metrics.learner where metrics.run = '{run}')"
        )
    };
    let sql = format!(
        "select coalesce(a.scenario, b.scenario) as scenario, coalesce(a.task, b.task) as task, coalesce(a.metric, b.metric) as metric, \
         a.value as a, b.value as b, b.value - a.value as change, a.low as a_low, a.high as a_high, b.low as b_low, b.high as b_high, \
         a.high < b.low or b.high < a.low as apart \
         from {} as a full join {} as b on b.scenario = a.scenario and b.task = a.task and b.metric = a.metric",
        figures(&a),
        figures(&b)
    );
    planned(session, &sql)
}
