//! Snapshots: the frame of one as-of date, made from point-in-time views and kept in the cache.
//!
//! In: clean tables, the queries, an as-of date. Out: a Parquet file with keys, scenario, labels (for examples) and
//! features, sorted by entity, keys and scenario. One frame.sql for learning and scoring; it never sees a label.

mod standing;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray as _, RecordBatch, RecordBatchReader as _};
use arrow::compute::concat_batches;
use arrow::datatypes::{DataType, Field, Float64Type, Schema, SchemaRef};
use datafusion::dataframe::DataFrame;
use datafusion::logical_expr::{Expr, cast, ident};
use datafusion::prelude::SessionContext;
use parquet::arrow::arrow_reader::ParquetRecordBatchReader;

use super::encode::Roles;
use super::error::FeatureError;
use super::row_order::{KeyRows, UniqueKeys, columns, name_of};
use super::view;
use crate::fingerprint::Fingerprint;
use crate::ingest::cache::Cache;
use crate::ingest::clean::{parquet_table, schema_of};
use crate::ingest::graph::{Graph, Node, Table};
use crate::ingest::sql::{Params, plan};
use crate::ingest::{CleanTables, Engine, IngestError};
use crate::job::{AsOf, Job};
use crate::table_file::{self, FileError, Kept, TableWriter, drain, write_stream};

pub use standing::{Standing, standing};

/// Which rows a frame is made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RowKind {
    /// examples.sql: rows with labels.
    Examples,
    /// candidates.sql: rows to score.
    Candidates,
}

/// The frame of one as-of date.
#[derive(Debug, Clone)]
pub struct Snapshot {
    /// Its date.
    pub as_of: AsOf,
    /// Number of rows.
    pub rows: u64,
    /// The frame's Parquet file.
    pub file: PathBuf,
    /// Fingerprint of everything that went into it.
    pub fingerprint: String,
    /// Tables made for it tonight, and tables found in the cache.
    pub built: usize,
    /// See `built`.
    pub cached: usize,
    /// The feature tables behind it, by name.
    pub features: BTreeMap<String, PathBuf>,
}

/// What every snapshot of a night needs.
#[derive(Clone, Copy)]
pub struct Makings<'a> {
    /// The SQL engine.
    pub engine: &'a Engine,
    /// The job.
    pub job: &'a Job,
    /// Its queries.
    pub graph: &'a Graph,
    /// Tonight's clean tables.
    pub tables: &'a CleanTables,
    /// Where tables are kept.
    pub cache: &'a Cache,
}

/// Makes the frame of `as_of`, or finds it in the cache.
///
/// # Errors
/// [`FeatureError`] naming the query, column or row.
pub async fn snapshot(makings: Makings<'_>, as_of: &AsOf, kind: RowKind) -> Result<Snapshot, FeatureError> {
    Making::new(makings, as_of, kind)?.make().await
}

/// The feature tables of `as_of` that earlier nights left in the cache, by name. Builds nothing.
///
/// # Errors
/// [`FeatureError`] when the past cannot be seen.
pub fn cached_features(makings: Makings<'_>, as_of: &AsOf) -> Result<BTreeMap<String, PathBuf>, FeatureError> {
    let mut making = Making::new(makings, as_of, RowKind::Candidates)?;
    for node in &makings.graph.features {
        let print = making.print("feature", node).hex();
        let name = format!("{}-{as_of}", node.query.name);
        if let Some(folder) = makings.cache.find("features", &name, &print) {
            making.features.insert(node.query.name.clone(), folder.join("table.parquet"));
        }
        making.prints.insert(Table::Feature(node.query.name.clone()), print);
    }
    Ok(making.features)
}

struct Making<'a> {
    night: Makings<'a>,
    as_of: AsOf,
    kind: RowKind,
    params: Params,
    session: SessionContext,
    prints: BTreeMap<Table, String>,
    features: BTreeMap<String, PathBuf>,
    built: usize,
    cached: usize,
}

