//! Cleaning: each clean query becomes a Parquet table in the cache, its refused rows beside it with their reasons.
//!
//! In: sources and the clean queries. Out: [`CleanTables`]. A table is made again only when its query, its parameters or
//! its inputs changed.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{Array, AsArray as _, RecordBatch};
use arrow::compute::{cast, filter_record_batch, is_not_null, is_null};
use arrow::datatypes::{DataType, Schema, SchemaRef};
use datafusion::datasource::TableProvider;
use datafusion::datasource::file_format::parquet::ParquetFormat;
use datafusion::datasource::listing::{ListingOptions, ListingTable, ListingTableConfig, ListingTableUrl};
use datafusion::prelude::SessionContext;
use futures::future::try_join_all;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use serde::{Deserialize, Serialize};

use super::cache::Cache;
use super::days::{DayCounter, Days};
use super::engine::Engine;
use super::error::IngestError;
use super::graph::{Graph, Node, Table};
use super::source::SourceFiles;
use super::sql::{Params, plan};
use crate::fingerprint::Fingerprint;
use crate::job::{Job, TableTime};
use crate::publish::folder;
use crate::table_file::{FileError, Kept, TableWriter, drain};
use crate::watch::Watch;

/// Column of a clean query that says why a row is refused.
pub(super) const REFUSED: &str = "refused";

/// A clean table of tonight.
#[derive(Debug, Clone)]
pub struct CleanTable {
    /// Its name.
    pub name: String,
    /// Rows kept.
    pub rows: u64,
    /// Refused rows by reason.
    pub refused: BTreeMap<String, u64>,
    /// Fingerprint of query, parameters and inputs.
    pub fingerprint: String,
    /// Whether it was made tonight (and not found in the cache).
    pub built: bool,
    /// When its rows happened and could be seen.
    pub time: Option<TableTime>,
    pub(crate) days: Days,
    folder: PathBuf,
    schema: SchemaRef,
}

/// The clean tables of tonight, by name.
pub type CleanTables = BTreeMap<String, CleanTable>;

/// What the cache remembers beside the rows.
#[derive(Debug, Serialize, Deserialize)]
struct Meta {
    rows: u64,
    refused: BTreeMap<String, u64>,
    days: Days,
}

impl CleanTable {
    /// The table's Parquet file.
    #[must_use]
    pub fn file(&self) -> PathBuf {
        self.folder.join("table.parquet")
    }

    /// The refused rows, if there are any.
    #[must_use]
    pub fn refused_file(&self) -> Option<PathBuf> {
        (!self.refused.is_empty()).then(|| self.folder.join("refused.parquet"))
    }

    /// Its columns.
    #[must_use]
    pub fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    /// All its rows, as DataFusion sees them.
    ///
    /// # Errors
    /// [`IngestError::Plan`] when DataFusion refuses the file.
    pub fn table(&self) -> Result<Arc<dyn TableProvider>, IngestError> {
        Ok(parquet_table(&self.file(), Arc::clone(&self.schema))?)
    }
}

/// A Parquet file that polytask wrote, as a table.
///
/// # Errors
/// [`IngestError::Plan`] when DataFusion refuses the file.
pub(crate) fn parquet_table(path: &Path, schema: SchemaRef) -> Result<Arc<ListingTable>, IngestError> {
    let failed = |message: String| IngestError::Plan { file: path.display().to_string(), message };
    let url = url::Url::from_file_path(path).map_err(|()| failed("not an absolute path".into()))?;
    let url = ListingTableUrl::try_new(url, None).map_err(|error| failed(error.strip_backtrace()))?;
    let options = ListingOptions::new(Arc::new(ParquetFormat::default())).with_file_extension(".parquet");
    let config = ListingTableConfig::new(url).with_listing_options(options).with_schema(schema);
    ListingTable::try_new(config).map(Arc::new).map_err(|error| failed(error.strip_backtrace()))
}

