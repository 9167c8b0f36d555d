//! Decision tables: SQL over tonight's scores, the held-out rows, the clean tables of the past, the features, and each other.
//!
//! In: a session that sees clean tables and features. Out: `decisions/<table>.parquet`, the first rows of each for the report, and
//! what their checks say. Not here: the functions that decide (`table_functions`), which the session has.

mod previous;

use std::path::Path;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::util::display::array_value_to_string;
use datafusion::datasource::file_format::parquet::ParquetFormat;
use datafusion::datasource::listing::{ListingOptions, ListingTable, ListingTableConfig, ListingTableUrl};
use datafusion::datasource::{MemTable, TableProvider};
use datafusion::error::DataFusionError;
use datafusion::prelude::SessionContext;

use super::error::PublishError;
use super::home::PastRun;
use super::staging::Staging;
use crate::ingest::check::check_decisions;
use crate::ingest::clean::{parquet_table, schema_of};
use crate::ingest::graph::{BESIDE_SCORES, CONTRIBUTIONS, Graph, Node};
use crate::ingest::sql::{Params, plan};
use crate::ingest::{Engine, IngestError};
use crate::job::Job;
use crate::table_file::{self, FileError, Kept, write_stream};

/// Rows of a decision table that the report shows.
const SHOWN: usize = 10;

/// A decision table, as the report shows it.
#[derive(Debug, Clone, PartialEq)]
pub struct Decision {
    /// Its name.
    pub name: String,
    /// What its query's header says of it.
    pub what: String,
    /// Column names.
    pub columns: Vec<String>,
    /// Rows in the table.
    pub rows_total: u64,
    /// Its first rows.
    pub rows: Vec<Vec<String>>,
}

/// Registers `scores`, `scores_under`, `holdout` and what was made beside them from the staged folder, and `previous.<table>` from the
/// run before.
///
/// # Errors
/// [`PublishError`] when a file cannot be read, or a column of the run before has another type.
pub fn add(session: &SessionContext, job: &Job, staging: &Staging, before: Option<&PastRun>) -> Result<(), PublishError> {
    let scores = staging.path().join("scores");
    if let Some(file) = super::folder::files(&scores)?.into_iter().next() {
        show(session, "scores", hive(&scores, &file)?)?;
    }
    for (name, file) in [("scores_under", "scores_under/part.parquet"), ("holdout", "holdout/holdout.parquet")] {
        let file = staging.path().join(file);
        if file.is_file() {
            show(session, name, parquet_table(&file, schema_of(&file)?)?)?;
        }
    }
    for name in BESIDE_SCORES {
        add_beside(session, name, staging)?;
    }
    previous::add(session, job, before)
}

/// Registers a table that was made beside the scores, where it was.
///
/// # Errors
/// [`PublishError`] when the file cannot be read.
pub fn add_beside(session: &SessionContext, name: &str, staging: &Staging) -> Result<(), PublishError> {
    let file = staging.path().join(format!("{name}.parquet"));
    if file.is_file() {
        show(session, name, parquet_table(&file, schema_of(&file)?)?)?;
    }
    Ok(())
}

fn hive(folder: &Path, first: &Path) -> Result<Arc<ListingTable>, PublishError> {
    let failed = |message: String| PublishError::Table { table: "scores".into(), message };
    let url = url::Url::from_directory_path(folder).map_err(|()| failed("not an absolute path".into()))?;
    let url = ListingTableUrl::try_new(url, None).map_err(|error| failed(error.strip_backtrace()))?;
    let options = ListingOptions::new(Arc::new(ParquetFormat::default()))
        .with_file_extension(".parquet")
        .with_table_partition_cols(vec![("scenario".to_owned(), DataType::Utf8)]);
    let config = ListingTableConfig::new(url).with_listing_options(options).with_schema(schema_of(first)?);
    ListingTable::try_new(config).map(Arc::new).map_err(|error| failed(error.strip_backtrace()))
}

/// What decision queries see beside clean tables and features.
#[derive(Debug, Clone, Copy)]
pub struct Seen<'a> {
    /// The job.
    pub job: &'a Job,
    /// Its queries.
    pub graph: &'a Graph,
    /// Their parameters.
    pub params: &'a Params,
}

/// Runs decision queries, in this order.
///
/// # Errors
/// [`PublishError`] naming the query.
pub async fn write(
    engine: &Engine,
    seen: Seen<'_>,
    nodes: &[Node],
    session: &SessionContext,
    staging: &Staging,
) -> Result<Vec<Decision>, PublishError> {
    let mut tables = Vec::new();
    for node in nodes {
        let _permit = engine.permit().await?;
        let name = &node.query.name;
        let target = staging.place(&format!("decisions/{name}.parquet"))?;
        let frame = plan(session, &node.select, seen.params).await?;
        let run = |error| IngestError::run(&node.query.file, error);
        let stream = frame.execute_stream().await.map_err(|error| run(error.into()))?;
        let rows_total = write_stream(stream, &target, Kept::Published).await.map_err(run)?;
        show(session, name, parquet_table(&target, schema_of(&target)?)?)?;
        let (columns, rows) = preview(&target)?;
        tables.push(Decision { name: name.clone(), what: node.query.header.clone(), columns, rows_total, rows });
    }
    Ok(tables)
}

