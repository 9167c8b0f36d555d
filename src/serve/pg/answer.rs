//! An answer on the wire: rows in the form that the client asked for, or an error with its code.
//!
//! In: [`Rows`]. Out: what pgwire sends. Not here: how they were asked for (`connection`).

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::compute::{CastOptions, cast_with_options};
use arrow::datatypes::{Field, Schema, SchemaRef};
use arrow::error::ArrowError;
use datafusion_postgres::arrow_pg::datatypes::{arrow_schema_to_pg_fields, encode_recordbatch};
use datafusion_postgres::pgwire::api::portal::Format;
use datafusion_postgres::pgwire::api::results::{FieldInfo, QueryResponse, Response};
use datafusion_postgres::pgwire::error::{ErrorInfo, PgWireError, PgWireResult};
use datafusion_postgres::pgwire::messages::data::DataRow;
use datafusion_postgres::pgwire::types::format::FormatOptions;
use futures::{StreamExt as _, stream};

use crate::outcome::Outcome as _;
use crate::serve::rows::{Failed, Rows, Teller};
use crate::sql::SqlError;

/// The rows of an answer on the wire. The first are waited for: until then the client can still cancel.
/// They have the columns that were `announced`, where they were.
pub(super) async fn sent(
    mut rows: Rows,
    mut teller: Teller,
    format: &Format,
    options: FormatOptions,
    announced: Option<SchemaRef>,
) -> PgWireResult<Response> {
    let schema = announced.unwrap_or_else(|| Arc::clone(rows.schema()));
    let fields = Arc::new(arrow_schema_to_pg_fields(&schema, format, Some(Arc::new(options)))?);
    let first = match rows.next().await {
        Ok(first) => first,
        Err(failed) => return Err(told(&failed, &mut teller)),
    };
    let encoded = Arc::clone(&fields);
    let batches = stream::unfold(Some((first, rows, teller)), move |state| {
        let (fields, schema) = (Arc::clone(&encoded), Arc::clone(&schema));
        async move {
            let (batch, mut rows, mut teller) = state?;
            let Some(batch) = batch else {
                teller.answered(rows.sent());
                return None;
            };
            let sent = on_wire(&fields, &schema, batch);
            match rows.next().await {
                Ok(next) => Some((sent, Some((next, rows, teller)))),
                Err(failed) => {
                    let error = told(&failed, &mut teller);
                    Some((sent.into_iter().chain([Err(error)]).collect(), None))
                }
            }
        }
    });
    Ok(Response::Query(QueryResponse::new(fields, batches.map(stream::iter).flatten())))
}

fn on_wire(fields: &Arc<Vec<FieldInfo>>, schema: &SchemaRef, batch: RecordBatch) -> Vec<PgWireResult<DataRow>> {
    match announced(schema, batch) {
        Ok(batch) => encode_recordbatch(Arc::clone(fields), batch).collect(),
        Err(error) => vec![Err(PgWireError::ApiError(Box::new(error)))],
    }
}

/// A batch in the types that its columns were announced with.
fn announced(schema: &SchemaRef, batch: RecordBatch) -> Result<RecordBatch, ArrowError> {
    if schema.fields().iter().zip(batch.columns()).all(|(field, column)| field.data_type() == column.data_type()) {
        return Ok(batch);
    }
    let strict = CastOptions { safe: false, ..CastOptions::default() };
    let columns = schema.fields().iter().zip(batch.columns()).map(|(field, column)| cast_with_options(column, field.data_type(), &strict));
    let columns: Vec<ArrayRef> = columns.collect::<Result<_, _>>()?;
    let fields: Vec<Field> = schema.fields().iter().map(|field| field.as_ref().clone().with_nullable(true)).collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)
}

/// An error with the code that drivers know.
pub(super) fn told(failed: &Failed, teller: &mut Teller) -> PgWireError {
    teller.failed(failed);
    let code = match failed {
        Failed::Sql(SqlError::Refused { .. }) => "42501",
        Failed::Sql(SqlError::Run { out_of_memory: true, .. }) => "53200",
        Failed::Sql(SqlError::Run { .. }) => "22000",
        Failed::Sql(SqlError::Wrong { message, .. }) if message.starts_with("table ") => "42P01",
        Failed::Sql(SqlError::Wrong { message, .. }) if message.starts_with("column ") => "42703",
        Failed::Sql(SqlError::Wrong { message, .. }) if message.starts_with("Invalid function") => "42883",
        Failed::Sql(SqlError::Wrong { .. }) => "42601",
        Failed::Sql(_) => "55000",
        Failed::Time(_) => "57014",
        Failed::Rows(_) | Failed::Bytes(_) => "54000",
        Failed::Stranger => "28000",
        Failed::Full => "53300",
        Failed::Broken(_) => "XX000",
    };
    let severity = if matches!(failed, Failed::Stranger) { "FATAL" } else { "ERROR" };
    let mut info = ErrorInfo::new(severity.to_owned(), code.to_owned(), failed.to_string());
    info.hint = failed.hint();
    PgWireError::UserError(Box::new(info))
}
