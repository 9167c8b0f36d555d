//! Point-in-time views: what could be seen at the start of an as-of date, and what lies in its outcome window.
//!
//! In: clean tables and an as-of date. Out: sessions in which the past is all there is. There is no other way for a
//! feature to see a row: the future is not registered.

use std::sync::Arc;

use arrow::datatypes::{DataType, TimeUnit};
use datafusion::catalog::{MemorySchemaProvider, SchemaProvider as _};
use datafusion::common::ScalarValue;
use datafusion::datasource::{TableProvider, provider_as_source};
use datafusion::logical_expr::{Expr, LogicalPlanBuilder, lit};
use datafusion::prelude::SessionContext;

use crate::ingest::{CleanTable, CleanTables, Engine, IngestError};
use crate::job::{AsOf, Job};

/// A session that sees the clean tables as they were visible at the start of `as_of`.
///
/// # Errors
/// [`IngestError`] when a view cannot be made.
pub fn past(engine: &Engine, job: &Job, tables: &CleanTables, as_of: &AsOf) -> Result<SessionContext, IngestError> {
    let session = engine.session();
    for table in tables.values() {
        session.register_table(table.name.as_str(), visible(job, table, as_of)?).map_err(|error| failed(table, &error))?;
    }
    Ok(session)
}

/// Adds `outcome.<table>` for every table with a time: its rows in `[as_of, as_of + horizon)`, as far as they had
/// arrived when the outcome closed (`horizon + settle`).
///
/// # Errors
/// [`IngestError`] when a view cannot be made.
pub fn add_outcome(session: &SessionContext, job: &Job, tables: &CleanTables, as_of: &AsOf) -> Result<(), IngestError> {
    let outcome = Arc::new(MemorySchemaProvider::new());
    let calendar = |message: String| IngestError::Plan { file: "snapshots".into(), message };
    let end = as_of.plus(job.snapshots.horizon, &job.zone).map_err(calendar)?;
    let closed = end.plus(job.snapshots.settle, &job.zone).map_err(calendar)?;
    for table in tables.values() {
        let Some(time) = &table.time else { continue };
        let mut filter = compare(table, &time.time, as_of)?.not_before.and(compare(table, &time.time, &end)?.before);
        if let Some(available) = &time.available {
            filter = filter.and(compare(table, available, &closed)?.before);
        }
        outcome.register_table(table.name.clone(), view(table, filter)?).map_err(|error| failed(table, &error))?;
    }
    if let Some(catalog) = session.catalog("polytask") {
        catalog
            .register_schema("outcome", outcome)
            .map_err(|error| IngestError::Plan { file: "outcome".into(), message: error.strip_backtrace() })?;
    }
    Ok(())
}

/// The rows of a clean table that were visible at the start of `as_of`; a table without a time is visible whole.
fn visible(job: &Job, table: &CleanTable, as_of: &AsOf) -> Result<Arc<dyn TableProvider>, IngestError> {
    let Some(time) = &table.time else { return table.table() };
    let until =
        as_of.plus(time.known_ahead, &job.zone).map_err(|message| IngestError::Plan { file: format!("tables.{}", table.name), message })?;
    let mut filter = compare(table, &time.time, &until)?.before;
    if let Some(available) = &time.available {
        filter = filter.and(compare(table, available, as_of)?.before);
    }
    view(table, filter)
}

struct Compared {
    before: Expr,
    not_before: Expr,
}

/// Compares a time column with an as-of date in the column's own type, so that the filter reaches the Parquet reader.
fn compare(table: &CleanTable, column: &str, as_of: &AsOf) -> Result<Compared, IngestError> {
    let bad = |message: String| IngestError::BadTime { table: table.name.clone(), message };
    let field = table.schema().field_with_name(column).map_err(|_| bad(format!("it yields no column `{column}`")))?;
    let micros = as_of.micros();
    let bound = match field.data_type() {
        DataType::Date32 => ScalarValue::Date32(Some(as_of.epoch_day())),
        DataType::Timestamp(unit, zone) => {
            let zone = zone.clone();
            match unit {
                TimeUnit::Second => ScalarValue::TimestampSecond(Some(micros.div_euclid(1_000_000)), zone),
                TimeUnit::Millisecond => ScalarValue::TimestampMillisecond(Some(micros.div_euclid(1_000)), zone),
                TimeUnit::Microsecond => ScalarValue::TimestampMicrosecond(Some(micros), zone),
                TimeUnit::Nanosecond => ScalarValue::TimestampNanosecond(
                    Some(
                        micros
                            .checked_mul(1_000)
                            .ok_or_else(|| bad(format!("column `{column}` counts nanoseconds, which end in the year 2262")))?,
                    ),
                    zone,
                ),
            }
        }
        other => return Err(bad(format!("column `{column}` is {other}, not a timestamp or a date"))),
    };
    let column = Expr::Column(datafusion::common::Column::from_name(column));
    Ok(Compared { before: column.clone().lt(lit(bound.clone())), not_before: column.gt_eq(lit(bound)) })
}

fn view(table: &CleanTable, filter: Expr) -> Result<Arc<dyn TableProvider>, IngestError> {
    let plan = LogicalPlanBuilder::scan(table.name.as_str(), provider_as_source(table.table()?), None)
        .and_then(|scan| scan.filter(filter))
        .and_then(LogicalPlanBuilder::build)
        .map_err(|error| failed(table, &error))?;
    Ok(Arc::new(datafusion::catalog::view::ViewTable::new(plan, None)))
}

fn failed(table: &CleanTable, error: &datafusion::error::DataFusionError) -> IngestError {
    IngestError::Plan { file: format!("clean/{}.sql", table.name), message: error.strip_backtrace() }
}
