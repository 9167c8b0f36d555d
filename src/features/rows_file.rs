//! Encoded rows on disk: an Arrow IPC file that is memory-mapped, so that learning does not hold the frame.
//!
//! In: encoded batches of one as-of date. Out: [`RowsFile`], whose blocks borrow from the map without a copy.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray as _, FixedSizeListArray, Float32Array, ListArray, RecordBatch, UInt16Array, UInt32Array, UInt64Array,
};
use arrow::buffer::{Buffer, OffsetBuffer, ScalarBuffer};
use arrow::datatypes::{DataType, Field, Float32Type, Schema, UInt16Type, UInt32Type, UInt64Type};
use arrow::ipc::convert::fb_to_schema;
use arrow::ipc::reader::{FileDecoder, read_footer_length};
use arrow::ipc::writer::{FileWriter, IpcWriteOptions};
use arrow::ipc::{Block as IpcBlock, MetadataVersion, root_as_footer};

use super::encode::{EncodeError, EncodedBatch, EncodedColumn, Encoder};
use crate::failpoint::step;
use crate::learn::rows::{Block, Column, FieldKind};

/// Bytes at the end of an IPC file: the footer's length and the magic word.
const TRAILER: usize = 10;
/// Alignment of buffers, so that a slice of numbers can be borrowed from the map.
const ALIGNMENT: usize = 64;

/// A rows file being written.
pub struct RowsWriter {
    path: PathBuf,
    writer: FileWriter<File>,
    schema: Arc<Schema>,
}

fn failed(what: &'static str, path: &Path, message: impl std::fmt::Display) -> EncodeError {
    EncodeError::File { what, file: path.display().to_string(), message: message.to_string() }
}

/// The columns of a rows file.
fn schema_of(encoder: &Encoder) -> Arc<Schema> {
    let shape = encoder.shape();
    let number = DataType::Float32;
    let mut fields = vec![Field::new("entity", DataType::UInt64, false), Field::new("scenario", DataType::UInt16, false)];
    for (at, field) in shape.fields.iter().enumerate() {
        let kind = match field.kind {
            FieldKind::Numeric { .. } => number.clone(),
            FieldKind::Categorical { .. } => DataType::UInt32,
            FieldKind::Text { .. } => DataType::new_list(DataType::UInt32, false),
            FieldKind::Vector { width } => DataType::new_fixed_size_list(number.clone(), width as i32, false),
        };
        fields.push(Field::new(format!("field_{at}"), kind, false));
    }
    for task in &shape.tasks {
        fields.push(Field::new(format!("y_{}", task.name), number.clone(), false));
        fields.push(Field::new(format!("w_{}", task.name), number.clone(), false));
    }
    Arc::new(Schema::new(fields))
}

impl RowsWriter {
    /// Creates `path` for labelled rows of `encoder`.
    ///
    /// # Errors
    /// [`EncodeError::File`] naming the path.
    pub fn create(path: &Path, encoder: &Encoder) -> Result<Self, EncodeError> {
        let schema = schema_of(encoder);
        let options = IpcWriteOptions::try_new(ALIGNMENT, false, MetadataVersion::V5).map_err(|error| failed("write", path, error))?;
        let file = step("create", path).and_then(|()| File::create(path)).map_err(|error| failed("create", path, error))?;
        let writer = FileWriter::try_new_with_options(file, &schema, options).map_err(|error| failed("write", path, error))?;
        Ok(Self { path: path.into(), writer, schema })
    }

    /// Appends rows.
    ///
    /// # Errors
    /// [`EncodeError::File`] naming the path.
    pub fn write(&mut self, batch: &EncodedBatch) -> Result<(), EncodeError> {
        let rows = batch.scenario.len();
        let mut arrays: Vec<ArrayRef> =
            vec![Arc::new(UInt64Array::from(batch.entity.clone())), Arc::new(UInt16Array::from(batch.scenario.clone()))];
        for (at, column) in batch.columns.iter().enumerate() {
            arrays.push(array(column, self.schema.field(at + 2)));
        }
        for (labels, weights) in batch.labels.iter().zip(&batch.weights) {
            arrays.push(Arc::new(Float32Array::from(labels.clone())));
            // A missing weight column is ones on disk and no weight when read back.
            arrays.push(Arc::new(weights.clone().map_or_else(|| Float32Array::from(vec![1.0; rows]), Float32Array::from)));
        }
        let batch = RecordBatch::try_new(Arc::clone(&self.schema), arrays).map_err(|error| failed("write", &self.path, error))?;
        self.writer.write(&batch).map_err(|error| failed("write", &self.path, error))
    }

    /// Writes the footer.
    ///
    /// # Errors
    /// [`EncodeError::File`] naming the path.
    pub fn finish(mut self) -> Result<(), EncodeError> {
        step("write", &self.path).map_err(|error| failed("write", &self.path, error))?;
        self.writer.finish().map_err(|error| failed("write", &self.path, error))
    }
}

