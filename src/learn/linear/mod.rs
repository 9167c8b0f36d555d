//! The learner `linear`: a multi-task elastic net with shared coefficients and a deviation per scenario.
//!
//! In: encoded rows, any number. Out: an additive model whose contributions are exact. The L2,1 penalty keeps or drops a
//! column for all tasks that the same rows teach. Learned from second moments of all rows: no sample is drawn.

mod elastic_net;
mod model;
mod moments;
mod solve;

use linfa::ParamGuard;
use ndarray::{Array1, Array2, Array3, s};
use serde::{Deserialize, Serialize};

use super::design::{Design, Use};
use super::{Choice, Choices, Examples, LearnError, Learner, Model, Progress, Trial, check_examples, lower_median};
use elastic_net::Penalty;
use moments::{Group, Moments, groups, moments};
use solve::{Problem, Solution, loss};

pub(super) use model::{LinearModel, load};
pub(super) use moments::Half;

/// The learner's word.
pub(super) const NAME: &str = "linear";

/// Settings of the learner: the section `[linear]` of `job.toml`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LinearSettings {
    /// Penalties λ that are tried on the validation night, on labels of standard deviation 1.
    pub penalties: Vec<f64>,
    /// Share ρ of the L2,1 part of the penalty, 0 to 1; the rest is a ridge.
    pub l1_ratio: f64,
    /// Scale of the deviation columns: the smaller, the more the scenarios share.
    pub deviation: f64,
    /// Ramps per numeric field: how many kinks its effect may have.
    pub ramps: usize,
    /// Columns, at most; beyond it only the strongest terms deviate per scenario.
    pub max_columns: usize,
    /// Sweeps of coordinate descent, at most.
    pub sweeps: u32,
}

/// Unchecked parameters of the learner, in linfa's manner.
#[derive(Debug, Clone, PartialEq)]
pub struct LinearParams(LinearSettings);

/// Checked parameters: the learner itself.
#[derive(Debug, Clone, PartialEq)]
pub struct LinearValidParams {
    settings: LinearSettings,
    /// Penalty of each task, once chosen.
    chosen: Option<Vec<f64>>,
}

impl LinearParams {
    /// Parameters from settings.
    #[must_use]
    pub fn new(settings: LinearSettings) -> Self {
        Self(settings)
    }
}

impl ParamGuard for LinearParams {
    type Checked = LinearValidParams;
    type Error = LearnError;

    fn check_ref(&self) -> Result<&Self::Checked, LearnError> {
        // The checked form holds more than the unchecked one, so it can only be made by value.
        Err(LearnError::Library { learner: NAME, message: "parameters are checked by value".into() })
    }

    fn check(self) -> Result<Self::Checked, LearnError> {
        let settings = self.0;
        let bad = |key, value: String, domain| Err(LearnError::Parameter { key, value, domain });
        let positive = |value: &f64| value.is_finite() && *value > 0.0;
        if settings.penalties.is_empty() || !settings.penalties.iter().all(positive) {
            return bad("linear.penalties", format!("{:?}", settings.penalties), "a list of positive numbers");
        }
        if !(0.0..=1.0).contains(&settings.l1_ratio) {
            return bad("linear.l1_ratio", settings.l1_ratio.to_string(), "0 to 1");
        }
        if !positive(&settings.deviation) {
            return bad("linear.deviation", settings.deviation.to_string(), "the positive numbers");
        }
        if settings.sweeps == 0 {
            return bad("linear.sweeps", "0".into(), "1 and more");
        }
        if settings.max_columns == 0 || settings.max_columns > 5000 {
            return bad("linear.max_columns", settings.max_columns.to_string(), "1 to 5000");
        }
        Ok(LinearValidParams { settings, chosen: None })
    }
}

/// The learner `linear`. Nothing in it is random; the seed is part of every learner's signature.
///
/// # Errors
/// [`LearnError::Parameter`] naming the key.
pub fn linear(settings: LinearSettings, _seed: u64) -> Result<Box<dyn Learner>, LearnError> {
    Ok(Box::new(LinearParams(settings).check()?))
}

/// Everything that a fit needs to know of the rows.
struct Prepared {
    design: Design,
    groups: Vec<Group>,
    moments: Vec<Moments>,
}

