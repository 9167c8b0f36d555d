//! The guard before a Parquet file of somebody else: every size that it declares is held against the file before it is believed.
//!
//! In: a path. Out: [`Inspected`], or a sentence that says what is wrong. Footer and page headers are read, no page is unpacked:
//! a bomb is refused at the price of a few kilobytes. What passes can still be damaged; its pages have checksums for that, and a
//! reader that breaks down over it is an outcome too ([`quietly`]).

mod pages;
mod thrift;

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use arrow::datatypes::SchemaRef;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder};
use parquet::file::metadata::ParquetMetaData;

use crate::table_file::panic_message;
use pages::Chunk;
use thrift::{Cursor, I32};

/// Bytes at both ends of a file: the magic word, the footer's length and the magic word.
const MAGIC: &[u8; 4] = b"PAR1";
const ENCRYPTED: &[u8; 4] = b"PARE";
const TRAILER: u64 = 8;
/// Bytes of a footer, at most: some hundred thousand column chunks.
const FOOTER_BYTES: u64 = 64 << 20;
/// Columns inside columns, at most.
const NESTED: usize = 48;
/// Rows per byte of a file, beyond [`FEW_ROWS`]: a constant column of a million rows takes some hundred bytes.
const ROWS_PER_BYTE: u64 = 20_000;
const FEW_ROWS: u64 = 10_000_000;
/// Times its size that a whole file may unpack to, beyond [`SMALL_BYTES`].
const FILE_RATIO: u64 = 2000;
const SMALL_BYTES: u64 = 256 << 20;
/// Rows of a batch of [`read_through`].
const BATCH: usize = 8192;

/// What a file says of itself, after it was looked at.
#[derive(Debug, Clone)]
pub struct Inspected {
    /// Rows by the footer.
    pub rows: u64,
    /// Its columns.
    pub schema: SchemaRef,
    /// Bytes that its pages unpack to; 0 where only the footer was looked at.
    pub unpacked: u64,
}

/// How closely a file is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Look {
    /// Its footer: for a file whose pages were looked at before and that has not changed.
    Footer,
    /// Its footer and the header of every page.
    Pages,
}

/// Looks at a file without unpacking any of it.
///
/// # Errors
/// What is wrong with it, as a fragment of a sentence.
pub fn inspect(path: &Path, look: Look) -> Result<Inspected, String> {
    let mut file = File::open(path).map_err(|error| error.to_string())?;
    let size = footer(&mut file)?;
    quietly(|| {
        let metadata = ArrowReaderMetadata::load(&file, ArrowReaderOptions::default()).map_err(|error| error.to_string())?;
        let rows = rows(metadata.metadata(), size)?;
        let chunks = chunks(metadata.metadata(), size)?;
        let mut unpacked = 0_u64;
        if look == Look::Pages {
            for (column, chunk) in chunks {
                let bytes = pages::unpacked(&mut file, chunk).map_err(|what| format!("column `{}` has {what}", column.escape_debug()))?;
                unpacked = unpacked.saturating_add(bytes);
            }
            if unpacked > SMALL_BYTES && unpacked > size.saturating_mul(FILE_RATIO) {
                return Err(format!("its {size} bytes unpack to {unpacked}, over {FILE_RATIO} times as many"));
            }
        }
        Ok(Inspected { rows, schema: metadata.schema().clone(), unpacked })
    })
}

/// Reads every row of a file that passed [`inspect`]; `each` gets the batches. Returns the number of rows.
///
/// # Errors
/// What is wrong with it, or what `each` said.
pub fn read_through(path: &Path, mut each: impl FnMut(&arrow::array::RecordBatch) -> Result<(), String>) -> Result<u64, String> {
    let file = File::open(path).map_err(|error| error.to_string())?;
    quietly(|| {
        let reader = ParquetRecordBatchReaderBuilder::try_new(file).and_then(|builder| builder.with_batch_size(BATCH).build());
        let mut rows = 0;
        for batch in reader.map_err(|error| error.to_string())? {
            let batch = batch.map_err(|error| error.to_string())?;
            rows += batch.num_rows() as u64;
            each(&batch)?;
        }
        Ok(rows)
    })
}

/// Does what may break down over bytes that it did not expect; a panic is an error with its message.
///
/// # Errors
/// Those of `work`, and its panic.
pub fn quietly<T>(work: impl FnOnce() -> Result<T, String>) -> Result<T, String> {
    catch_unwind(AssertUnwindSafe(work))
        .unwrap_or_else(|payload| Err(format!("the reader broke down over it: {}", panic_message(&*payload))))
}

/// Holds the footer against the file: its length, its lists, the depth of its columns. Returns the file's size.
fn footer(file: &mut File) -> Result<u64, String> {
    let io = |error: std::io::Error| error.to_string();
    let size = file.metadata().map_err(io)?.len();
    if size < TRAILER + MAGIC.len() as u64 {
        return Err(format!("{size} bytes are too few"));
    }
    let mut end = [0; TRAILER as usize];
    file.seek(SeekFrom::End(-(TRAILER as i64))).and_then(|_| file.read_exact(&mut end)).map_err(io)?;
    let [a, b, c, d, magic @ ..] = end;
    if &magic == ENCRYPTED {
        return Err("it is encrypted, and polytask has no keys".into());
    }
    if &magic != MAGIC {
        return Err("it does not end as a Parquet file does".into());
    }
    let length = u64::from(u32::from_le_bytes([a, b, c, d]));
    if length + TRAILER > size {
        return Err(format!("it declares a footer of {length} bytes and has {size}"));
    }
    if length > FOOTER_BYTES {
        return Err(format!("it declares a footer of {length} bytes, more than {FOOTER_BYTES}"));
    }
    let mut bytes = vec![0; length as usize];
    file.seek(SeekFrom::End(-((length + TRAILER) as i64))).and_then(|_| file.read_exact(&mut bytes)).map_err(io)?;
    let children = children(&bytes).map_err(|broken| format!("its footer cannot be read: {broken}"))?;
    shallow(&children)?;
    Ok(size)
}

