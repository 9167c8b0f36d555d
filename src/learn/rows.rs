//! Encoded rows as learners see them: borrowed columns of numbers, and the shape that describes them.
//!
//! In: slices (memory-mapped by `features`). Out: nothing; these are the words that `features`, `learn`, `evaluate` and
//! `explain` share.

use serde::{Deserialize, Serialize};

/// Entry of a categorical field for values never seen in training, or too rare to have their own.
pub const UNKNOWN: u32 = 0;
/// Entry of a categorical field for NULL.
pub const MISSING: u32 = 1;
/// Scenario index of a scenario never seen in training.
pub const UNSEEN_SCENARIO: u16 = u16::MAX;

/// What the columns mean: fixed when the encoding is fitted, saved with the model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Shape {
    /// Names of the scenarios; a row's scenario is an index into them.
    pub scenarios: Vec<String>,
    /// The tasks, in the order of labels and outputs.
    pub tasks: Vec<Task>,
    /// The input fields, in the order of [`Block::columns`].
    pub fields: Vec<Field>,
    /// Days between an as-of date and the close of its labels.
    pub horizon_days: i32,
}

/// Cells (tasks × scenarios) of a model that is read from a file, at most: a job has dozens.
const MOST_CELLS: usize = 1 << 20;
/// Tasks of such a model, at most.
const MOST_TASKS: usize = 512;
/// Numbers of a vector, at most.
const MOST_NUMBERS: u32 = 1 << 16;

impl Shape {
    /// Holds a shape that was read from a file against what every learner relies on.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn sound(&self) -> Result<(), String> {
        let (tasks, scenarios) = (self.tasks.len(), self.scenarios.len());
        if !(1..=MOST_TASKS).contains(&tasks) || scenarios >= usize::from(UNSEEN_SCENARIO) || tasks.saturating_mul(scenarios) > MOST_CELLS {
            return Err(format!("{tasks} task(s) in {scenarios} scenario(s) are no model's"));
        }
        if let Some(at) = (0..tasks).find(|at| self.tasks[*at].after.is_some_and(|parent| parent >= *at)) {
            return Err(format!("task `{}` comes after one that is not before it", self.tasks[at].name));
        }
        let sound = |field: &&Field| match &field.kind {
            FieldKind::Numeric { knots, .. } => !knots.is_empty(),
            FieldKind::Categorical { entries, .. } => *entries > MISSING,
            FieldKind::Text { buckets } => *buckets > 0,
            FieldKind::Vector { width } => (1..=MOST_NUMBERS).contains(width),
        };
        match self.fields.iter().find(|field| !sound(field)) {
            Some(field) => Err(format!("field `{}` has no values", field.name)),
            None => Ok(()),
        }
    }
}

/// One thing to predict.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Task {
    /// Name in `job.toml`, scores and report.
    pub name: String,
    /// What kind of label it has.
    pub kind: TaskKind,
    /// Index of the task that must happen first. Where the parent's label is 0 this label counts as 0 in the
    /// evaluation and is left out of the fit: the raw output is conditional on the parent.
    pub after: Option<usize>,
    /// Weight of the task in the loss of a learner that adds tasks up.
    pub alpha: f32,
}

/// Kinds of labels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "type")]
pub enum TaskKind {
    /// 0 or 1.
    Binary,
    /// Any finite number; learned as it is.
    Regression,
    /// A number ≥ 0; learned as `ln(1 + y)`.
    RegressionLog1p,
    /// How often something happens, ≥ 0; raw outputs are `ln(1 + expected count)`.
    Count,
    /// An amount ≥ 0 that is mostly 0; raw outputs are `ln(1 + expected amount)`.
    ZeroInflated,
}

impl TaskKind {
    /// Whether labels are 0 or 1.
    #[must_use]
    pub fn is_binary(self) -> bool {
        matches!(self, Self::Binary)
    }

    /// Whether raw outputs are on the scale `ln(1 + y)`; labels are not negative then.
    #[must_use]
    pub fn is_log1p(self) -> bool {
        matches!(self, Self::RegressionLog1p | Self::Count | Self::ZeroInflated)
    }
}

/// One input column.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Field {
    /// Column of the frame.
    pub name: String,
    /// How it is encoded.
    pub kind: FieldKind,
}