impl LinearValidParams {
    fn penalty(&self, lambda: f64) -> Penalty {
        Penalty { lambda, ratio: self.settings.l1_ratio, sweeps: self.settings.sweeps }
    }

    fn problem(&self, moments: &Moments) -> Result<Problem, LearnError> {
        // The middle of the path decides which terms matter most on their own.
        let middle = self.settings.penalties[self.settings.penalties.len() / 2];
        Problem::new(moments, self.settings.deviation, self.settings.max_columns, self.penalty(middle))
    }

    fn prepare(&self, rows: &Examples<'_>, half: Half, progress: &dyn Progress) -> Result<Prepared, LearnError> {
        check_examples(rows)?;
        let design = Design::fit(rows, self.settings.ramps);
        Self::prepare_with(design, rows, half, progress)
    }

    fn prepare_with(design: Design, rows: &Examples<'_>, half: Half, progress: &dyn Progress) -> Result<Prepared, LearnError> {
        let groups = groups(rows);
        let moments = moments(rows, &design, &groups, half, Use::Learn, progress)?;
        for (group, moments) in groups.iter().zip(&moments) {
            if moments.rows.iter().sum::<u64>() < 2 {
                let task = &rows.shape.tasks[group.tasks[0]].name;
                return Err(LearnError::NoRows(format!(
                    "no row teaches task `{task}`: every label is missing, or the task before it never happened"
                )));
            }
        }
        Ok(Prepared { design, groups, moments })
    }

    /// The penalties that were chosen, one a task.
    pub(super) fn penalties(&self) -> Option<&[f64]> {
        self.chosen.as_deref()
    }

    /// The recipe with the middle of several choices of penalties, task by task. Shape: `[choices][tasks]`.
    pub(super) fn middle(&self, choices: &[&[f64]]) -> Self {
        let tasks = choices.first().map_or(0, |choice| choice.len());
        let middle = |task: usize| lower_median(choices.iter().filter_map(|choice| choice.get(task).copied()));
        let chosen: Option<Vec<f64>> = (0..tasks).map(middle).collect();
        Self { settings: self.settings.clone(), chosen: chosen.filter(|chosen| !chosen.is_empty()) }
    }

    /// A model fitted on one half of the entities, with the design of all rows.
    pub(super) fn fit_half(
        &self,
        rows: &Examples<'_>,
        design: &Design,
        half: Half,
        progress: &dyn Progress,
    ) -> Result<LinearModel, LearnError> {
        let prepared = Self::prepare_with(design.clone(), rows, half, progress)?;
        self.solve(rows, prepared)
    }

    /// A model fitted on all rows.
    pub(super) fn fit_all(&self, rows: &Examples<'_>, progress: &dyn Progress) -> Result<LinearModel, LearnError> {
        let prepared = self.prepare(rows, Half::All, progress)?;
        self.solve(rows, prepared)
    }

    fn solve(&self, rows: &Examples<'_>, prepared: Prepared) -> Result<LinearModel, LearnError> {
        let solutions = prepared
            .groups
            .iter()
            .zip(&prepared.moments)
            .map(|(group, moments)| {
                let first = self.chosen.as_ref().and_then(|chosen| chosen.get(group.tasks[0])).copied();
                let lambda = first.unwrap_or(self.settings.penalties[self.settings.penalties.len() / 2]);
                self.problem(moments)?.solve(self.penalty(lambda))
            })
            .collect::<Result<Vec<_>, _>>()?;
        Ok(model(rows, prepared.design, &prepared.groups, &solutions))
    }