impl<'a> Making<'a> {
    fn new(night: Makings<'a>, as_of: &AsOf, kind: RowKind) -> Result<Self, FeatureError> {
        let job = night.job;
        let calendar = |message: String| IngestError::Plan { file: "snapshots".into(), message };
        let end = as_of.plus(job.snapshots.horizon, &job.zone).map_err(calendar)?;
        let mut prints = BTreeMap::new();
        for table in night.tables.values() {
            let facts = format!("{:?} {:?}", table.schema(), table.time);
            let past = table.days.before(as_of.epoch_day(), table.time.is_some());
            prints.insert(Table::Clean(table.name.clone()), format!("{facts} {past}"));
            let outcome = table.days.within(as_of.epoch_day(), end.epoch_day());
            prints.insert(Table::Outcome(table.name.clone()), format!("{facts} {outcome} settle {}", job.snapshots.settle));
        }
        Ok(Self {
            params: Params::of(job).at(as_of, &end),
            session: view::past(night.engine, job, night.tables, as_of)?,
            night,
            as_of: as_of.clone(),
            kind,
            prints,
            features: BTreeMap::new(),
            built: 0,
            cached: 0,
        })
    }

    /// The feature tables behind the frame, each after what it needs.
    fn wanted(&self) -> Vec<&'a Node> {
        let graph = self.night.graph;
        let mut wanted = vec![&graph.frame];
        match self.kind {
            RowKind::Examples => wanted.push(&graph.examples),
            RowKind::Candidates => wanted.extend(graph.decisions.iter().chain(&graph.decision_checks)),
        }
        if self.kind == RowKind::Candidates || graph.examples.uses.contains(&Table::Candidates) {
            wanted.push(&graph.candidates);
        }
        graph.features_for(&wanted)
    }

    async fn make(mut self) -> Result<Snapshot, FeatureError> {
        let graph = self.night.graph;
        for node in self.wanted() {
            self.feature(node).await?;
        }
        let (rows, rows_print) = self.rows().await?;
        let print = self.print("frame", &graph.frame).with("rows", &rows_print).hex();
        let name = format!("{}-{}", word(self.kind), self.as_of);
        let folder = match self.night.cache.find("frames", &name, &print) {
            Some(folder) => {
                self.cached += 1;
                folder
            }
            None => {
                let _permit = self.night.engine.permit().await?;
                self.built += 1;
                let entry = self.night.cache.start("frames", &name, &print)?;
                self.frame(&rows, &entry.path().join("table.parquet")).await?;
                entry.keep()?
            }
        };
        let file = folder.join("table.parquet");
        let rows = count(&file)?;
        Ok(Snapshot { as_of: self.as_of, rows, file, fingerprint: print, built: self.built, cached: self.cached, features: self.features })
    }

    /// Fingerprint of a query on this date: its text, its parameters, and what it reads as far as it sees it.
    fn print(&self, what: &str, node: &Node) -> Fingerprint {
        let job = self.night.job;
        let labels: Vec<_> = job.tasks.iter().map(|task| (&task.label, &task.weight, task.task.kind)).collect();
        let print = Fingerprint::of(what)
            .with("sql", &node.query.sql)
            .with("params", format!("{:?}", self.params))
            .with("columns", format!("{:?} {:?} {labels:?}", job.keys, job.scenario))
            .with("entity", &job.entity);
        node.uses.iter().filter_map(|table| self.prints.get(table)).fold(print, |print, used| print.with("uses", used))
    }

    async fn feature(&mut self, node: &Node) -> Result<(), FeatureError> {
        let print = self.print("feature", node).hex();
        let name = format!("{}-{}", node.query.name, self.as_of);
        let folder = match self.night.cache.find("features", &name, &print) {
            Some(folder) => {
                self.cached += 1;
                folder
            }
            None => {
                let _permit = self.night.engine.permit().await?;
                self.built += 1;
                let entry = self.night.cache.start("features", &name, &print)?;
                let frame = plan(&self.session, &node.select, &self.params).await?;
                write(frame, &node.query.file, &entry.path().join("table.parquet")).await?;
                entry.keep()?
            }
        };
        let file = folder.join("table.parquet");
        self.register(&node.query.name, &file)?;
        self.prints.insert(Table::Feature(node.query.name.clone()), print);
        self.features.insert(node.query.name.clone(), file);
        Ok(())
    }

    fn register(&self, name: &str, file: &Path) -> Result<(), FeatureError> {
        let table = parquet_table(file, schema_of(file)?)?;
        self.session.register_table(name, table).map_err(|error| FileError::Query(error).into()).map(|_| ())
    }

    /// The query of the rows, and its fingerprint.
    fn rows_print(&mut self) -> (&'a Node, String) {
        let graph = self.night.graph;
        let node = match self.kind {
            RowKind::Examples => &graph.examples,
            RowKind::Candidates => &graph.candidates,
        };
        if node.uses.contains(&Table::Candidates) {
            let print = self.print("candidates", &graph.candidates).hex();
            self.prints.insert(Table::Candidates, print);
        }
        (node, self.print("rows", node).hex())
    }

    /// The rows that the frame is made for: keys, scenario and labels, sorted and unique.
    async fn rows(&mut self) -> Result<(PathBuf, String), FeatureError> {
        let (node, print) = self.rows_print();
        let name = format!("{}-{}", word(self.kind), self.as_of);
        let folder = match self.night.cache.find("rows", &name, &print) {
            Some(folder) => {
                self.cached += 1;
                folder
            }
            None => {
                let _permit = self.night.engine.permit().await?;
                self.built += 1;
                let entry = self.night.cache.start("rows", &name, &print)?;
                self.make_rows(node, &entry.path().join("table.parquet")).await?;
                entry.keep()?
            }
        };
        Ok((folder.join("table.parquet"), print))
    }

    async fn make_rows(&self, node: &Node, target: &Path) -> Result<(), FeatureError> {
        let job = self.night.job;
        let file = &node.query.file;
        if node.uses.contains(&Table::Candidates) {
            let candidates = plan(&self.session, &self.night.graph.candidates.select, &self.params).await?;
            self.session.register_table("candidates", candidates.into_view()).map_err(FileError::Query)?;
        }
        if self.kind == RowKind::Examples {
            view::add_outcome(&self.session, job, self.night.tables, &self.as_of)?;
        }
        let planned = plan(&self.session, &node.select, &self.params).await?;
        let rows = labelled(job, planned, file, self.kind)?;
        let run = |error: datafusion::error::DataFusionError| IngestError::run(file, error.into());
        let sorted = sort(rows, &columns(job)).map_err(run)?;
        let stream = sorted.execute_stream().await.map_err(run)?;
        let schema = stream.schema();
        let mut unique = UniqueKeys::new(job, file, &self.as_of.to_string());
        let labels = LabelRules::new(job, &self.as_of);
        let path = target.to_path_buf();
        let checked = drain(stream, target, move |batches| {
            let mut writer = TableWriter::create(&path, schema, Kept::Cached)?;
            for batch in batches {
                if let Err(error) = unique.check(&batch).and_then(|()| labels.check(&batch)) {
                    return Ok(Err(error));
                }
                writer.write(&batch)?;
            }
            writer.finish().map(Ok)
        });
        let count = checked.await.map_err(|error| IngestError::run(file, error))??;
        if count == 0 {
            return Err(FeatureError::NoRows { file: file.clone(), as_of: self.as_of.to_string() });
        }
        Ok(())
    }

    async fn frame(&self, rows: &Path, target: &Path) -> Result<(), FeatureError> {
        let job = self.night.job;
        let file = &self.night.graph.frame.query.file;
        let run = |error: datafusion::error::DataFusionError| IngestError::run(file, error.into());
        let names = columns(job);
        self.register("rows_with_labels", rows)?;
        let bound = self.session.table("rows_with_labels").await.map_err(run)?;
        let keys = bound.select(names.iter().map(|name| ident(name.as_str())).collect::<Vec<_>>()).map_err(run)?;
        self.session.register_table("rows", keys.into_view()).map_err(run)?;
        self.session.deregister_table("rows_with_labels").map_err(run)?;
        let planned = plan(&self.session, &self.night.graph.frame.select, &self.params).await?;
        let rows_schema = schema_of(rows)?;
        check_frame(job, planned.schema().as_arrow(), &rows_schema)?;
        let stream = sort(planned, &names).map_err(run)?.execute_stream().await.map_err(run)?;
        let mut joined = Join::new(job, &stream.schema(), rows, &self.as_of)?;
        let path = target.to_path_buf();
        drain(stream, target, move |batches| {
            let mut writer = TableWriter::create(&path, joined.schema(), Kept::Cached)?;
            for batch in batches {
                match joined.next(&batch) {
                    Ok(batch) => writer.write(&batch)?,
                    Err(error) => return Ok(Err(error)),
                }
            }
            match joined.end() {
                Ok(()) => writer.finish().map(Ok),
                Err(error) => Ok(Err(error)),
            }
        })
        .await
        .map_err(|error| IngestError::run(file, error))??;
        Ok(())
    }
}

