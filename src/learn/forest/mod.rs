//! The learner `forest`: trees per task on the shared features, stacked on the linear model's outputs. The challenger.
//!
//! In: encoded rows. Out: one forest per task. Fitted on a seeded sample that holds every cell; the linear outputs of the
//! sample come from a model that never saw the row's entity. Contributions are `shapley`'s.

mod tree;

use ndarray::{Array2, ArrayViewMut2};
use rand::seq::SliceRandom as _;
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::design::{Design, Use, taught};
use super::linear::{Half, LinearModel, LinearParams, LinearSettings, LinearValidParams};
use super::rows::{Block, Shape, TaskKind};
use super::saved::{Tensors, pack, unpack};
use super::{
    Attribution, Choice, Choices, Examples, LearnError, Learner, Model, Progress, Saved, Trial, check_room, check_shape, lower_median,
};
use linfa::ParamGuard as _;
use tree::Trees;

/// The learner's word.
pub(super) const NAME: &str = "forest";
/// Probabilities are kept this far from 0 and 1 before their log-odds are taken: a forest of a few dozen trees knows no finer.
const CLIP: f64 = 1e-4;

/// Settings of the learner: the section `[forest]` of `job.toml`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ForestSettings {
    /// Rows that the trees of a task are fitted on, at most; every cell has its share.
    pub rows: usize,
    /// Trees per task.
    pub trees: usize,
    /// Depths that are tried on the validation night.
    pub depths: Vec<u16>,
    /// Depth in force.
    #[serde(skip, default = "first_depth")]
    pub depth: u16,
    /// Rows of a leaf, at least.
    pub min_leaf: usize,
}

fn first_depth() -> u16 {
    8
}

struct Forest {
    settings: ForestSettings,
    linear: LinearValidParams,
    seed: u64,
}

/// The learner `forest`.
///
/// # Errors
/// [`LearnError::Parameter`] naming the key.
pub fn forest(settings: ForestSettings, linear: LinearSettings, seed: u64) -> Result<Box<dyn Learner>, LearnError> {
    let bad = |key, value: usize, domain| Err(LearnError::Parameter { key, value: value.to_string(), domain });
    if settings.rows < 100 {
        return bad("forest.rows", settings.rows, "100 and more");
    }
    if settings.trees == 0 || settings.trees > 1000 {
        return bad("forest.trees", settings.trees, "1 to 1000");
    }
    if settings.depths.is_empty() || settings.depths.iter().any(|depth| !(1..=16).contains(depth)) {
        return Err(LearnError::Parameter {
            key: "forest.depths",
            value: format!("{:?}", settings.depths),
            domain: "a list of depths from 1 to 16",
        });
    }
    if settings.min_leaf == 0 {
        return bad("forest.min_leaf", 0, "1 and more");
    }
    let linear = LinearParams::new(linear).check()?;
    Ok(Box::new(Forest { settings, linear, seed }))
}

/// A dense sample of a task: rows of [`width`] columns, labels on the learner's scale, weights.
struct Sample {
    x: Vec<Vec<f32>>,
    y: Vec<f64>,
    weights: Vec<f64>,
    of: usize,
}

struct ForestModel {
    shape: Shape,
    linear: LinearModel,
    trees: Vec<Trees>,
    sampled: Vec<(usize, usize)>,
}

#[derive(Debug, Serialize, Deserialize)]
struct Parts {
    design: Design,
    /// Trees and nodes of each task.
    sizes: Vec<(usize, usize)>,
    /// Rows used, and rows there were, of each task.
    sampled: Vec<(usize, usize)>,
}

/// Columns that a tree may split on: the design's terms, the scenario (one column each), the linear outputs.
fn width(shape: &Shape, design: &Design) -> usize {
    design.terms.len() + shape.scenarios.len() + shape.tasks.len()
}

/// The tree's columns for a block. Shape: `[rows][width]`.
fn columns(shape: &Shape, design: &Design, block: &Block<'_>, purpose: Use, linear: &Array2<f32>) -> Result<Vec<Vec<f32>>, LearnError> {
    let terms = design.expand(block, shape, purpose)?;
    Ok((0..block.rows())
        .map(|row| {
            let mut out: Vec<f32> = terms.column(row).to_vec();
            out.extend((0..shape.scenarios.len()).map(|scenario| f32::from(u8::from(block.scenario[row] as usize == scenario))));
            out.extend(linear.row(row));
            out
        })
        .collect())
}

