//! Values of single rows as a reader knows them, read from the frame.
//!
//! In: a frame's file and positions of rows. Out: texts. The value of a key, or of a column that `[privacy]` names, is never told.

use std::path::Path;

use arrow::array::{Array, ArrayRef, AsArray as _, RecordBatch};
use arrow::compute::{cast, concat_batches, take};
use arrow::datatypes::{DataType, Float64Type};
use arrow::util::display::array_value_to_string;

use super::super::NightError;
use super::super::error::failed;
use crate::learn::rows::{FieldKind, Shape};
use crate::table_file;

/// Characters of a value that are told.
const SHOWN: usize = 60;

/// The rows at `positions` of a file, in this order, with all columns.
pub(in super::super) fn rows_at(file: &Path, positions: &[usize]) -> Result<RecordBatch, NightError> {
    let mut sorted: Vec<usize> = positions.to_vec();
    sorted.sort_unstable();
    sorted.dedup();
    let (mut parts, mut first, mut wanted) = (Vec::new(), 0, sorted.iter().copied().peekable());
    for batch in table_file::read(file)? {
        let batch = batch.map_err(|error| failed(&error))?;
        let mut own = Vec::new();
        while let Some(row) = wanted.next_if(|row| *row < first + batch.num_rows()) {
            own.push((row - first) as u64);
        }
        first += batch.num_rows();
        if !own.is_empty() || parts.is_empty() {
            parts.push(taken(&batch, &own)?);
        }
    }
    let schema = parts.first().map(RecordBatch::schema).ok_or_else(|| failed(&"the frame is empty"))?;
    let all = concat_batches(&schema, &parts).map_err(|error| failed(&error))?;
    let places: Vec<u64> = positions.iter().filter_map(|row| sorted.binary_search(row).ok().map(|at| at as u64)).collect();
    taken(&all, &places)
}

fn taken(batch: &RecordBatch, rows: &[u64]) -> Result<RecordBatch, NightError> {
    let at = arrow::array::UInt64Array::from(rows.to_vec());
    let columns = batch.columns().iter().map(|column| take(column, &at, None)).collect::<Result<Vec<ArrayRef>, _>>();
    RecordBatch::try_new(batch.schema(), columns.map_err(|error| failed(&error))?).map_err(|error| failed(&error))
}

/// Values of every field of each row, then its scenario; `None` = missing. Shape: `[rows][fields + 1]`.
pub(in super::super) fn values(
    rows: &RecordBatch,
    shape: &Shape,
    naming: &[String],
    scenario: &str,
) -> Result<Vec<Vec<Option<String>>>, NightError> {
    let mut all = vec![Vec::with_capacity(shape.fields.len() + 1); rows.num_rows()];
    let mut column = |name: &str, kind: Option<&FieldKind>| -> Result<(), NightError> {
        let array = rows.column_by_name(name).ok_or_else(|| failed(&format!("`{name}` is missing in the frame")))?;
        let number = match kind {
            Some(FieldKind::Numeric { .. }) => Some(cast(array, &DataType::Float64).map_err(|error| failed(&error))?),
            _ => None,
        };
        for (row, all) in all.iter_mut().enumerate() {
            all.push(match (kind, &number) {
                _ if array.is_null(row) => None,
                (Some(_), _) if naming.iter().any(|own| own == name) => Some("(hidden)".to_owned()),
                (Some(FieldKind::Vector { width }), _) => Some(format!("(vector of {width})")),
                (_, Some(number)) => Some(number.as_primitive::<Float64Type>().value(row)).filter(|value| !value.is_nan()).map(shown),
                _ => Some(cut(&array_value_to_string(array, row).map_err(|error| failed(&error))?)),
            });
        }
        Ok(())
    };
    for field in &shape.fields {
        column(&field.name, Some(&field.kind))?;
    }
    column(scenario, None)?;
    Ok(all)
}

/// Four significant digits, without zeros that say nothing.
pub(super) fn shown(value: f64) -> String {
    if value == 0.0 {
        return "0".into();
    }
    let size = value.abs().log10().floor();
    let text = format!("{value:.*}", (3.0 - size).clamp(0.0, 12.0) as usize);
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    text.replacen('-', "−", 1)
}

/// The beginning of a text, without characters that could disguise it in a sentence: controls and overrides of direction.
pub(super) fn cut(text: &str) -> String {
    let disguises = |c: char| c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let mut shown: String = text.chars().take(SHOWN).map(|c| if disguises(c) { '\u{fffd}' } else { c }).collect();
    if text.chars().count() > SHOWN {
        shown.pop();
        shown.push('…');
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::{cut, shown};

    #[test]
    fn values_read_well() {
        let cases = [(0.0, "0"), (3.0, "3"), (-0.5, "−0.5"), (1234.56, "1235"), (0.000_123_456, "0.0001235"), (12.0, "12"), (120.0, "120")];
        for (value, text) in cases {
            assert_eq!(shown(value), text);
        }
        assert_eq!(cut("\u{202e}gnp.exe\n"), "\u{fffd}gnp.exe\u{fffd}");
        assert_eq!(cut(&"a".repeat(61)).chars().count(), 60);
    }
}
