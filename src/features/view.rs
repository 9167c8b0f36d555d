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

use crate::ingest::{CleanTables, Engine, IngestError};
use crate::job::{AsOf, Job, TableTime};

/// A session that sees the clean tables as they were visible at the start of `as_of`.
///
/// # Errors
/// [`IngestError`] when a view cannot be made.
pub fn past(engine: &Engine, job: &Job, tables: &CleanTables, as_of: &AsOf) -> Result<SessionContext, IngestError> {
    let session = engine.session();
    for table in tables.values() {
        let visible = visible(job, &table.name, table.time.as_ref(), table.table()?, as_of)?;
        session.register_table(table.name.as_str(), visible).map_err(|error| failed(&table.name, &error))?;
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
    for table in tables.values() {
        let Some(time) = &table.time else { continue };
        let rows = within_outcome(job, &table.name, time, table.table()?, as_of)?;
        outcome.register_table(table.name.clone(), rows).map_err(|error| failed(&table.name, &error))?;
    }
    if let Some(catalog) = session.catalog("polytask") {
        catalog
            .register_schema("outcome", outcome)
            .map_err(|error| IngestError::Plan { file: "outcome".into(), message: error.strip_backtrace() })?;
    }
    Ok(())
}

/// The rows of a clean table in the outcome window of `as_of`, as far as they had arrived when the outcome closed.
pub(crate) fn within_outcome(
    job: &Job,
    name: &str,
    time: &TableTime,
    rows: Arc<dyn TableProvider>,
    as_of: &AsOf,
) -> Result<Arc<dyn TableProvider>, IngestError> {
    let calendar = |message: String| IngestError::Plan { file: "snapshots".into(), message };
    let end = as_of.plus(job.snapshots.horizon, &job.zone).map_err(calendar)?;
    let closed = end.plus(job.snapshots.settle, &job.zone).map_err(calendar)?;
    let table = Table { name, rows };
    let mut filter = table.compare(&time.time, as_of)?.not_before.and(table.compare(&time.time, &end)?.before);
    if let Some(available) = &time.available {
        filter = filter.and(table.compare(available, &closed)?.before);
    }
    table.view(filter)
}

/// The rows of a clean table that were visible at the start of `as_of`; a table without a time is visible whole.
pub(crate) fn visible(
    job: &Job,
    name: &str,
    time: Option<&TableTime>,
    rows: Arc<dyn TableProvider>,
    as_of: &AsOf,
) -> Result<Arc<dyn TableProvider>, IngestError> {
    let Some(time) = time else { return Ok(rows) };
    let until = as_of.plus(time.known_ahead, &job.zone).map_err(|message| IngestError::Plan { file: format!("tables.{name}"), message })?;
    let table = Table { name, rows };
    let mut filter = table.compare(&time.time, &until)?.before;
    if let Some(available) = &time.available {
        filter = filter.and(table.compare(available, as_of)?.before);
    }
    table.view(filter)
}

struct Table<'a> {
    name: &'a str,
    rows: Arc<dyn TableProvider>,
}

struct Compared {
    before: Expr,
    not_before: Expr,
}

impl Table<'_> {
    /// Compares a time column with an as-of date in the column's own type, so that the filter reaches the Parquet reader.
    fn compare(&self, column: &str, as_of: &AsOf) -> Result<Compared, IngestError> {
        let bad = |message: String| IngestError::BadTime { table: self.name.to_owned(), message };
        let schema = self.rows.schema();
        let field = schema.field_with_name(column).map_err(|_| bad(format!("it yields no column `{column}`")))?;
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

    fn view(self, filter: Expr) -> Result<Arc<dyn TableProvider>, IngestError> {
        let plan = LogicalPlanBuilder::scan(self.name, provider_as_source(self.rows), None)
            .and_then(|scan| scan.filter(filter))
            .and_then(LogicalPlanBuilder::build)
            .map_err(|error| failed(self.name, &error))?;
        Ok(Arc::new(datafusion::catalog::view::ViewTable::new(plan, None)))
    }
}

fn failed(table: &str, error: &datafusion::error::DataFusionError) -> IngestError {
    IngestError::Plan { file: format!("clean/{table}.sql"), message: error.strip_backtrace() }
}