impl Forest {
    /// Fits on `rows` with one depth.
    fn fit_depth(&self, rows: &Examples<'_>, linear: LinearModel, samples: &[Sample], depth: u16) -> Result<ForestModel, LearnError> {
        let settings = ForestSettings { depth, ..self.settings.clone() };
        let trees = samples
            .par_iter()
            .enumerate()
            .map(|(task, sample)| tree::fit(&sample.x, &sample.y, &sample.weights, &settings, self.seed + task as u64));
        let trees = trees.collect::<Result<Vec<_>, _>>()?;
        Ok(ForestModel {
            shape: rows.shape.clone(),
            linear,
            trees,
            sampled: samples.iter().map(|sample| (sample.y.len(), sample.of)).collect(),
        })
    }

    /// The samples of all tasks. A row's linear outputs come from the half of the entities that it does not belong to.
    fn samples(&self, rows: &Examples<'_>, design: &Design, progress: &dyn Progress) -> Result<Vec<Sample>, LearnError> {
        let even = self.linear.fit_half(rows, design, Half::Even, progress)?;
        let odd = self.linear.fit_half(rows, design, Half::Odd, progress)?;
        let chosen: Vec<Vec<Vec<usize>>> = (0..rows.shape.tasks.len()).map(|task| self.draw(rows, task)).collect();
        let mut samples: Vec<Sample> = chosen.iter().map(|_| Sample { x: Vec::new(), y: Vec::new(), weights: Vec::new(), of: 0 }).collect();
        for (at, block) in rows.blocks.iter().enumerate() {
            for (task, sample) in samples.iter_mut().enumerate() {
                let wanted = &chosen[task][at];
                let mut next = wanted.iter().peekable();
                let mut picked = Vec::new();
                for (row, label, weight) in taught(rows.shape, block, task) {
                    sample.of += 1;
                    if next.next_if(|wanted| **wanted == row).is_some() {
                        picked.push(row);
                        sample.y.push(label);
                        sample.weights.push(weight);
                    }
                }
                for row in picked {
                    let one = block.slice(row, row + 1);
                    let other = if Half::Even.holds(one.entity[0]) { &odd } else { &even };
                    let mut linear = Array2::zeros((1, rows.shape.tasks.len()));
                    other.raw_for(&one, Use::Learn, linear.view_mut())?;
                    sample.x.extend(columns(rows.shape, design, &one, Use::Learn, &linear)?);
                }
            }
            progress.at("forest: sample", at as u64 + 1, rows.blocks.len() as u64);
        }
        Ok(samples)
    }

    /// Rows of each block that are drawn for a task: each cell gets an equal share of the cap, what small cells leave over goes
    /// to the large ones. Rows are ascending within a block.
    fn draw(&self, rows: &Examples<'_>, task: usize) -> Vec<Vec<usize>> {
        let scenarios = rows.shape.scenarios.len() + 1;
        let mut cells: Vec<Vec<(usize, usize)>> = vec![Vec::new(); scenarios];
        for (at, block) in rows.blocks.iter().enumerate() {
            for (row, _, _) in taught(rows.shape, block, task) {
                cells[(block.scenario[row] as usize).min(scenarios - 1)].push((at, row));
            }
        }
        let mut random = ChaCha8Rng::seed_from_u64(self.seed ^ random_stream(task));
        let mut order: Vec<usize> = (0..scenarios).collect();
        order.sort_by_key(|cell| cells[*cell].len());
        let mut left = self.settings.rows;
        let mut drawn = vec![Vec::new(); rows.blocks.len()];
        for (done, cell) in order.into_iter().enumerate() {
            let share = (left / (scenarios - done)).min(cells[cell].len());
            cells[cell].partial_shuffle(&mut random, share);
            // partial_shuffle puts what it drew at the end of the slice.
            let from = cells[cell].len() - share;
            for (at, row) in &cells[cell][from..] {
                drawn[*at].push(*row);
            }
            left -= share;
        }
        for rows in &mut drawn {
            rows.sort_unstable();
        }
        drawn
    }
}

