//! The fitted linear model: raw outputs, exact contributions, weights.
//!
//! `raw_t = base_t + Σ_j (x_j − centre_j)·(shared_tj + deviation_tsj) + scenario_base_ts`, with `x` the terms of the design.

use ndarray::{Array1, Array2, Array3, ArrayViewMut2, Axis, s};
use serde::{Deserialize, Serialize};

use super::super::design::{Design, Use};
use super::super::rows::{Block, Shape};
use super::super::saved::{Tensors, pack, unpack};
use super::super::{Attribution, LearnError, Model, Saved, check_room, check_shape};
use super::NAME;

/// A fitted linear model.
#[derive(Debug, Clone, PartialEq)]
pub(in super::super) struct LinearModel {
    pub(super) shape: Shape,
    pub(super) design: Design,
    /// Shape: `[tasks, terms]`.
    pub(super) centre: Array2<f32>,
    /// Shape: `[tasks]`.
    pub(super) base: Array1<f32>,
    /// Shape: `[tasks, scenarios]`.
    pub(super) scenario_base: Array2<f32>,
    /// Shape: `[tasks, terms]`.
    pub(super) shared: Array2<f32>,
    /// The part of `shared` that all tasks have in common. Shape: `[tasks, terms]`.
    pub(super) common: Array2<f32>,
    /// Shape: `[tasks, scenarios, terms]`.
    pub(super) deviation: Array3<f32>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Parts {
    design: Design,
}

impl LinearModel {
    /// Raw outputs with the design's values for learning or for predicting.
    pub(in super::super) fn raw_for(&self, block: &Block<'_>, purpose: Use, mut out: ArrayViewMut2<'_, f32>) -> Result<(), LearnError> {
        check_room(&self.shape, block, &out)?;
        let x = self.design.expand(block, &self.shape, purpose)?;
        let shared = self.shared.dot(&x);
        let deviations: Vec<Array2<f32>> = self.deviation.axis_iter(Axis(1)).map(|deviation| deviation.dot(&x)).collect();
        for task in 0..self.shape.tasks.len() {
            let constant = self.base[task] - self.centre.row(task).dot(&self.shared.row(task));
            let own: Vec<f32> = (0..self.shape.scenarios.len())
                .map(|scenario| {
                    self.scenario_base[[task, scenario]] - self.centre.row(task).dot(&self.deviation.slice(s![task, scenario, ..]))
                })
                .collect();
            for row in 0..block.rows() {
                let scenario = block.scenario[row] as usize;
                let extra = deviations.get(scenario).map_or(0.0, |deviation| deviation[[task, row]] + own[scenario]);
                out[[row, task]] = constant + shared[[task, row]] + extra;
            }
        }
        Ok(())
    }

    fn attributed(&self, block: &Block<'_>) -> Result<Attribution, LearnError> {
        check_shape(&self.shape, block)?;
        let x = self.design.expand(block, &self.shape, Use::Predict)?;
        let (rows, tasks, fields) = (block.rows(), self.shape.tasks.len(), self.shape.fields.len());
        let empty = || Array3::zeros((rows, tasks, fields + 1));
        let mut found =
            Attribution { base: self.base.to_vec(), values: empty(), shared: empty(), scenario_part: empty(), task_part: empty() };
        let field_of: Vec<usize> = (0..self.design.terms.len()).map(|term| self.design.field(term)).collect();
        for row in 0..rows {
            let scenario = Some(block.scenario[row] as usize).filter(|scenario| *scenario < self.shape.scenarios.len());
            for task in 0..tasks {
                for (term, field) in field_of.iter().enumerate() {
                    let away = x[[term, row]] - self.centre[[task, term]];
                    let common = self.common[[task, term]];
                    found.shared[[row, task, *field]] += away * common;
                    found.task_part[[row, task, *field]] += away * (self.shared[[task, term]] - common);
                    if let Some(scenario) = scenario {
                        found.scenario_part[[row, task, *field]] += away * self.deviation[[task, scenario, term]];
                    }
                }
                if let Some(scenario) = scenario {
                    found.scenario_part[[row, task, fields]] = self.scenario_base[[task, scenario]];
                }
            }
        }
        found.values = &found.shared + &found.scenario_part + &found.task_part;
        Ok(found)
    }
}

impl Model for LinearModel {
    fn learner(&self) -> &'static str {
        NAME
    }

