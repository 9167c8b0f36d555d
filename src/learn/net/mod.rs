//! The learner `net`: the multi-scenario multi-task network, in fused code of our own.
//!
//! In: encoded rows, any number. Out: a model that shares features across tasks and scenarios. Task sharing (shared bottom,
//! MMoE, PLE) and scenario sharing (none, STAR, PEPNet) combine freely; which combination and how many passes is chosen on the
//! validation night, then the network is trained again on all rows.

mod arena;
mod attribute;
mod augment;
mod balance;
mod checkpoint;
mod dense;
mod epoch;
mod feed;
mod gate_unit;
mod heads;
mod input;
mod mixture;
mod model;
mod network;
mod optimise;
mod predict;
mod sampling;
mod secant;
mod settings;
mod sgemm;
mod shift;
mod start;
mod tables;
#[cfg(test)]
pub(crate) mod tests;
mod tower;
mod train;
mod weights;
mod wide;

use serde::{Deserialize, Serialize};

use super::prepare::Prepare;
use super::rows::{Block, Shape};
use super::{Choice, Choices, Examples, LearnError, Learner, Model, Progress, Sharing, Trial, TrialFigure, check_examples, lower_median};
use checkpoint::{Best, Search};
use heads::{CellLosses, LabelSums};
use model::NetModel;
use network::{Network, Weights};
use train::{Conflict, Trainer};

pub(super) use model::load;
pub use settings::{Balance, NetSettings, Optimizer, ScenarioSharing, TaskSharing, TrainSettings};
pub use start::comparable;

/// The learner's word.
pub(super) const NAME: &str = "net";

/// Passes, at most, of a network that is compared: one of few rows needs more of them than the night's own.
const COMPARED_PASSES: usize = 4;
/// Steps of a pass that a network of few rows takes at least, by smaller mini-batches.
const COMPARED_STEPS: usize = 100;
/// Rows of a mini-batch below which its gradient is mostly noise.
const LEAST_BATCH: usize = 128;

/// The learner: its form, how it learns, and what was chosen.
#[derive(Debug, Clone)]
struct Net {
    form: NetSettings,
    train: TrainSettings,
    prepare: Prepare,
    seed: u64,
    chosen: Option<Chosen>,
}

/// What the validation night decided.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Chosen {
    tasks: TaskSharing,
    scenarios: ScenarioSharing,
    passes: usize,
}

/// The learner `net`.
///
/// # Errors
/// [`LearnError::Parameter`] naming the key.
pub fn net(form: NetSettings, train: TrainSettings, seed: u64) -> Result<Box<dyn Learner>, LearnError> {
    form.check()?;
    train.check()?;
    Ok(Box::new(Net { form, train, prepare: Prepare::NONE, seed, chosen: None }))
}

/// Sums over a task's labels: of its own step, as it is learned where the task before it happened.
fn label_sums(examples: &Examples<'_>, task: usize) -> LabelSums {
    let parent = examples.shape.tasks[task].after;
    let mut sums = LabelSums::default();
    for block in &examples.blocks {
        for row in 0..block.rows() {
            if let Some((label, weight)) = feed::lesson(examples.shape, block, task, row)
                && parent.is_none_or(|parent| block.labels[parent][row] > 0.5)
            {
                sums.add(label, weight);
            }
        }
    }
    sums
}

impl Net {
    /// What the validation night compares.
    fn combinations(&self) -> Vec<(TaskSharing, ScenarioSharing)> {
        let of = |tasks: &TaskSharing| self.form.scenario_sharing.iter().map(|scenarios| (*tasks, *scenarios)).collect::<Vec<_>>();
        self.form.task_sharing.iter().flat_map(of).collect()
    }

