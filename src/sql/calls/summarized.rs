//! `summarize`: each column of a query in a row of figures.
//!
//! In: a query. Out: a plan over its rows; where the current run measured a feature of that name, with its drift.

use datafusion::catalog::Session;
use datafusion::common::{Column, JoinType, Result, ScalarValue};
use datafusion::functions::core::expr_fn::get_field;
use datafusion::logical_expr::{AggregateUDF, Expr, LogicalPlan, LogicalPlanBuilder, lit};

use super::super::functions::Summary;
use super::{Call, Calls, planned};

pub(super) const SUMMARIZE: Call = Call {
    name: "summarize",
    syntax: "summarize((query))",
    about: "a row for each column of the query: its position and type, rows, nulls, distinct values, least and largest value, mean, standard deviation \
            (population), quantiles (numbers only; NaN is in none of them), its five most frequent values; for each label among the \
            columns (y_<task>) the mutual information in nats over the rows that have it, in mi_y_<task> (numbers in ten classes, NULL a \
            class of its own); and what the current run measured of a feature of that name since the run before: drift (population \
            stability index over all scenarios) and whether it alarms. Holds the rows, eight bytes a column: of many rows take a sample, \
            where hash_bucket(…) < …",
    example: "select column, nulls, distinct, median, mi_y_purchase, drift from summarize(snapshots.frame) order by mi_y_purchase desc",
    make: |calls, texts, session| summarized(calls, &texts[0], session),
};

/// Drift of each feature over all scenarios.
const DRIFT: &str = "select feature, max(value) as drift, bool_or(alarm) as alarm from current.drift \
                     where scenario = '*' and measure = 'psi' group by feature";
/// The rows of figures while they are put together.
const FIGURES: &str = "figures";
/// What the run measured.
const OF_THE_RUN: &str = "of_the_run";

fn summarized(calls: &Calls, sql: &str, session: &dyn Session) -> Result<LogicalPlan> {
    let rows = planned(session, sql)?;
    let columns = rows.schema().columns();
    let names: Vec<String> = columns.iter().map(|column| column.name.clone()).collect();
    let numeric = |at: &usize| rows.schema().field(*at).data_type().is_numeric();
    let labels = (0..names.len()).filter(|at| names[*at].starts_with("y_")).filter(numeric).collect();
    let summary = Summary::new(names, labels);
    let fields = summary.fields();
    let call = AggregateUDF::from(summary).call(columns.into_iter().map(Expr::Column).collect()).alias(FIGURES);
    let list = LogicalPlanBuilder::from(rows).aggregate(Vec::<Expr>::new(), vec![call])?;
    let figures = list.unnest_column(Column::new_unqualified(FIGURES))?;
    let of = |name: &String| get_field(Expr::Column(Column::new_unqualified(FIGURES)), name.as_str()).alias(name);
    let figures = figures.project(fields.iter().map(|field| of(field.name())))?.alias(FIGURES)?;
    let own = |name: &String| Expr::Column(Column::new(Some(FIGURES), name));
    let mut list: Vec<Expr> = fields.iter().map(|field| own(field.name())).collect();
    let (figures, drift) = if calls.store.current.is_some() {
        let drift = LogicalPlanBuilder::from(planned(session, DRIFT)?).alias(OF_THE_RUN)?.build()?;
        let key = (vec![Column::new(Some(FIGURES), "column")], vec![Column::new(Some(OF_THE_RUN), "feature")]);
        let of = |name: &str| Expr::Column(Column::new(Some(OF_THE_RUN), name));
        (figures.join(drift, JoinType::Left, key, None)?, [of("drift"), of("alarm")])
    } else {
        (figures, [lit(ScalarValue::Float64(None)).alias("drift"), lit(ScalarValue::Boolean(None)).alias("alarm")])
    };
    list.extend(drift);
    figures.project(list)?.sort(vec![own(&"position".to_owned()).sort(true, false)])?.build()
}
