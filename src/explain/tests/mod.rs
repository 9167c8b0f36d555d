//! Proofs of the explanations on planted worlds: models whose parts are known, and learned ones.

mod groups;
mod importance;
mod learned;
mod opinions;
mod permutation;
mod shapes;
mod told;

use ndarray::{Array3, ArrayViewMut2};
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution as _, StandardNormal};

use crate::learn::rows::{Block, Column, Field, FieldKind, Shape, Task, TaskKind};
use crate::learn::{Attribution, LearnError, Model, Progress, Saved};

struct Silent;

impl Progress for Silent {
    fn at(&self, _: &str, _: u64, _: u64) {}
}

fn random(seed: u64) -> ChaCha8Rng {
    ChaCha8Rng::seed_from_u64(seed)
}

fn normal(random: &mut ChaCha8Rng) -> f32 {
    StandardNormal.sample(random)
}

/// Numeric features `x0`, `x1`, …; a binary task `click` and an amount `spend`; scenarios `home` and `search`.
fn shape(fields: usize) -> Shape {
    let numeric = |at: usize| Field {
        name: format!("x{at}"),
        kind: FieldKind::Numeric { knots: vec![-1.5, -0.5, 0.0, 0.5, 1.5], mean: 0.0, std: 1.0, missing: 0.0 },
    };
    let task = |name: &str, kind| Task { name: name.into(), kind, after: None, alpha: 1.0 };
    Shape {
        scenarios: vec!["home".into(), "search".into()],
        tasks: vec![task("click", TaskKind::Binary), task("spend", TaskKind::Regression)],
        fields: (0..fields).map(numeric).collect(),
        horizon_days: 7,
    }
}

/// Owned rows of one night.
struct Rows {
    entity: Vec<u64>,
    scenario: Vec<u16>,
    x: Vec<Vec<f32>>,
    labels: Vec<Vec<f32>>,
}

impl Rows {
    /// Independent standard normal features, two rows an entity; no labels.
    fn new(rows: usize, fields: usize, seed: u64) -> Self {
        let mut random = random(seed);
        Self {
            entity: (0..rows as u64).map(|row| seed * 1_000_003 + row / 2).collect(),
            scenario: (0..rows).map(|_| random.gen_range(0..2)).collect(),
            x: (0..fields).map(|_| (0..rows).map(|_| normal(&mut random)).collect()).collect(),
            labels: Vec::new(),
        }
    }

    /// Labels from a model's raw outputs: clicks by their logit, amounts with noise of standard deviation 1.
    fn labelled(mut self, model: &Toy, seed: u64) -> Self {
        let mut random = random(seed);
        let raw = super::asked::raw(model, &self.block()).unwrap();
        let click = raw[0].iter().map(|raw| f32::from(u8::from(random.r#gen::<f32>() < sigmoid(*raw)))).collect();
        let spend = raw[1].iter().map(|raw| raw + normal(&mut random)).collect();
        self.labels = vec![click, spend];
        self
    }

    fn block(&self) -> Block<'_> {
        Block {
            as_of: 0,
            entity: &self.entity,
            scenario: &self.scenario,
            columns: self.x.iter().map(|values| Column::Numeric(values)).collect(),
            labels: self.labels.iter().map(Vec::as_slice).collect(),
            weights: vec![None; self.labels.len()],
        }
    }
}

fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + (-x).exp())
}

/// What is published for toys: clicks by the sigmoid, amounts as they are.
fn published(raw: &[Vec<f32>], _: &[u16]) -> Vec<Vec<f64>> {
    vec![raw[0].iter().map(|raw| f64::from(sigmoid(*raw))).collect(), raw[1].iter().map(|raw| f64::from(*raw)).collect()]
}

/// `f = Σ w·x + more(x)`, missing values as 0; its contributions are those of the sum.
struct Toy {
    shape: Shape,
    /// Shape: `[tasks][fields]`.
    weights: [Vec<f32>; 2],
    more: fn(&[f32]) -> f32,
}

impl Toy {
    fn new(weights: &[f32]) -> Self {
        Self { shape: shape(weights.len()), weights: [weights.to_vec(), weights.to_vec()], more: |_| 0.0 }
    }
}

fn values(block: &Block<'_>, row: usize) -> Vec<f32> {
    let value = |column: &Column<'_>| match column {
        Column::Numeric(values) if values[row].is_nan() => 0.0,
        Column::Numeric(values) => values[row],
        Column::Categorical(entries) => entries[row] as f32,
        _ => 0.0,
    };
    block.columns.iter().map(value).collect()
}

impl Model for Toy {
    fn learner(&self) -> &'static str {
        "toy"
    }

    fn shape(&self) -> &Shape {
        &self.shape
    }

    fn raw(&self, block: &Block<'_>, mut out: ArrayViewMut2<'_, f32>) -> Result<(), LearnError> {
        for row in 0..block.rows() {
            let x = values(block, row);
            for (task, weights) in self.weights.iter().enumerate() {
                out[[row, task]] = weights.iter().zip(&x).map(|(weight, x)| weight * x).sum::<f32>() + (self.more)(&x);
            }
        }
        Ok(())
    }

    fn attribute(&self, block: &Block<'_>) -> Option<Result<Attribution, LearnError>> {
        let empty = || Array3::zeros((block.rows(), 2, self.shape.fields.len() + 1));
        let mut found = Attribution { base: vec![0.0; 2], values: empty(), shared: empty(), scenario_part: empty(), task_part: empty() };
        for row in 0..block.rows() {
            for (task, weights) in self.weights.iter().enumerate() {
                for (field, (weight, x)) in weights.iter().zip(values(block, row)).enumerate() {
                    found.values[[row, task, field]] = weight * x;
                }
            }
        }
        Some(Ok(found))
    }

    fn save(&self) -> Saved {
        Saved { json: String::new(), tensors: Vec::new() }
    }
}

/// The importance of a model on some rows.
fn importance_of(model: &dyn Model, block: &Block<'_>) -> Vec<super::importance::Importance> {
    let mut importance = super::importance::ImportanceAccumulator::new(model.shape());
    importance.add(block, &model.attribute(block).unwrap().unwrap(), &super::asked::raw(model, block).unwrap());
    importance.finish()
}
