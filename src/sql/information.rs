//! `information_schema`: DataFusion's, with the comments of columns, and tables that cannot be opened left out.
//!
//! In: the catalog. Out: its tables as a table; only those that a filter asks for are opened.

use std::collections::HashMap;
use std::sync::{Arc, OnceLock};

use arrow::array::{ArrayRef, RecordBatch, StringArray, UInt64Array, new_null_array};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use async_trait::async_trait;
use datafusion::catalog::information_schema::InformationSchemaProvider;
use datafusion::catalog::{CatalogProviderList, SchemaProvider, Session, TableFunction};
use datafusion::datasource::{MemTable, TableProvider};
use datafusion::error::Result as EngineResult;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_plan::ExecutionPlan;

use super::catalog::CATALOG;
use super::comments::Comments;
use super::files::passing;

type Functions = Box<dyn Fn() -> HashMap<String, Arc<TableFunction>> + Send + Sync>;

/// The schema `information_schema`.
pub(super) struct Information {
    catalogs: Arc<dyn CatalogProviderList>,
    comments: Arc<Comments>,
    functions: OnceLock<Functions>,
}

impl std::fmt::Debug for Information {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Information")
    }
}

impl Information {
    pub(super) fn new(catalogs: Arc<dyn CatalogProviderList>, comments: Arc<Comments>) -> Self {
        Self { catalogs, comments, functions: OnceLock::new() }
    }

    /// Tells how the session's table functions are found: they are registered after the catalog.
    pub(super) fn find_functions(&self, find: Functions) {
        let _ = self.functions.set(find);
    }

    fn inner(&self) -> InformationSchemaProvider {
        let functions = self.functions.get().map(|find| find()).unwrap_or_default();
        InformationSchemaProvider::new(Arc::clone(&self.catalogs)).with_table_functions(functions)
    }
}

#[async_trait]
impl SchemaProvider for Information {
    fn table_names(&self) -> Vec<String> {
        self.inner().table_names()
    }

    async fn table(&self, name: &str) -> EngineResult<Option<Arc<dyn TableProvider>>> {
        if name == "columns" {
            return Ok(Some(Arc::new(Columns {
                catalogs: Arc::clone(&self.catalogs),
                comments: Arc::clone(&self.comments),
                schema: columns(),
            })));
        }
        self.inner().table(name).await
    }

    fn table_exist(&self, name: &str) -> bool {
        self.inner().table_exist(name)
    }
}

/// `information_schema.columns`.
#[derive(Debug)]
struct Columns {
    catalogs: Arc<dyn CatalogProviderList>,
    comments: Arc<Comments>,
    schema: SchemaRef,
}

/// The columns that the standard names, as far as they mean something here, then `comment`.
fn columns() -> SchemaRef {
    let text = |name: &str| Field::new(name, DataType::Utf8, true);
    let count = |name: &str| Field::new(name, DataType::UInt64, true);
    Arc::new(Schema::new(vec![
        text("table_catalog"),
        text("table_schema"),
        text("table_name"),
        text("column_name"),
        count("ordinal_position"),
        text("column_default"),
        text("is_nullable"),
        text("data_type"),
        count("character_maximum_length"),
        count("numeric_precision"),
        count("numeric_scale"),
        count("datetime_precision"),
        text("comment"),
        text("udt_schema"),
        text("udt_name"),
        text("is_identity"),
        text("is_generated"),
    ]))
}

impl Columns {
    /// Schema and table of each table that passes the filters.
    fn wanted(&self, state: &dyn Session, filters: &[Expr]) -> EngineResult<Vec<(String, String)>> {
        let Some(catalog) = self.catalogs.catalog(CATALOG) else { return Ok(Vec::new()) };
        let mut all = Vec::new();
        for name in catalog.schema_names().into_iter().filter(|name| name != "information_schema") {
            let tables = catalog.schema(&name).map(|schema| schema.table_names()).unwrap_or_default();
            all.extend(tables.into_iter().map(|table| (name.clone(), table)));
        }
        let texts =
            |of: &dyn Fn(&(String, String)) -> String| Arc::new(all.iter().map(|pair| Some(of(pair))).collect::<StringArray>()) as ArrayRef;
        let fields = ["table_catalog", "table_schema", "table_name"].map(|name| Field::new(name, DataType::Utf8, true));
        let values = vec![texts(&|_| CATALOG.to_owned()), texts(&|pair| pair.0.clone()), texts(&|pair| pair.1.clone())];
        let values = RecordBatch::try_new(Arc::new(Schema::new(fields.to_vec())), values)?;
        let mask = passing(state, &values, filters)?;
        Ok(all.into_iter().zip(mask.iter()).filter(|(_, wanted)| *wanted == Some(true)).map(|(pair, _)| pair).collect())
    }

