//! The contract of every learner, and the learners: `linear` (linfa), `forest` (smartcore) and `net` (our own network).
//!
//! Encoded rows in ([`rows`]), a model out that predicts `rows × tasks` and can be saved as plain weights. Pure: no
//! DataFusion, no file system, no clock; the caller brings slices and takes bytes.

pub mod background;
pub mod boosted;
mod design;
pub mod folds;
pub mod forest;
pub mod inside;
pub mod linear;
pub mod net;
pub mod picked;
pub mod prepare;
pub mod rows;
mod saved;
pub mod shapley;
mod target_mean;

use std::borrow::Cow;

use ndarray::{Array2, ArrayViewMut2, ArrayViewMut3, Axis};
use serde::{Deserialize, Serialize};

pub use forest::{ForestSettings, forest};
pub use linear::{LinearSettings, linear};
pub use net::{NetSettings, TrainSettings, net};
pub use prepare::{Batches, ClassWeights, Prepare};
pub use saved::load;

use rows::{Block, Shape};

/// Rows to learn from: the shape of the columns, and blocks of encoded rows in a fixed order.
pub struct Examples<'a> {
    /// Scenarios, tasks and fields, in the order in which every block has them.
    pub shape: &'a Shape,
    /// The rows, block after block. A block never mixes two as-of dates.
    pub blocks: Vec<Block<'a>>,
    /// Where a learner that trains in passes may begin; `None` = from nothing.
    pub start: Option<Start<'a>>,
}

/// A fitted model to begin from, and how the entries of its vocabularies are called now.
#[derive(Debug, Clone)]
pub struct Start<'a> {
    /// The model, as it was saved.
    pub model: &'a Saved,
    /// For each field and each entry of its vocabulary now, the entry then; empty for fields that are not categorical, and
    /// `None` for values that the model had no entry for.
    pub entries: Vec<Vec<Option<u32>>>,
}

impl<'a> Examples<'a> {
    /// Rows to learn from, from nothing.
    #[must_use]
    pub fn new(shape: &'a Shape, blocks: Vec<Block<'a>>) -> Self {
        Self { shape, blocks, start: None }
    }
}

/// What a learner tried while it made its choices: one row of the table `training`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Trial {
    /// What was varied, as the report prints it: `penalty 0.001`.
    pub setting: String,
    /// Mean validation loss over the cells (1 − R² on the learner's own scale), lower is better.
    #[serde(with = "saved::bits")]
    pub loss: f64,
    /// Whether this is the setting that the learner chose.
    pub chosen: bool,
    /// What else was measured, for learners that train in passes.
    pub figures: Vec<TrialFigure>,
}

/// One measure of a trial.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct TrialFigure {
    /// `training loss`, `validation loss` (of a cell) or `gradient cosine` (of two tasks on the weights that they
    /// share), or `rows visited` (by a pass that samples).
    pub measure: Cow<'static, str>,
    /// Scenario, or `*`.
    pub scenario: String,
    /// Task.
    pub task: String,
    /// The other task of a cosine; empty otherwise.
    pub other_task: String,
    /// Its value.
    #[serde(with = "saved::bits")]
    pub value: f64,
}

/// What comes of a learner's choices on the validation night.
pub struct Choice {
    /// The same learner with nothing left to choose.
    pub learner: Box<dyn Learner>,
    /// The model fitted on the training rows alone: its predictions on the validation night fit the calibration.
    pub model: Box<dyn Model>,
    /// What was tried, in order.
    pub trials: Vec<Trial>,
}

/// A learner's choices as numbers, in an order of its own, and in words.
#[derive(Debug, Clone, PartialEq)]
pub struct Choices {
    /// Penalties, depths, passes; an alternative without an order by its place.
    pub numbers: Vec<f64>,
    /// The same, as the report prints it.
    pub words: String,
}

