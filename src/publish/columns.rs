//! A small table from columns of values: how lists of figures become Parquet.
//!
//! In: named iterators. Out: one record batch. Missing numbers are NULL, never NaN.

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Date32Array, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{Field, Schema};

/// Columns of a table being built.
#[derive(Default)]
pub struct Columns {
    fields: Vec<Field>,
    arrays: Vec<ArrayRef>,
}

impl Columns {
    /// No columns yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn with(mut self, name: &str, array: ArrayRef) -> Self {
        self.fields.push(Field::new(name, array.data_type().clone(), true));
        self.arrays.push(array);
        self
    }

    /// A column of text.
    #[must_use]
    pub fn text<S: AsRef<str>>(self, name: &str, values: impl Iterator<Item = S>) -> Self {
        self.with(name, Arc::new(StringArray::from_iter_values(values)))
    }

    /// A column of text that may be missing.
    #[must_use]
    pub fn maybe_text<S: AsRef<str>>(self, name: &str, values: impl Iterator<Item = Option<S>>) -> Self {
        self.with(name, Arc::new(values.collect::<StringArray>()))
    }

    /// A column of numbers that may be missing; NaN and infinity are missing too.
    #[must_use]
    pub fn number(self, name: &str, values: impl Iterator<Item = Option<f64>>) -> Self {
        let finite = values.map(|value| value.filter(|value| value.is_finite()));
        self.with(name, Arc::new(finite.collect::<Float64Array>()))
    }

    /// A column of counts.
    #[must_use]
    pub fn count(self, name: &str, values: impl Iterator<Item = u64>) -> Self {
        let counts = values.map(|value| i64::try_from(value).unwrap_or(i64::MAX));
        self.with(name, Arc::new(Int64Array::from_iter_values(counts)))
    }

    /// A column of truth values.
    #[must_use]
    pub fn truth(self, name: &str, values: impl Iterator<Item = bool>) -> Self {
        self.with(name, Arc::new(values.map(Some).collect::<BooleanArray>()))
    }

    /// A column of days since 1970-01-01.
    #[must_use]
    pub fn date(self, name: &str, values: impl Iterator<Item = i32>) -> Self {
        self.with(name, Arc::new(Date32Array::from_iter_values(values)))
    }

    /// A column that is Arrow already.
    #[must_use]
    pub fn array(self, name: &str, array: ArrayRef) -> Self {
        self.with(name, array)
    }

    /// The table.
    ///
    /// # Errors
    /// A sentence when the columns differ in length.
    pub fn batch(self) -> Result<RecordBatch, String> {
        RecordBatch::try_new(Arc::new(Schema::new(self.fields)), self.arrays).map_err(|error| error.to_string())
    }
}