    async fn rows(&self, wanted: Vec<(String, String)>) -> EngineResult<RecordBatch> {
        let (mut schemas, mut tables, mut names) = (Vec::new(), Vec::new(), Vec::new());
        let (mut positions, mut nullable, mut types, mut comments) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        let mut known = Vec::new();
        let catalog = self.catalogs.catalog(CATALOG);
        for (schema, table) in wanted {
            let Some(found) = catalog.as_ref().and_then(|catalog| catalog.schema(&schema)) else { continue };
            // A table that cannot be opened says why when it is asked for by name.
            let Ok(Some(provider)) = found.table(&table).await else { continue };
            for (at, field) in provider.schema().fields().iter().enumerate() {
                comments.push(self.comments.of(&schema, &table, field.name()));
                schemas.push(schema.clone());
                tables.push(table.clone());
                names.push(field.name().clone());
                positions.push(at as u64 + 1);
                nullable.push(if field.is_nullable() { "YES" } else { "NO" });
                types.push(field.data_type().to_string());
                known.push(udt_name(field.data_type()));
            }
        }
        let rows = names.len();
        let text = |values: Vec<String>| Arc::new(StringArray::from(values)) as ArrayRef;
        let none = |data_type: &DataType| new_null_array(data_type, rows);
        let arrays = vec![
            text(vec![CATALOG.to_owned(); rows]),
            text(schemas),
            text(tables),
            text(names),
            Arc::new(UInt64Array::from(positions)),
            none(&DataType::Utf8),
            Arc::new(StringArray::from(nullable)),
            text(types),
            none(&DataType::UInt64),
            none(&DataType::UInt64),
            none(&DataType::UInt64),
            none(&DataType::UInt64),
            Arc::new(StringArray::from(comments)),
            text(vec!["pg_catalog".to_owned(); rows]),
            text(known),
            text(vec!["NO".to_owned(); rows]),
            text(vec!["NEVER".to_owned(); rows]),
        ];
        Ok(RecordBatch::try_new(Arc::clone(&self.schema), arrays)?)
    }
}

/// What PostgreSQL calls a type: the word that its tools know.
fn udt_name(data_type: &DataType) -> String {
    let name = match data_type {
        DataType::Boolean => "bool",
        DataType::Int8 | DataType::Int16 | DataType::UInt8 => "int2",
        DataType::Int32 | DataType::UInt16 => "int4",
        DataType::Int64 | DataType::UInt32 => "int8",
        DataType::UInt64 | DataType::Decimal128(..) | DataType::Decimal256(..) => "numeric",
        DataType::Float16 | DataType::Float32 => "float4",
        DataType::Float64 => "float8",
        DataType::Date32 | DataType::Date64 => "date",
        DataType::Timestamp(_, None) => "timestamp",
        DataType::Timestamp(_, Some(_)) => "timestamptz",
        DataType::Time32(_) | DataType::Time64(_) => "time",
        DataType::Interval(_) | DataType::Duration(_) => "interval",
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => "bytea",
        DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) => {
            return format!("_{}", udt_name(item.data_type()));
        }
        _ => "text",
    };
    name.to_owned()
}

#[async_trait]
impl TableProvider for Columns {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::View
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> EngineResult<Vec<TableProviderFilterPushDown>> {
        Ok(vec![TableProviderFilterPushDown::Inexact; filters.len()])
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        _: Option<usize>,
    ) -> EngineResult<Arc<dyn ExecutionPlan>> {
        let wanted = self.wanted(state, filters)?;
        let rows = self.rows(wanted).await?;
        MemTable::try_new(Arc::clone(&self.schema), vec![vec![rows]])?.scan(state, projection, &[], None).await
    }
}
