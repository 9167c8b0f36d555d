//! Page headers of a column chunk: what they say their pages unpack to, before one is unpacked.
//!
//! In: an open file and where a chunk lies. Out: bytes that its pages unpack to, or why the chunk is refused. Headers are read
//! through a small window; bodies are skipped.

use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};

use super::thrift::{Cursor, ENDED, I32, STRUCT};

/// Bytes that a page may unpack to. Writers make pages of about 1 MB; a page holds at least one value.
const PAGE_BYTES: u64 = 256 << 20;
/// A page that unpacks to more than this is looked at for its ratio.
const LARGE_BYTES: u64 = 16 << 20;
/// Times its size that a large page may unpack to: beyond it no honest writer would have left it unencoded.
const RATIO: u64 = 1000;
/// Values of a page.
const PAGE_VALUES: i64 = 1 << 27;
/// Bytes that are read for a page header at first, and at most: it may hold a smallest and a largest value.
const WINDOW: usize = 1 << 10;
const HEADER_BYTES: usize = 16 << 20;

/// Where the pages of a column lie.
#[derive(Debug, Clone, Copy)]
pub(super) struct Chunk {
    pub(super) begins: u64,
    pub(super) bytes: u64,
}

#[derive(Debug, Default)]
struct Header {
    bytes: usize,
    unpacked: i64,
    packed: i64,
    values: i64,
}

/// Bytes that all pages of a chunk say they unpack to.
pub(super) fn unpacked(file: &mut File, chunk: Chunk) -> Result<u64, String> {
    let (mut at, end) = (chunk.begins, chunk.begins + chunk.bytes);
    let mut total = 0_u64;
    while at < end {
        let header = header(file, at, end)?;
        let sizes = (u64::try_from(header.unpacked), u64::try_from(header.packed));
        let (Ok(unpacked), Ok(packed)) = sizes else { return Err("a page of a negative size".into()) };
        let body = at + header.bytes as u64;
        if packed > end - body {
            return Err(format!("a page of {packed} bytes where {} are left", end - body));
        }
        if unpacked > PAGE_BYTES {
            return Err(format!("a page of {packed} bytes that unpacks to {unpacked}, more than {PAGE_BYTES}"));
        }
        if unpacked > LARGE_BYTES && unpacked > packed.saturating_mul(RATIO) {
            return Err(format!("a page of {packed} bytes that unpacks to {unpacked}, over {RATIO} times as many"));
        }
        if !(0..=PAGE_VALUES).contains(&header.values) {
            return Err(format!("a page of {} values", header.values));
        }
        total = total.saturating_add(unpacked);
        at = body + packed;
    }
    Ok(total)
}

fn header(file: &mut File, at: u64, end: u64) -> Result<Header, String> {
    let mut window = WINDOW;
    loop {
        let wanted = (window as u64).min(end - at) as usize;
        let mut bytes = vec![0; wanted];
        file.seek(SeekFrom::Start(at)).and_then(|_| file.read_exact(&mut bytes)).map_err(|error| error.to_string())?;
        match parsed(&bytes) {
            Ok(header) => return Ok(header),
            Err(ENDED) if (wanted as u64) < end - at && window < HEADER_BYTES => window *= 16,
            Err(broken) => return Err(format!("a page header that cannot be read: {broken}")),
        }
    }
}

fn parsed(bytes: &[u8]) -> Result<Header, &'static str> {
    let mut header = Header::default();
    let mut cursor = Cursor::new(bytes);
    cursor.fields(|cursor, id, kind| {
        match (id, kind) {
            (2, I32) => header.unpacked = cursor.number()?,
            (3, I32) => header.packed = cursor.number()?,
            // Headers of data, of a dictionary, of data of the second version: each begins with its number of values.
            (5 | 7 | 8, STRUCT) => cursor.fields(|cursor, id, kind| {
                match (id, kind) {
                    (1, I32) => header.values = cursor.number()?,
                    (1, _) => return Err("a number of values of another kind"),
                    _ => return Ok(false),
                }
                Ok(true)
            })?,
            // The reader goes by the number of a field alone.
            (2 | 3 | 5 | 7 | 8, _) => return Err("a field of another kind"),
            _ => return Ok(false),
        }
        Ok(true)
    })?;
    header.bytes = cursor.at();
    Ok(header)
}
