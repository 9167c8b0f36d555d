//! Sources: which files there are tonight, what their footers say, and how they are registered as `raw.<source>`.
//!
//! In: `[sources]` and the input folder. Out: [`SourceFiles`] with size, rows, schema and sha256 of every file. Rows are
//! read by the clean queries, not here.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::datasource::file_format::parquet::ParquetFormat;
use datafusion::datasource::listing::{ListingOptions, ListingTable, ListingTableConfig, ListingTableUrl};
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use serde::{Deserialize, Serialize};

use super::error::IngestError;
use crate::fingerprint;
use crate::job::{ColumnType, PartitionType, Source};

/// One file of a source.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InputFile {
    /// Path below the source's folder, or the file's name.
    pub file: String,
    /// Size.
    pub bytes: u64,
    /// Rows by the footer.
    pub rows: u64,
    /// sha256 of the bytes.
    pub sha256: String,
}

/// The files of a source tonight.
#[derive(Debug, Clone)]
pub struct SourceFiles {
    /// `raw.<name>`.
    pub name: String,
    /// The files, sorted by path.
    pub files: Vec<InputFile>,
    root: PathBuf,
    paths: Vec<PathBuf>,
    schema: SchemaRef,
    partitions: Vec<(String, PartitionType)>,
}

/// sha256 by path, size and time of change, so that unchanged files are not read for it every night.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Digests {
    known: BTreeMap<String, Digest>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
struct Digest {
    bytes: u64,
    changed_ns: u128,
    sha256: String,
}

impl Digests {
    /// Reads what was remembered in `path`; nothing when it is not there or not ours.
    #[must_use]
    pub fn open(path: &Path) -> Self {
        fs::read(path).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default()
    }

    /// Remembers for the next night. A failure only costs time, so it is not an error.
    pub fn save(&self, path: &Path) {
        if let Ok(text) = serde_json::to_vec_pretty(self) {
            let _ = crate::publish::folder::write_atomically(path, &text);
        }
    }

    fn of(&mut self, path: &Path) -> std::io::Result<(u64, String)> {
        let metadata = fs::metadata(path)?;
        let changed_ns = metadata.modified()?.duration_since(UNIX_EPOCH).map_or(0, |since| since.as_nanos());
        let name = path.to_string_lossy().into_owned();
        if let Some(known) = self.known.get(&name)
            && (known.bytes, known.changed_ns) == (metadata.len(), changed_ns)
        {
            return Ok((known.bytes, known.sha256.clone()));
        }
        let sha256 = fingerprint::of_file(path)?;
        self.known.insert(name, Digest { bytes: metadata.len(), changed_ns, sha256: sha256.clone() });
        Ok((metadata.len(), sha256))
    }
}

/// Finds and checks the files of `source` below `input`.
///
/// # Errors
/// [`IngestError`] naming the source and the file: missing, not Parquet, no rows, other columns than declared or than
/// its neighbours.
pub fn locate(source: &Source, input: &Path, digests: &mut Digests) -> Result<SourceFiles, IngestError> {
    let (root, paths) = places(source, input)?;
    let mut schema: Option<(SchemaRef, String)> = None;
    let mut files = Vec::with_capacity(paths.len());
    for path in &paths {
        let file = relative(path, &root);
        in_its_partitions(source, &file)?;
        let (bytes, sha256) = digests.of(path).map_err(|error| IngestError::Io { path: path.clone(), source: error })?;
        let (rows, found) = footer(&source.name, path, &file)?;
        match &schema {
            None => {
                declared(source, &file, &found)?;
                schema = Some((found, file.clone()));
            }
            Some((first, _)) => same(source, &file, first, &found)?,
        }
        files.push(InputFile { file, bytes, rows, sha256 });
    }
    if files.iter().all(|file| file.rows == 0) {
        return Err(IngestError::EmptySource { source_name: source.name.clone(), files: files.len() });
    }
    let schema = schema.map_or_else(|| Arc::new(Schema::empty()), |(schema, _)| schema);
    Ok(SourceFiles { name: source.name.clone(), files, root, paths, schema, partitions: source.partitions.clone() })
}