fn array(column: &EncodedColumn, field: &Field) -> ArrayRef {
    match column {
        EncodedColumn::Numeric(values) => Arc::new(Float32Array::from(values.clone())),
        EncodedColumn::Categorical(entries) => Arc::new(UInt32Array::from(entries.clone())),
        EncodedColumn::Text { offsets, buckets } => {
            let offsets = OffsetBuffer::new(ScalarBuffer::from(offsets.clone()));
            let item = Arc::new(Field::new_list_field(DataType::UInt32, false));
            Arc::new(ListArray::new(item, offsets, Arc::new(UInt32Array::from(buckets.clone())), None))
        }
        EncodedColumn::Vector(values) => {
            let width = if let DataType::FixedSizeList(_, width) = field.data_type() { *width } else { 0 };
            let item = Arc::new(Field::new_list_field(DataType::Float32, false));
            Arc::new(FixedSizeListArray::new(item, width, Arc::new(Float32Array::from(values.clone())), None))
        }
    }
}

/// A memory-mapped rows file of one as-of date.
pub struct RowsFile {
    as_of: i32,
    batches: Vec<RecordBatch>,
    fields: usize,
    tasks: usize,
    weighted: Vec<bool>,
}

impl RowsFile {
    /// Maps `path`, which [`RowsWriter`] wrote with the same encoder.
    ///
    /// # Errors
    /// [`EncodeError::File`] naming the path.
    pub fn open(path: &Path, encoder: &Encoder, as_of: i32) -> Result<Self, EncodeError> {
        let bad = |message: String| failed("read", path, message);
        let file = File::open(path).map_err(|error| failed("open", path, error))?;
        #[expect(unsafe_code, reason = "the file lies in the night's own scratch folder, under the job's lock: nobody else writes it")]
        let map = unsafe { memmap2::Mmap::map(&file) }.map_err(|error| failed("map", path, error))?;
        let buffer = Buffer::from(bytes::Bytes::from_owner(map));
        let end = buffer.len().checked_sub(TRAILER).ok_or_else(|| bad("it is too short".into()))?;
        let trailer: [u8; TRAILER] = buffer[end..].try_into().map_err(|_| bad("it is too short".into()))?;
        let length = read_footer_length(trailer).map_err(|error| bad(error.to_string()))?;
        let start = end.checked_sub(length).ok_or_else(|| bad("its footer is longer than the file".into()))?;
        let footer = root_as_footer(&buffer[start..end]).map_err(|error| bad(error.to_string()))?;
        let schema = fb_to_schema(footer.schema().ok_or_else(|| bad("it has no schema".into()))?);
        let decoder = FileDecoder::new(Arc::new(schema), footer.version());
        let mut batches = Vec::new();
        for block in footer.recordBatches().iter().flatten() {
            let data = slice(&buffer, block).ok_or_else(|| bad("a batch lies outside the file".into()))?;
            batches.extend(decoder.read_record_batch(block, &data).map_err(|error| bad(error.to_string()))?);
        }
        let shape = encoder.shape();
        let weighted = vec![true; shape.tasks.len()];
        Ok(Self { as_of, batches, fields: shape.fields.len(), tasks: shape.tasks.len(), weighted })
    }

    /// Says which tasks have weights; the others weigh every row 1.
    #[must_use]
    pub fn weighted(mut self, weighted: Vec<bool>) -> Self {
        self.weighted = weighted;
        self
    }

    /// Number of rows.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.batches.iter().map(RecordBatch::num_rows).sum()
    }

    /// The rows, borrowed from the map.
    #[must_use]
    pub fn blocks(&self) -> Vec<Block<'_>> {
        self.batches.iter().map(|batch| self.block(batch)).collect()
    }

    fn block<'a>(&self, batch: &'a RecordBatch) -> Block<'a> {
        let numbers = |at: usize| -> &'a [f32] { batch.column(at).as_primitive::<Float32Type>().values() };
        let labels = 2 + self.fields;
        Block {
            as_of: self.as_of,
            entity: batch.column(0).as_primitive::<UInt64Type>().values(),
            scenario: batch.column(1).as_primitive::<UInt16Type>().values(),
            columns: (0..self.fields).map(|at| column(batch.column(at + 2))).collect(),
            labels: (0..self.tasks).map(|task| numbers(labels + 2 * task)).collect(),
            weights: (0..self.tasks).map(|task| self.weighted[task].then(|| numbers(labels + 2 * task + 1))).collect(),
        }
    }
}

fn slice(buffer: &Buffer, block: &IpcBlock) -> Option<Buffer> {
    let offset = usize::try_from(block.offset()).ok()?;
    let length = usize::try_from(block.bodyLength()).ok()? + usize::try_from(block.metaDataLength()).ok()?;
    (offset.checked_add(length)? <= buffer.len()).then(|| buffer.slice_with_length(offset, length))
}

fn column(array: &ArrayRef) -> Column<'_> {
    match array.data_type() {
        DataType::UInt32 => Column::Categorical(array.as_primitive::<UInt32Type>().values()),
        DataType::List(_) => {
            let list = array.as_list::<i32>();
            Column::Text { offsets: list.value_offsets(), buckets: list.values().as_primitive::<UInt32Type>().values() }
        }
        DataType::FixedSizeList(_, _) => Column::Vector(array.as_fixed_size_list().values().as_primitive::<Float32Type>().values()),
        _ => Column::Numeric(array.as_primitive::<Float32Type>().values()),
    }
}