    fn trainer<'a>(&'a self, network: &'a Network, shape: &'a Shape, weights: Weights) -> Trainer<'a> {
        Trainer::new(network, shape, &self.train, weights, self.seed).prepared(&self.prepare)
    }

    /// A search that a run before this one kept; `None` where it does not fit.
    fn searched(&self, kept: &checkpoint::Kept, train: &Examples<'_>) -> Option<Search> {
        let mut search = kept.search()?;
        let (tasks, scenarios) = *self.combinations().get(search.combination)?;
        let (network, weights) = self.begin(train, tasks, scenarios).ok()?;
        kept.set(&mut self.trainer(&network, train.shape, weights)).ok()?;
        if let Some(best) = &mut search.best {
            let (network, _) = self.begin(train, best.chosen.tasks, best.chosen.scenarios).ok()?;
            best.weights = Some(kept.best(&network).ok()?);
            search.trials.get(best.trial)?;
        }
        Some(search)
    }

    /// A network laid out for these rows, and fresh weights.
    fn begin(&self, examples: &Examples<'_>, tasks: TaskSharing, scenarios: ScenarioSharing) -> Result<(Network, Weights), LearnError> {
        check_examples(examples)?;
        let shape = examples.shape;
        let mut network = Network::new(shape, &self.form, tasks, scenarios, self.train.invariance > 0.0);
        let mut bias = Vec::new();
        for (task, spec) in shape.tasks.iter().enumerate() {
            let labels = label_sums(examples, task);
            if labels.weight() <= 0.0 {
                return Err(LearnError::NoRows(format!(
                    "no row teaches task `{}`: every label is missing, or the task before it never happened",
                    spec.name
                )));
            }
            bias.push(network.heads.begin(task, &labels));
        }
        let mut weights = network.begin(&bias, self.seed);
        if let Some(start) = &examples.start {
            start::begin_from(start, shape, &mut network, &mut weights)?;
        }
        Ok((network, weights))
    }
}

/// A cell whose mean label alone leaves less loss than this is not compared.
const LEAST_BASE: f64 = 1e-4;

/// What knowing only a cell's mean label leaves of its loss, and what there is to gain.
struct Base {
    loss: CellLosses,
    scale: CellLosses,
}

/// Each cell's loss against that of knowing only its own mean label, `1 + (loss − base) / scale`: 1 is as good as knowing
/// nothing else. Where the scale is the base loss itself it is the ratio of the two.
fn relative_losses(network: &Network, losses: &CellLosses, base: &Base) -> Vec<(usize, usize, f64)> {
    let cells = (0..network.scenarios).flat_map(|scenario| (0..network.tasks).map(move |task| (scenario, task)));
    let ratio = |(scenario, task): (usize, usize)| {
        let (loss, least, scale) = (losses.mean(scenario, task)?, base.loss.mean(scenario, task)?, base.scale.mean(scenario, task)?);
        // Of a cell with one class there is nothing to know.
        (scale > LEAST_BASE).then(|| (scenario, task, 1.0 + (loss - least) / scale))
    };
    cells.filter_map(ratio).collect()
}

/// The mean of [`relative_losses`] over the cells.
fn relative_loss(ratios: &[(usize, usize, f64)]) -> f64 {
    if ratios.is_empty() { 1.0 } else { ratios.iter().map(|(.., ratio)| ratio).sum::<f64>() / ratios.len() as f64 }
}

/// A line for the log: how good a pass was.
fn told(setting: &str, shape: &Shape, (loss, lowest): (f64, f64), ratios: &[(usize, usize, f64)]) -> String {
    let best = ratios.iter().min_by(|(.., a), (.., b)| a.total_cmp(b));
    let cell = best.map_or_else(String::new, |(scenario, task, ratio)| {
        format!(", best cell {} × {} {ratio:.4}", shape.scenarios[*scenario], shape.tasks[*task].name)
    });
    format!("net: {setting}: validation loss {loss:.4} of knowing only each cell's mean (lowest {lowest:.4}){cell}")
}

/// The mean loss of every cell.
fn curves(measure: &'static str, shape: &Shape, losses: &CellLosses) -> Vec<TrialFigure> {
    let cells = (0..shape.scenarios.len()).flat_map(|scenario| (0..shape.tasks.len()).map(move |task| (scenario, task)));
    let figure = |(scenario, task): (usize, usize)| {
        let (scenario_name, task_name) = (shape.scenarios[scenario].clone(), shape.tasks[task].name.clone());
        Some(TrialFigure {
            measure: measure.into(),
            scenario: scenario_name,
            task: task_name,
            other_task: String::new(),
            value: losses.mean(scenario, task)?,
        })
    };
    cells.filter_map(figure).collect()
}

fn visits(rows: usize) -> TrialFigure {
    let everything = || "*".to_owned();
    TrialFigure {
        measure: "rows visited".into(),
        scenario: everything(),
        task: everything(),
        other_task: String::new(),
        value: rows as f64,
    }
}

fn cosine(shape: &Shape, conflict: &Conflict) -> TrialFigure {
    TrialFigure {
        measure: "gradient cosine".into(),
        scenario: conflict.scenario.map_or_else(|| "*".to_owned(), |scenario| shape.scenarios[scenario].clone()),
        task: shape.tasks[conflict.tasks.0].name.clone(),
        other_task: shape.tasks[conflict.tasks.1].name.clone(),
        value: conflict.cosine,
    }
}