/// The frame of a past night, where the cache still has it.
pub(crate) fn kept(cache: &Cache, kind: RowKind, as_of: &str, fingerprint: &str) -> Option<PathBuf> {
    let file = cache.find("frames", &format!("{}-{as_of}", word(kind)), fingerprint)?.join("table.parquet");
    file.is_file().then_some(file)
}

fn word(kind: RowKind) -> &'static str {
    match kind {
        RowKind::Examples => "examples",
        RowKind::Candidates => "candidates",
    }
}

async fn write(frame: DataFrame, file: &str, target: &Path) -> Result<(), FeatureError> {
    let stream = frame.execute_stream().await.map_err(|error| IngestError::run(file, error.into()))?;
    write_stream(stream, target, Kept::Cached).await.map_err(|error| IngestError::run(file, error))?;
    Ok(())
}

fn count(file: &Path) -> Result<u64, FeatureError> {
    let open = std::fs::File::open(file).map_err(|source| FileError::Io { what: "open", path: file.into(), source })?;
    let metadata =
        parquet::arrow::arrow_reader::ArrowReaderMetadata::load(&open, parquet::arrow::arrow_reader::ArrowReaderOptions::default())
            .map_err(|error| FileError::Parquet { what: "read", path: file.into(), message: error.to_string(), full: false })?;
    Ok(metadata.metadata().file_metadata().num_rows().unsigned_abs())
}

