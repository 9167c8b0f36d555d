//! Sources: which files there are tonight, what their footers say, and how they are registered as `raw.<source>`.
//!
//! In: `[sources]` and the input folder. Out: [`SourceFiles`] with size, rows, schema and sha256 of every file. Rows are
//! read by the clean queries, not here.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::config::TableParquetOptions;
use datafusion::datasource::file_format::parquet::ParquetFormat;
use datafusion::datasource::listing::{ListingOptions, ListingTable, ListingTableConfig, ListingTableUrl};
use serde::{Deserialize, Serialize};

use super::digests::Digests;
use super::error::IngestError;
use super::guard::{self, Look};
use super::partitions::{in_its_partitions, partition_type};
use super::remote;
use super::untrusted::Shelter;
use crate::fingerprint::Fingerprint;
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
    /// Fingerprint of its columns: names, types, and which may be NULL.
    #[serde(default)]
    pub schema: String,
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

/// Finds and checks the files of `source` below `input`.
///
/// # Errors
/// [`IngestError`] naming the source and the file: missing, not Parquet, no rows, other columns than declared or than
/// its neighbours, sizes that it cannot have. A file of an untrusted source is read in a child process and from then on
/// only as that child wrote it.
pub fn locate(source: &Source, input: &Path, digests: &mut Digests, shelter: &Shelter<'_>) -> Result<SourceFiles, IngestError> {
    let (mut root, mut paths) = places(source, input, *shelter)?;
    let mut schema: Option<(SchemaRef, String)> = None;
    let mut files = Vec::with_capacity(paths.len());
    for path in &mut paths {
        let file = relative(path, &root);
        in_its_partitions(source, &file)?;
        let known = digests.of(path).map_err(|error| IngestError::Io { path: path.clone(), source: error })?;
        let original = path.clone();
        if source.untrusted {
            *path = shelter.read(source, path, &file, &known.sha256)?;
        }
        let look = if known.sound || source.untrusted { Look::Footer } else { Look::Pages };
        let bad = |message: String| IngestError::BadFile { source_name: source.name.clone(), file: file.clone(), message };
        let found = guard::inspect(path, look).map_err(bad)?;
        digests.passed(&original);
        match &schema {
            None => {
                declared(source, &file, &found.schema)?;
                schema = Some((Arc::clone(&found.schema), file.clone()));
            }
            Some((first, _)) => same(source, &file, first, &found.schema)?,
        }
        files.push(InputFile { bytes: known.bytes, rows: found.rows, sha256: known.sha256, schema: print(&found.schema), file });
    }
    if source.untrusted && !source.partitions.is_empty() {
        root = shelter.tree(source, &files, &paths)?;
    }
    if files.iter().all(|file| file.rows == 0) {
        return Err(IngestError::EmptySource { source_name: source.name.clone(), files: files.len() });
    }
    let schema = schema.map_or_else(|| Arc::new(Schema::empty()), |(schema, _)| schema);
    Ok(SourceFiles { name: source.name.clone(), files, root, paths, schema, partitions: source.partitions.clone() })
}

/// The files of `source` for somebody who looks and runs no night: only the first footer is read, so no rows are counted, and
/// sha256 is looked up where `digests` are given or the source is untrusted: then its files are read as in a night.
///
/// # Errors
/// [`IngestError`] naming the source and the file: missing, not Parquet, not in its partition.
pub fn glance(source: &Source, input: &Path, digests: Option<&mut Digests>, shelter: &Shelter<'_>) -> Result<SourceFiles, IngestError> {
    let (mut root, mut paths) = places(source, input, *shelter)?;
    let mut own = Digests::default();
    let mut digests = if source.untrusted { Some(digests.unwrap_or(&mut own)) } else { digests };
    let mut files = Vec::with_capacity(paths.len());
    for path in &mut paths {
        let file = relative(path, &root);
        in_its_partitions(source, &file)?;
        let known = digests.as_deref_mut().map(|digests| digests.of(path)).transpose();
        let known = known.map_err(|error| IngestError::Io { path: path.clone(), source: error })?;
        let (bytes, sha256) = known.map_or_else(|| (0, String::new()), |known| (known.bytes, known.sha256));
        if source.untrusted {
            *path = shelter.read(source, path, &file, &sha256)?;
        }
        files.push(InputFile { file, bytes, rows: 0, sha256, schema: String::new() });
    }
    if source.untrusted && !source.partitions.is_empty() {
        root = shelter.tree(source, &files, &paths)?;
    }
    let schema = match (paths.first(), files.first()) {
        (Some(path), Some(file)) => {
            let bad = |message: String| IngestError::BadFile { source_name: source.name.clone(), file: file.file.clone(), message };
            guard::inspect(path, Look::Footer).map_err(bad)?.schema
        }
        _ => Arc::new(Schema::empty()),
    };
    Ok(SourceFiles { name: source.name.clone(), files, root, paths, schema, partitions: source.partitions.clone() })
}

