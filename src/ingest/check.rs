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
use super::graph::Graph;
use super::sql::{Params, plan};
use crate::job::Job;
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
    try_join_all(job.queries.checks.iter().zip(&graph.checks).map(|(check, node)| async move {
        let _permit = engine.permit().await?;
        let run = |error: datafusion::error::DataFusionError| IngestError::run(&node.query.file, FileError::Query(error));
        let batches = plan(session, &node.select, params).await?.collect().await.map_err(run)?;
        let rows: usize = batches.iter().map(RecordBatch::num_rows).sum();
        if rows == 0 {
            return Ok(node.query.name.clone());
        }
        let sample = pretty_format_batches(&first_rows(&batches)).map(|text| text.to_string()).unwrap_or_default();
        Err(IngestError::CheckFailed { check: node.query.name.clone(), table: check.table.clone(), rows, sample })
    }))
    .await
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
