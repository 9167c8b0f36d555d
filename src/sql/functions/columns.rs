//! Rows as plain columns: what aggregates that need all rows hold of them.
//!
//! In: Arrow arrays of a call, NULLs and filtered rows among them. Out: [`Column`]s of the rows that count, their Arrow form as
//! partial states, and [`Part`]s: the rows of one group. Not here: accumulators (`collected`).

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray as _, BooleanArray, Float64Array, LargeListArray, StringArray, UInt64Array};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Float64Type, UInt64Type};
use datafusion::common::{Result, exec_err};

use super::parameters::{Spec, Takes};
use crate::evaluate::association::classes_of;
use crate::fingerprint::fnv1a;

/// The key of a value that is missing.
pub(super) const MISSING: u64 = u64::MAX;

/// One column of plain values.
#[derive(Debug, Clone)]
pub(super) enum Column {
    Numbers(Vec<f64>),
    /// Hashes of texts.
    Keys(Vec<u64>),
    /// Hashes of texts, and the texts.
    Named(Vec<u64>, Names),
}

/// Texts by their hash.
pub(super) type Names = Arc<BTreeMap<u64, String>>;

/// Rows of one group.
pub(super) struct Part<'a> {
    pub(super) columns: &'a [Column],
    pub(super) rows: Range<usize>,
    pub(super) constants: &'a [f64],
}

impl Part<'_> {
    /// A column of numbers; nothing where the call has no such column.
    pub(super) fn numbers(&self, at: usize) -> &[f64] {
        match self.columns.get(at) {
            Some(Column::Numbers(values)) => &values[self.rows.clone()],
            _ => &[],
        }
    }

    /// A column of keys; nothing where the call has no such column.
    pub(super) fn keys(&self, at: usize) -> &[u64] {
        match self.columns.get(at) {
            Some(Column::Keys(values) | Column::Named(values, _)) => &values[self.rows.clone()],
            _ => &[],
        }
    }

    /// The texts of a column that remembers them, by their keys.
    pub(super) fn names(&self, at: usize) -> Option<&Names> {
        match self.columns.get(at) {
            Some(Column::Named(_, names)) => Some(names),
            _ => None,
        }
    }

    /// The class of each row where every distinct value is its own.
    pub(super) fn distinct(&self, at: usize) -> Vec<u64> {
        match self.columns.get(at) {
            // 0 and −0 are one value, and so are all NaN.
            Some(Column::Numbers(values)) => {
                let bits = |value: &f64| if value.is_nan() { MISSING } else { (value + 0.0).to_bits() };
                values[self.rows.clone()].iter().map(bits).collect()
            }
            _ => self.keys(at).to_vec(),
        }
    }

    /// The weights, where the call has any.
    pub(super) fn weights(&self, at: usize) -> Option<&[f64]> {
        (self.columns.len() > at).then(|| self.numbers(at))
    }

    /// The class of each row: a text is its own, numbers are cut into at most `bins`.
    pub(super) fn classes(&self, at: usize, bins: f64) -> Vec<u64> {
        match self.columns.get(at) {
            Some(Column::Numbers(values)) => classes_of(&values[self.rows.clone()], bins as usize).0,
            _ => self.keys(at).to_vec(),
        }
    }
}

/// The type that a column is held in.
fn held(takes: Takes, given: &DataType) -> DataType {
    let number = given.is_numeric() || given.is_null();
    match takes {
        Takes::Key => DataType::UInt64,
        Takes::Value | Takes::Present if !number => DataType::UInt64,
        Takes::Named if !number => DataType::Utf8,
        _ => DataType::Float64,
    }
}

/// The type of the partial state of a column.
pub(super) fn state_type(takes: Takes, given: &DataType) -> DataType {
    DataType::LargeList(Arc::new(Field::new_list_field(held(takes, given), true)))
}

