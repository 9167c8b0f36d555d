//! What goes on inside a model that mixes experts: how much each gate gives each expert, and what the experts yield.
//!
//! In: nothing; a model fills it in ([`super::Model::inside`]). Out: numbers row by row. Means and similarities are `explain`'s.

use ndarray::Array2;

/// Gates and experts on the rows of a block.
#[derive(Debug, Clone)]
pub struct Inside {
    /// Levels of experts, the one nearest to the inputs first.
    pub levels: Vec<InsideLevel>,
}

/// One level of experts and gates.
#[derive(Debug, Clone)]
pub struct InsideLevel {
    /// Index of the task that an expert belongs to; `None` = shared by all. Shape: `[experts]`.
    pub experts: Vec<Option<usize>>,
    /// What the experts yield, side by side. Shape: `[rows, experts · width]`.
    pub features: Array2<f32>,
    /// Numbers that an expert yields.
    pub width: usize,
    /// The gates, one a task, and one of what is shared where another level follows.
    pub gates: Vec<InsideGate>,
}

/// One gate.
#[derive(Debug, Clone)]
pub struct InsideGate {
    /// Index of its task; `None` = what is shared.
    pub task: Option<usize>,
    /// The experts that it weighs.
    pub experts: Vec<usize>,
    /// Their shares: at least 0, and 1 together. Shape: `[rows, experts of the gate]`.
    pub shares: Array2<f32>,
}