fn sort(frame: DataFrame, columns: &[String]) -> datafusion::error::Result<DataFrame> {
    frame.sort(columns.iter().map(|name| ident(name.as_str()).sort(true, false)).collect())
}

/// Checks the columns of candidates.sql or examples.sql and selects keys, scenario, labels and weights.
fn labelled(job: &Job, rows: DataFrame, file: &str, kind: RowKind) -> Result<DataFrame, FeatureError> {
    let schema: Schema = rows.schema().as_arrow().clone();
    check_keys(job, &schema, file)?;
    let mut selected: Vec<Expr> = columns(job).iter().map(|name| ident(name.as_str())).collect();
    if kind == RowKind::Examples {
        for task in &job.tasks {
            let role = format!("label of task {}", task.task.name);
            let found = field(&schema, file, &task.label, &role)?;
            number(found, file, &role)?;
            selected.push(cast(ident(task.label.as_str()), DataType::Float64).alias(format!("y_{}", task.task.name)));
            if let Some(weight) = &task.weight {
                let role = format!("weight of task {}", task.task.name);
                number(field(&schema, file, weight, &role)?, file, &role)?;
                selected.push(cast(ident(weight.as_str()), DataType::Float64).alias(format!("w_{}", task.task.name)));
            }
        }
    }
    rows.select(selected).map_err(|error| IngestError::run(file, error.into()).into())
}

fn field<'a>(schema: &'a Schema, file: &str, column: &str, role: &str) -> Result<&'a Field, FeatureError> {
    schema.field_with_name(column).map_err(|_| FeatureError::MissingColumn {
        file: file.to_owned(),
        column: column.to_owned(),
        role: role.to_owned(),
    })
}

fn number(found: &Field, file: &str, role: &str) -> Result<(), FeatureError> {
    if found.data_type().is_numeric() || *found.data_type() == DataType::Boolean {
        return Ok(());
    }
    Err(wrong_type(found, file, role, "a number or a truth value"))
}

