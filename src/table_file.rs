//! Parquet files as polytask writes and reads them: one place for compression, row groups, fsync and error texts.
//!
//! In: record batches, from a stream or one by one. Out: a file that is on disk when `finish` returns. Not here: which
//! tables there are, and folders.

use std::fs::File;
use std::path::{Path, PathBuf};

use arrow::array::{AsArray as _, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{Float64Type, Int64Type, SchemaRef};
use datafusion::common::runtime::SpawnedTask;
use datafusion::error::DataFusionError;
use datafusion::execution::SendableRecordBatchStream;
use futures::StreamExt as _;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::{ParquetRecordBatchReader, ParquetRecordBatchReaderBuilder};
use parquet::basic::{Compression, ZstdLevel};
use parquet::file::properties::{EnabledStatistics, WriterProperties};

use crate::failpoint::step;
use crate::outcome::{Ending, Outcome};

/// Rows of a row group: small enough that a filter on time skips most of a table.
const ROW_GROUP_ROWS: usize = 131_072;
/// Rows of a batch that is read.
const READ_ROWS: usize = 16_384;
/// Batches that may wait between a query and its writer.
const QUEUE: usize = 4;

/// Why a table file could not be written or read.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the message of a variant names its fields")]
pub enum FileError {
    /// The file system said no.
    #[error("cannot {what} `{}`: {source}", path.display())]
    Io { what: &'static str, path: PathBuf, source: std::io::Error },
    /// The Parquet layer said no.
    #[error("cannot {what} `{}`: {message}", path.display())]
    Parquet { what: &'static str, path: PathBuf, message: String, full: bool },
    /// The query that feeds the file failed.
    #[error("{0}")]
    Query(#[from] DataFusionError),
    /// The writer's thread ended.
    #[error("the writer of `{}` stopped", .0.display())]
    Stopped(PathBuf),
    /// The code that reads or computes rows gave up in the middle.
    #[error("the query that makes `{}` broke down: {message}", path.display())]
    Panicked { path: PathBuf, message: String },
    /// What the consumer of the rows found wrong with them.
    #[error("{0}")]
    Rows(String),
}

impl Outcome for FileError {
    fn ending(&self) -> Ending {
        match self {
            Self::Io { .. } | Self::Parquet { full: true, .. } => Ending::Io,
            Self::Query(error) if is_disk(error) => Ending::Io,
            Self::Parquet { what: "read", .. } | Self::Query(_) | Self::Rows(_) | Self::Panicked { .. } => Ending::Refused,
            Self::Parquet { .. } => Ending::Io,
            Self::Stopped(_) => Ending::Internal,
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Io { source, .. } if is_full(source) => Some("free some space and run again: nothing was lost".into()),
            Self::Io { source, .. } if source.kind() == std::io::ErrorKind::ReadOnlyFilesystem => {
                Some("`--runs` and `--reports` name folders that can be written; nothing was lost".into())
            }
            Self::Parquet { full: true, .. } => Some("free some space and run again: nothing was lost".into()),
            Self::Query(error) if is_disk(error) => Some("free some space below `runs/cache/spill` and run again: nothing was lost".into()),
            Self::Query(error) if is_out_of_memory(error) => {
                Some("give more with `--memory 8GB`, or make the build side of the join smaller".into())
            }
            _ => None,
        }
    }
}

/// Whether a query failed because it reached the memory limit.
pub(crate) fn is_out_of_memory(error: &DataFusionError) -> bool {
    matches!(error.find_root(), DataFusionError::ResourcesExhausted(_))
}

/// Whether a query failed because its temporary files could not be written: no space, no permission.
pub(crate) fn is_disk(error: &DataFusionError) -> bool {
    match error.find_root() {
        DataFusionError::IoError(error) => is_full(error) || error.kind() == std::io::ErrorKind::PermissionDenied,
        DataFusionError::ArrowError(error, _) => matches!(&**error, arrow::error::ArrowError::IoError(_, error) if is_full(error)),
        DataFusionError::ResourcesExhausted(message) => message.contains("disk space"),
        _ => false,
    }
}

/// Whether there is no room for another byte: the disk is full, or a quota or limit is reached.
fn is_full(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{FileTooLarge, QuotaExceeded, StorageFull};
    matches!(error.kind(), StorageFull | QuotaExceeded | FileTooLarge)
}

/// What a panic said.
pub(crate) fn panic_message(payload: &(dyn std::any::Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned()).or_else(|| payload.downcast_ref::<String>().cloned());
    text.unwrap_or_else(|| "a panic without a message".into())
}

/// A Parquet file being written.
pub(crate) struct TableWriter {
    path: PathBuf,
    writer: ArrowWriter<File>,
    rows: u64,
}

/// How a file is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kept {
    /// For the cache: read soon and by us.
    Cached,
    /// For readers: small.
    Published,
}

impl TableWriter {
    /// Creates `path`.
    ///
    /// # Errors
    /// [`FileError`] naming the path.
    pub(crate) fn create(path: &Path, schema: SchemaRef, kept: Kept) -> Result<Self, FileError> {
        let file = step("create", path).and_then(|()| File::create(path)).map_err(|source| FileError::Io {
            what: "create",
            path: path.into(),
            source,
        })?;
        let compression = match kept {
            Kept::Cached => Compression::LZ4_RAW,
            Kept::Published => Compression::ZSTD(ZstdLevel::try_new(3).unwrap_or_default()),
        };
        let properties = WriterProperties::builder()
            .set_compression(compression)
            .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
            .set_statistics_enabled(EnabledStatistics::Chunk)
            .set_created_by("polytask".to_owned())
            .build();
        let writer = ArrowWriter::try_new(file, schema, Some(properties)).map_err(|error| parquet_error("write", path, &error))?;
        Ok(Self { path: path.into(), writer, rows: 0 })
    }

    /// Appends a batch.
    ///
    /// # Errors
    /// [`FileError`] naming the path.
    pub(crate) fn write(&mut self, batch: &RecordBatch) -> Result<(), FileError> {
        step("write", &self.path).map_err(|source| FileError::Io { what: "write", path: self.path.clone(), source })?;
        self.rows += batch.num_rows() as u64;
        self.writer.write(batch).map_err(|error| parquet_error("write", &self.path, &error))
    }

    /// Writes the footer and flushes the file to disk; returns the number of rows.
    ///
    /// # Errors
    /// [`FileError`] naming the path.
    pub(crate) fn finish(self) -> Result<u64, FileError> {
        let Self { path, writer, rows } = self;
        let file = writer.into_inner().map_err(|error| parquet_error("write", &path, &error))?;
        step("sync", &path).and_then(|()| file.sync_all()).map_err(|source| FileError::Io { what: "flush", path, source })?;
        Ok(rows)
    }
}

/// Feeds a stream to `consume`. The query runs as a task of its own and `consume` on a thread of its own: queries that are
/// awaited side by side run side by side, and a query overlaps with the writing of its result.
///
/// # Errors
/// The stream's error, or the consumer's.
pub(crate) async fn drain<T: Send + 'static>(
    mut stream: SendableRecordBatchStream,
    path: &Path,
    consume: impl FnOnce(&mut dyn Iterator<Item = RecordBatch>) -> Result<T, FileError> + Send + 'static,
) -> Result<T, FileError> {
    let (sender, mut receiver) = tokio::sync::mpsc::channel::<RecordBatch>(QUEUE);
    let consumer = tokio::task::spawn_blocking(move || consume(&mut std::iter::from_fn(|| receiver.blocking_recv())));
    // Ends with this future, should it be dropped.
    let query = SpawnedTask::spawn(async move {
        while let Some(batch) = stream.next().await {
            if sender.send(batch?).await.is_err() {
                break;
            }
        }
        Ok::<_, DataFusionError>(())
    });
    // Ends when the query has ended, however that was.
    let done = consumer.await.map_err(|_| FileError::Stopped(path.into()))?;
    match query.join().await {
        Ok(ended) => ended?,
        // A reader or an operator met bytes that it did not expect.
        Err(error) if error.is_panic() => {
            let message = panic_message(&*error.into_panic());
            return Err(FileError::Panicked { path: path.into(), message });
        }
        Err(_) => return Err(FileError::Stopped(path.into())),
    }
    done
}

/// Writes a whole stream to `path`; returns the number of rows.
///
/// # Errors
/// The stream's error, or [`FileError`] naming the path.
pub(crate) async fn write_stream(stream: SendableRecordBatchStream, path: &Path, kept: Kept) -> Result<u64, FileError> {
    let schema = stream.schema();
    let target = path.to_path_buf();
    drain(stream, path, move |batches| {
        let mut writer = TableWriter::create(&target, schema, kept)?;
        for batch in batches {
            writer.write(&batch)?;
        }
        writer.finish()
    })
    .await
}

/// Opens `path` for reading in batches.
///
/// # Errors
/// [`FileError`] naming the path.
pub(crate) fn read(path: &Path) -> Result<ParquetRecordBatchReader, FileError> {
    let file = File::open(path).map_err(|source| FileError::Io { what: "open", path: path.into(), source })?;
    ParquetRecordBatchReaderBuilder::try_new(file)
        .and_then(|builder| builder.with_batch_size(READ_ROWS).build())
        .map_err(|error| parquet_error("read", path, &error))
}

/// A column of text of a table that polytask wrote.
///
/// # Errors
/// [`FileError::Rows`] naming the column, where it is missing or of another type.
pub(crate) fn texts<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a StringArray, FileError> {
    batch.column_by_name(name).and_then(|array| array.as_string_opt::<i32>()).ok_or_else(|| missing(name))
}

/// A column of numbers; as [`texts`].
///
/// # Errors
/// As [`texts`].
pub(crate) fn numbers<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a Float64Array, FileError> {
    batch.column_by_name(name).and_then(|array| array.as_primitive_opt::<Float64Type>()).ok_or_else(|| missing(name))
}

/// A column of counts; as [`texts`].
///
/// # Errors
/// As [`texts`].
pub(crate) fn counts<'a>(batch: &'a RecordBatch, name: &str) -> Result<&'a Int64Array, FileError> {
    batch.column_by_name(name).and_then(|array| array.as_primitive_opt::<Int64Type>()).ok_or_else(|| missing(name))
}

fn missing(column: &str) -> FileError {
    FileError::Rows(format!("column `{column}` is missing"))
}

/// Writes one batch as a published table.
///
/// # Errors
/// [`FileError`] naming the path.
pub(crate) fn write_one(path: &Path, batch: &RecordBatch) -> Result<u64, FileError> {
    let mut writer = TableWriter::create(path, batch.schema(), Kept::Published)?;
    writer.write(batch)?;
    writer.finish()
}

fn parquet_error(what: &'static str, path: &Path, error: &parquet::errors::ParquetError) -> FileError {
    let message = error.to_string();
    let full = match error {
        parquet::errors::ParquetError::External(cause) => cause.downcast_ref::<std::io::Error>().is_some_and(is_full),
        // What the last flush met is passed on as text only.
        _ => ["No space left", "File too large", "quota exceeded"].iter().any(|text| message.contains(text)),
    };
    FileError::Parquet { what, path: path.into(), message, full }
}
