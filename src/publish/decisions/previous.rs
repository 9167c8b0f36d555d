//! `previous.<table>`: decision tables of the run before, as far as job.toml asks for their columns.
//!
//! In: the run before, if there is one. Out: tables of exactly those columns and types: empty without a run or where it lacks the
//! table, NULL where it lacks the column.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use datafusion::catalog::view::ViewTable;
use datafusion::catalog::{MemorySchemaProvider, SchemaProvider as _};
use datafusion::common::{Column, ScalarValue};
use datafusion::datasource::{MemTable, TableProvider, provider_as_source};
use datafusion::error::DataFusionError;
use datafusion::logical_expr::{Expr, LogicalPlanBuilder, cast, lit};
use datafusion::prelude::SessionContext;

use super::super::error::PublishError;
use super::super::home::PastRun;
use crate::ingest::IngestError;
use crate::ingest::clean::{parquet_table, schema_of};
use crate::ingest::source::fits;
use crate::job::{ColumnType, Job};

/// Gives a session every table of the run before that the job declares.
pub(super) fn add(session: &SessionContext, job: &Job, before: Option<&PastRun>) -> Result<(), PublishError> {
    let failed = |error: DataFusionError| IngestError::Plan { file: "job.toml".into(), message: error.strip_backtrace() };
    let tables = Arc::new(MemorySchemaProvider::new());
    for (table, columns) in &job.previous {
        let file = before.map(|run| (run, run.folder.join(format!("decisions/{table}.parquet")))).filter(|(_, file)| file.is_file());
        let rows: Arc<dyn TableProvider> = match file {
            Some((run, file)) => {
                let schema = schema_of(&file)?;
                let list = columns.iter().map(|column| of_run(table, column, &schema, run)).collect::<Result<Vec<_>, _>>()?;
                let plan = LogicalPlanBuilder::scan(table, provider_as_source(parquet_table(&file, schema)?), None);
                let plan = plan.and_then(|scan| scan.project(list)).and_then(LogicalPlanBuilder::build).map_err(failed)?;
                Arc::new(ViewTable::new(plan, None))
            }
            None => {
                let fields: Vec<Field> = columns.iter().map(|(name, of)| Field::new(name, held(*of), true)).collect();
                Arc::new(MemTable::try_new(Arc::new(Schema::new(fields)), vec![vec![]]).map_err(failed)?)
            }
        };
        tables.register_table(table.clone(), rows).map_err(failed)?;
    }
    if let Some(catalog) = session.catalog("polytask") {
        catalog.register_schema("previous", tables).map_err(failed)?;
    }
    Ok(())
}

/// A declared column out of a run's table.
fn of_run(table: &str, (name, of): &(String, ColumnType), schema: &Schema, run: &PastRun) -> Result<Expr, PublishError> {
    let Ok(field) = schema.field_with_name(name) else {
        return Ok(cast(lit(ScalarValue::Null), held(*of)).alias(name));
    };
    if !fits(*of, field.data_type()) {
        return Err(PublishError::Retyped {
            table: table.to_owned(),
            column: name.clone(),
            found: field.data_type().to_string(),
            expected: word(*of),
            run: run.manifest.run.clone(),
        });
    }
    Ok(cast(Expr::Column(Column::new_unqualified(name)), held(*of)).alias(name))
}

fn held(of: ColumnType) -> DataType {
    match of {
        ColumnType::Int => DataType::Int64,
        ColumnType::Float => DataType::Float64,
        ColumnType::Text => DataType::Utf8,
        ColumnType::Bool => DataType::Boolean,
        ColumnType::Date => DataType::Date32,
        ColumnType::Timestamp => DataType::Timestamp(TimeUnit::Microsecond, None),
    }
}

fn word(of: ColumnType) -> &'static str {
    match of {
        ColumnType::Int => "int",
        ColumnType::Float => "float",
        ColumnType::Text => "text",
        ColumnType::Bool => "bool",
        ColumnType::Date => "date",
        ColumnType::Timestamp => "timestamp",
    }
}
