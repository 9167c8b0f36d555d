//! Contributions of single rows, as long rows of a table.

use crate::learn::Attribution;
use crate::learn::rows::{Block, Shape};

use super::feature_name;

/// One row of the table `contributions`.
#[derive(Debug, Clone, PartialEq)]
pub struct Contribution {
    /// Position of the row in the held-out frame.
    pub row: u64,
    /// Scenario of the row; empty for one never seen.
    pub scenario: String,
    /// Task.
    pub task: String,
    /// Feature; `scenario` for the scenario itself.
    pub feature: String,
    /// Contribution on the raw output's scale.
    pub value: f64,
    /// Its shared part.
    pub shared: f64,
    /// Its part of the scenario.
    pub scenario_part: f64,
    /// Its part of the task.
    pub task_part: f64,
    /// Raw output of the average training row.
    pub base: f64,
    /// Raw output of this row.
    pub raw: f64,
}

/// The contributions of some rows of a block that begins at row `first` of the frame. `raw: [tasks][rows]`.
#[must_use]
pub fn of(shape: &Shape, block: &Block<'_>, found: &Attribution, raw: &[Vec<f32>], rows: &[usize], first: usize) -> Vec<Contribution> {
    let mut table = Vec::with_capacity(rows.len() * shape.tasks.len() * (shape.fields.len() + 1));
    for row in rows {
        let scenario = shape.scenarios.get(block.scenario[*row] as usize).cloned().unwrap_or_default();
        for (task, spec) in shape.tasks.iter().enumerate() {
            for field in 0..=shape.fields.len() {
                let at = [*row, task, field];
                table.push(Contribution {
                    row: (first + row) as u64,
                    scenario: scenario.clone(),
                    task: spec.name.clone(),
                    feature: feature_name(shape, field).to_owned(),
                    value: f64::from(found.values[at]),
                    shared: f64::from(found.shared[at]),
                    scenario_part: f64::from(found.scenario_part[at]),
                    task_part: f64::from(found.task_part[at]),
                    base: f64::from(found.base[task]),
                    raw: f64::from(raw[task][*row]),
                });
            }
        }
    }
    table
}
