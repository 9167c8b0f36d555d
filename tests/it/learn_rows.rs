//! Rows to learn from, made for the conformance suite: six days of a small shop with every kind of field, three scenarios, a
//! chain of tasks, two kinds of regression, missing labels and weights, and a planted signal.
//!
//! In: a day. Out: blocks, as `features` would encode them, and their shape. The same numbers on every machine.

use polytask::learn::rows::{Block, Column, Field, FieldKind, Shape, Task, TaskKind};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

pub const SCENARIOS: [&str; 3] = ["home", "search", "mail"];
pub const CLICK: usize = 0;
pub const BUY: usize = 1;
pub const SPEND: usize = 2;
pub const MARGIN: usize = 3;
/// Place of each field in [`Day::block`].
pub const SIZE: usize = 0;
pub const STEADY: usize = 1;
pub const COLOUR: usize = 2;
pub const PRODUCT: usize = 3;
pub const SAME: usize = 4;
pub const TITLE: usize = 5;
pub const LOOK: usize = 6;
/// More products than a learner would give a column each.
pub const PRODUCTS: u32 = 60;
pub const BUCKETS: u32 = 128;
pub const WIDTH: usize = 3;
pub const HORIZON: i32 = 7;

/// The rows of one as-of date.
#[derive(Debug, Clone, Default)]
pub struct Day {
    pub as_of: i32,
    pub entity: Vec<u64>,
    pub scenario: Vec<u16>,
    pub size: Vec<f32>,
    /// The same number in every row.
    pub steady: Vec<f32>,
    pub colour: Vec<u32>,
    pub product: Vec<u32>,
    /// The same entry in every row.
    pub same: Vec<u32>,
    pub offsets: Vec<i32>,
    pub buckets: Vec<u32>,
    pub look: Vec<f32>,
    /// Shape: `[tasks][rows]`.
    pub labels: [Vec<f32>; 4],
    /// Of the task `buy`; the others weigh every row 1.
    pub weights: Vec<f32>,
}

fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + (-x).exp())
}

impl Day {
    /// `rows` rows whose labels follow size, colour, product, title and look, in `search` more steeply than elsewhere.
    pub fn new(as_of: i32, rows: usize) -> Self {
        let mut dice = ChaCha8Rng::seed_from_u64(as_of as u64 + 17);
        let mut day = Self { as_of, offsets: vec![0], ..Self::default() };
        for _ in 0..rows {
            let scenario = [0, 0, 1, 2][dice.gen_range(0..4)];
            let size: f32 = if dice.gen_bool(0.1) { f32::NAN } else { dice.gen_range(-2.0..2.0) };
            let colour: u32 = dice.gen_range(1..5);
            let product: u32 = dice.gen_range(2..PRODUCTS + 2);
            let words: Vec<u32> = (0..dice.gen_range(0..5)).map(|_| dice.gen_range(0..BUCKETS)).collect();
            let look: [f32; WIDTH] =
                if dice.gen_bool(0.1) { [f32::NAN; WIDTH] } else { std::array::from_fn(|_| dice.gen_range(-1.0..1.0)) };
            let present = |value: f32| if value.is_nan() { 0.0 } else { value };
            let slope = if scenario == 1 { 1.6 } else { 0.8 };
            // Every third product is liked, every third is not.
            let liked = [-0.9, 0.0, 0.9][product as usize % 3];
            let tone = [0.0, -0.3, -0.6, 0.0, 0.6][colour as usize];
            let shout = if words.iter().any(|word| *word < 16) { 0.7 } else { 0.0 };
            let mean = slope * present(size) + liked + tone + shout + 0.8 * present(look[0]);
            let click = dice.gen_bool(f64::from(sigmoid(mean - 0.2)));
            let buy = click && dice.gen_bool(f64::from(sigmoid(mean)));
            let spend = (2.0 + 0.5 * mean + dice.gen_range(-0.6..0.6_f32)).exp_m1().max(0.0);
            let margin = 3.0 * present(size) - 2.0 * present(look[1]) + dice.gen_range(-1.0..1.0);
            day.entity.push(dice.gen_range(0..200));
            day.scenario.push(scenario);
            day.size.push(size);
            day.steady.push(4.0);
            day.colour.push(colour);
            day.product.push(product);
            day.same.push(2);
            day.buckets.extend(words);
            day.offsets.push(day.buckets.len() as i32);
            day.look.extend(look);
            day.labels[CLICK].push(if dice.gen_bool(0.05) { f32::NAN } else { f32::from(u8::from(click)) });
            day.labels[BUY].push(f32::from(u8::from(buy)));
            day.labels[SPEND].push(if buy { spend } else { 0.0 });
            day.labels[MARGIN].push(if dice.gen_bool(0.3) { f32::NAN } else { margin });
            day.weights.push([0.5, 1.0, 2.0][dice.gen_range(0..3)]);
        }
        day
    }