    fn shape(&self) -> &Shape {
        &self.shape
    }

    fn raw(&self, block: &Block<'_>, out: ArrayViewMut2<'_, f32>) -> Result<(), LearnError> {
        self.raw_for(block, Use::Predict, out)
    }

    fn attribute(&self, block: &Block<'_>) -> Option<Result<Attribution, LearnError>> {
        Some(self.attributed(block))
    }

    fn save(&self) -> Saved {
        let mut tensors = Tensors::default();
        self.put(&mut tensors, "");
        pack(NAME, &self.shape, Parts { design: self.design.clone() }, &tensors)
    }
}

impl LinearModel {
    /// Puts the weights under names that begin with `prefix`.
    pub(in super::super) fn put(&self, tensors: &mut Tensors, prefix: &str) {
        let named = |name: &str| format!("{prefix}{name}");
        tensors.put(&named("centre"), self.centre.shape(), &self.centre);
        tensors.put(&named("base"), self.base.shape(), &self.base);
        tensors.put(&named("scenario_base"), self.scenario_base.shape(), &self.scenario_base);
        tensors.put(&named("shared"), self.shared.shape(), &self.shared);
        tensors.put(&named("common"), self.common.shape(), &self.common);
        tensors.put(&named("deviation"), self.deviation.shape(), &self.deviation);
        for (field, means) in self.design.means.iter().enumerate() {
            if let Some(means) = means {
                tensors.put(&named(&format!("target_mean_{field}")), &[means.all.len()], &means.all);
            }
        }
    }

    /// The design as it is saved beside the weights.
    pub(in super::super) fn design(&self) -> &Design {
        &self.design
    }

    /// Reads what [`LinearModel::put`] wrote.
    ///
    /// # Errors
    /// [`LearnError::Saved`] when an array is missing or has another shape.
    pub(in super::super) fn get(tensors: &Tensors, prefix: &str, shape: Shape, mut design: Design) -> Result<Self, LearnError> {
        use super::super::rows::FieldKind;
        let (tasks, scenarios, terms) = (shape.tasks.len(), shape.scenarios.len(), design.terms.len());
        let refused = |error: ndarray::ShapeError| LearnError::Saved(error.to_string());
        let named = |name: &str| format!("{prefix}{name}");
        let wide = |name: &str, columns: usize| -> Result<Array2<f32>, LearnError> {
            Array2::from_shape_vec((tasks, columns), tensors.get(&named(name), &[tasks, columns])?).map_err(refused)
        };
        design.check(&shape)?;
        for (field, means) in design.means.iter_mut().enumerate() {
            let Some(means) = means else { continue };
            let FieldKind::Categorical { entries, .. } = shape.fields[field].kind else {
                return Err(LearnError::Saved("a field with target means is not categorical".into()));
            };
            means.all = tensors.get(&named(&format!("target_mean_{field}")), &[entries as usize * tasks])?;
        }
        Ok(Self {
            centre: wide("centre", terms)?,
            base: Array1::from(tensors.get(&named("base"), &[tasks])?),
            scenario_base: wide("scenario_base", scenarios)?,
            shared: wide("shared", terms)?,
            common: wide("common", terms)?,
            deviation: Array3::from_shape_vec((tasks, scenarios, terms), tensors.get(&named("deviation"), &[tasks, scenarios, terms])?)
                .map_err(refused)?,
            shape,
            design,
        })
    }
}

/// Loads a linear model.
///
/// # Errors
/// [`LearnError::Saved`] saying what is wrong.
pub(in super::super) fn load(saved: &Saved) -> Result<LinearModel, LearnError> {
    let (head, tensors) = unpack::<Parts>(saved)?;
    LinearModel::get(&tensors, "", head.shape, head.of.design)
}