/// Empty columns of a call.
pub(super) fn empty(spec: &Spec, given: &[DataType]) -> Vec<Column> {
    let column = |(at, parameter): (usize, &'static super::parameters::Parameter)| match held(parameter.takes, &given[at]) {
        DataType::UInt64 => Column::Keys(Vec::new()),
        DataType::Utf8 => Column::Named(Vec::new(), Names::default()),
        _ => Column::Numbers(Vec::new()),
    };
    spec.columns(given.len()).map(column).collect()
}

fn key(text: Option<&str>) -> u64 {
    text.map_or(MISSING, |text| fnv1a(text.as_bytes()))
}

/// Hashes of the values of an array as texts; NULL is [`MISSING`].
pub(super) fn keys(array: &ArrayRef) -> Result<Vec<u64>> {
    Ok(cast(array, &DataType::Utf8)?.as_string::<i32>().iter().map(key).collect())
}

fn named(texts: &StringArray) -> Column {
    let mut names = BTreeMap::new();
    for text in texts.iter().flatten() {
        names.entry(fnv1a(text.as_bytes())).or_insert_with(|| text.to_owned());
    }
    Column::Named(texts.iter().map(key).collect(), Arc::new(names))
}

/// A column of arguments, and which rows have it.
pub(super) fn read(takes: Takes, array: &ArrayRef) -> Result<(Column, Option<NullBuffer>)> {
    let kept = matches!(takes, Takes::Value | Takes::Named);
    let nulls = array.logical_nulls();
    let column = match held(takes, array.data_type()) {
        DataType::UInt64 => Column::Keys(keys(array)?),
        DataType::Utf8 => named(cast(array, &DataType::Utf8)?.as_string()),
        _ => {
            let wide = cast(array, &DataType::Float64)?;
            let numbers = wide.as_primitive::<Float64Type>();
            Column::Numbers(match &nulls {
                Some(_) => numbers.iter().map(|number| number.unwrap_or(f64::NAN)).collect(),
                None => numbers.values().to_vec(),
            })
        }
    };
    Ok((column, nulls.filter(|_| !kept)))
}

/// Rows of a call that count.
pub(super) struct Batch {
    pub(super) columns: Vec<Column>,
    /// Rows that count among those given; `None`: all of them.
    pub(super) counted: Option<NullBuffer>,
}

/// Reads a call's arguments. A row counts where no column that needs a value is NULL, and where the filter says so.
pub(super) fn batch(spec: &Spec, arrays: &[ArrayRef], filter: Option<&BooleanArray>) -> Result<Batch> {
    let mut columns = Vec::new();
    let mut counted = filter.map(|filter| {
        let says = NullBuffer::new(filter.values().clone());
        NullBuffer::union(Some(&says), filter.nulls()).unwrap_or(says)
    });
    for (at, parameter) in spec.columns(arrays.len()) {
        let (column, nulls) = read(parameter.takes, &arrays[at])?;
        counted = NullBuffer::union(counted.as_ref(), nulls.as_ref());
        columns.push(column);
    }
    let counted = counted.filter(|counted| counted.null_count() > 0);
    if let Some(counted) = &counted {
        for column in &mut columns {
            column.keep(counted);
        }
    }
    Ok(Batch { columns, counted })
}

fn kept<T: Copy>(values: &[T], counted: &NullBuffer) -> Vec<T> {
    counted.valid_indices().map(|row| values[row]).collect()
}

fn scattered<T: Copy + Default>(values: &[T], places: &[u32]) -> Vec<T> {
    let mut out = vec![T::default(); values.len()];
    values.iter().zip(places).for_each(|(value, place)| out[*place as usize] = *value);
    out
}

impl Column {
    /// An empty column of values that are remembered: numbers, or texts.
    pub(super) fn named_or_numbers(given: &DataType) -> Self {
        match held(Takes::Named, given) {
            DataType::Utf8 => Self::Named(Vec::new(), Names::default()),
            _ => Self::Numbers(Vec::new()),
        }
    }

    /// An empty column of the same kind.
    pub(super) fn emptied(&self) -> Self {
        match self {
            Self::Numbers(_) => Self::Numbers(Vec::new()),
            Self::Keys(_) => Self::Keys(Vec::new()),
            Self::Named(..) => Self::Named(Vec::new(), Names::default()),
        }
    }

