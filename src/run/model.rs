//! A past run's model, asked about rows that somebody has at hand.
//!
//! In: a run's folder; batches with the columns that the model reads. Out: what the run would publish for them, and why.

use std::path::Path;

use arrow::array::RecordBatch;

use super::NightError;
use super::asked::{Reason, reasons};
use super::explained::values::values;
use super::learned::raw;
use super::scorer::Scorer;
use crate::features::FeatureError;
use crate::job::Job;

/// A run's model.
pub struct RunModel {
    scorer: Scorer,
    /// Every column that it reads, the scenario first.
    columns: Vec<String>,
    scenario: String,
    /// Columns whose values would name a person.
    naming: Vec<String>,
}

/// Why a row has its raw output for a task.
#[derive(Debug, Clone, PartialEq)]
pub struct Why {
    /// The task.
    pub task: String,
    /// Raw output of the average training row.
    pub base: f64,
    /// Raw output of this row.
    pub raw: f64,
    /// What each feature does to it; the scenario comes last.
    pub reasons: Vec<Reason>,
}

impl RunModel {
    /// Reads the model in a run's folder.
    ///
    /// # Errors
    /// [`NightError`] when a file is missing or damaged.
    pub fn open(job: &Job, run: &Path) -> Result<Self, NightError> {
        let scorer = Scorer::open(run)?;
        let mut columns = vec![job.scenario.clone()];
        let read = scorer.encoder.shape().fields.into_iter().map(|field| field.name).chain([job.entity.clone()]);
        for name in read {
            if !columns.contains(&name) {
                columns.push(name);
            }
        }
        Ok(Self { scorer, columns, scenario: job.scenario.clone(), naming: job.naming() })
    }

    /// Every column that it reads.
    #[must_use]
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// The scenarios that it knows.
    #[must_use]
    pub fn scenarios(&self) -> Vec<String> {
        self.scorer.encoder.shape().scenarios
    }

    /// Its tasks.
    #[must_use]
    pub fn tasks(&self) -> Vec<String> {
        self.scorer.encoder.shape().tasks.into_iter().map(|task| task.name).collect()
    }

    /// What the run would publish for rows. Shape: `[tasks][rows]`.
    ///
    /// # Errors
    /// [`NightError`] when the rows do not fit.
    pub fn published(&self, rows: &RecordBatch) -> Result<Vec<Vec<f64>>, NightError> {
        Ok(self.scorer.published(rows, 0)?.into_iter().map(|(_, values)| values).collect())
    }

    /// Why rows are scored as they are. Shape: `[rows][tasks]`.
    ///
    /// # Errors
    /// [`NightError`] when the rows do not fit, or the learner has no contributions.
    pub fn why(&self, rows: &RecordBatch) -> Result<Vec<Vec<Why>>, NightError> {
        let shape = self.scorer.encoder.shape();
        let values = values(rows, &shape, &self.naming, &self.scenario)?;
        let encoded = self.scorer.encoder.encode(rows, 0).map_err(FeatureError::from)?;
        let block = encoded.block();
        let model = self.scorer.first.model.as_ref();
        let found = model.attribute(&block).transpose()?.ok_or_else(|| NightError::Unexplained {
            what: format!("the contributions of `{}` do not add up", model.learner()),
            hint: "choose a run whose learner has contributions".into(),
        })?;
        let outputs = raw(model, std::slice::from_ref(&block))?;
        let why = |row: usize, task: usize| Why {
            task: shape.tasks[task].name.clone(),
            base: f64::from(found.base[task]),
            raw: f64::from(outputs[task][row]),
            reasons: reasons(&found, &shape, &values[row], row, task),
        };
        Ok((0..rows.num_rows()).map(|row| (0..shape.tasks.len()).map(|task| why(row, task)).collect()).collect())
    }
}
