//! Thrift's compact protocol, just enough to look at a Parquet footer or page header before anything is built from it.
//!
//! In: bytes of somebody else. Out: the few numbers that a check asks for. Nothing is allocated, nothing recurses deeper than
//! [`DEPTH`], and no list is believed that is longer than the bytes that are left.
//!
//! # Source
//! Apache Thrift, "Thrift compact protocol encoding" (2023).

/// Structs and lists inside each other, at most; Parquet's own need seven.
const DEPTH: u32 = 24;
/// Bytes of a variable-length integer of 64 bits.
const VARINT: u32 = 10;

/// Why bytes are no Thrift.
pub(super) type Broken = &'static str;
/// They ended too early; more of the file may help.
pub(super) const ENDED: Broken = "it ends too early";

/// Kinds of a field, as the protocol numbers them.
pub(super) const I32: u8 = 5;
const LIST: u8 = 9;
pub(super) const STRUCT: u8 = 12;

/// A place in the bytes.
pub(super) struct Cursor<'a> {
    bytes: &'a [u8],
    at: usize,
    depth: u32,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0, depth: 0 }
    }

    /// Bytes read so far.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    fn left(&self) -> usize {
        self.bytes.len() - self.at
    }

    fn byte(&mut self) -> Result<u8, Broken> {
        let byte = *self.bytes.get(self.at).ok_or(ENDED)?;
        self.at += 1;
        Ok(byte)
    }

    fn varint(&mut self) -> Result<u64, Broken> {
        let mut value = 0_u64;
        for place in 0..VARINT {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f).checked_shl(7 * place).unwrap_or(0);
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err("an integer of more than 64 bits")
    }

    /// A signed number of any width.
    pub(super) fn number(&mut self) -> Result<i64, Broken> {
        let value = self.varint()?;
        Ok((value >> 1) as i64 ^ -((value & 1) as i64))
    }

    fn jump(&mut self, bytes: u64) -> Result<(), Broken> {
        let bytes = usize::try_from(bytes).map_err(|_| ENDED)?;
        if bytes > self.left() {
            return Err(ENDED);
        }
        self.at += bytes;
        Ok(())
    }

    fn deeper<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T, Broken>) -> Result<T, Broken> {
        if self.depth == DEPTH {
            return Err("structures nested too deep");
        }
        self.depth += 1;
        let read = read(self);
        self.depth -= 1;
        read
    }

    /// Reads a struct: `take` gets each field's number and kind, and returns whether it has read the value itself.
    pub(super) fn fields(&mut self, mut take: impl FnMut(&mut Self, i16, u8) -> Result<bool, Broken>) -> Result<(), Broken> {
        self.deeper(|cursor| {
            let mut id = 0_i16;
            loop {
                let head = cursor.byte()?;
                let kind = head & 0x0f;
                if kind == 0 {
                    return Ok(());
                }
                let step = head >> 4;
                id = if step == 0 { cursor.number()? as i16 } else { id.checked_add(i16::from(step)).ok_or("a field number too large")? };
                if !take(cursor, id, kind)? {
                    cursor.skip(kind)?;
                }
            }
        })
    }

    /// Reads a list of structs, `each` once for every one.
    pub(super) fn structs(&mut self, kind: u8, mut each: impl FnMut(&mut Self) -> Result<(), Broken>) -> Result<(), Broken> {
        if kind != LIST {
            return Err("a field of another kind than it should be");
        }
        self.deeper(|cursor| {
            let (length, kind) = cursor.list()?;
            if kind != STRUCT && length > 0 {
                return Err("a list of another kind than it should be");
            }
            (0..length).try_for_each(|_| each(cursor))
        })
    }

    /// Length and kind of a list. Each element takes a byte or more: a longer list is a lie.
    fn list(&mut self) -> Result<(u64, u8), Broken> {
        let head = self.byte()?;
        let length = if head >> 4 == 15 { self.varint()? } else { u64::from(head >> 4) };
        if length > self.left() as u64 { Err(ENDED) } else { Ok((length, head & 0x0f)) }
    }

    fn skip(&mut self, kind: u8) -> Result<(), Broken> {
        match kind {
            // In a field the kind is the value of a boolean.
            1 | 2 => Ok(()),
            3 => self.jump(1),
            4..=6 => self.number().map(|_| ()),
            7 => self.jump(8),
            8 => {
                let length = self.varint()?;
                self.jump(length)
            }
            9 | 10 => self.deeper(|cursor| {
                let (length, kind) = cursor.list()?;
                (0..length).try_for_each(|_| if matches!(kind, 1 | 2) { cursor.jump(1) } else { cursor.skip(kind) })
            }),
            11 => Err("a map, which Parquet has none of"),
            12 => self.fields(|_, _, _| Ok(false)),
            13 => self.jump(16),
            _ => Err("a value of no known kind"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_that_is_longer_than_the_bytes_is_not_believed() {
        // Field 1, a list of 2^40 structs.
        let bytes = [0x19, 0xfc, 0x80, 0x80, 0x80, 0x80, 0x80, 0x20, 0, 0];
        assert_eq!(Cursor::new(&bytes).fields(|_, _, _| Ok(false)), Err(ENDED));
    }

    #[test]
    fn structures_end_somewhere() {
        assert_eq!(Cursor::new(&[0x1c; 1000]).fields(|_, _, _| Ok(false)), Err("structures nested too deep"));
    }

    #[test]
    fn numbers_are_read_and_the_rest_is_skipped() {
        // 1: i32 = -3, 2: binary "ab", 3: bool true, 4: list of two i32, 5: i64 = 64.
        let bytes = [0x15, 5, 0x18, 2, b'a', b'b', 0x11, 0x19, 0x25, 2, 4, 0x16, 0x80, 1, 0];
        let mut found = Vec::new();
        let mut cursor = Cursor::new(&bytes);
        let read = cursor.fields(|cursor, id, kind| {
            if matches!(kind, I32 | 6) {
                found.push((id, cursor.number()?));
                return Ok(true);
            }
            Ok(false)
        });
        assert_eq!((read, cursor.at()), (Ok(()), bytes.len()));
        assert_eq!(found, [(1, -3), (5, 64)]);
    }
}
