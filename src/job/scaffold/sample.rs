//! Footers and a bounded number of rows: what guessing looks at, however large the files are.
//!
//! In: a [`Found`] source. Out: its schema, its number of rows, extremes from its footers, and batches of some columns
//! from row groups spread over all files. Nothing is remembered of the rows here.

use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::{ArrayRef, Date32Array, Int64Array, StringArray};
use arrow::datatypes::{DataType, Field, SchemaRef};
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::statistics::StatisticsConverter;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder, RowSelection, RowSelector};

use super::error::ScaffoldError;
use super::files::Found;
use super::time::{DAY, Reading};
use crate::job::{PartitionType, time};

/// Rows that are read of a source, at most.
const ROWS: u64 = 2_000_000;
/// Values that are read at a time, at most: a table of many columns is read in fewer rows.
const VALUES: u64 = 12_000_000;
/// Row groups that a sample is spread over, at least.
const SPREAD: usize = 16;
/// Stretches of rows that a sample is made of, at least: files are sorted by time or by user, and it should see all of it.
const STRETCHES: usize = 64;
/// Bytes of a batch, roughly.
const BATCH_BYTES: u64 = 16 << 20;

/// A source with its footers.
pub(super) struct Footers {
    /// The source.
    pub(super) found: Found,
    /// Columns of the files.
    pub(super) schema: SchemaRef,
    /// Rows of all files.
    pub(super) rows: u64,
    files: Vec<(PathBuf, ArrowReaderMetadata)>,
}

impl Footers {
    /// Reads the footers of all files and checks that they are one table.
    ///
    /// # Errors
    /// [`ScaffoldError`] naming the file and column.
    pub(super) fn read(found: Found) -> Result<Self, ScaffoldError> {
        let mut files: Vec<(PathBuf, ArrowReaderMetadata)> = Vec::with_capacity(found.files.len());
        let mut rows = 0;
        for path in &found.files {
            let file = open(path)?;
            let bad = |message: String| ScaffoldError::BadFile { file: found.told(path), message };
            let metadata = unharmed(|| ArrowReaderMetadata::load(&file, ArrowReaderOptions::default()).map_err(|error| error.to_string()))
                .map_err(bad)?;
            rows += u64::try_from(metadata.metadata().file_metadata().num_rows())
                .map_err(|_| bad("its footer counts a negative number of rows".into()))?;
            if let Some((first, expected)) = files.first() {
                same(&found, (first, expected.schema()), (path, metadata.schema()))?;
            }
            files.push((path.clone(), metadata));
        }
        let Some((_, first)) = files.first() else { return Err(ScaffoldError::EmptyFolder(found.root)) };
        if rows == 0 {
            return Err(ScaffoldError::NoRows(found.told(&found.root)));
        }
        let schema = Arc::clone(first.schema());
        // Some writers keep the partition's column in the files too; then the files speak.
        let repeated = found.partitions.iter().any(|(name, _)| schema.field_with_name(name).is_ok());
        let found = if repeated { found.without_partitions() } else { found };
        Ok(Self { found, schema, rows, files })
    }

    /// Names and types of all columns, partitions last.
    pub(super) fn columns(&self) -> Vec<(String, DataType, Option<PartitionType>)> {
        let own = self.schema.fields().iter().map(|field| (field.name().clone(), field.data_type().clone(), None));
        let partitions = self.found.partitions.iter().map(|(name, kind)| (name.clone(), partition_type(*kind), Some(*kind)));
        own.chain(partitions).collect()
    }

    /// First and last day that footers tell of a column, when all of them do.
    pub(super) fn extremes(&self, column: usize, reading: Reading) -> Option<(i32, i32)> {
        let field: &Field = self.schema.fields().get(column)?;
        if !(field.data_type().is_integer() || Reading::of_type(field.data_type()).is_some()) {
            return None;
        }
        let mut extremes: Option<(i32, i32)> = None;
        for (_, metadata) in &self.files {
            let parquet = metadata.metadata();
            let found = unharmed(|| {
                let read = || {
                    let converter = StatisticsConverter::try_new(field.name(), metadata.schema(), parquet.file_metadata().schema_descr())?;
                    Ok((converter.row_group_mins(parquet.row_groups().iter())?, converter.row_group_maxes(parquet.row_groups().iter())?))
                };
                read().map_err(|error: parquet::errors::ParquetError| error.to_string())
            });
            let (least, most) = found.ok()?;
            let days = |array: &ArrayRef| -> Option<Vec<i32>> {
                reading.micros(array).into_iter().map(|micros| micros.map(|micros| micros.div_euclid(DAY) as i32)).collect()
            };
            let (least, most) = (days(&least)?, days(&most)?);
            for (least, most) in least.into_iter().zip(most) {
                extremes = Some(extremes.map_or((least, most), |(first, newest)| (first.min(least), newest.max(most))));
            }
        }
        extremes
    }

