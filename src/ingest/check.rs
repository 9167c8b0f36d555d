//! Checks: queries that return offending rows. Any row stops the night.
//!
//! In: a session that sees the clean tables as of tonight. Out: the number of checks passed, or the first failure with up
//! to twenty of its rows.

use arrow::array::RecordBatch;
use arrow::util::pretty::pretty_format_batches;
use datafusion::prelude::SessionContext;
use futures::future::try_join_all;

use super::engine::Engine;
use super::error::IngestError;
use super::graph::{Graph, Node};
use super::sql::{Params, plan};
use crate::job::{Check, Job};
use crate::table_file::FileError;

/// Offending rows that are printed.
const SHOWN: usize = 20;

/// Runs every check; returns their names.
///
/// # Errors
/// [`IngestError::CheckFailed`] with a sample of the offending rows.
pub async fn check(
    engine: &Engine,
    job: &Job,
    graph: &Graph,
    session: &SessionContext,
    params: &Params,
) -> Result<Vec<String>, IngestError> {
    try_join_all(job.queries.checks.iter().zip(&graph.checks).map(|(own, node)| one(engine, own, node, session, params))).await
}

/// Runs every check of a decision table; returns their names.
///
/// # Errors
/// As [`check`].
pub async fn check_decisions(
    engine: &Engine,
    job: &Job,
    graph: &Graph,
    session: &SessionContext,
    params: &Params,
) -> Result<Vec<String>, IngestError> {
    let all = job.queries.decision_checks.iter().zip(&graph.decision_checks);
    try_join_all(all.map(|(own, node)| one(engine, own, node, session, params))).await
}

async fn one(engine: &Engine, check: &Check, node: &Node, session: &SessionContext, params: &Params) -> Result<String, IngestError> {
    let _permit = engine.permit().await?;
    let run = |error: datafusion::error::DataFusionError| IngestError::run(&node.query.file, FileError::Query(error));
    let batches = plan(session, &node.select, params).await?.collect().await.map_err(run)?;
    let rows: usize = batches.iter().map(RecordBatch::num_rows).sum();
    // Its path below checks/: a check of decisions lies in a folder of its own.
    let name = node.query.file.trim_start_matches("checks/").trim_end_matches(".sql").to_owned();
    if rows == 0 {
        return Ok(name);
    }
    let sample = pretty_format_batches(&first_rows(&batches)).map(|text| text.to_string()).unwrap_or_default();
    Err(IngestError::CheckFailed { check: name, table: check.table.clone(), rows, sample })
}

fn first_rows(batches: &[RecordBatch]) -> Vec<RecordBatch> {
    let mut left = SHOWN;
    let mut shown = Vec::new();
    for batch in batches {
        let take = left.min(batch.num_rows());
        shown.push(batch.slice(0, take));
        left -= take;
    }
    shown
}
