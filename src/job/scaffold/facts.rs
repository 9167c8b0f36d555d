//! Facts about columns: values, distinct values, extremes, whether they could be times.
//!
//! In: [`Footers`]. Out: a [`Table`] with a [`Column`] each. Values are counted in `counter`; what a column means is
//! guessed elsewhere.

use std::collections::{BTreeMap, BTreeSet};

use arrow::datatypes::DataType;

use super::counter::{Counter, family};
use super::error::ScaffoldError;
use super::names::{self, Names};
use super::sample::Footers;
use super::time::AsTime;
use crate::job::PartitionType;

/// Distinct values that are kept as text.
pub(super) const FEW: usize = 12;

/// A source, looked at.
pub(super) struct Table {
    /// Its files.
    pub(super) footers: Footers,
    /// Rows that were read.
    pub(super) read: u64,
    /// Its columns, partitions last.
    pub(super) columns: Vec<Column>,
}

impl Table {
    /// Name of the source and its clean table.
    pub(super) fn name(&self) -> &str {
        &self.footers.found.name
    }

    /// Rows by the footers.
    pub(super) fn rows(&self) -> u64 {
        self.footers.rows
    }

    /// Whether every row was read, so that counts are exact.
    pub(super) fn is_whole(&self) -> bool {
        self.read == self.rows()
    }
}

/// Families of types, as far as guessing tells them apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Family {
    Integer,
    Float,
    Bool,
    Text,
    /// Bytes that are text in every row.
    BinaryText,
    /// Other bytes.
    Binary,
    /// A date or timestamp.
    Time,
    /// A list of floating-point numbers, as long in every row.
    Vector,
    /// Nothing that a query of polytask's would use as it is.
    Other,
}

/// A column, looked at.
#[derive(Debug, Clone)]
pub(super) struct Column {
    /// Its name in the files.
    pub(super) raw: String,
    /// Its name in the clean table.
    pub(super) name: String,
    /// The words of its name.
    pub(super) words: Vec<String>,
    /// Its type.
    pub(super) data_type: DataType,
    /// Family of its type.
    pub(super) family: Family,
    /// Type of the Hive partition that it is.
    pub(super) partition: Option<PartitionType>,
    /// Rows with a value, NaN left out.
    pub(super) present: u64,
    /// Rows without.
    pub(super) missing: u64,
    /// Whether NaN was seen.
    pub(super) nan: bool,
    /// Distinct values seen.
    pub(super) distinct: u64,
    /// The values with their rows, when they are at most [`FEW`].
    pub(super) few: Option<BTreeMap<String, u64>>,
    /// Extremes of numbers.
    pub(super) least: f64,
    /// See `least`.
    pub(super) most: f64,
    /// Whether every number is whole, or every text a whole number.
    pub(super) whole: bool,
    /// Mean length of texts.
    pub(super) characters: f64,
    /// Mean number of words of texts.
    pub(super) text_words: f64,
    /// The column as time, if it can be read so.
    pub(super) as_time: Option<AsTime>,
}

impl Column {
    /// Whether no value was seen twice.
    pub(super) fn is_unique(&self) -> bool {
        self.present > 0 && self.distinct == self.present
    }

    /// Whether it holds 0 and 1, or true and false, and nothing else.
    pub(super) fn is_binary(&self) -> bool {
        match self.family {
            Family::Bool => self.distinct == 2,
            Family::Integer | Family::Float => {
                // Whole numbers between 0 and 1, and both of them.
                self.distinct == 2 && self.whole && self.least >= 0.0 && self.most <= 1.0
            }
            _ => false,
        }
    }

    /// Whether it is a number.
    pub(super) fn is_number(&self) -> bool {
        matches!(self.family, Family::Integer | Family::Float) && self.as_time.is_none()
    }

    /// Whether it is text.
    pub(super) fn is_text(&self) -> bool {
        matches!(self.family, Family::Text | Family::BinaryText) && self.as_time.is_none()
    }
}

/// Looks at a source.
///
/// # Errors
/// [`ScaffoldError`] naming the file and column.
pub(super) fn look(footers: Footers) -> Result<Table, ScaffoldError> {
    let declared = footers.columns();
    let file = footers.found.told(&footers.found.root);
    named(&file, declared.iter().map(|(name, _, _)| name.as_str()))?;
    let counted: Vec<usize> = (0..declared.len()).filter(|at| family(&declared[*at].1) != Family::Other).collect();
    let mut counters: Vec<Counter> = counted.iter().map(|at| Counter::new(&declared[*at].0, &declared[*at].1)).collect();
    let read = footers.sample(&counted, &mut |arrays| {
        for (counter, array) in counters.iter_mut().zip(arrays) {
            counter.add(array);
        }
    })?;
    let mut taken = Names::default();
    let mut counters = counted.iter().copied().zip(counters).collect::<BTreeMap<_, _>>();
    let columns = declared
        .into_iter()
        .enumerate()
        .map(|(at, (raw, data_type, partition))| {
            let name = taken.take(&names::column(&raw, at));
            let counter = counters.remove(&at).unwrap_or_else(|| Counter::new(&raw, &data_type));
            let known = counter.reading().and_then(|reading| footers.extremes(at, reading));
            counter.finish(raw, name, data_type, partition, known)
        })
        .collect();
    Ok(Table { footers, read, columns })
}

/// Refuses columns whose names SQL cannot carry.
fn named<'a>(file: &str, columns: impl Iterator<Item = &'a str>) -> Result<(), ScaffoldError> {
    let mut seen = BTreeSet::new();
    for column in columns {
        let refuse = |why| Err(ScaffoldError::BadColumn { file: file.to_owned(), column: names::told(column), why });
        if column.is_empty() {
            return refuse("has no name");
        }
        if column.chars().any(char::is_control) {
            return refuse("has control characters in its name");
        }
        if !seen.insert(column) {
            return refuse("is there twice");
        }
    }
    Ok(())
}