    /// Shows batches of `columns` to `visit`; returns the number of rows shown.
    ///
    /// # Errors
    /// [`ScaffoldError::BadFile`] when rows cannot be decoded.
    pub(super) fn sample(&self, columns: &[usize], visit: &mut dyn FnMut(&[ArrayRef])) -> Result<u64, ScaffoldError> {
        let groups: Vec<(usize, usize)> = (self.files.iter().enumerate())
            .flat_map(|(file, (_, metadata))| (0..metadata.metadata().num_row_groups()).map(move |group| (file, group)))
            .filter(|(file, group)| self.group_rows(*file, *group) > 0)
            .collect();
        let wanted = ROWS.min(VALUES / columns.len().max(1) as u64).max(1);
        let mean = (self.rows / groups.len().max(1) as u64).max(1);
        let picks = (wanted.div_ceil(mean) as usize).max(SPREAD).min(groups.len());
        let share = (wanted / picks.max(1) as u64).max(1);
        let mut shown = 0;
        for pick in 0..picks {
            // The first and the last row group are among them.
            let at = if picks > 1 { pick * (groups.len() - 1) / (picks - 1) } else { 0 };
            let (file, group) = groups[at];
            let rows = self.group_rows(file, group);
            let taken = if wanted >= self.rows { rows } else { share.min(rows) };
            shown += self.group((file, group), stretches(rows, taken, STRETCHES.div_ceil(picks) as u64), columns, visit)?;
        }
        Ok(shown)
    }

    fn group_rows(&self, file: usize, group: usize) -> u64 {
        self.files[file].1.metadata().row_group(group).num_rows().unsigned_abs()
    }

    fn group(
        &self,
        (file, group): (usize, usize),
        stretches: RowSelection,
        columns: &[usize],
        visit: &mut dyn FnMut(&[ArrayRef]),
    ) -> Result<u64, ScaffoldError> {
        let (path, metadata) = &self.files[file];
        let own: Vec<usize> = columns.iter().copied().filter(|column| *column < self.schema.fields().len()).collect();
        let bytes = metadata.metadata().row_group(group).total_byte_size().unsigned_abs();
        let rows = self.group_rows(file, group).max(1);
        let batch_rows = (BATCH_BYTES / (bytes / rows).max(1)).clamp(64, 8192) as usize;
        let values = self.found.partition_values(path);
        let open = open(path)?;
        unharmed(|| {
            let mask = ProjectionMask::roots(metadata.parquet_schema(), own.iter().map(|column| self.place(file, *column)));
            let reader = ParquetRecordBatchReaderBuilder::new_with_metadata(open, metadata.clone())
                .with_projection(mask)
                .with_row_groups(vec![group])
                .with_row_selection(stretches)
                .with_batch_size(batch_rows)
                .build()
                .map_err(|error| error.to_string())?;
            let mut shown = 0;
            for batch in reader {
                let batch = batch.map_err(|error| error.to_string())?;
                let arrays: Option<Vec<ArrayRef>> = columns
                    .iter()
                    .map(|column| match self.schema.fields().get(*column) {
                        Some(field) => batch.column_by_name(field.name()).cloned(),
                        None => self.partition(*column, &values, batch.num_rows()),
                    })
                    .collect();
                visit(&arrays.ok_or("a column of its footer is not in its rows")?);
                shown += batch.num_rows() as u64;
            }
            Ok(shown)
        })
        .map_err(|message| ScaffoldError::BadFile { file: self.found.told(path), message })
    }

    /// Place of a column in one of the files: their columns may be in another order.
    fn place(&self, file: usize, column: usize) -> usize {
        self.files[file].1.schema().index_of(self.schema.field(column).name()).unwrap_or(column)
    }

    /// A partition's value, once a row.
    fn partition(&self, column: usize, values: &[String], rows: usize) -> Option<ArrayRef> {
        let at = column.checked_sub(self.schema.fields().len())?;
        let (value, (_, kind)) = (values.get(at)?, self.found.partitions.get(at)?);
        Some(match kind {
            PartitionType::Int => Arc::new(Int64Array::from(vec![value.parse::<i64>().ok(); rows])) as ArrayRef,
            PartitionType::Text => Arc::new(StringArray::from(vec![value.as_str(); rows])),
            PartitionType::Date => Arc::new(Date32Array::from(vec![value.parse::<jiff::civil::Date>().ok().map(time::epoch_day); rows])),
        })
    }
}

/// `taken` of `rows` rows in `parts` stretches of one length, the first at the beginning and the last at the end.
fn stretches(rows: u64, taken: u64, parts: u64) -> RowSelection {
    let parts = parts.clamp(1, taken.max(1));
    if taken >= rows || parts == 1 {
        return vec![RowSelector::select(taken.min(rows) as usize)].into();
    }
    let length = taken / parts;
    let gap = (rows - length * parts) / (parts - 1);
    let stretch = |part: u64| [RowSelector::skip(if part == 0 { 0 } else { gap as usize }), RowSelector::select(length as usize)];
    (0..parts).flat_map(stretch).collect::<Vec<_>>().into()
}

fn open(path: &std::path::Path) -> Result<File, ScaffoldError> {
    File::open(path).map_err(|source| ScaffoldError::Io { what: "open", path: path.into(), source })
}

fn partition_type(kind: PartitionType) -> DataType {
    match kind {
        PartitionType::Int => DataType::Int64,
        PartitionType::Text => DataType::Utf8,
        PartitionType::Date => DataType::Date32,
    }
}

/// Runs what decodes a stranger's file; the decoder's own slips on damaged bytes become messages.
fn unharmed<T>(work: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| Err("its bytes contradict each other".into()))
}

fn same(found: &Found, first: (&PathBuf, &SchemaRef), other: (&PathBuf, &SchemaRef)) -> Result<(), ScaffoldError> {
    for expected in first.1.fields() {
        let field = other.1.field_with_name(expected.name()).ok();
        if field.is_none_or(|field| field.data_type() != expected.data_type()) {
            return Err(ScaffoldError::Differs {
                file: found.told(other.0),
                column: super::names::told(expected.name()),
                found: field.map_or_else(|| "missing".into(), |field| field.data_type().to_string()),
                first: found.told(first.0),
                expected: expected.data_type().to_string(),
            });
        }
    }
    Ok(())
}