/// The files of `source` for somebody who looks and runs no night: only the first footer is read, so no rows are counted, and
/// sha256 is looked up where `digests` are given.
///
/// # Errors
/// [`IngestError`] naming the source and the file: missing, not Parquet, not in its partition.
pub fn glance(source: &Source, input: &Path, mut digests: Option<&mut Digests>) -> Result<SourceFiles, IngestError> {
    let (root, paths) = places(source, input)?;
    let mut files = Vec::with_capacity(paths.len());
    for path in &paths {
        let file = relative(path, &root);
        in_its_partitions(source, &file)?;
        let failed = |error| IngestError::Io { path: path.clone(), source: error };
        let (bytes, sha256) = digests.as_deref_mut().map_or(Ok((0, String::new())), |digests| digests.of(path)).map_err(failed)?;
        files.push(InputFile { file, bytes, rows: 0, sha256 });
    }
    let schema = match (paths.first(), files.first()) {
        (Some(path), Some(file)) => footer(&source.name, path, &file.file)?.1,
        _ => Arc::new(Schema::empty()),
    };
    Ok(SourceFiles { name: source.name.clone(), files, root, paths, schema, partitions: source.partitions.clone() })
}

/// The source's folder or file, and the Parquet files there, sorted.
fn places(source: &Source, input: &Path) -> Result<(PathBuf, Vec<PathBuf>), IngestError> {
    let root = input.join(&source.path);
    if !root.exists() {
        return Err(IngestError::MissingSource { source_name: source.name.clone(), path: root });
    }
    let root = root.canonicalize().map_err(|error| IngestError::Io { path: root, source: error })?;
    let mut paths = Vec::new();
    if root.is_dir() {
        walk(&root, &mut paths)?;
        paths.sort();
    } else if root.extension().is_some_and(|extension| extension == "parquet") {
        paths.push(root.clone());
    } else {
        let message = "its name does not end in .parquet".to_owned();
        return Err(IngestError::BadFile { source_name: source.name.clone(), file: source.path.clone(), message });
    }
    if paths.is_empty() {
        return Err(IngestError::EmptyFolder { source_name: source.name.clone(), path: root });
    }
    Ok((root, paths))
}

impl SourceFiles {
    /// The source as a table: all files in the order of their paths, on one partition.
    ///
    /// # Errors
    /// [`IngestError::Plan`] when DataFusion refuses the files.
    pub fn table(&self) -> Result<Arc<ListingTable>, IngestError> {
        let failed = |message: String| IngestError::Plan { file: format!("source `{}`", self.name), message };
        let urls = if self.partitions.is_empty() {
            self.paths.iter().map(|path| file_url(path)).collect()
        } else {
            vec![partitioned_url(&self.root)]
        };
        let urls = urls.into_iter().collect::<Option<Vec<_>>>().ok_or_else(|| failed("a path that is no URL".into()))?;
        let partitions = self.partitions.iter().map(|(name, kind)| (name.clone(), partition_type(*kind))).collect();
        let options =
            ListingOptions::new(Arc::new(ParquetFormat::default())).with_file_extension(".parquet").with_table_partition_cols(partitions);
        let config = ListingTableConfig::new_with_multi_paths(urls).with_listing_options(options).with_schema(Arc::clone(&self.schema));
        ListingTable::try_new(config).map(Arc::new).map_err(|error| failed(error.strip_backtrace()))
    }

    /// Names and types of the columns, partitions last: what the manifest records.
    #[must_use]
    pub fn columns(&self) -> Vec<(String, String)> {
        let own = self.schema.fields().iter().map(|field| (field.name().clone(), field.data_type().to_string()));
        own.chain(self.partitions.iter().map(|(name, kind)| (name.clone(), partition_type(*kind).to_string()))).collect()
    }

    /// Rows of all files, by their footers.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.files.iter().map(|file| file.rows).sum()
    }
}

fn file_url(path: &Path) -> Option<ListingTableUrl> {
    ListingTableUrl::try_new(url::Url::from_file_path(path).ok()?, None).ok()
}

/// A folder whose files DataFusion lists itself, because their paths hold columns; hidden ones are left out as in [`walk`].
fn partitioned_url(path: &Path) -> Option<ListingTableUrl> {
    ListingTableUrl::try_new(url::Url::from_directory_path(path).ok()?, None).ok()?.with_glob("[!._]*.parquet").ok()
}

fn walk(folder: &Path, found: &mut Vec<PathBuf>) -> Result<(), IngestError> {
    let failed = |error| IngestError::Io { path: folder.to_path_buf(), source: error };
    for entry in fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with('.') || name.starts_with('_') {
            continue;
        }
        if path.is_dir() {
            walk(&path, found)?;
        } else if path.extension().is_some_and(|extension| extension == "parquet") {
            found.push(path);
        }
    }
    Ok(())
}

fn relative(path: &Path, root: &Path) -> String {
    let relative = path.strip_prefix(root).ok().filter(|rest| !rest.as_os_str().is_empty());
    relative.or_else(|| path.file_name().map(Path::new)).unwrap_or(path).to_string_lossy().into_owned()
}