    /// Tries every penalty on the validation rows; the same as [`Learner::choose`], with the types kept.
    pub(super) fn choose_linear(
        &self,
        train: &Examples<'_>,
        valid: &Examples<'_>,
        progress: &dyn Progress,
    ) -> Result<(Self, LinearModel, Vec<Trial>), LearnError> {
        check_examples(valid)?;
        let prepared = self.prepare(train, Half::All, progress)?;
        let judged = moments(valid, &prepared.design, &prepared.groups, Half::All, Use::Predict, progress)?;
        let mut chosen = vec![self.settings.penalties[0]; train.shape.tasks.len()];
        let (mut trials, mut best) = (Vec::new(), Vec::new());
        let total = (prepared.groups.len() * self.settings.penalties.len()) as u64;
        for ((group, moments), judged) in prepared.groups.iter().zip(&prepared.moments).zip(&judged) {
            let problem = self.problem(moments)?;
            let names: Vec<_> = group.tasks.iter().map(|task| train.shape.tasks[*task].name.as_str()).collect();
            let (mut lowest, mut winner) = (f64::INFINITY, None);
            let first = trials.len();
            for lambda in &self.settings.penalties {
                let solution = problem.solve(self.penalty(*lambda))?;
                let loss = loss(&solution, judged).unwrap_or(1.0);
                let note = if solution.converged { "" } else { ", sweeps used up" };
                trials.push(Trial {
                    setting: format!("penalty {lambda} for {}{note}", names.join(", ")),
                    loss,
                    chosen: false,
                    figures: Vec::new(),
                });
                progress.at("linear: penalties", trials.len() as u64, total);
                if loss < lowest {
                    (lowest, winner) = (loss, Some((*lambda, solution, trials.len() - 1)));
                }
            }
            let Some((lambda, solution, at)) = winner else {
                return Err(LearnError::Library {
                    learner: NAME,
                    message: format!("no penalty from number {first} on gave a finite loss"),
                });
            };
            trials[at].chosen = true;
            group.tasks.iter().for_each(|task| chosen[*task] = lambda);
            best.push(solution);
        }
        let fitted = model(train, prepared.design, &prepared.groups, &best);
        Ok((Self { settings: self.settings.clone(), chosen: Some(chosen) }, fitted, trials))
    }
}

impl Learner for LinearValidParams {
    fn name(&self) -> &'static str {
        NAME
    }

    fn choose(&self, train: &Examples<'_>, valid: &Examples<'_>, progress: &dyn Progress) -> Result<Choice, LearnError> {
        let (learner, model, trials) = self.choose_linear(train, valid, progress)?;
        Ok(Choice { learner: Box::new(learner), model: Box::new(model), trials })
    }

    fn chosen(&self) -> Option<Choices> {
        let penalties = self.chosen.clone()?;
        let told: Vec<String> = penalties.iter().map(f64::to_string).collect();
        Some(Choices { words: format!("penalties {}", told.join(", ")), numbers: penalties })
    }

    fn settled(&self, choices: &[Choices]) -> Box<dyn Learner> {
        Box::new(self.middle(&choices.iter().map(|choice| choice.numbers.as_slice()).collect::<Vec<_>>()))
    }

    fn fit(&self, rows: &Examples<'_>, progress: &dyn Progress) -> Result<Box<dyn Model>, LearnError> {
        Ok(Box::new(self.fit_all(rows, progress)?))
    }
}

/// Puts the groups' solutions together in the order of the tasks.
fn model(rows: &Examples<'_>, design: Design, groups: &[Group], solutions: &[Solution]) -> LinearModel {
    let shape = rows.shape.clone();
    let (tasks, scenarios, terms) = (shape.tasks.len(), shape.scenarios.len(), design.terms.len());
    let mut model = LinearModel {
        centre: Array2::zeros((tasks, terms)),
        base: Array1::zeros(tasks),
        scenario_base: Array2::zeros((tasks, scenarios)),
        shared: Array2::zeros((tasks, terms)),
        common: Array2::zeros((tasks, terms)),
        deviation: Array3::zeros((tasks, scenarios, terms)),
        shape,
        design,
    };
    let mut average = Array1::<f64>::zeros(terms);
    for solution in solutions {
        average += &(solution.standardised.sum_axis(ndarray::Axis(0)) / tasks as f64);
    }
    let narrow = |value: f64| value as f32;
    for (group, solution) in groups.iter().zip(solutions) {
        for (at, task) in group.tasks.iter().enumerate() {
            model.centre.row_mut(*task).assign(&solution.centre.mapv(narrow));
            model.base[*task] = narrow(solution.base[at]);
            model.scenario_base.row_mut(*task).assign(&solution.scenario_base.row(at).mapv(narrow));
            model.shared.row_mut(*task).assign(&solution.shared.row(at).mapv(narrow));
            model.common.row_mut(*task).assign(&(&average * &solution.unit.row(at)).mapv(narrow));
            model.deviation.slice_mut(s![*task, .., ..]).assign(&solution.deviation.slice(s![at, .., ..]).mapv(narrow));
        }
    }
    model
}
