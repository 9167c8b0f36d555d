//! The contract of every learner, and the learners: `linear` (linfa) and `forest` (smartcore).
//!
//! Encoded rows in ([`rows`]), a model out that predicts `rows × tasks` and can be saved as plain weights. Pure: no
//! DataFusion, no file system, no clock; the caller brings slices and takes bytes.

mod design;
pub mod forest;
pub mod linear;
pub mod rows;
mod saved;
mod target_mean;

use ndarray::ArrayViewMut2;

pub use forest::{ForestSettings, forest};
pub use linear::{LinearSettings, linear};
pub use saved::load;

use rows::{Block, Shape};

/// Rows to learn from: the shape of the columns, and blocks of encoded rows in a fixed order.
pub struct Examples<'a> {
    /// Scenarios, tasks and fields, in the order in which every block has them.
    pub shape: &'a Shape,
    /// The rows, block after block. A block never mixes two as-of dates.
    pub blocks: Vec<Block<'a>>,
}

/// What a learner tried while it made its choices: one row of the table `training`.
#[derive(Debug, Clone, PartialEq)]
pub struct Trial {
    /// What was varied, as the report prints it: `penalty 0.001`.
    pub setting: String,
    /// Mean validation loss over the cells (1 − R² on the learner's own scale), lower is better.
    pub loss: f64,
    /// Whether this is the setting that the learner chose.
    pub chosen: bool,
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

/// Told how far a long computation is. Called from worker threads.
pub trait Progress: Sync {
    /// `done` of `total` units of the step named `what`.
    fn at(&self, what: &str, done: u64, total: u64);
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

    /// Contributions of each field to each raw output, or `None` where the learner has no exact ones (`forest`).
    ///
    /// # Errors
    /// As [`Model::raw`].
    fn attribute(&self, block: &Block<'_>) -> Option<Result<Attribution, LearnError>>;

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
pub enum LearnError {
    /// No row, or a task without one observed label.
    #[error("{0}")]
    NoRows(String),
    /// A block has other columns, tasks or widths than the model.
    #[error("the rows do not fit the model: {0}")]
    Shape(String),
    /// An infinite input or label.
    #[error("field `{0}` holds an infinite value")]
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

/// Refuses a block that does not have the columns of `shape`.
fn check_shape(shape: &Shape, block: &Block<'_>) -> Result<(), LearnError> {
    use rows::{Column, FieldKind};
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
