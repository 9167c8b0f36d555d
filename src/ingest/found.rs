//! Clean tables for somebody who looks and builds nothing: from the cache, or as the query that would make them.
//!
//! In: a clean query and what it reads. Out: a [`Found`] table, the same rows either way. Writing to the cache is
//! `clean`'s.

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::catalog::view::ViewTable;
use datafusion::catalog::{MemorySchemaProvider, SchemaProvider as _};
use datafusion::datasource::TableProvider;
use datafusion::logical_expr::ident;

use super::cache::Cache;
use super::clean::{CleanTable, REFUSED, fingerprint, open};
use super::engine::Engine;
use super::error::IngestError;
use super::graph::{Node, Table};
use super::source::SourceFiles;
use super::sql::{Params, plan};
use crate::job::Job;

/// A clean table that can be read.
#[derive(Debug, Clone)]
pub struct Found {
    /// What it is made from.
    pub fingerprint: String,
    /// Its rows.
    pub rows: Arc<dyn TableProvider>,
    /// The table in the cache, where a night has made it from what its sources hold now.
    pub cached: Option<CleanTable>,
}

/// Looks for the clean table of `node`. `sources` and `before` hold what it reads; where the cache does not have it, its query
/// runs inside of every query that reads it.
///
/// # Errors
/// [`IngestError`] when the cached file cannot be read or the query does not plan.
pub async fn find(
    engine: &Engine,
    job: &Job,
    node: &Node,
    sources: &[SourceFiles],
    before: &BTreeMap<String, Found>,
    cache: &Cache,
) -> Result<Found, IngestError> {
    let name = &node.query.name;
    let fingerprint = fingerprint(job, node, sources, |name| before.get(name).map(|found| found.fingerprint.as_str()));
    if let Some(folder) = cache.find("clean", name, &fingerprint) {
        let table = open(name, job.time_of(name).cloned(), fingerprint.clone(), folder, false)?;
        return Ok(Found { fingerprint, rows: table.table()?, cached: Some(table) });
    }
    let failed =
        |error: datafusion::error::DataFusionError| IngestError::Plan { file: node.query.file.clone(), message: error.strip_backtrace() };
    let session = engine.session();
    let raw = Arc::new(MemorySchemaProvider::new());
    for source in sources.iter().filter(|source| node.uses.contains(&Table::Raw(source.name.clone()))) {
        raw.register_table(source.name.clone(), source.table()?).map_err(failed)?;
    }
    if let Some(catalog) = session.catalog("polytask") {
        catalog.register_schema("raw", raw).map_err(failed)?;
    }
    for (name, found) in before.iter().filter(|(name, _)| node.uses.contains(&Table::Clean((*name).clone()))) {
        session.register_table(name.as_str(), Arc::clone(&found.rows)).map_err(failed)?;
    }
    let mut frame = plan(&session, &node.select, &Params::of(job)).await?;
    if frame.schema().has_column_with_unqualified_name(REFUSED) {
        frame = frame.filter(ident(REFUSED).is_null()).and_then(|kept| kept.drop_columns(&[REFUSED])).map_err(failed)?;
    }
    let rows = Arc::new(ViewTable::new(frame.into_unoptimized_plan(), Some(node.query.sql.clone())));
    Ok(Found { fingerprint, rows, cached: None })
}
