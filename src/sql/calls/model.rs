//! The model of the current run, and what it reads.
//!
//! In: whoever can open a run's model ([`Models`]), the plan of some rows. Out: the columns that the model reads, as expressions. What
//! it says of the rows is `scored`'s and `explained`'s.

use std::hash::{Hash, Hasher};
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch};
use arrow::datatypes::{Field, Schema};
use datafusion::common::{Column, Result, plan_err};
use datafusion::logical_expr::{ColumnarValue, Expr, LogicalPlan, LogicalPlanBuilder, ScalarFunctionArgs};

use super::super::error::SqlError;
use super::super::store::Store;
use crate::job::Job;

/// Name of the inner query's rows in a plan.
pub(super) const ROWS: &str = "rows";

/// What a feature does to a row's raw output for a task.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "the columns of `explain`, which tells of them")]
pub struct Contribution {
    pub task: String,
    pub feature: String,
    pub value: Option<String>,
    pub contribution: f64,
    pub shared: f64,
    pub scenario_part: f64,
    pub task_part: f64,
    pub base: f64,
    pub raw: f64,
    pub residual: f64,
}

/// A run's model, as a session asks it.
pub trait RunModel: Send + Sync {
    /// Every column that it reads.
    fn columns(&self) -> Vec<String>;
    /// The scenarios that it knows.
    fn scenarios(&self) -> Vec<String>;
    /// Its tasks.
    fn tasks(&self) -> Vec<String>;
    /// What it publishes for rows. Shape: `[tasks][rows]`.
    ///
    /// # Errors
    /// [`SqlError`] when the rows do not fit.
    fn published(&self, rows: &RecordBatch) -> Result<Vec<Vec<f64>>, SqlError>;
    /// Every contribution to the raw outputs of rows. Shape: `[rows][tasks · features]`.
    ///
    /// # Errors
    /// [`SqlError`] when the rows do not fit, or the model has no contributions that add up.
    fn contributions(&self, rows: &RecordBatch) -> Result<Vec<Vec<Contribution>>, SqlError>;
}

/// Opens the model in a run's folder.
pub type Models = Arc<dyn Fn(&Job, &Path) -> Result<Box<dyn RunModel>, SqlError> + Send + Sync>;

/// The model of a session's current run.
pub(super) struct Model {
    run: String,
    own: Box<dyn RunModel>,
    /// Column of the scenario.
    pub(super) scenario: String,
    pub(super) keys: Vec<String>,
    /// Every column that it reads.
    columns: Vec<String>,
}

impl std::fmt::Debug for Model {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Model").field("run", &self.run).finish_non_exhaustive()
    }
}

impl PartialEq for Model {
    fn eq(&self, other: &Self) -> bool {
        self.run == other.run
    }
}

impl Eq for Model {}

impl Hash for Model {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.run.hash(state);
    }
}

impl std::ops::Deref for Model {
    type Target = dyn RunModel;

    fn deref(&self) -> &Self::Target {
        self.own.as_ref()
    }
}

impl Model {
    /// Reads the model of the run that `current` means.
    pub(super) fn open(store: &Store, models: &Models) -> Result<Self, SqlError> {
        let run = store.current.as_ref().ok_or_else(|| SqlError::NoRun { what: "a model".into(), which: "current" })?;
        let job = &store.job;
        let own = models(job, &run.folder)?;
        let columns = own.columns();
        Ok(Self { run: run.manifest.run.clone(), own, scenario: job.scenario.clone(), keys: job.keys.clone(), columns })
    }

    /// The rows under one name, and the columns that the model reads of them.
    pub(super) fn reads(&self, rows: LogicalPlan) -> Result<(LogicalPlan, Vec<Expr>)> {
        let rows = LogicalPlanBuilder::from(rows).alias(ROWS)?.build()?;
        let column = |name: &String| {
            if rows.schema().has_column_with_unqualified_name(name) {
                return Ok(Expr::Column(Column::new(Some(ROWS), name)));
            }
            plan_err!("the query has no column `{name}`, which the model of {} reads; `snapshots.frame` has all of them", self.run)
        };
        let columns = self.columns.iter().map(column).collect::<Result<Vec<_>>>()?;
        Ok((rows, columns))
    }

    /// What it reads, as a batch; `served` takes the place of the rows' own scenario.
    pub(super) fn batch(&self, args: &ScalarFunctionArgs, served: Option<&ArrayRef>) -> Result<RecordBatch> {
        let arrays = args.args.iter().map(|argument| ColumnarValue::to_array(argument, args.number_rows)).collect::<Result<Vec<_>>>()?;
        let mut fields = Vec::with_capacity(arrays.len());
        let mut columns = Vec::with_capacity(arrays.len());
        for (name, array) in self.columns.iter().zip(arrays) {
            let array = if *name == self.scenario { served.cloned().unwrap_or(array) } else { array };
            fields.push(Field::new(name, array.data_type().clone(), true));
            columns.push(array);
        }
        Ok(RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)?)
    }
}