/// The Arrow schema in a file that polytask wrote.
///
/// # Errors
/// [`FileError`] naming the path.
pub(crate) fn schema_of(path: &Path) -> Result<SchemaRef, FileError> {
    let file = fs::File::open(path).map_err(|source| FileError::Io { what: "open", path: path.into(), source })?;
    let metadata = ArrowReaderMetadata::load(&file, ArrowReaderOptions::default()).map_err(|error| FileError::Parquet {
        what: "read",
        path: path.into(),
        message: error.to_string(),
        full: false,
    })?;
    Ok(Arc::clone(metadata.schema()))
}

/// Makes every clean table, wave by wave, those of a wave side by side.
///
/// # Errors
/// [`IngestError`] naming the query.
pub async fn clean(
    engine: &Engine,
    job: &Job,
    graph: &Graph,
    sources: &[SourceFiles],
    cache: &Cache,
    watch: &dyn Watch,
) -> Result<CleanTables, IngestError> {
    let total = graph.clean.iter().map(Vec::len).sum::<usize>() as u64;
    let mut tables = CleanTables::new();
    for wave in &graph.clean {
        let made = try_join_all(wave.iter().map(|node| one(engine, job, node, sources, &tables, cache))).await?;
        for table in made {
            let how = if table.built { "built" } else { "cached" };
            let refused: u64 = table.refused.values().sum();
            watch.note(&format!(
                "clean {}: {} rows{} ({how})",
                table.name,
                table.rows,
                if refused > 0 { format!(", {refused} refused") } else { String::new() }
            ));
            tables.insert(table.name.clone(), table);
            watch.step("clean tables", tables.len() as u64, total);
        }
    }
    Ok(tables)
}

async fn one(
    engine: &Engine,
    job: &Job,
    node: &Node,
    sources: &[SourceFiles],
    tables: &CleanTables,
    cache: &Cache,
) -> Result<CleanTable, IngestError> {
    let name = &node.query.name;
    let time = job.time_of(name).cloned();
    let fingerprint = fingerprint(job, node, sources, |name| tables.get(name).map(|table| table.fingerprint.as_str()));
    let (folder, built) = match cache.find("clean", name, &fingerprint) {
        Some(folder) => (folder, false),
        None => {
            let _permit = engine.permit().await?;
            (build(engine, job, node, sources, tables, cache, &fingerprint).await?, true)
        }
    };
    let table = open(name, time, fingerprint, folder, built)?;
    if table.rows == 0 { Err(IngestError::EmptyTable(name.clone())) } else { Ok(table) }
}

/// A clean table that lies in `folder`.
pub(super) fn open(
    name: &str,
    time: Option<TableTime>,
    fingerprint: String,
    folder: PathBuf,
    built: bool,
) -> Result<CleanTable, IngestError> {
    let meta = read_meta(&folder)?;
    let schema = schema_of(&folder.join("table.parquet"))?;
    Ok(CleanTable {
        name: name.to_owned(),
        rows: meta.rows,
        refused: meta.refused,
        fingerprint,
        built,
        time,
        days: meta.days,
        folder,
        schema,
    })
}

/// Fingerprint of what a clean table is made from; `clean` says that of another clean table.
pub(super) fn fingerprint<'a>(job: &Job, node: &Node, sources: &[SourceFiles], clean: impl Fn(&str) -> Option<&'a str>) -> String {
    let mut print = Fingerprint::of("clean table")
        .with("sql", &node.query.sql)
        .with("params", format!("{:?}", job.params))
        .with("zone", &job.zone_name)
        .with("time", format!("{:?}", job.time_of(&node.query.name)));
    for table in &node.uses {
        print = match table {
            Table::Raw(name) => {
                let own = sources.iter().filter(|source| source.name == *name);
                own.fold(print.with("raw", name), |print, source| {
                    // Types of partitions are the job's, not the files'.
                    let print = print.with("columns", format!("{:?}", source.columns()));
                    source.files.iter().fold(print, |print, file| print.with(&file.file, &file.sha256))
                })
            }
            Table::Clean(name) => print.with("clean", clean(name).unwrap_or_default()),
            _ => print,
        };
    }
    print.hex()
}