fn wrong_type(found: &Field, file: &str, role: &str, expected: &'static str) -> FeatureError {
    FeatureError::WrongType {
        file: file.to_owned(),
        column: found.name().clone(),
        role: role.to_owned(),
        found: found.data_type().to_string(),
        expected,
    }
}

fn check_keys(job: &Job, schema: &Schema, file: &str) -> Result<(), FeatureError> {
    for key in &job.keys {
        let found = field(schema, file, key, "key")?;
        let comparable = found.data_type().is_integer()
            || is_text(found.data_type())
            || matches!(found.data_type(), DataType::Date32 | DataType::Timestamp(_, _) | DataType::Boolean);
        if !comparable {
            return Err(wrong_type(found, file, "key", "an integer, text, a date or a timestamp"));
        }
    }
    let scenario = field(schema, file, &job.scenario, "scenario")?;
    if is_text(scenario.data_type()) { Ok(()) } else { Err(wrong_type(scenario, file, "scenario", "text")) }
}

fn is_text(data_type: &DataType) -> bool {
    matches!(data_type, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View)
}

fn check_frame(job: &Job, schema: &Schema, rows: &Schema) -> Result<(), FeatureError> {
    check_keys(job, schema, "frame.sql")?;
    for name in columns(job) {
        let expected = field(rows, "rows", &name, "key")?.data_type().clone();
        let found = field(schema, "frame.sql", &name, "key")?;
        let both_text = is_text(found.data_type()) && is_text(&expected);
        if *found.data_type() != expected && !both_text {
            return Err(wrong_type(found, "frame.sql", "key", "the type that `rows` has"));
        }
    }
    let labels = job.tasks.iter().flat_map(|task| ["y", "w"].map(|kind| (format!("{kind}_{}", task.task.name), "a name kept for labels")));
    let own = ["as_of", "split", "fold"].into_iter().filter(|name| *name != "fold" || job.folds.is_some());
    let own = own.map(|name| (name.to_owned(), "a name that polytask adds"));
    for (column, found) in labels.chain(own) {
        if schema.field_with_name(&column).is_ok() {
            return Err(FeatureError::WrongType {
                file: "frame.sql".into(),
                column,
                role: "feature".into(),
                found: found.into(),
                expected: "another name",
            });
        }
    }
    Ok(())
}

/// What labels and weights may be.
struct LabelRules {
    binary: Vec<String>,
    any: Vec<(String, bool)>,
    as_of: String,
}

impl LabelRules {
    fn new(job: &Job, as_of: &AsOf) -> Self {
        let named = |binary: bool| job.tasks.iter().filter(move |task| task.task.kind.is_binary() == binary);
        let weights = job.tasks.iter().filter(|task| task.weight.is_some()).map(|task| (format!("w_{}", task.task.name), true));
        Self {
            binary: named(true).map(|task| format!("y_{}", task.task.name)).collect(),
            any: named(false).map(|task| (format!("y_{}", task.task.name), task.task.kind.is_log1p())).chain(weights).collect(),
            as_of: as_of.to_string(),
        }
    }

    fn check(&self, batch: &RecordBatch) -> Result<(), FeatureError> {
        let binary = self
            .binary
            .iter()
            .map(|name| (name, "a binary label is 0, 1 or NULL", (|value| [0.0, 1.0].contains(&value)) as fn(f64) -> bool));
        let any = self.any.iter().map(|(name, positive)| {
            if *positive {
                (name, "it must be finite and not negative", (|value: f64| value.is_finite() && value >= 0.0) as fn(f64) -> bool)
            } else {
                (name, "it must be finite", f64::is_finite as fn(f64) -> bool)
            }
        });
        for (name, rule, allowed) in binary.chain(any) {
            let Some(labels) = batch.column_by_name(name).and_then(|array| array.as_primitive_opt::<Float64Type>()) else { continue };
            if let Some(value) = labels.iter().flatten().find(|value| !allowed(*value)) {
                return Err(FeatureError::BadLabel { label: name.clone(), value, as_of: self.as_of.clone(), rule });
            }
        }
        Ok(())
    }
}

