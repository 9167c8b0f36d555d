//! Decision tables: SQL over tonight's scores, the clean tables of the past and the features.
//!
//! In: a session that sees them. Out: `decisions/<table>.parquet` and the first rows of each for the report.

use std::path::Path;
use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::DataType;
use arrow::util::display::array_value_to_string;
use datafusion::datasource::file_format::parquet::ParquetFormat;
use datafusion::datasource::listing::{ListingOptions, ListingTable, ListingTableConfig, ListingTableUrl};
use datafusion::prelude::SessionContext;

use super::error::PublishError;
use super::staging::Staging;
use crate::ingest::clean::{parquet_table, schema_of};
use crate::ingest::graph::Graph;
use crate::ingest::sql::{Params, plan};
use crate::ingest::{Engine, IngestError};
use crate::table_file::{self, Kept, write_stream};

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

/// Registers `scores`, `scores_under` and what was made beside them from the staged folder.
///
/// # Errors
/// [`PublishError`] when a file cannot be read.
pub fn add_scores(session: &SessionContext, staging: &Staging) -> Result<(), PublishError> {
    let scores = staging.path().join("scores");
    let first = super::folder::files(&scores)?.into_iter().next();
    let register = |name: &str, table: Arc<ListingTable>| {
        session.register_table(name, table).map_err(|error| IngestError::Plan { file: name.to_owned(), message: error.strip_backtrace() })
    };
    if let Some(file) = first {
        register("scores", hive(&scores, &file)?)?;
    }
    let under = staging.path().join("scores_under/part.parquet");
    if under.is_file() {
        register("scores_under", parquet_table(&under, schema_of(&under)?)?)?;
    }
    for name in crate::ingest::graph::BESIDE_SCORES {
        let file = staging.path().join(format!("{name}.parquet"));
        if file.is_file() {
            register(name, parquet_table(&file, schema_of(&file)?)?)?;
        }
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

/// Runs every decision query.
///
/// # Errors
/// [`PublishError`] naming the query.
pub async fn write(
    engine: &Engine,
    graph: &Graph,
    session: &SessionContext,
    params: &Params,
    staging: &Staging,
) -> Result<Vec<Decision>, PublishError> {
    let mut decisions = Vec::new();
    for node in &graph.decisions {
        let _permit = engine.permit().await?;
        let target = staging.place(&format!("decisions/{}.parquet", node.query.name))?;
        let frame = plan(session, &node.select, params).await?;
        let run = |error| IngestError::run(&node.query.file, error);
        let stream = frame.execute_stream().await.map_err(|error| run(error.into()))?;
        let rows_total = write_stream(stream, &target, Kept::Published).await.map_err(run)?;
        let (columns, rows) = preview(&target)?;
        decisions.push(Decision { name: node.query.name.clone(), what: node.query.header.clone(), columns, rows_total, rows });
    }
    Ok(decisions)
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
