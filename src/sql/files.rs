//! Parquet files of several nights as one table: columns that a file lacks are NULL, and each file may add constants.
//!
//! In: paths, each with the values of its constant columns (run, as-of date, scenario). Out: a table that reads only the files
//! whose constants pass the filter. Which files there are is decided elsewhere.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{Array as _, AsArray as _, BooleanArray, RecordBatch};
use arrow::compute::{and_kleene, prep_null_mask_filter};
use arrow::datatypes::{DataType, Field, FieldRef, Schema, SchemaRef};
use async_trait::async_trait;
use datafusion::catalog::Session;
use datafusion::common::{DFSchema, ScalarValue};
use datafusion::datasource::TableProvider;
use datafusion::datasource::file_format::FileFormat as _;
use datafusion::datasource::file_format::parquet::ParquetFormat;
use datafusion::datasource::listing::helpers::expr_applicable_for_cols;
use datafusion::datasource::listing::{ListingTableUrl, PartitionedFile};
use datafusion::datasource::physical_plan::{FileGroup, FileScanConfigBuilder, ParquetSource};
use datafusion::datasource::table_schema::TableSchema;
use datafusion::error::Result as EngineResult;
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown, TableType};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::empty::EmptyExec;

use super::error::SqlError;
use crate::ingest::clean::schema_of;

/// A file and what it adds to each of its rows, in the order of the table's constant columns.
#[derive(Debug, Clone)]
pub(super) struct Part {
    pub(super) path: PathBuf,
    pub(super) constants: Vec<ScalarValue>,
}

/// Files as one table.
#[derive(Debug)]
pub(super) struct Files {
    parts: Vec<Part>,
    constants: Vec<FieldRef>,
    file_schema: SchemaRef,
    schema: SchemaRef,
}

impl Files {
    /// Reads the footers and puts the columns together. A constant that the files hold as a column of their own is left out.
    ///
    /// # Errors
    /// [`SqlError`] naming the table and the column, or the file that cannot be read.
    pub(super) fn open(table: &str, mut parts: Vec<Part>, constants: &[(&str, DataType)]) -> Result<Self, SqlError> {
        let mut fields: Vec<Field> = Vec::new();
        for part in &parts {
            for field in schema_of(&part.path)?.fields() {
                match fields.iter_mut().find(|known| known.name() == field.name()) {
                    None => fields.push(field.as_ref().clone().with_nullable(true).with_metadata(std::collections::HashMap::new())),
                    Some(known) => {
                        let both = common(known.data_type(), field.data_type()).ok_or_else(|| SqlError::Table {
                            table: table.to_owned(),
                            message: format!(
                                "column `{}` is {} in one run and {} in another",
                                field.name(),
                                known.data_type(),
                                field.data_type()
                            ),
                        })?;
                        known.set_data_type(both);
                    }
                }
            }
        }
        let own: Vec<bool> = constants.iter().map(|(name, _)| fields.iter().any(|field| field.name() == name)).collect();
        for part in &mut parts {
            part.constants =
                std::mem::take(&mut part.constants).into_iter().zip(&own).filter(|(_, own)| !**own).map(|(value, _)| value).collect();
        }
        let constants: Vec<FieldRef> = constants
            .iter()
            .zip(&own)
            .filter(|(_, own)| !**own)
            .map(|((name, data_type), _)| Arc::new(Field::new(*name, data_type.clone(), true)))
            .collect();
        let file_schema = Arc::new(Schema::new(fields));
        let all = file_schema.fields().iter().cloned().chain(constants.iter().cloned());
        let schema = Arc::new(Schema::new(all.collect::<Vec<_>>()));
        Ok(Self { parts, constants, file_schema, schema })
    }

    fn constant_names(&self) -> Vec<&str> {
        self.constants.iter().map(|field| field.name().as_str()).collect()
    }