/// Joins the frame with the labels of its rows: both are sorted alike, so one pass does it.
struct Join {
    rows: ParquetRecordBatchReader,
    left: Option<RecordBatch>,
    keys: KeyRows,
    rows_keys: KeyRows,
    names: Vec<String>,
    labels: Vec<String>,
    features: Vec<String>,
    schema: SchemaRef,
    as_of: String,
}

impl Join {
    fn new(job: &Job, frame: &Schema, rows: &Path, as_of: &AsOf) -> Result<Self, FeatureError> {
        let reader = table_file::read(rows)?;
        let names = columns(job);
        let rows_schema = reader.schema();
        let labels: Vec<String> =
            rows_schema.fields().iter().map(|field| field.name().clone()).filter(|name| !names.contains(name)).collect();
        let features: Vec<String> = frame.fields().iter().map(|field| field.name().clone()).filter(|name| !names.contains(name)).collect();
        let mut fields: Vec<Field> = Vec::new();
        for name in names.iter().chain(&labels) {
            fields.push(field(&rows_schema, "rows", name, "key")?.clone());
        }
        for name in &features {
            fields.push(field(frame, "frame.sql", name, "feature")?.clone().with_nullable(true));
        }
        let schema = Arc::new(Schema::new(fields));
        Ok(Self {
            rows: reader,
            left: None,
            keys: KeyRows::new(job),
            rows_keys: KeyRows::new(job),
            names,
            labels,
            features,
            schema,
            as_of: as_of.to_string(),
        })
    }

    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }

    fn wrong(&self, what: String) -> FeatureError {
        FeatureError::FrameRows { as_of: self.as_of.clone(), what }
    }

    fn next(&mut self, frame: &RecordBatch) -> Result<RecordBatch, FeatureError> {
        let rows = self.take(frame.num_rows())?;
        let frame = self.with_key_types(frame, &rows)?;
        let (found, expected) = (self.keys.of(&frame, &self.as_of)?, self.rows_keys.of(&rows, &self.as_of)?);
        for at in 0..frame.num_rows() {
            if at >= rows.num_rows() || found.row(at) > expected.row(at) {
                let which = if at < rows.num_rows() { (&rows, "it lost the row") } else { (&frame, "it added the row") };
                return Err(self.wrong(format!("{} {}", which.1, name_of(which.0, &self.names, at))));
            }
            if found.row(at) < expected.row(at) {
                return Err(self.wrong(format!("it added or repeated the row {}", name_of(&frame, &self.names, at))));
            }
        }
        let column = |batch: &RecordBatch, name: &String| {
            batch.column_by_name(name).cloned().ok_or_else(|| self.wrong(format!("column `{name}` is missing")))
        };
        let mut arrays: Vec<ArrayRef> = Vec::with_capacity(self.schema.fields().len());
        for name in self.names.iter().chain(&self.labels) {
            arrays.push(column(&rows, name)?);
        }
        for name in &self.features {
            arrays.push(column(&frame, name)?);
        }
        RecordBatch::try_new(Arc::clone(&self.schema), arrays).map_err(|error| self.wrong(error.to_string()))
    }

    fn end(&mut self) -> Result<(), FeatureError> {
        let rest = self.take(1)?;
        if rest.num_rows() == 0 { Ok(()) } else { Err(self.wrong(format!("it lost the row {}", name_of(&rest, &self.names, 0)))) }
    }

    /// The next `wanted` rows, fewer only at the end.
    fn take(&mut self, wanted: usize) -> Result<RecordBatch, FeatureError> {
        let failed = |error: arrow::error::ArrowError| FeatureError::FrameRows { as_of: self.as_of.clone(), what: error.to_string() };
        let schema = self.rows.schema();
        let mut parts = Vec::new();
        let mut missing = wanted;
        while missing > 0 {
            let batch = match self.left.take() {
                Some(batch) => batch,
                None => match self.rows.next() {
                    Some(batch) => batch.map_err(failed)?,
                    None => break,
                },
            };
            let now = missing.min(batch.num_rows());
            if now < batch.num_rows() {
                self.left = Some(batch.slice(now, batch.num_rows() - now));
            }
            parts.push(batch.slice(0, now));
            missing -= now;
        }
        concat_batches(&schema, &parts).map_err(failed)
    }

    /// The frame with its text keys in the representation that `rows` has (text views and plain text compare alike).
    fn with_key_types(&self, frame: &RecordBatch, rows: &RecordBatch) -> Result<RecordBatch, FeatureError> {
        let mut fields = frame.schema().fields().to_vec();
        let mut arrays = frame.columns().to_vec();
        for (at, field) in fields.iter_mut().enumerate() {
            let Some(own) = self.names.contains(field.name()).then(|| rows.column_by_name(field.name())).flatten() else { continue };
            if arrays[at].data_type() != own.data_type() {
                arrays[at] = arrow::compute::cast(&arrays[at], own.data_type()).map_err(|error| self.wrong(error.to_string()))?;
                *field = Arc::new(Field::new(field.name(), own.data_type().clone(), true));
            }
        }
        RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).map_err(|error| self.wrong(error.to_string()))
    }
}