/// Children of each element of the schema, in the order of the footer. Walks the whole footer.
fn children(bytes: &[u8]) -> Result<Vec<i64>, &'static str> {
    let mut found = Vec::new();
    Cursor::new(bytes).fields(|cursor, id, kind| {
        if id != 2 {
            return Ok(false);
        }
        cursor.structs(kind, |cursor| {
            let mut own = 0;
            cursor.fields(|cursor, id, kind| {
                match (id, kind) {
                    (5, I32) => own = cursor.number()?,
                    // The reader goes by the number of a field alone.
                    (5, _) => return Err("a number of children of another kind"),
                    _ => return Ok(false),
                }
                Ok(true)
            })?;
            found.push(own);
            Ok(())
        })?;
        Ok(true)
    })?;
    Ok(found)
}

/// Refuses a tree of columns so deep that whoever walks it runs out of stack.
fn shallow(children: &[i64]) -> Result<(), String> {
    // Children that are still to come, of each element on the way down.
    let mut open: Vec<i64> = Vec::new();
    for own in children {
        while open.last() == Some(&0) {
            open.pop();
        }
        if let Some(last) = open.last_mut() {
            *last -= 1;
        }
        if *own < 0 || *own > children.len() as i64 {
            return Err(format!("its schema has an element of {own} children"));
        }
        if *own > 0 {
            open.push(*own);
        }
        if open.len() > NESTED {
            return Err(format!("its columns are nested more than {NESTED} deep"));
        }
    }
    Ok(())
}

/// Rows by the footer, which must be those of its row groups.
fn rows(metadata: &ParquetMetaData, size: u64) -> Result<u64, String> {
    let declared = metadata.file_metadata().num_rows();
    let mut sum = 0_i64;
    for group in metadata.row_groups() {
        sum = sum.checked_add(group.num_rows()).filter(|_| group.num_rows() >= 0).ok_or("a row group of an impossible number of rows")?;
    }
    let rows = u64::try_from(declared).map_err(|_| "its footer counts a negative number of rows".to_owned())?;
    if sum != declared {
        return Err(format!("its footer counts {declared} rows and its row groups {sum}"));
    }
    if rows > FEW_ROWS && rows > size.saturating_mul(ROWS_PER_BYTE) {
        return Err(format!("it declares {rows} rows in {size} bytes"));
    }
    Ok(rows)
}

/// Every column chunk: it lies within the file, and all together are no longer than the file.
fn chunks(metadata: &ParquetMetaData, size: u64) -> Result<Vec<(String, Chunk)>, String> {
    let mut found = Vec::new();
    let mut together = 0_u64;
    for group in metadata.row_groups() {
        for column in group.columns() {
            let name = column.column_path().string();
            let wrong = |what: String| format!("column `{}` {what}", name.escape_debug());
            if column.file_path().is_some_and(|path| !path.is_empty()) {
                return Err(wrong("is said to lie in another file".into()));
            }
            // Where the reader begins, wherever that is.
            let (begins, bytes) = (column.dictionary_page_offset().unwrap_or(column.data_page_offset()), column.compressed_size());
            let (Ok(begins), Ok(bytes)) = (u64::try_from(begins), u64::try_from(bytes)) else {
                return Err(wrong(format!("begins at {begins} and has {bytes} bytes")));
            };
            if begins.checked_add(bytes).is_none_or(|end| end > size) {
                return Err(wrong(format!("ends at {} in a file of {size} bytes", begins.saturating_add(bytes))));
            }
            if column.num_values() < 0 || column.uncompressed_size() < 0 {
                return Err(wrong("has a negative size".into()));
            }
            let flat = column.column_descr().max_rep_level() == 0;
            if flat && column.num_values() != group.num_rows() {
                return Err(wrong(format!("has {} values in {} rows", column.num_values(), group.num_rows())));
            }
            together = together.saturating_add(bytes);
            found.push((name, Chunk { begins, bytes }));
        }
    }
    if together > size {
        return Err(format!("its columns have {together} bytes in a file of {size}"));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schema_may_be_wide_but_not_deep() {
        assert_eq!(shallow(&[3, 0, 1, 0, 0]), Ok(()));
        assert_eq!(shallow(&[vec![10_000], vec![0; 10_000]].concat()), Ok(()));
        assert!(shallow(&[1; 1000]).is_err_and(|error| error.contains("nested")));
        assert!(shallow(&[-1]).is_err() && shallow(&[7]).is_err());
    }

    #[test]
    fn a_panic_is_a_sentence() {
        let broken: Result<(), String> = quietly(|| panic!("index out of bounds"));
        assert_eq!(broken, Err("the reader broke down over it: index out of bounds".into()));
    }
}
