//! The learner `net`: the multi-scenario multi-task network, in fused code of our own.
//!
//! In: encoded rows, any number. Out: a model that shares features across tasks and scenarios. Task sharing (shared bottom,
//! MMoE, PLE) and scenario sharing (none, STAR, PEPNet) combine freely; which combination and how many passes is chosen on the
//! validation night, then the network is trained again on all rows.

mod attribute;
mod balance;
mod dense;
mod feed;
mod gate_unit;
mod heads;
mod input;
mod mixture;
mod model;
mod network;
mod optimise;
mod settings;
mod sgemm;
mod tables;
#[cfg(test)]
mod tests;
mod tower;
mod train;
mod weights;

use super::design::taught;
use super::rows::{Block, Shape, TaskKind};
use super::{Choice, Examples, LearnError, Learner, Model, Progress, Trial, TrialFigure, check_examples};
use heads::CellLosses;
use model::NetModel;
use network::{Network, Weights};
use train::{Conflict, Trainer};

pub(super) use model::load;
pub use settings::{Balance, NetSettings, Optimizer, ScenarioSharing, TaskSharing, TrainSettings};

/// The learner's word.
pub(super) const NAME: &str = "net";

/// The learner: its form, how it learns, and what was chosen.
#[derive(Debug, Clone)]
struct Net {
    form: NetSettings,
    train: TrainSettings,
    seed: u64,
    chosen: Option<Chosen>,
}

/// What the validation night decided.
#[derive(Debug, Clone, Copy)]
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
    Ok(Box::new(Net { form, train, seed, chosen: None }))
}