fn footer(source_name: &str, path: &Path, file: &str) -> Result<(u64, SchemaRef), IngestError> {
    let bad = |message: String| IngestError::BadFile { source_name: source_name.to_owned(), file: file.to_owned(), message };
    let open = File::open(path).map_err(|error| IngestError::Io { path: path.into(), source: error })?;
    let metadata = ArrowReaderMetadata::load(&open, ArrowReaderOptions::default()).map_err(|error| bad(error.to_string()))?;
    let rows = u64::try_from(metadata.metadata().file_metadata().num_rows())
        .map_err(|_| bad("its footer counts a negative number of rows".into()))?;
    Ok((rows, Arc::clone(metadata.schema())))
}

fn declared(source: &Source, file: &str, schema: &Schema) -> Result<(), IngestError> {
    for (column, expected) in &source.columns {
        if source.partitions.iter().any(|(name, _)| name == column) {
            continue;
        }
        let field = find(source, file, schema, column)?;
        if !fits(*expected, field.data_type()) {
            return Err(retyped(source, file, field, &format!("{expected:?}").to_lowercase()));
        }
    }
    Ok(())
}

fn same(source: &Source, file: &str, first: &Schema, found: &Schema) -> Result<(), IngestError> {
    for expected in first.fields() {
        let field = find(source, file, found, expected.name())?;
        if field.data_type() != expected.data_type() {
            return Err(retyped(source, file, field, &expected.data_type().to_string()));
        }
    }
    Ok(())
}

fn find<'a>(source: &Source, file: &str, schema: &'a Schema, column: &str) -> Result<&'a Field, IngestError> {
    schema.field_with_name(column).map_err(|_| IngestError::DroppedColumn {
        source_name: source.name.clone(),
        file: file.to_owned(),
        column: column.to_owned(),
    })
}

fn retyped(source: &Source, file: &str, field: &Field, expected: &str) -> IngestError {
    IngestError::RetypedColumn {
        source_name: source.name.clone(),
        file: file.to_owned(),
        column: field.name().clone(),
        found: field.data_type().to_string(),
        expected: expected.to_owned(),
    }
}

/// Refuses a file that does not lie right below the folders of its partitions, each with a value of its type: DataFusion
/// would leave it out without a word.
fn in_its_partitions(source: &Source, file: &str) -> Result<(), IngestError> {
    let (folders, name) = file.rsplit_once('/').unwrap_or(("", file));
    let mut folders = folders.split('/').filter(|folder| !folder.is_empty());
    for (partition, kind) in &source.partitions {
        let value = folders.next().and_then(|folder| folder.split_once('=')).filter(|(name, _)| name == partition);
        let Some((_, value)) = value else {
            return Err(IngestError::MissingPartition {
                source_name: source.name.clone(),
                file: file.to_owned(),
                partition: partition.clone(),
            });
        };
        let (fits, expected) = match kind {
            PartitionType::Int => (value.parse::<i64>().is_ok(), "int"),
            PartitionType::Date => (value.parse::<jiff::civil::Date>().is_ok_and(|date| date.to_string() == value), "date"),
            PartitionType::Text => (true, "text"),
        };
        if !fits {
            return Err(IngestError::RetypedPartition {
                source_name: source.name.clone(),
                file: file.to_owned(),
                partition: partition.clone(),
                found: value.to_owned(),
                expected,
            });
        }
    }
    let odd = |what| Err(IngestError::OddPlace { source_name: source.name.clone(), file: file.to_owned(), what });
    if source.partitions.is_empty() {
        Ok(())
    } else if folders.next().is_some() {
        odd("lies deeper than its partitions")
    } else if name.contains('=') {
        odd("has a `=` in its name, as only the folder of a partition may")
    } else {
        Ok(())
    }
}

fn partition_type(kind: PartitionType) -> DataType {
    match kind {
        PartitionType::Int => DataType::Int64,
        PartitionType::Text => DataType::Utf8,
        PartitionType::Date => DataType::Date32,
    }
}

fn fits(expected: ColumnType, found: &DataType) -> bool {
    if let DataType::Dictionary(_, values) = found {
        return fits(expected, values);
    }
    match expected {
        ColumnType::Int => found.is_integer(),
        ColumnType::Float => found.is_numeric(),
        ColumnType::Text => matches!(found, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View),
        ColumnType::Bool => *found == DataType::Boolean,
        ColumnType::Date => matches!(found, DataType::Date32 | DataType::Date64),
        ColumnType::Timestamp => matches!(found, DataType::Timestamp(_, _)),
    }
}
