//! The order of rows and what makes a row: entity, keys, scenario; sorted, unique, never NULL.
//!
//! In: batches sorted by these columns. Out: the first violation, and comparable rows for joining two sorted streams.

use arrow::array::{Array, RecordBatch};
use arrow::row::{OwnedRow, RowConverter, Rows, SortField};
use arrow::util::display::array_value_to_string;

use super::error::FeatureError;
use crate::job::Job;

/// The columns that name a row, in the order in which rows are sorted: entity, the other keys, scenario.
#[must_use]
pub(crate) fn columns(job: &Job) -> Vec<String> {
    let others = job.keys.iter().filter(|key| **key != job.entity).cloned();
    std::iter::once(job.entity.clone()).chain(others).chain([job.scenario.clone()]).collect()
}

/// Turns the key columns of batches into rows that compare.
pub(crate) struct KeyRows {
    columns: Vec<String>,
    converter: Option<RowConverter>,
}

impl KeyRows {
    pub(crate) fn new(job: &Job) -> Self {
        Self { columns: columns(job), converter: None }
    }

    /// The key rows of a batch.
    ///
    /// # Errors
    /// [`FeatureError::FrameRows`] when the columns cannot be compared.
    pub(crate) fn of(&mut self, batch: &RecordBatch, as_of: &str) -> Result<Rows, FeatureError> {
        let failed = |what: String| FeatureError::FrameRows { as_of: as_of.to_owned(), what };
        let arrays = self
            .columns
            .iter()
            .map(|name| batch.column_by_name(name).cloned().ok_or_else(|| failed(format!("column `{name}` is missing"))))
            .collect::<Result<Vec<_>, _>>()?;
        if self.converter.is_none() {
            let fields = arrays.iter().map(|array| SortField::new(array.data_type().clone())).collect();
            self.converter = Some(RowConverter::new(fields).map_err(|error| failed(error.to_string()))?);
        }
        match &self.converter {
            Some(converter) => converter.convert_columns(&arrays).map_err(|error| failed(error.to_string())),
            None => Err(failed("no keys".into())),
        }
    }
}

/// Watches a sorted stream for NULL keys and for two rows of the same name.
pub(crate) struct UniqueKeys {
    keys: KeyRows,
    last: Option<OwnedRow>,
    file: String,
    as_of: String,
}

impl UniqueKeys {
    pub(crate) fn new(job: &Job, file: &str, as_of: &str) -> Self {
        Self { keys: KeyRows::new(job), last: None, file: file.to_owned(), as_of: as_of.to_owned() }
    }

    /// Checks the next batch.
    ///
    /// # Errors
    /// [`FeatureError::NullKey`] or [`FeatureError::DuplicateKey`].
    pub(crate) fn check(&mut self, batch: &RecordBatch) -> Result<(), FeatureError> {
        for name in &self.keys.columns {
            if batch.column_by_name(name).is_some_and(|array| array.null_count() > 0) {
                return Err(FeatureError::NullKey { file: self.file.clone(), column: name.clone(), as_of: self.as_of.clone() });
            }
        }
        let rows = self.keys.of(batch, &self.as_of)?;
        for at in 0..rows.num_rows() {
            let same =
                if at == 0 { self.last.as_ref().is_some_and(|last| last.row() == rows.row(0)) } else { rows.row(at - 1) == rows.row(at) };
            if same {
                return Err(FeatureError::DuplicateKey {
                    file: self.file.clone(),
                    as_of: self.as_of.clone(),
                    key: name_of(batch, &self.keys.columns, at),
                });
            }
        }
        if rows.num_rows() > 0 {
            self.last = Some(rows.row(rows.num_rows() - 1).owned());
        }
        Ok(())
    }
}

/// `household_id = 12, product_id = 5, scenario = mailer`.
pub(crate) fn name_of(batch: &RecordBatch, columns: &[String], row: usize) -> String {
    let parts = columns.iter().filter_map(|name| {
        let value = array_value_to_string(batch.column_by_name(name)?, row).ok()?;
        Some(format!("{name} = {value}"))
    });
    parts.collect::<Vec<_>>().join(", ")
}