async fn build(
    engine: &Engine,
    job: &Job,
    node: &Node,
    sources: &[SourceFiles],
    tables: &CleanTables,
    cache: &Cache,
    fingerprint: &str,
) -> Result<PathBuf, IngestError> {
    let name = &node.query.name;
    let session = session(engine, sources, tables)?;
    let frame = plan(&session, &node.select, &Params::of(job)).await?;
    let schema = Arc::new(frame.schema().as_arrow().clone());
    let time = job.time_of(name).cloned();
    check_columns(name, &schema, time.as_ref())?;
    let entry = cache.start("clean", name, fingerprint)?;
    let file = entry.path().join("table.parquet");
    let refused_file = entry.path().join("refused.parquet");
    let mut counter = DayCounter::new(job.zone.clone(), time);
    let stream = frame.execute_stream().await.map_err(|error| IngestError::run(&node.query.file, error.into()))?;
    let target = file.clone();
    let meta = drain(stream, &file, move |batches| {
        let mut sink = Sink::create(&schema, &target, &refused_file)?;
        for batch in batches {
            let kept = sink.write(&batch)?;
            counter.add(&kept).map_err(FileError::Rows)?;
        }
        let (rows, refused) = sink.finish()?;
        Ok(Meta { rows, refused, days: counter.days })
    })
    .await
    .map_err(|error| match error {
        FileError::Rows(message) => IngestError::BadTime { table: name.clone(), message },
        other => blamed(node, sources, IngestError::run(&node.query.file, other)),
    })?;
    let text = serde_json::to_vec(&meta).map_err(|error| FileError::Rows(error.to_string()))?;
    folder::write(&entry.path().join("meta.json"), &text)?;
    Ok(entry.keep()?)
}

/// The file that broke a query, where it was one: an error in the middle of a stream does not say where it came from.
fn blamed(node: &Node, sources: &[SourceFiles], error: IngestError) -> IngestError {
    let broke = matches!(error, IngestError::Run { out_of_memory: false, .. } | IngestError::File(FileError::Panicked { .. }));
    let read = |source: &&SourceFiles| node.uses.iter().any(|table| matches!(table, Table::Raw(name) if *name == source.name));
    if broke { sources.iter().filter(read).find_map(SourceFiles::broken).unwrap_or(error) } else { error }
}

fn session(engine: &Engine, sources: &[SourceFiles], tables: &CleanTables) -> Result<SessionContext, IngestError> {
    use datafusion::catalog::{MemorySchemaProvider, SchemaProvider as _};
    let failed = |error: datafusion::error::DataFusionError| IngestError::Plan { file: "clean".into(), message: error.strip_backtrace() };
    let session = engine.session();
    let raw = Arc::new(MemorySchemaProvider::new());
    for source in sources {
        raw.register_table(source.name.clone(), source.table()?).map_err(failed)?;
    }
    if let Some(catalog) = session.catalog("polytask") {
        catalog.register_schema("raw", raw).map_err(failed)?;
    }
    for table in tables.values() {
        session.register_table(table.name.as_str(), table.table()?).map_err(failed)?;
    }
    Ok(session)
}

/// Plans every clean query without running it: what `polytask check` does. Returns the columns of each table.
///
/// # Errors
/// [`IngestError`] naming the query.
pub async fn plan_all(
    engine: &Engine,
    job: &Job,
    graph: &Graph,
    sources: &[SourceFiles],
) -> Result<BTreeMap<String, SchemaRef>, IngestError> {
    let session = session(engine, sources, &CleanTables::new())?;
    let mut schemas = BTreeMap::new();
    for node in graph.clean.iter().flatten() {
        let frame = plan(&session, &node.select, &Params::of(job)).await?;
        let schema = Arc::new(frame.schema().as_arrow().clone());
        check_columns(&node.query.name, &schema, job.time_of(&node.query.name))?;
        let kept = without_refused(&schema);
        let empty = datafusion::datasource::MemTable::try_new(Arc::clone(&kept), vec![vec![]]);
        let failed = |error: datafusion::error::DataFusionError| IngestError::Plan {
            file: node.query.file.clone(),
            message: error.strip_backtrace(),
        };
        session.register_table(node.query.name.as_str(), Arc::new(empty.map_err(failed)?)).map_err(failed)?;
        schemas.insert(node.query.name.clone(), kept);
    }
    Ok(schemas)
}