    /// The files whose constants pass the filters that speak of constants only.
    fn wanted(&self, state: &dyn Session, filters: &[Expr]) -> EngineResult<Vec<&Part>> {
        if self.constants.is_empty() || self.parts.is_empty() {
            return Ok(self.parts.iter().collect());
        }
        let columns = (0..self.constants.len())
            .map(|at| ScalarValue::iter_to_array(self.parts.iter().map(|part| part.constants[at].clone())))
            .collect::<EngineResult<Vec<_>>>()?;
        let values = RecordBatch::try_new(Arc::new(Schema::new(self.constants.clone())), columns)?;
        let mask = passing(state, &values, filters)?;
        Ok(self.parts.iter().zip(mask.iter()).filter(|(_, wanted)| *wanted == Some(true)).map(|(part, _)| part).collect())
    }
}

/// Which rows of `values` pass those filters that speak of its columns only.
pub(super) fn passing(state: &dyn Session, values: &RecordBatch, filters: &[Expr]) -> EngineResult<BooleanArray> {
    let schema = values.schema();
    let names: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
    let of = DFSchema::try_from(Arc::clone(&schema))?;
    let mut mask = BooleanArray::from(vec![true; values.num_rows()]);
    for filter in filters.iter().filter(|filter| expr_applicable_for_cols(&names, filter)) {
        let passed = state.create_physical_expr(filter.clone(), &of)?.evaluate(values)?.into_array(values.num_rows())?;
        let Some(passed) = passed.as_boolean_opt() else { continue };
        mask = and_kleene(&mask, passed)?;
    }
    Ok(if mask.null_count() > 0 { prep_null_mask_filter(&mask) } else { mask })
}

/// The type in which the values of two runs can stand in one column.
fn common(a: &DataType, b: &DataType) -> Option<DataType> {
    if a == b {
        return Some(a.clone());
    }
    match (a, b) {
        (DataType::Null, other) | (other, DataType::Null) => Some(other.clone()),
        _ if a.is_integer() && b.is_integer() => Some(DataType::Int64),
        _ if a.is_numeric() && b.is_numeric() => Some(DataType::Float64),
        _ if a.is_nested() || b.is_nested() => None,
        _ => Some(DataType::Utf8),
    }
}

fn url_of(path: &Path) -> EngineResult<ListingTableUrl> {
    let bad = || datafusion::error::DataFusionError::Plan(format!("`{}` is not an absolute path", path.display()));
    ListingTableUrl::try_new(url::Url::from_file_path(path).map_err(|()| bad())?, None)
}

fn file_of(part: &Part) -> EngineResult<PartitionedFile> {
    let bytes = std::fs::metadata(&part.path)?.len();
    let mut file = PartitionedFile::new(String::new(), bytes).with_partition_values(part.constants.clone());
    file.object_meta.location = url_of(&part.path)?.prefix().clone();
    Ok(file)
}

#[async_trait]
impl TableProvider for Files {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(&self, filters: &[&Expr]) -> EngineResult<Vec<TableProviderFilterPushDown>> {
        let names = self.constant_names();
        let support = |filter: &&Expr| {
            let exact = !names.is_empty() && expr_applicable_for_cols(&names, filter);
            if exact { TableProviderFilterPushDown::Exact } else { TableProviderFilterPushDown::Inexact }
        };
        Ok(filters.iter().map(support).collect())
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> EngineResult<Arc<dyn ExecutionPlan>> {
        let wanted = self.wanted(state, filters)?;
        let Some(first) = wanted.first() else {
            return Ok(Arc::new(EmptyExec::new(datafusion::physical_plan::project_schema(&self.schema, projection)?)));
        };
        let store = url_of(&first.path)?.object_store();
        let files = wanted.iter().map(|part| file_of(part)).collect::<EngineResult<Vec<_>>>()?;
        let groups = FileGroup::new(files).split_files(state.config().target_partitions());
        let columns = TableSchema::builder(Arc::clone(&self.file_schema)).with_table_partition_cols(self.constants.clone()).build();
        let source = Arc::new(ParquetSource::new(columns));
        // A limit may stop the scan early only where no filter follows it.
        let limit = if filters.iter().all(|filter| expr_applicable_for_cols(&self.constant_names(), filter)) { limit } else { None };
        let config = FileScanConfigBuilder::new(store, source)
            .with_file_groups(groups)
            .with_projection_indices(projection.cloned())?
            .with_limit(limit)
            .build();
        ParquetFormat::default().create_physical_plan(state, config).await
    }
}