/// The middle number, the lower of two; `None` without numbers.
pub(crate) fn lower_median(numbers: impl IntoIterator<Item = f64>) -> Option<f64> {
    let mut numbers: Vec<f64> = numbers.into_iter().collect();
    numbers.sort_unstable_by(f64::total_cmp);
    numbers.get(numbers.len().checked_sub(1)? / 2).copied()
}

/// Told how far a long computation is, and asked to keep what it has so far. Called from worker threads.
pub trait Progress: Sync {
    /// `done` of `total` units of the step named `what`.
    fn at(&self, what: &str, done: u64, total: u64);

    /// Something that a reader of the log wants to know.
    fn note(&self, _line: &str) {}

    /// Keeps under a name the state from which the same computation can go on, should this run die.
    fn keep(&self, _name: &str, _state: &dyn Fn() -> Vec<u8>) {}

    /// What the same computation kept under a name before its run died.
    fn kept(&self, _name: &str) -> Option<Vec<u8>> {
        None
    }
}

/// How a learner that is compared shares between scenarios.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sharing {
    /// As it was chosen.
    Chosen,
    /// Not at all: the scenario is a feature like others.
    Pooled,
}

/// An unfitted recipe.
pub trait Learner: Send + Sync {
    /// `linear`, `forest`, …: the word in `job.toml`, tables and report.
    fn name(&self) -> &'static str;

    /// Makes the learner's choices: fits on `train`, compares on `valid`.
    ///
    /// # Errors
    /// [`LearnError`] when the rows cannot be learned from.
    fn choose(&self, train: &Examples<'_>, valid: &Examples<'_>, progress: &dyn Progress) -> Result<Choice, LearnError>;

    /// The same recipe for comparisons on `rows` rows, few enough to choose the number of passes anew; `None` where the learner
    /// does not share between scenarios in a way that could be left out.
    fn compared(&self, _: Sharing, _rows: usize) -> Option<Box<dyn Learner>> {
        None
    }

    /// The same recipe on rows that are prepared; `None` where the learner takes every row as it is.
    ///
    /// # Errors
    /// [`LearnError::Parameter`] naming the key.
    fn prepared(&self, _: &Prepare) -> Result<Option<Box<dyn Learner>>, LearnError> {
        Ok(None)
    }

    /// Rows that the first pass visits in each scenario, and last in none of them; `None` for a learner without passes.
    fn visited(&self, _: &Examples<'_>) -> Option<Vec<u64>> {
        None
    }

    /// What was chosen; `None` before a choice.
    fn chosen(&self) -> Option<Choices>;

    /// The recipe that several choices of it agree on: of a number the middle one (the lower of two), of alternatives that have no
    /// order the most frequent one (the first of equals), and then numbers among the choices that took it.
    fn settled(&self, choices: &[Choices]) -> Box<dyn Learner>;

    /// Fits with what was chosen, on all the rows given.
    ///
    /// # Errors
    /// [`LearnError`] when the rows cannot be learned from.
    fn fit(&self, rows: &Examples<'_>, progress: &dyn Progress) -> Result<Box<dyn Model>, LearnError>;
}

/// A fitted model.
///
/// Its *raw output* is one number per row and task: for a binary task a score that calibration turns into a
/// probability, for a regression the prediction on the task's transformed scale (`log1p` or identity). The raw output
/// of a chained task (`after`) is of its conditional step: given that the parent task happened.
pub trait Model: Send + Sync {
    /// The learner's name.
    fn learner(&self) -> &'static str;

    /// What the model was fitted for; a block of another shape is refused.
    fn shape(&self) -> &Shape;

    /// Raw outputs. Shapes: `out: [rows, tasks]`. A row's output depends on that row alone.
    ///
    /// # Errors
    /// [`LearnError::Shape`] when the block does not fit the model, [`LearnError::NotFinite`] on infinite inputs.
    fn raw(&self, block: &Block<'_>, out: ArrayViewMut2<'_, f32>) -> Result<(), LearnError>;