fn check_columns(table: &str, schema: &Schema, time: Option<&TableTime>) -> Result<(), IngestError> {
    let bad = |message: String| IngestError::BadTime { table: table.to_owned(), message };
    if let Ok(field) = schema.field_with_name(REFUSED)
        && !matches!(field.data_type(), DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Null)
    {
        return Err(bad(format!("column `refused` is {}, not text", field.data_type())));
    }
    let Some(time) = time else { return Ok(()) };
    for column in [Some(&time.time), time.available.as_ref()].into_iter().flatten() {
        let field = schema.field_with_name(column).map_err(|_| bad(format!("it yields no column `{column}`")))?;
        if !matches!(field.data_type(), DataType::Date32 | DataType::Timestamp(_, _)) {
            return Err(bad(format!("column `{column}` is {}, not a timestamp or a date", field.data_type())));
        }
    }
    Ok(())
}

fn read_meta(folder: &Path) -> Result<Meta, IngestError> {
    let path = folder.join("meta.json");
    let bytes = fs::read(&path).map_err(|source| IngestError::Io { path: path.clone(), source })?;
    serde_json::from_slice(&bytes)
        .map_err(|error| FileError::Parquet { what: "read", path, message: error.to_string(), full: false }.into())
}

fn without_refused(schema: &Schema) -> SchemaRef {
    Arc::new(Schema::new(schema.fields().iter().filter(|field| field.name() != REFUSED).cloned().collect::<Vec<_>>()))
}

/// Splits rows into those kept and those refused.
struct Sink {
    kept: TableWriter,
    refused: Option<TableWriter>,
    refused_file: PathBuf,
    refused_at: Option<usize>,
    schema: SchemaRef,
    reasons: BTreeMap<String, u64>,
}

impl Sink {
    fn create(schema: &SchemaRef, kept: &Path, refused: &Path) -> Result<Self, FileError> {
        let own = without_refused(schema);
        Ok(Self {
            kept: TableWriter::create(kept, Arc::clone(&own), Kept::Cached)?,
            refused: None,
            refused_file: refused.to_path_buf(),
            refused_at: schema.index_of(REFUSED).ok(),
            schema: own,
            reasons: BTreeMap::new(),
        })
    }

    /// Writes a batch; returns the rows that were kept.
    fn write(&mut self, batch: &RecordBatch) -> Result<RecordBatch, FileError> {
        let failed = |error: arrow::error::ArrowError| FileError::Rows(error.to_string());
        let kept = match self.refused_at {
            None => batch.clone(),
            Some(at) => {
                let reasons = cast(batch.column(at), &DataType::Utf8).map_err(failed)?;
                if reasons.null_count() < reasons.len() {
                    let out = filter_record_batch(batch, &is_not_null(&reasons).map_err(failed)?).map_err(failed)?;
                    for reason in reasons.as_string::<i32>().iter().flatten() {
                        *self.reasons.entry(reason.to_owned()).or_default() += 1;
                    }
                    self.refuse(&out)?;
                }
                let mut kept = filter_record_batch(batch, &is_null(&reasons).map_err(failed)?).map_err(failed)?;
                kept.remove_column(at);
                kept
            }
        };
        // The query may say "never null" of a column and the file's schema not; the file's schema decides.
        let kept = RecordBatch::try_new(Arc::clone(&self.schema), kept.columns().to_vec()).map_err(failed)?;
        self.kept.write(&kept)?;
        Ok(kept)
    }

    fn refuse(&mut self, rows: &RecordBatch) -> Result<(), FileError> {
        if self.refused.is_none() {
            self.refused = Some(TableWriter::create(&self.refused_file, rows.schema(), Kept::Cached)?);
        }
        self.refused.as_mut().map_or(Ok(()), |writer| writer.write(rows))
    }

    fn finish(self) -> Result<(u64, BTreeMap<String, u64>), FileError> {
        if let Some(refused) = self.refused {
            refused.finish()?;
        }
        Ok((self.kept.finish()?, self.reasons))
    }
}