    fn keep(&mut self, counted: &NullBuffer) {
        match self {
            Self::Numbers(values) => *values = kept(values, counted),
            Self::Keys(values) | Self::Named(values, _) => *values = kept(values, counted),
        }
    }

    pub(super) fn len(&self) -> usize {
        match self {
            Self::Numbers(values) => values.len(),
            Self::Keys(values) | Self::Named(values, _) => values.len(),
        }
    }

    pub(super) fn bytes(&self) -> usize {
        8 * match self {
            Self::Numbers(values) => values.capacity(),
            Self::Keys(values) | Self::Named(values, _) => values.capacity(),
        }
    }

    /// Adds rows at the end; both hold the same kind of value.
    pub(super) fn append(&mut self, more: &Self) {
        match (self, more) {
            (Self::Numbers(values), Self::Numbers(more)) => values.extend_from_slice(more),
            (Self::Keys(values), Self::Keys(more)) => values.extend_from_slice(more),
            (Self::Named(values, names), Self::Named(more, new)) => {
                values.extend_from_slice(more);
                if new.keys().any(|key| !names.contains_key(key)) {
                    Arc::make_mut(names).extend(new.iter().map(|(key, name)| (*key, name.clone())));
                }
            }
            _ => {}
        }
    }

    /// Takes the first rows away.
    pub(super) fn forget(&mut self, rows: usize) {
        match self {
            Self::Numbers(values) => drop(values.drain(..rows)),
            Self::Keys(values) | Self::Named(values, _) => drop(values.drain(..rows)),
        }
    }

    /// The rows at their places.
    pub(super) fn placed(&self, places: &[u32]) -> Self {
        match self {
            Self::Numbers(values) => Self::Numbers(scattered(values, places)),
            Self::Keys(values) => Self::Keys(scattered(values, places)),
            Self::Named(values, names) => Self::Named(scattered(values, places), names.clone()),
        }
    }

    /// The first rows and the rest.
    pub(super) fn split(self, at: usize) -> (Self, Self) {
        match self {
            Self::Numbers(mut values) => {
                let rest = values.split_off(at);
                (Self::Numbers(values), Self::Numbers(rest))
            }
            Self::Keys(mut values) => {
                let rest = values.split_off(at);
                (Self::Keys(values), Self::Keys(rest))
            }
            Self::Named(mut values, names) => {
                let rest = values.split_off(at);
                (Self::Named(values, names.clone()), Self::Named(rest, names))
            }
        }
    }

    /// The partial state of groups: a list for each. Shape of `lengths`: `[groups]`.
    pub(super) fn state(self, lengths: &[usize]) -> LargeListArray {
        let values: ArrayRef = match self {
            Self::Numbers(values) => Arc::new(Float64Array::from(values)),
            Self::Keys(values) => Arc::new(UInt64Array::from(values)),
            Self::Named(values, names) => Arc::new(values.iter().map(|key| names.get(key).map(String::as_str)).collect::<StringArray>()),
        };
        let item = Arc::new(Field::new_list_field(values.data_type().clone(), true));
        LargeListArray::new(item, OffsetBuffer::from_lengths(lengths.iter().copied()), values, None)
    }

    /// Adds a partial state of one group.
    pub(super) fn merge(&mut self, state: &ArrayRef) -> Result<()> {
        match self {
            Self::Numbers(values) if *state.data_type() == DataType::Float64 => {
                values.extend_from_slice(state.as_primitive::<Float64Type>().values());
            }
            Self::Keys(values) if *state.data_type() == DataType::UInt64 => {
                values.extend_from_slice(state.as_primitive::<UInt64Type>().values());
            }
            Self::Named(..) if *state.data_type() == DataType::Utf8 => self.append(&named(state.as_string())),
            _ => return exec_err!("a partial state holds {}", state.data_type()),
        }
        Ok(())
    }
}
