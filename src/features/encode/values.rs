//! Arrow columns as plain values: numbers with NaN for missing, canonical text, words, vectors.

use arrow::array::{Array, ArrayRef, AsArray as _, BooleanArray, Float32Array, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float32Type, Float64Type};

use super::EncodeError;
use crate::fingerprint::fnv1a;

fn unreadable(column: &str, role: &'static str, message: &dyn std::fmt::Display) -> EncodeError {
    EncodeError::Unreadable { column: column.to_owned(), role, message: message.to_string() }
}

/// A numeric column as `f32`; NULL and NaN are NaN. Dates are days since 1970-01-01.
pub(super) fn numbers(column: &str, array: &ArrayRef) -> Result<Vec<f32>, EncodeError> {
    let failed = |error: arrow::error::ArrowError| unreadable(column, "numeric", &error);
    let array = match array.data_type() {
        DataType::Date32 => cast(array, &DataType::Int32).map_err(failed)?,
        DataType::Boolean => cast(array, &DataType::Int8).map_err(failed)?,
        _ => array.clone(),
    };
    let wide = cast(&array, &DataType::Float64).map_err(failed)?;
    let values: Vec<f32> = wide.as_primitive::<Float64Type>().iter().map(|value| value.map_or(f32::NAN, |value| value as f32)).collect();
    if values.iter().any(|value| value.is_infinite()) {
        return Err(EncodeError::Infinite(column.to_owned()));
    }
    Ok(values)
}

/// A column as text: integers in decimal, truth values as `true` and `false`.
pub(super) fn texts(column: &str, array: &ArrayRef) -> Result<StringArray, EncodeError> {
    if let Some(truths) = array.as_any().downcast_ref::<BooleanArray>() {
        return Ok(truths.iter().map(|truth| truth.map(|truth| if truth { "true" } else { "false" })).collect());
    }
    let text = cast(array, &DataType::Utf8).map_err(|error| unreadable(column, "text", &error))?;
    Ok(text.as_string::<i32>().clone())
}

/// A vector column: its width and `rows × width` numbers; a missing vector is all NaN.
pub(super) fn vectors(column: &str, array: &ArrayRef, width: Option<u32>) -> Result<(u32, Vec<f32>), EncodeError> {
    let rows = array.len();
    let lists: Vec<Option<ArrayRef>> = match array.data_type() {
        DataType::FixedSizeList(_, _) => array.as_fixed_size_list().iter().collect(),
        DataType::List(_) => array.as_list::<i32>().iter().collect(),
        DataType::LargeList(_) => array.as_list::<i64>().iter().collect(),
        DataType::Null => vec![None; rows],
        other => return Err(unreadable(column, "a vector", other)),
    };
    let found = lists.iter().flatten().map(|list| list.len() as u32).next();
    let fixed = if let DataType::FixedSizeList(_, width) = array.data_type() { u32::try_from(*width).ok() } else { None };
    let width = width.or(fixed).or(found).unwrap_or(0);
    let mut values = Vec::with_capacity(rows * width as usize);
    for list in lists {
        match list {
            None => values.extend(std::iter::repeat_n(f32::NAN, width as usize)),
            Some(list) if list.len() as u32 == width => {
                let numbers = cast(&list, &DataType::Float32).map_err(|error| unreadable(column, "a vector", &error))?;
                let numbers: &Float32Array = numbers.as_primitive::<Float32Type>();
                values.extend(numbers.iter().map(|value| value.unwrap_or(f32::NAN)));
            }
            Some(list) => return Err(EncodeError::Widths { column: column.to_owned(), first: width, other: list.len() as u32 }),
        }
    }
    if values.iter().any(|value| value.is_infinite()) {
        return Err(EncodeError::Infinite(column.to_owned()));
    }
    Ok((width, values))
}

/// Appends the hash buckets of a text's n-grams of 1 to `longest` words, lower-cased, in order.
pub(super) fn hash_words(text: &str, longest: usize, buckets: u32, out: &mut Vec<u32>) {
    let lower = text.to_lowercase();
    let words: Vec<&str> = lower.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    for length in 1..=longest.max(1) {
        for run in words.windows(length) {
            out.push((fnv1a(run.join(" ").as_bytes()) % u64::from(buckets.max(1))) as u32);
        }
    }
}