/// The loss of each cell's own mean label, over the rows that [`heads::Heads::loss`] counts.
fn base_losses(network: &Network, shape: &Shape, blocks: &[Block<'_>]) -> Base {
    let tasks = network.tasks;
    let mut sums = vec![LabelSums::default(); (network.scenarios + 1) * tasks];
    for block in blocks {
        for row in 0..block.rows() {
            let cell = (block.scenario[row] as usize).min(network.scenarios) * tasks;
            for task in 0..tasks {
                if let Some((label, weight)) = feed::lesson(shape, block, task, row) {
                    sums[cell + task].add(label, weight);
                }
            }
        }
    }
    let of = |one: &dyn Fn(usize, &LabelSums) -> f64| {
        let mut losses = CellLosses::new(network.scenarios, tasks);
        for (at, labels) in sums.iter().enumerate().filter(|(_, labels)| labels.weight() > 0.0) {
            losses.weight[at] = labels.weight();
            losses.loss[at] = labels.weight() * one(at % tasks, labels);
        }
        losses
    };
    let heads = &network.heads;
    Base { loss: of(&|task, labels| heads.base_loss(task, labels)), scale: of(&|task, labels| heads.base_scale(task, labels)) }
}

impl Learner for Net {
    fn name(&self) -> &'static str {
        NAME
    }

    fn choose(&self, train: &Examples<'_>, valid: &Examples<'_>, progress: &dyn Progress) -> Result<Choice, LearnError> {
        check_examples(valid)?;
        let combinations = self.combinations();
        let mut search = Search::new();
        let mut kept = checkpoint::kept(progress, KEPT_CHOICE);
        if let Some(before) = kept.as_ref().and_then(|kept| self.searched(kept, train)) {
            progress.note(&format!("net: goes on after {}", before.trials.last().map_or("", |trial| trial.setting.as_str())));
            search = before;
        } else {
            kept = None;
        }
        for (at, (tasks, scenarios)) in combinations.iter().enumerate().skip(search.combination) {
            let (network, weights) = self.begin(train, *tasks, *scenarios)?;
            let base = base_losses(&network, valid.shape, &valid.blocks);
            let mut trainer = self.trainer(&network, train.shape, weights);
            match kept.take() {
                Some(kept) => kept.set(&mut trainer)?,
                None => search.next(at),
            }
            while trainer.passes() < self.train.epochs && search.since < self.train.patience {
                let pass = trainer.passes() + 1;
                let setting = format!("{} × {}, pass {pass}", word(tasks), word(scenarios));
                let learned = trainer.pass(&train.blocks, &format!("net: {setting}"), progress);
                let judged = trainer.evaluate(&valid.blocks);
                let ratios = relative_losses(&network, &judged, &base);
                let loss = relative_loss(&ratios);
                if !loss.is_finite() {
                    return Err(LearnError::Library {
                        learner: NAME,
                        message: format!("training diverged in pass {pass}: lower train.rate"),
                    });
                }
                let mut figures = curves("training loss", train.shape, &learned);
                figures.extend(curves("validation loss", train.shape, &judged));
                figures.extend(self.prepare.samples().then(|| visits(trainer.visited)));
                figures.extend(trainer.conflicts(&train.blocks).iter().map(|conflict| cosine(train.shape, conflict)));
                let lowest_of_all = search.best.as_ref().map(|best| search.trials[best.trial].loss);
                search.trials.push(Trial { setting: setting.clone(), loss, chosen: false, figures });
                if loss < search.lowest {
                    (search.lowest, search.since) = (loss, 0);
                    if lowest_of_all.is_none_or(|lowest| loss < lowest) {
                        let chosen = Chosen { tasks: *tasks, scenarios: *scenarios, passes: pass };
                        search.best = Some(Best { chosen, trial: search.trials.len() - 1, weights: Some(trainer.weights.clone()) });
                    }
                } else {
                    search.since += 1;
                }
                progress.note(&told(&setting, train.shape, (loss, search.lowest), &ratios));
                checkpoint::keep(progress, KEPT_CHOICE, train.shape, &trainer, Some(&search));
            }
        }
        let Search { mut trials, best, .. } = search;
        let Some(Best { chosen, trial, weights: Some(weights) }) = best else {
            return Err(LearnError::Library { learner: NAME, message: "no pass gave a finite loss".into() });
        };
        trials[trial].chosen = true;
        let learner = Self { chosen: Some(chosen), ..self.clone() };
        let (network, _) = self.begin(train, chosen.tasks, chosen.scenarios)?;
        let model = NetModel::new(train.shape.clone(), &self.form, (chosen.tasks, chosen.scenarios), network, weights, &train.blocks);
        Ok(Choice { learner: Box::new(learner), model: Box::new(model), trials })
    }

    fn prepared(&self, prepare: &Prepare) -> Result<Option<Box<dyn Learner>>, LearnError> {
        prepare.check()?;
        Ok(Some(Box::new(Self { prepare: *prepare, ..self.clone() })))
    }

    fn visited(&self, rows: &Examples<'_>) -> Option<Vec<u64>> {
        Some(epoch::visited(&self.prepare, rows.shape, &rows.blocks, (self.seed, 0)))
    }

    fn compared(&self, sharing: Sharing, rows: usize) -> Option<Box<dyn Learner>> {
        let chosen = self.chosen?;
        let scenarios = match sharing {
            Sharing::Chosen => chosen.scenarios,
            Sharing::Pooled => ScenarioSharing::None,
        };
        let form = NetSettings { task_sharing: vec![chosen.tasks], scenario_sharing: vec![scenarios], ..self.form.clone() };
        let batch = self.train.batch.min((rows / COMPARED_STEPS).max(LEAST_BATCH));
        let train = TrainSettings {
            epochs: self.train.epochs.max(COMPARED_PASSES),
            patience: 2,
            batch,
            warmup_steps: self.train.warmup_steps.min(COMPARED_STEPS / 2),
            warm_start: false,
            ..self.train.clone()
        };
        Some(Box::new(Self { form, train, prepare: self.prepare, seed: self.seed, chosen: None }))
    }

    fn chosen(&self) -> Option<Choices> {
        let chosen = self.chosen?;
        let place = self.combinations().iter().position(|own| *own == (chosen.tasks, chosen.scenarios))?;
        let words = format!("{} × {}, {} passes", word(&chosen.tasks), word(&chosen.scenarios), chosen.passes);
        Some(Choices { numbers: vec![place as f64, chosen.passes as f64], words })
    }

    fn settled(&self, choices: &[Choices]) -> Box<dyn Learner> {
        let combinations = self.combinations();
        let took = |place: usize| choices.iter().filter(move |choice| choice.numbers.first().is_some_and(|own| *own as usize == place));
        // `max_by_key` takes the last of equals, and the first is wanted.
        let most = (0..combinations.len()).rev().max_by_key(|place| took(*place).count());
        let chosen = most.and_then(|place| {
            let passes = lower_median(took(place).filter_map(|choice| choice.numbers.get(1).copied()))?;
            Some(Chosen { tasks: combinations[place].0, scenarios: combinations[place].1, passes: passes as usize })
        });
        Box::new(Self { chosen, ..self.clone() })
    }

    fn fit(&self, rows: &Examples<'_>, progress: &dyn Progress) -> Result<Box<dyn Model>, LearnError> {
        let chosen = self.chosen.unwrap_or(Chosen {
            tasks: self.form.task_sharing[0],
            scenarios: self.form.scenario_sharing[0],
            passes: self.train.epochs,
        });
        let (network, weights) = self.begin(rows, chosen.tasks, chosen.scenarios)?;
        let mut trainer = self.trainer(&network, rows.shape, weights);
        if let Some(kept) = checkpoint::kept(progress, KEPT_REFIT)
            && kept.set(&mut trainer).is_ok()
        {
            progress.note(&format!("net: refit goes on after pass {}", trainer.passes()));
        }
        while trainer.passes() < chosen.passes {
            trainer.pass(&rows.blocks, &format!("net: refit, pass {} of {}", trainer.passes() + 1, chosen.passes), progress);
            checkpoint::keep(progress, KEPT_REFIT, rows.shape, &trainer, None);
        }
        let weights = trainer.weights;
        Ok(Box::new(NetModel::new(rows.shape.clone(), &self.form, (chosen.tasks, chosen.scenarios), network, weights, &rows.blocks)))
    }
}

/// Names under which a run's progress keeps the state of the search and of the refit.
const KEPT_CHOICE: &str = "net-choice";
const KEPT_REFIT: &str = "net-refit";

/// A setting's word in `job.toml`.
fn word(setting: &impl serde::Serialize) -> String {
    serde_json::to_value(setting).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}