/// The source's folder or file, and the Parquet files there, sorted. Of a source in an object store, the mirror as it is.
fn places(source: &Source, input: &Path, shelter: Shelter<'_>) -> Result<(PathBuf, Vec<PathBuf>), IngestError> {
    let mirror = source.url.as_ref().map(|url| remote::folder(source, url, shelter.cache()));
    let root = mirror.unwrap_or_else(|| input.join(&source.path));
    if !root.exists() {
        let source_name = source.name.clone();
        return Err(match &source.url {
            Some(url) => IngestError::NotFetched { source_name, url: url.to_string() },
            None => IngestError::MissingSource { source_name, path: root },
        });
    }
    let root = root.canonicalize().map_err(|error| IngestError::Io { path: root, source: error })?;
    let mut paths = Vec::new();
    if root.is_dir() {
        walk(source, &root, &root, &mut paths)?;
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
        // Indexes of pages are somebody else's claims too, and read before any page is.
        let mut reading = TableParquetOptions::default();
        reading.global.enable_page_index = false;
        reading.global.bloom_filter_on_read = false;
        let options = ListingOptions::new(Arc::new(ParquetFormat::default().with_options(reading)))
            .with_file_extension(".parquet")
            .with_table_partition_cols(partitions);
        let config = ListingTableConfig::new_with_multi_paths(urls).with_listing_options(options).with_schema(Arc::clone(&self.schema));
        ListingTable::try_new(config).map(Arc::new).map_err(|error| failed(error.strip_backtrace()))
    }

    /// Names and types of the columns, partitions last: what the manifest records.
    #[must_use]
    pub fn columns(&self) -> Vec<(String, String)> {
        let own = self.schema.fields().iter().map(|field| (field.name().clone(), field.data_type().to_string()));
        own.chain(self.partitions.iter().map(|(name, kind)| (name.clone(), partition_type(*kind).to_string()))).collect()
    }

    /// Reads every file alone, and says which one cannot be read: what to do when a query over them broke down.
    pub(crate) fn broken(&self) -> Option<IngestError> {
        self.paths.iter().zip(&self.files).find_map(|(path, file)| {
            let message = guard::read_through(path, |_| Ok(())).err()?;
            Some(IngestError::BadFile { source_name: self.name.clone(), file: file.file.clone(), message })
        })
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

/// Files below a folder. A link is refused: it could lead out of the folder, or back to where it lies.
fn walk(source: &Source, root: &Path, folder: &Path, found: &mut Vec<PathBuf>) -> Result<(), IngestError> {
    let failed = |error| IngestError::Io { path: folder.to_path_buf(), source: error };
    for entry in fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with('.') || name.starts_with('_') {
            continue;
        }
        let odd = |what| {
            let file = relative(&path, root).escape_debug().to_string();
            Err(IngestError::OddPlace { source_name: source.name.clone(), file, what })
        };
        if path.is_symlink() {
            return odd("is a symbolic link");
        }
        if path.to_str().is_none_or(|path| path.chars().any(char::is_control)) {
            return odd("has a name that is no plain text");
        }
        if path.is_dir() {
            walk(source, root, &path, found)?;
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

/// Fingerprint of names and types, short enough to be read.
fn print(schema: &Schema) -> String {
    let columns = schema.fields().iter().map(|field| (field.name(), field.data_type(), field.is_nullable()));
    Fingerprint::of("schema").with("columns", format!("{:?}", columns.collect::<Vec<_>>())).hex()[..16].to_owned()
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

pub(crate) fn fits(expected: ColumnType, found: &DataType) -> bool {
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