/// A stream of its own for each task.
fn random_stream(task: usize) -> u64 {
    ChaCha8Rng::seed_from_u64(task as u64).r#gen()
}

impl Learner for Forest {
    fn name(&self) -> &'static str {
        NAME
    }

    fn choose(&self, train: &Examples<'_>, valid: &Examples<'_>, progress: &dyn Progress) -> Result<Choice, LearnError> {
        let (linear, fitted, mut trials) = self.linear.choose_linear(train, valid, progress)?;
        let chosen = Self { settings: self.settings.clone(), linear, seed: self.seed };
        let samples = chosen.samples(train, fitted.design(), progress)?;
        let (mut lowest, mut winner) = (f64::INFINITY, None);
        for (at, depth) in self.settings.depths.iter().enumerate() {
            let model = chosen.fit_depth(train, fitted.clone(), &samples, *depth)?;
            let loss = validation_loss(&model, valid)?;
            trials.push(Trial {
                setting: format!("depth {depth}, sample of {}", sample_text(train.shape, &samples)),
                loss,
                chosen: false,
                figures: Vec::new(),
            });
            progress.at("forest: depths", at as u64 + 1, self.settings.depths.len() as u64);
            if loss < lowest {
                (lowest, winner) = (loss, Some((*depth, model, trials.len() - 1)));
            }
        }
        let Some((depth, model, at)) = winner else {
            return Err(LearnError::Library { learner: NAME, message: "no depth gave a finite loss".into() });
        };
        trials[at].chosen = true;
        let settings = ForestSettings { depth, depths: vec![depth], ..self.settings.clone() };
        Ok(Choice { learner: Box::new(Self { settings, linear: chosen.linear, seed: self.seed }), model: Box::new(model), trials })
    }

    fn chosen(&self) -> Option<Choices> {
        let penalties = self.linear.penalties()?;
        let depth = self.settings.depths[0];
        let numbers = std::iter::once(f64::from(depth)).chain(penalties.iter().copied()).collect();
        let told: Vec<String> = penalties.iter().map(f64::to_string).collect();
        Some(Choices { numbers, words: format!("depth {depth}, penalties of the linear part {}", told.join(", ")) })
    }

    fn settled(&self, choices: &[Choices]) -> Box<dyn Learner> {
        let depth = lower_median(choices.iter().filter_map(|choice| choice.numbers.first().copied()));
        let depth = depth.map_or(self.settings.depths[0], |depth| depth as u16);
        let linear = self.linear.middle(&choices.iter().filter_map(|choice| choice.numbers.get(1..)).collect::<Vec<_>>());
        Box::new(Self { settings: ForestSettings { depth, depths: vec![depth], ..self.settings.clone() }, linear, seed: self.seed })
    }

    fn fit(&self, rows: &Examples<'_>, progress: &dyn Progress) -> Result<Box<dyn Model>, LearnError> {
        let linear = self.linear.fit_all(rows, progress)?;
        let samples = self.samples(rows, linear.design(), progress)?;
        Ok(Box::new(self.fit_depth(rows, linear, &samples, self.settings.depths[0])?))
    }
}

fn sample_text(shape: &Shape, samples: &[Sample]) -> String {
    let parts = shape.tasks.iter().zip(samples).map(|(task, sample)| format!("{} {} of {} rows", task.name, sample.y.len(), sample.of));
    parts.collect::<Vec<_>>().join(", ")
}