/// How a field is encoded. Everything in here was fitted on training rows only.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "type")]
pub enum FieldKind {
    /// `f32` per row, NaN = missing.
    Numeric {
        /// Distinct training quantiles, ascending; at least one.
        knots: Vec<f32>,
        /// Mean over present training values.
        mean: f32,
        /// Standard deviation over present training values (population); 0 for a constant.
        std: f32,
        /// Share of training rows that are missing, 0 to 1.
        missing: f32,
    },
    /// `u32` entry per row: [`UNKNOWN`], [`MISSING`], then the vocabulary.
    Categorical {
        /// Number of entries, the two special ones included.
        entries: u32,
        /// Share of training rows of each entry.
        share: Vec<f32>,
    },
    /// Any number of hashed n-grams per row, to be averaged.
    Text {
        /// Number of hash buckets.
        buckets: u32,
    },
    /// `width` numbers per row; a missing vector is all NaN.
    Vector {
        /// Numbers per row.
        width: u32,
    },
}

/// A stretch of encoded rows.
#[derive(Debug, Clone)]
pub struct Block<'a> {
    /// Days since 1970-01-01 of the as-of date, in the shop's zone; one for the whole block.
    pub as_of: i32,
    /// Stable hash of the row's entity (household, user): the unit of folds and resampling. Shape: `[rows]`.
    pub entity: &'a [u64],
    /// Scenario index, or [`UNSEEN_SCENARIO`]. Shape: `[rows]`.
    pub scenario: &'a [u16],
    /// One column per field.
    pub columns: Vec<Column<'a>>,
    /// One slice per task in natural units, NaN = not observed; no slices when scoring. Shape of each: `[rows]`.
    pub labels: Vec<&'a [f32]>,
    /// One slice per task; `None` = every row weighs 1. Weights are finite and ≥ 0; empty when scoring.
    pub weights: Vec<Option<&'a [f32]>>,
}

/// One encoded column of a block.
#[expect(missing_docs, reason = "the variant says what its fields hold")]
#[derive(Debug, Clone, Copy)]
pub enum Column<'a> {
    /// Shape: `[rows]`, NaN = missing.
    Numeric(&'a [f32]),
    /// Shape: `[rows]`.
    Categorical(&'a [u32]),
    /// Bucket numbers of row `i`: `buckets[offsets[i]..offsets[i + 1]]`. Offsets shape: `[rows + 1]`.
    Text { offsets: &'a [i32], buckets: &'a [u32] },
    /// Shape: `[rows * width]`, row after row.
    Vector(&'a [f32]),
}

impl<'a> Block<'a> {
    /// Number of rows.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.scenario.len()
    }

    /// The rows `from..to` as a block of their own.
    ///
    /// # Panics
    /// When the range does not lie within the block.
    #[must_use]
    pub fn slice(&self, from: usize, to: usize) -> Block<'a> {
        Block {
            as_of: self.as_of,
            entity: &self.entity[from..to],
            scenario: &self.scenario[from..to],
            columns: self.columns.iter().map(|column| column.slice(from, to, self.rows())).collect(),
            labels: self.labels.iter().map(|labels| &labels[from..to]).collect(),
            weights: self.weights.iter().map(|weights| weights.map(|weights| &weights[from..to])).collect(),
        }
    }

    /// The block in stretches of at most `rows` rows, in order.
    pub fn parts(&self, rows: usize) -> impl Iterator<Item = Block<'a>> + '_ {
        let step = rows.max(1);
        (0..self.rows()).step_by(step).map(move |from| self.slice(from, (from + step).min(self.rows())))
    }

    /// The same rows as if each were served in the scenario given for it. Shape: `[rows]`.
    #[must_use]
    pub fn under<'b>(&self, scenario: &'b [u16]) -> Block<'b>
    where
        'a: 'b,
    {
        Block { scenario, ..self.clone() }
    }
}

impl<'a> Column<'a> {
    fn slice(self, from: usize, to: usize, rows: usize) -> Column<'a> {
        match self {
            Self::Numeric(values) => Self::Numeric(&values[from..to]),
            Self::Categorical(entries) => Self::Categorical(&entries[from..to]),
            Self::Text { offsets, buckets } => Self::Text { offsets: &offsets[from..=to], buckets },
            Self::Vector(values) => {
                let width = values.len().checked_div(rows).unwrap_or(0);
                Self::Vector(&values[from * width..to * width])
            }
        }
    }
}