/// A job's queries up to the frame, planned on empty tables.
pub struct Planned {
    /// Number of features.
    pub features: usize,
    /// The session in which clean tables and features are empty.
    pub session: SessionContext,
    /// Keys and scenario, as candidates.sql yields them.
    pub rows: SchemaRef,
}

/// Plans every query after cleaning and before decisions on empty tables: what `polytask check` does.
///
/// # Errors
/// [`FeatureError`] naming the query and column.
pub async fn plan_all(engine: &Engine, job: &Job, graph: &Graph, tables: &BTreeMap<String, SchemaRef>) -> Result<Planned, FeatureError> {
    let noon =
        AsOf::new(jiff::civil::date(2000, 1, 1), &job.zone).map_err(|message| IngestError::Plan { file: "snapshots".into(), message })?;
    let params = Params::of(job).at(&noon, &noon);
    let session = engine.session();
    for (name, schema) in tables {
        empty(&session, name, schema)?;
    }
    for node in &graph.checks {
        plan(&session, &node.select, &params).await?;
    }
    for node in &graph.features {
        let planned = plan(&session, &node.select, &params).await?;
        empty(&session, &node.query.name, planned.schema().inner())?;
    }
    let candidates = plan(&session, &graph.candidates.select, &params).await?;
    let rows = labelled(job, candidates.clone(), &graph.candidates.query.file, RowKind::Candidates)?;
    empty(&session, "rows", rows.schema().inner())?;
    let frame = plan(&session, &graph.frame.select, &params).await?;
    check_frame(job, frame.schema().as_arrow(), rows.schema().as_arrow())?;
    let features = Roles::of(job).count(frame.schema().as_arrow())?;
    empty(&session, "candidates", candidates.schema().inner())?;
    let outcome = Arc::new(datafusion::catalog::MemorySchemaProvider::new());
    for (name, schema) in tables.iter().filter(|(name, _)| job.time_of(name).is_some()) {
        use datafusion::catalog::SchemaProvider as _;
        let table = datafusion::datasource::MemTable::try_new(Arc::clone(schema), vec![vec![]]).map_err(FileError::Query)?;
        outcome.register_table(name.clone(), Arc::new(table)).map_err(FileError::Query)?;
    }
    if let Some(catalog) = session.catalog("polytask") {
        catalog.register_schema("outcome", outcome).map_err(FileError::Query)?;
    }
    let examples = plan(&session, &graph.examples.select, &params).await?;
    labelled(job, examples, &graph.examples.query.file, RowKind::Examples)?;
    Ok(Planned { features, session, rows: Arc::clone(rows.schema().inner()) })
}

fn empty(session: &SessionContext, name: &str, schema: &SchemaRef) -> Result<(), FeatureError> {
    let table = datafusion::datasource::MemTable::try_new(Arc::clone(schema), vec![vec![]]).map_err(FileError::Query)?;
    session.register_table(name, Arc::new(table)).map_err(FileError::Query)?;
    Ok(())
}