    /// Raw outputs of each row as if it were served in each scenario. Shapes: `out: [rows, scenarios, tasks]`.
    ///
    /// # Errors
    /// As [`Model::raw`].
    fn raw_under(&self, block: &Block<'_>, mut out: ArrayViewMut3<'_, f32>) -> Result<(), LearnError> {
        check_room_under(self.shape(), block, &out)?;
        for scenario in 0..self.shape().scenarios.len() {
            let served = vec![scenario as u16; block.rows()];
            self.raw(&block.under(&served), out.index_axis_mut(Axis(1), scenario))?;
        }
        Ok(())
    }

    /// Contributions of each field to each raw output, or `None` where the learner has none that add up.
    ///
    /// # Errors
    /// As [`Model::raw`].
    fn attribute(&self, block: &Block<'_>) -> Option<Result<Attribution, LearnError>>;

    /// The features that the model shares between scenarios, `[rows, width]`; `None` where there are none but the inputs.
    ///
    /// # Errors
    /// As [`Model::raw`].
    fn shared_features(&self, _: &Block<'_>) -> Option<Result<Array2<f32>, LearnError>> {
        None
    }

    /// Shares of the gates and features of the experts; `None` where there are none.
    ///
    /// # Errors
    /// As [`Model::raw`].
    fn inside(&self, _: &Block<'_>) -> Option<Result<inside::Inside, LearnError>> {
        None
    }

    /// Whether contributions cost so much more than raw outputs that they are made for a sample of rows only.
    fn attribution_is_dear(&self) -> bool {
        false
    }

    /// The model as plain weights.
    fn save(&self) -> Saved;
}

/// Exact contributions of a block of rows: for every row and task `base + Σ_fields values = raw`.
///
/// The fields are those of [`Shape::fields`], then one more: the scenario itself.
/// `values = shared + scenario_part + task_part`, field by field.
pub struct Attribution {
    /// Raw output of the average training row. Shape: `[tasks]`.
    pub base: Vec<f32>,
    /// Shape of each: `[rows, tasks, fields + 1]`.
    pub values: ndarray::Array3<f32>,
    /// The part that all tasks and scenarios have in common.
    pub shared: ndarray::Array3<f32>,
    /// The part that belongs to the row's scenario.
    pub scenario_part: ndarray::Array3<f32>,
    /// The part that belongs to the task.
    pub task_part: ndarray::Array3<f32>,
}

/// A model on its way to or from disk: `model.json` and `model.safetensors`.
#[derive(Debug, Clone, PartialEq)]
pub struct Saved {
    /// Learner, shape, settings and scalars as JSON text.
    pub json: String,
    /// The weights in safetensors format.
    pub tensors: Vec<u8>,
}

/// Why rows could not be learned from, or a model not be used.
#[derive(Debug, thiserror::Error)]
#[expect(missing_docs, reason = "the message of a variant names its fields")]
pub enum LearnError {
    /// No row, or a task without one observed label.
    #[error("{0}")]
    NoRows(String),
    /// A block has other columns, tasks or widths than the model.
    #[error("the rows do not fit the model: {0}")]
    Shape(String),
    /// An infinite input or label, or a weight that is no finite number ≥ 0.
    #[error("`{0}` holds an infinite value")]
    NotFinite(String),
    /// A parameter outside its domain.
    #[error("`{key}` = {value} is outside {domain}")]
    Parameter { key: &'static str, value: String, domain: &'static str },
    /// The library below failed.
    #[error("{learner}: {message}")]
    Library { learner: &'static str, message: String },
    /// A saved model is damaged or belongs to another program version.
    #[error("the saved model cannot be read: {0}")]
    Saved(String),
}

/// Raw outputs of a block. Shape: `[rows, tasks]`.
///
/// # Errors
/// As [`Model::raw`].
pub(crate) fn outputs(model: &dyn Model, block: &Block<'_>) -> Result<Array2<f32>, LearnError> {
    let mut out = Array2::zeros((block.rows(), model.shape().tasks.len()));
    model.raw(block, out.view_mut())?;
    Ok(out)
}

/// Refuses a block that does not have the columns of `shape`.
fn check_shape(shape: &Shape, block: &Block<'_>) -> Result<(), LearnError> {
    use rows::{Column, FieldKind};
    if block.entity.len() != block.rows() {
        return Err(LearnError::Shape(format!("{} entities of {} rows", block.entity.len(), block.rows())));
    }
    if block.columns.len() != shape.fields.len() {
        return Err(LearnError::Shape(format!("{} columns instead of {}", block.columns.len(), shape.fields.len())));
    }
    for (field, column) in shape.fields.iter().zip(&block.columns) {
        let fits = match (&field.kind, column) {
            (FieldKind::Numeric { .. }, Column::Numeric(values)) => values.len() == block.rows(),
            (FieldKind::Categorical { .. }, Column::Categorical(values)) => values.len() == block.rows(),
            (FieldKind::Text { .. }, Column::Text { offsets, .. }) => offsets.len() == block.rows() + 1,
            (FieldKind::Vector { width }, Column::Vector(values)) => values.len() == block.rows() * *width as usize,
            _ => false,
        };
        if !fits {
            return Err(LearnError::Shape(format!("field `{}` has another kind or length", field.name)));
        }
    }
    Ok(())
}

/// Refuses a block with an infinite input.
fn check_finite(shape: &Shape, block: &Block<'_>) -> Result<(), LearnError> {
    use rows::Column;
    for (column, field) in block.columns.iter().zip(&shape.fields) {
        if let Column::Numeric(values) | Column::Vector(values) = column
            && values.iter().any(|value| value.is_infinite())
        {
            return Err(LearnError::NotFinite(field.name.clone()));
        }
    }
    Ok(())
}

/// Refuses a block that does not fit `shape`, or outputs without room for its rows and tasks.
fn check_room(shape: &Shape, block: &Block<'_>, out: &ArrayViewMut2<'_, f32>) -> Result<(), LearnError> {
    check_shape(shape, block)?;
    let needed = (block.rows(), shape.tasks.len());
    if out.dim() == needed { Ok(()) } else { Err(LearnError::Shape(format!("room for {:?} outputs instead of {needed:?}", out.dim()))) }
}

/// Refuses outputs without room for each row in each scenario.
fn check_room_under(shape: &Shape, block: &Block<'_>, out: &ArrayViewMut3<'_, f32>) -> Result<(), LearnError> {
    let needed = (block.rows(), shape.scenarios.len(), shape.tasks.len());
    if out.dim() == needed { Ok(()) } else { Err(LearnError::Shape(format!("room for {:?} outputs instead of {needed:?}", out.dim()))) }
}

/// Refuses rows that a learner cannot be taught: of another shape, or with inputs, labels or weights that are no finite numbers.
fn check_examples(examples: &Examples<'_>) -> Result<(), LearnError> {
    let shape = examples.shape;
    for block in &examples.blocks {
        check_shape(shape, block)?;
        check_finite(shape, block)?;
        if block.labels.len() != shape.tasks.len() || block.weights.len() != shape.tasks.len() {
            return Err(LearnError::Shape(format!("labels of {} tasks instead of {}", block.labels.len(), shape.tasks.len())));
        }
        for (task, (labels, weights)) in shape.tasks.iter().zip(block.labels.iter().zip(&block.weights)) {
            if labels.len() != block.rows() || weights.is_some_and(|weights| weights.len() != block.rows()) {
                return Err(LearnError::Shape(format!("task `{}` has not one label and weight a row", task.name)));
            }
            let weighs = |weight: &f32| weight.is_finite() && *weight >= 0.0;
            if labels.iter().any(|label| label.is_infinite()) || weights.is_some_and(|weights| !weights.iter().all(weighs)) {
                return Err(LearnError::NotFinite(task.name.clone()));
            }
        }
    }
    Ok(())
}