/// Runs every check of a decision table, and gives their names.
///
/// # Errors
/// [`PublishError`] naming the check, with a sample of the offending rows.
pub async fn check(engine: &Engine, seen: Seen<'_>, session: &SessionContext) -> Result<Vec<String>, PublishError> {
    Ok(check_decisions(engine, seen.job, seen.graph, session, seen.params).await?)
}

/// Plans every decision query and its checks on empty tables, in a session with those of clean tables and features. `rows` has keys
/// and scenario, `challengers` are the learners beside the published one.
///
/// # Errors
/// [`PublishError`] naming the query.
pub async fn plan_all(session: &SessionContext, seen: Seen<'_>, rows: &Schema, challengers: &[&str]) -> Result<(), PublishError> {
    let job = seen.job;
    let (number, text) = (|name: &str| Field::new(name, DataType::Int32, true), |name: &str| Field::new(name, DataType::Utf8, true));
    let tasks: Vec<&str> = job.tasks.iter().map(|task| task.task.name.as_str()).collect();
    let own = tasks.iter().map(|task| (*task).to_owned()).collect::<Vec<_>>();
    empty(session, "scores", with_keys(job, rows, own.clone(), [number("rank"), text("run"), text("scenario")]))?;
    empty(session, "scores_under", with_keys(job, rows, own.clone(), [text("scenario"), text("under")]))?;
    let labels = tasks.iter().map(|task| format!("y_{task}"));
    let published = tasks.iter().map(|task| format!("p_{task}"));
    let beside = challengers.iter().flat_map(|learner| tasks.iter().map(move |task| format!("p_{task}__{learner}")));
    let fold = || job.folds.is_some().then(|| number("fold"));
    let figures = |numbers: Vec<String>, own: Vec<Field>| with_keys(job, rows, numbers, own.into_iter().chain(fold()));
    empty(session, "holdout", figures(labels.clone().chain(published.clone()).chain(beside).collect(), vec![text("scenario")]))?;
    empty(session, "holdout_under", figures(labels.chain(published).collect(), vec![text("scenario"), text("under")]))?;
    empty(session, "scores_folds", figures(own, vec![text("scenario"), text("under")]))?;
    let reasons = ["scenario", "task", "feature", "value"].map(text);
    empty(session, CONTRIBUTIONS, with_keys(job, rows, vec!["contribution".into(), "log_odds".into()], reasons))?;
    previous::add(session, job, None)?;
    for node in &seen.graph.decisions {
        let planned = plan(session, &node.select, seen.params).await?;
        let schema = planned.schema().inner();
        if node.query.name == job.explain.contributions_of
            && let Some(key) = job.keys.iter().find(|key| schema.field_with_name(key).is_err())
        {
            let message = format!("has no column `{key}`, a key: `explain.contributions_of` names the table for its keys");
            return Err(IngestError::Plan { file: node.query.file.clone(), message }.into());
        }
        empty(session, &node.query.name, Arc::clone(schema))?;
    }
    for node in &seen.graph.decision_checks {
        plan(session, &node.select, seen.params).await?;
    }
    Ok(())
}

/// Lets decisions read a table. A clean table or feature of the same name is what is read under it.
fn show(session: &SessionContext, name: &str, table: Arc<dyn TableProvider>) -> Result<(), PublishError> {
    let failed = |error: DataFusionError| IngestError::Plan { file: name.to_owned(), message: error.strip_backtrace() };
    if !session.table_exist(name).map_err(failed)? {
        session.register_table(name, table).map_err(failed)?;
    }
    Ok(())
}

fn empty(session: &SessionContext, name: &str, schema: SchemaRef) -> Result<(), PublishError> {
    let table = MemTable::try_new(schema, vec![vec![]]).map_err(FileError::Query)?;
    show(session, name, Arc::new(table))
}

/// Keys, date, numbers, and what else a table has.
fn with_keys(job: &Job, rows: &Schema, numbers: Vec<String>, own: impl IntoIterator<Item = Field>) -> SchemaRef {
    let keys = job.keys.iter().filter_map(|key| rows.field_with_name(key).ok().cloned());
    let numbers = numbers.into_iter().map(|name| Field::new(name, DataType::Float64, true));
    let date = Field::new("as_of", DataType::Date32, true);
    Arc::new(Schema::new(keys.chain([date]).chain(numbers).chain(own).collect::<Vec<_>>()))
}

fn preview(path: &Path) -> Result<(Vec<String>, Vec<Vec<String>>), PublishError> {
    let columns = schema_of(path)?.fields().iter().map(|field| field.name().clone()).collect();
    let failed = |message: String| PublishError::Table { table: path.display().to_string(), message };
    let first: Option<RecordBatch> = table_file::read(path)?.next().transpose().map_err(|error| failed(error.to_string()))?;
    let Some(batch) = first else { return Ok((columns, Vec::new())) };
    let shown = (0..batch.num_rows().min(SHOWN))
        .map(|row| {
            batch
                .columns()
                .iter()
                .map(|array| array_value_to_string(array, row).map_err(|error| failed(error.to_string())))
                .collect::<Result<Vec<_>, _>>()
        })
        .collect::<Result<Vec<_>, _>>()?;
    Ok((columns, shown))
}
