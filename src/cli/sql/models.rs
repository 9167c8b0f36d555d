//! A run's model for the functions of a session: `crate::run` knows models, `crate::sql` asks them.
//!
//! In: a job, a run's folder. Out: [`RunModel`], with the night's errors as the session's.

use std::sync::Arc;

use arrow::array::RecordBatch;

use crate::outcome::Outcome as _;
use crate::run::{self, NightError, Why};
use crate::sql::SqlError;
use crate::sql::calls::{Contribution, Models, RunModel};

struct OfRun(run::RunModel);

fn told(error: &NightError) -> SqlError {
    SqlError::Told { message: error.to_string(), hint: error.hint(), ending: error.ending() }
}

/// How a session opens the model of a run.
pub(in crate::cli) fn models() -> Models {
    Arc::new(|job, folder| {
        let model = run::RunModel::open(job, folder).map_err(|error| told(&error))?;
        Ok(Box::new(OfRun(model)) as Box<dyn RunModel>)
    })
}

impl RunModel for OfRun {
    fn columns(&self) -> Vec<String> {
        self.0.columns().to_vec()
    }

    fn scenarios(&self) -> Vec<String> {
        self.0.scenarios()
    }

    fn tasks(&self) -> Vec<String> {
        self.0.tasks()
    }

    fn published(&self, rows: &RecordBatch) -> Result<Vec<Vec<f64>>, SqlError> {
        self.0.published(rows).map_err(|error| told(&error))
    }

    fn contributions(&self, rows: &RecordBatch) -> Result<Vec<Vec<Contribution>>, SqlError> {
        let rows = self.0.why(rows).map_err(|error| told(&error))?;
        Ok(rows.into_iter().map(|tasks| tasks.into_iter().flat_map(contributions).collect()).collect())
    }
}

fn contributions(why: Why) -> impl Iterator<Item = Contribution> {
    let Why { task, base, raw, reasons } = why;
    let residual = (base + reasons.iter().map(|reason| reason.contribution).sum::<f64>() - raw).abs();
    reasons.into_iter().map(move |reason| Contribution {
        task: task.clone(),
        feature: reason.feature,
        value: reason.value,
        contribution: reason.contribution,
        shared: reason.shared,
        scenario_part: reason.scenario_part,
        task_part: reason.task_part,
        base,
        raw,
        residual,
    })
}