/// Mean over the cells of `1 − R²` on the learner's own scale.
fn validation_loss(model: &ForestModel, valid: &Examples<'_>) -> Result<f64, LearnError> {
    let shape = valid.shape;
    let mut cells = vec![[0.0_f64; 5]; shape.tasks.len() * shape.scenarios.len()];
    for block in &valid.blocks {
        let means = model.means(block)?;
        for task in 0..shape.tasks.len() {
            for (row, label, weight) in taught(shape, block, task) {
                let Some(cell) = cells.get_mut(block.scenario[row] as usize * shape.tasks.len() + task) else { continue };
                let error = label - means[[row, task]];
                cell[0] += weight;
                cell[1] += weight * label;
                cell[2] += weight * label * label;
                cell[3] += weight * error * error;
                cell[4] += 1.0;
            }
        }
    }
    let losses: Vec<f64> = cells
        .iter()
        .filter_map(|[n, sum, square, error, rows]| {
            let spread = square - sum * sum / n;
            (*rows >= 2.0 && spread > 1e-9 * n).then_some(error / spread)
        })
        .collect();
    Ok(if losses.is_empty() { 1.0 } else { losses.iter().sum::<f64>() / losses.len() as f64 })
}

impl ForestModel {
    /// Means over the trees, on the learner's scale. Shape: `[rows, tasks]`.
    fn means(&self, block: &Block<'_>) -> Result<Array2<f64>, LearnError> {
        check_shape(&self.shape, block)?;
        let tasks = self.shape.tasks.len();
        let parts: Vec<Block<'_>> = block.parts(1024).collect();
        let done = parts.par_iter().map(|part| {
            let mut linear = Array2::zeros((part.rows(), tasks));
            self.linear.raw_for(part, Use::Predict, linear.view_mut())?;
            let rows = columns(&self.shape, self.linear.design(), part, Use::Predict, &linear)?;
            Ok(rows.iter().flat_map(|row| self.trees.iter().map(|trees| trees.predict(row)).collect::<Vec<_>>()).collect::<Vec<f64>>())
        });
        let means = done.collect::<Result<Vec<_>, LearnError>>()?.concat();
        Array2::from_shape_vec((block.rows(), tasks), means).map_err(|error| LearnError::Shape(error.to_string()))
    }
}

impl Model for ForestModel {
    fn learner(&self) -> &'static str {
        NAME
    }

    fn shape(&self) -> &Shape {
        &self.shape
    }

    fn raw(&self, block: &Block<'_>, mut out: ArrayViewMut2<'_, f32>) -> Result<(), LearnError> {
        check_room(&self.shape, block, &out)?;
        let means = self.means(block)?;
        for (task, spec) in self.shape.tasks.iter().enumerate() {
            for row in 0..block.rows() {
                let mean = means[[row, task]];
                out[[row, task]] = if spec.kind == TaskKind::Binary {
                    let p = mean.clamp(CLIP, 1.0 - CLIP);
                    (p / (1.0 - p)).ln() as f32
                } else {
                    mean as f32
                };
            }
        }
        Ok(())
    }

    fn attribute(&self, block: &Block<'_>) -> Option<Result<Attribution, LearnError>> {
        Some(super::shapley::shapley(self, block))
    }

    fn attribution_is_dear(&self) -> bool {
        true
    }

    fn save(&self) -> Saved {
        let mut tensors = Tensors::default();
        self.linear.put(&mut tensors, "linear_");
        for (task, trees) in self.trees.iter().enumerate() {
            trees.put(&mut tensors, task);
        }
        let sizes = self.trees.iter().map(|trees| (trees.trees(), trees.nodes())).collect();
        pack(NAME, &self.shape, Parts { design: self.linear.design().clone(), sizes, sampled: self.sampled.clone() }, &tensors)
    }
}

/// Loads a forest.
///
/// # Errors
/// [`LearnError::Saved`] saying what is wrong.
pub(super) fn load(saved: &Saved) -> Result<impl Model + use<>, LearnError> {
    let (head, tensors) = unpack::<Parts>(saved)?;
    if head.of.sizes.len() != head.shape.tasks.len() {
        return Err(LearnError::Saved("there is not one forest per task".into()));
    }
    let linear = LinearModel::get(&tensors, "linear_", head.shape.clone(), head.of.design)?;
    let columns = width(&head.shape, linear.design());
    let trees = head
        .of
        .sizes
        .iter()
        .enumerate()
        .map(|(task, (trees, nodes))| Trees::get(&tensors, task, *trees, *nodes, columns))
        .collect::<Result<_, _>>()?;
    Ok(ForestModel { shape: head.shape, linear, trees, sampled: head.of.sampled })
}