    pub fn rows(&self) -> usize {
        self.scenario.len()
    }

    /// The rows at `places`, in that order.
    pub fn take(&self, places: &[usize]) -> Self {
        let mut day = Self { as_of: self.as_of, offsets: vec![0], ..Self::default() };
        for row in places.iter().copied() {
            day.entity.push(self.entity[row]);
            day.scenario.push(self.scenario[row]);
            day.size.push(self.size[row]);
            day.steady.push(self.steady[row]);
            day.colour.push(self.colour[row]);
            day.product.push(self.product[row]);
            day.same.push(self.same[row]);
            day.buckets.extend(&self.buckets[self.offsets[row] as usize..self.offsets[row + 1] as usize]);
            day.offsets.push(day.buckets.len() as i32);
            day.look.extend(&self.look[row * WIDTH..(row + 1) * WIDTH]);
            for (own, labels) in day.labels.iter_mut().zip(&self.labels) {
                own.push(labels[row]);
            }
            day.weights.push(self.weights[row]);
        }
        day
    }

    /// The rows with labels, as a learner is taught.
    pub fn block(&self) -> Block<'_> {
        Block {
            labels: self.labels.iter().map(Vec::as_slice).collect(),
            weights: vec![None, Some(&self.weights), None, None],
            ..self.unlabelled()
        }
    }

    /// The rows without labels, as a model scores them.
    pub fn unlabelled(&self) -> Block<'_> {
        Block {
            as_of: self.as_of,
            entity: &self.entity,
            scenario: &self.scenario,
            columns: vec![
                Column::Numeric(&self.size),
                Column::Numeric(&self.steady),
                Column::Categorical(&self.colour),
                Column::Categorical(&self.product),
                Column::Categorical(&self.same),
                Column::Text { offsets: &self.offsets, buckets: &self.buckets },
                Column::Vector(&self.look),
            ],
            labels: Vec::new(),
            weights: Vec::new(),
        }
    }
}

/// Five days to learn from.
pub fn train() -> Vec<Day> {
    (0..5).map(|at| Day::new(20_000 + at * HORIZON, 700)).collect()
}

/// A day to choose on, and one to be measured on.
pub fn valid() -> Day {
    Day::new(20_042, 900)
}

pub fn held_out() -> Day {
    Day::new(20_056, 1500)
}

/// What an encoder fitted on these days would say of them.
pub fn shape(days: &[Day]) -> Shape {
    let rows = days.iter().map(Day::rows).sum::<usize>() as f32;
    let numeric = |of: &dyn Fn(&Day) -> Vec<f32>| {
        let mut values: Vec<f32> = days.iter().flat_map(of).filter(|value| !value.is_nan()).collect();
        values.sort_by(f32::total_cmp);
        let mean = values.iter().sum::<f32>() / values.len() as f32;
        let std = (values.iter().map(|value| (value - mean).powi(2)).sum::<f32>() / values.len() as f32).sqrt();
        let mut knots: Vec<f32> = (0..16).map(|at| values[(values.len() - 1) * at / 15]).collect();
        knots.dedup();
        FieldKind::Numeric { knots, mean, std, missing: 1.0 - values.len() as f32 / rows }
    };
    let categorical = |entries: u32, of: &dyn Fn(&Day) -> Vec<u32>| {
        let mut share = vec![0.0; entries as usize];
        days.iter().flat_map(of).for_each(|entry| share[entry as usize] += 1.0 / rows);
        FieldKind::Categorical { entries, share }
    };
    let task = |name: &str, kind, after| Task { name: name.into(), kind, after, alpha: 1.0 };
    let kinds = [
        ("size", numeric(&|day| day.size.clone())),
        ("steady", numeric(&|day| day.steady.clone())),
        ("colour", categorical(5, &|day| day.colour.clone())),
        ("product", categorical(PRODUCTS + 2, &|day| day.product.clone())),
        ("same", categorical(3, &|day| day.same.clone())),
        ("title", FieldKind::Text { buckets: BUCKETS }),
        ("look", FieldKind::Vector { width: WIDTH as u32 }),
    ];
    Shape {
        scenarios: SCENARIOS.map(str::to_owned).to_vec(),
        tasks: vec![
            task("click", TaskKind::Binary, None),
            task("buy", TaskKind::Binary, Some(CLICK)),
            task("spend", TaskKind::RegressionLog1p, Some(BUY)),
            task("margin", TaskKind::Regression, None),
        ],
        fields: kinds.into_iter().map(|(name, kind)| Field { name: name.into(), kind }).collect(),
        horizon_days: HORIZON,
    }
}