/// Mixes the bits of a counter (the finaliser of `SplitMix64`: Steele, Lea and Flood 2014, figure 16).
fn mix(counter: u64) -> u64 {
    let mut bits = counter.wrapping_add(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}

/// Sums of labels, on the scale on which they are learned, by cell. Shape: `[scenarios + 1, tasks]`.
struct LabelSums {
    tasks: usize,
    sums: Vec<[f64; 3]>,
}

impl LabelSums {
    fn of(examples: &Examples<'_>) -> Self {
        let (tasks, scenarios) = (examples.shape.tasks.len(), examples.shape.scenarios.len());
        let mut sums = vec![[0.0; 3]; (scenarios + 1) * tasks];
        for block in &examples.blocks {
            for task in 0..tasks {
                for (row, label, weight) in taught(examples.shape, block, task) {
                    let [n, sum, square] = &mut sums[(block.scenario[row] as usize).min(scenarios) * tasks + task];
                    *n += weight;
                    *sum += weight * label;
                    *square += weight * label * label;
                }
            }
        }
        Self { tasks, sums }
    }

    /// Weight, mean and mean square of a task's labels.
    fn task(&self, task: usize) -> (f64, f64, f64) {
        let (mut n, mut sum, mut square) = (0.0, 0.0, 0.0);
        for [own_n, own_sum, own_square] in self.sums.iter().skip(task).step_by(self.tasks) {
            n += own_n;
            sum += own_sum;
            square += own_square;
        }
        (n, sum / f64::max(n, 1e-12), square / f64::max(n, 1e-12))
    }
}

impl Net {
    /// A network laid out for these rows, and fresh weights.
    fn begin(&self, examples: &Examples<'_>, tasks: TaskSharing, scenarios: ScenarioSharing) -> Result<(Network, Weights), LearnError> {
        check_examples(examples)?;
        let shape = examples.shape;
        let mut network = Network::new(shape, &self.form, tasks, scenarios, self.train.invariance > 0.0);
        let labels = LabelSums::of(examples);
        let mut bias = Vec::new();
        for (task, spec) in shape.tasks.iter().enumerate() {
            let (n, mean, square) = labels.task(task);
            if n <= 0.0 {
                return Err(LearnError::NoRows(format!(
                    "no row teaches task `{}`: every label is missing, or the task before it never happened",
                    spec.name
                )));
            }
            if spec.kind == TaskKind::Binary {
                let p = mean.clamp(1e-4, 1.0 - 1e-4);
                bias.push((p / (1.0 - p)).ln() as f32);
            } else {
                let spread = (square - mean * mean).max(0.0).sqrt();
                network.heads.heads[task].centre = mean as f32;
                network.heads.heads[task].spread = if spread > 1e-6 { spread as f32 } else { 1.0 };
                bias.push(0.0);
            }
        }
        let weights = network.begin(&bias, self.seed);
        Ok((network, weights))
    }
}

/// Mean over the cells of a loss over that of knowing only the cell's own mean label: 1 is as good as knowing nothing else.
fn relative_loss(network: &Network, losses: &CellLosses, base: &CellLosses) -> f64 {
    let mut ratios = Vec::new();
    for scenario in 0..network.scenarios {
        for task in 0..network.tasks {
            if let (Some(loss), Some(base)) = (losses.mean(scenario, task), base.mean(scenario, task))
                && base > 1e-9
            {
                ratios.push(loss / base);
            }
        }
    }
    if ratios.is_empty() { 1.0 } else { ratios.iter().sum::<f64>() / ratios.len() as f64 }
}

/// The mean loss of every cell.
fn curves(measure: &'static str, shape: &Shape, losses: &CellLosses) -> Vec<TrialFigure> {
    let cells = (0..shape.scenarios.len()).flat_map(|scenario| (0..shape.tasks.len()).map(move |task| (scenario, task)));
    let figure = |(scenario, task): (usize, usize)| {
        let (scenario_name, task_name) = (shape.scenarios[scenario].clone(), shape.tasks[task].name.clone());
        Some(TrialFigure {
            measure,
            scenario: scenario_name,
            task: task_name,
            other_task: String::new(),
            value: losses.mean(scenario, task)?,
        })
    };
    cells.filter_map(figure).collect()
}

fn cosine(shape: &Shape, conflict: &Conflict) -> TrialFigure {
    TrialFigure {
        measure: "gradient cosine",
        scenario: conflict.scenario.map_or_else(|| "*".to_owned(), |scenario| shape.scenarios[scenario].clone()),
        task: shape.tasks[conflict.tasks.0].name.clone(),
        other_task: shape.tasks[conflict.tasks.1].name.clone(),
        value: conflict.cosine,
    }
}

/// The loss of each cell's own mean label, over the rows that [`heads::Heads::loss`] counts.
fn base_losses(network: &Network, shape: &Shape, blocks: &[Block<'_>]) -> CellLosses {
    let tasks = network.tasks;
    let mut sums = vec![[0.0_f64; 3]; (network.scenarios + 1) * tasks];
    for block in blocks {
        for row in 0..block.rows() {
            let cell = (block.scenario[row] as usize).min(network.scenarios) * tasks;
            for task in 0..tasks {
                let label = f64::from(feed::taught(shape, block, task, row));
                let weight = block.weights[task].map_or(1.0, |weights| f64::from(weights[row]));
                if !label.is_nan() {
                    let [n, sum, square] = &mut sums[cell + task];
                    *n += weight;
                    *sum += weight * label;
                    *square += weight * label * label;
                }
            }
        }
    }
    let mut base = CellLosses::new(network.scenarios, tasks);
    for (at, [n, sum, square]) in sums.into_iter().enumerate().filter(|(_, [n, ..])| *n > 0.0) {
        base.weight[at] = n;
        base.loss[at] = n * network.heads.base_loss(at % tasks, sum / n, square / n);
    }
    base
}

impl Learner for Net {
    fn name(&self) -> &'static str {
        NAME
    }

    fn choose(&self, train: &Examples<'_>, valid: &Examples<'_>, progress: &dyn Progress) -> Result<Choice, LearnError> {
        check_examples(valid)?;
        let mut trials = Vec::new();
        let mut best: Option<(f64, Chosen, Network, Weights, usize)> = None;
        for tasks in &self.form.task_sharing {
            for scenarios in &self.form.scenario_sharing {
                let (network, weights) = self.begin(train, *tasks, *scenarios)?;
                let base = base_losses(&network, valid.shape, &valid.blocks);
                let mut trainer = Trainer::new(&network, train.shape, &self.train, weights, self.seed);
                let mut lowest = f64::INFINITY;
                let mut since = 0;
                for pass in 1..=self.train.epochs {
                    let learned = trainer.pass(&train.blocks, &format!("net: pass {pass}"), progress);
                    let judged = trainer.evaluate(&valid.blocks);
                    let loss = relative_loss(&network, &judged, &base);
                    if !loss.is_finite() {
                        return Err(LearnError::Library {
                            learner: NAME,
                            message: format!("training diverged in pass {pass}: lower train.rate"),
                        });
                    }
                    let mut figures = curves("training loss", train.shape, &learned);
                    figures.extend(curves("validation loss", train.shape, &judged));
                    figures.extend(trainer.conflicts(&train.blocks).iter().map(|conflict| cosine(train.shape, conflict)));
                    trials.push(Trial {
                        setting: format!("{} × {}, pass {pass}", word(tasks), word(scenarios)),
                        loss,
                        chosen: false,
                        figures,
                    });
                    if loss < lowest {
                        (lowest, since) = (loss, 0);
                        if best.as_ref().is_none_or(|(best, ..)| loss < *best) {
                            let chosen = Chosen { tasks: *tasks, scenarios: *scenarios, passes: pass };
                            best = Some((loss, chosen, network.clone(), trainer.weights.clone(), trials.len() - 1));
                        }
                    } else {
                        since += 1;
                        if since >= self.train.patience {
                            break;
                        }
                    }
                }
            }
        }
        let Some((_, chosen, network, weights, at)) = best else {
            return Err(LearnError::Library { learner: NAME, message: "no pass gave a finite loss".into() });
        };
        trials[at].chosen = true;
        let learner = Self { chosen: Some(chosen), ..self.clone() };
        let model = NetModel::new(train.shape.clone(), &self.form, (chosen.tasks, chosen.scenarios), network, weights, &train.blocks);
        Ok(Choice { learner: Box::new(learner), model: Box::new(model), trials })
    }

    fn fit(&self, rows: &Examples<'_>, progress: &dyn Progress) -> Result<Box<dyn Model>, LearnError> {
        let chosen = self.chosen.unwrap_or(Chosen {
            tasks: self.form.task_sharing[0],
            scenarios: self.form.scenario_sharing[0],
            passes: self.train.epochs,
        });
        let (network, weights) = self.begin(rows, chosen.tasks, chosen.scenarios)?;
        let mut trainer = Trainer::new(&network, rows.shape, &self.train, weights, self.seed);
        for pass in 1..=chosen.passes {
            trainer.pass(&rows.blocks, &format!("net: refit, pass {pass} of {}", chosen.passes), progress);
        }
        let weights = trainer.weights;
        Ok(Box::new(NetModel::new(rows.shape.clone(), &self.form, (chosen.tasks, chosen.scenarios), network, weights, &rows.blocks)))
    }
}

/// A setting's word in `job.toml`.
fn word(setting: &impl serde::Serialize) -> String {
    serde_json::to_value(setting).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}
