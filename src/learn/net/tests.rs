//! Proofs of the network: slopes against finite differences, planted worlds, catch-up against dense Adam, threads, saving.

mod conflict;
mod contributions;
mod going_on;
mod heads;
mod prepared;

use ndarray::Array2;
use rand::Rng as _;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution as _, StandardNormal};

use super::super::rows::{Block, Column, Field, FieldKind, Shape, Task, TaskKind, UNSEEN_SCENARIO};
use super::super::{Examples, Model, Progress};
use super::augment::unmix;
use super::dense::Noise;
use super::feed::{Feed, runs, stream};
use super::heads::CellLosses;
use super::network::{Network, Weights};
use super::predict::predict;
use super::settings::{Balance, NetSettings, Optimizer, ScenarioSharing, TaskSharing, TrainSettings};
use super::sgemm::MatMut;
use super::train::Trainer;
use super::{load, net};

const TASK_SHARING: [TaskSharing; 3] = [TaskSharing::SharedBottom, TaskSharing::Mmoe, TaskSharing::Ple];
const SCENARIO_SHARING: [ScenarioSharing; 3] = [ScenarioSharing::None, ScenarioSharing::Star, ScenarioSharing::Pepnet];

pub(super) struct Silent;

impl Progress for Silent {
    fn at(&self, _: &str, _: u64, _: u64) {}
}

pub(crate) fn form() -> NetSettings {
    NetSettings {
        task_sharing: vec![TaskSharing::Mmoe],
        scenario_sharing: vec![ScenarioSharing::None],
        embedding: 4,
        numeric_embedding: 2,
        experts: 3,
        task_experts: 1,
        levels: 2,
        expert_layers: vec![12, 6],
        tower_layers: vec![5],
        gate_width: 4,
    }
}

pub(crate) fn plain_training() -> TrainSettings {
    TrainSettings {
        optimizer: Optimizer::Adam,
        rate: 0.01,
        batch: 256,
        epochs: 8,
        patience: 3,
        warmup_steps: 0,
        rate_decay: 1.0,
        weight_decay: 0.0,
        embedding_decay: 0.0,
        scenario_decay: 0.0,
        dropout: 0.0,
        id_dropout: 0.0,
        balance: Balance::Fixed,
        warm_start: false,
        invariance: 0.0,
    }
}

/// Owned rows of one as-of date.
pub(super) struct Rows {
    pub(super) shape: Shape,
    entity: Vec<u64>,
    pub(super) scenario: Vec<u16>,
    pub(super) numbers: Vec<Vec<f32>>,
    category: Vec<u32>,
    offsets: Vec<i32>,
    buckets: Vec<u32>,
    vector: Vec<f32>,
    pub(super) labels: Vec<Vec<f32>>,
    pub(super) weights: Vec<Option<Vec<f32>>>,
}

fn binary(name: &str, after: Option<usize>) -> Task {
    Task { name: name.into(), kind: TaskKind::Binary, after, alpha: 1.0 }
}

pub(super) fn normal(random: &mut ChaCha8Rng) -> f32 {
    StandardNormal.sample(random)
}

pub(super) fn chance(p: f32, random: &mut ChaCha8Rng) -> f32 {
    f32::from(u8::from(random.r#gen::<f32>() < p))
}

pub(super) fn sigmoid(x: f32) -> f32 {
    1.0 / (1.0 + (-x).exp())
}

impl Rows {
    /// Every kind of field and label, and a chain.
    pub(super) fn everything(rows: usize, seed: u64) -> Self {
        let mut random = stream(seed, 9);
        let knots: Vec<f32> = (-4..=4).map(|knot| knot as f32 / 2.0).collect();
        let numeric =
            |name: &str| Field { name: name.into(), kind: FieldKind::Numeric { knots: knots.clone(), mean: 0.0, std: 1.0, missing: 0.1 } };
        let shape = Shape {
            scenarios: vec!["home".into(), "search".into(), "cart".into()],
            tasks: vec![
                binary("click", None),
                binary("buy", Some(0)),
                Task { name: "spend".into(), kind: TaskKind::RegressionLog1p, after: Some(1), alpha: 0.5 },
                Task { name: "rating".into(), kind: TaskKind::Regression, after: None, alpha: 1.0 },
                Task { name: "visits".into(), kind: TaskKind::Count, after: None, alpha: 1.0 },
                Task { name: "basket".into(), kind: TaskKind::ZeroInflated, after: Some(0), alpha: 0.7 },
            ],
            fields: vec![
                numeric("price"),
                numeric("age"),
                Field { name: "brand".into(), kind: FieldKind::Categorical { entries: 12, share: vec![1.0 / 12.0; 12] } },
                Field { name: "title".into(), kind: FieldKind::Text { buckets: 10 } },
                Field { name: "image".into(), kind: FieldKind::Vector { width: 3 } },
            ],
            horizon_days: 7,
        };
        let mut own = Self {
            shape,
            entity: Vec::new(),
            scenario: Vec::new(),
            numbers: vec![Vec::new(); 2],
            category: Vec::new(),
            offsets: vec![0],
            buckets: Vec::new(),
            vector: Vec::new(),
            labels: vec![Vec::new(); 6],
            weights: vec![None, None, None, Some(Vec::new()), None, None],
        };
        for row in 0..rows {
            let scenario = random.gen_range(0..3_u16);
            let price = normal(&mut random);
            let brand = random.gen_range(0..12_u32);
            own.entity.push(row as u64 / 4);
            own.scenario.push(scenario);
            own.numbers[0].push(if random.gen_bool(0.1) { f32::NAN } else { price });
            own.numbers[1].push(normal(&mut random));
            own.category.push(brand);
            let words = random.gen_range(0..4);
            (0..words).for_each(|_| own.buckets.push(random.gen_range(0..10)));
            own.offsets.push(own.buckets.len() as i32);
            let missing = random.gen_bool(0.1);
            (0..3).for_each(|_| own.vector.push(if missing { f32::NAN } else { normal(&mut random) }));
            let click = chance(sigmoid(price + if brand > 6 { 1.0 } else { -1.0 }), &mut random);
            let buy = if click > 0.5 { chance(sigmoid(0.5 + price - f32::from(scenario)), &mut random) } else { 0.0 };
            own.labels[0].push(click);
            own.labels[1].push(buy);
            own.labels[2].push(if buy > 0.5 { (2.0 + price).exp() } else { 0.0 });
            own.labels[3].push(if random.gen_bool(0.2) { f32::NAN } else { 3.0 + 0.5 * price });
            let visits: f32 = rand_distr::Poisson::new((0.4 + 0.6 * price).exp()).map_or(0.0, |visits| visits.sample(&mut random));
            own.labels[4].push(visits);
            let filled = click > 0.5 && random.gen_bool(0.6);
            own.labels[5].push(if filled { (1.0 + 0.5 * price + 0.4 * normal(&mut random)).exp() } else { 0.0 });
            if let Some(weights) = &mut own.weights[3] {
                weights.push(random.gen_range(0.0..2.0));
            }
        }
        own
    }

    /// Two numbers and two binary tasks whose labels `label` makes of the row's numbers and scenario.
    pub(super) fn planted(
        rows: usize,
        seed: u64,
        scenarios: &[f32],
        label: impl Fn(&[f32; 4], usize, &mut ChaCha8Rng) -> [f32; 2],
    ) -> Self {
        let mut random = stream(seed, 9);
        let knots: Vec<f32> = (-4..=4).map(|knot| knot as f32 / 2.0).collect();
        let field = |at: usize| Field {
            name: format!("x{at}"),
            kind: FieldKind::Numeric { knots: knots.clone(), mean: 0.0, std: 1.0, missing: 0.0 },
        };
        let shape = Shape {
            scenarios: (0..scenarios.len()).map(|at| format!("s{at}")).collect(),
            tasks: vec![binary("a", None), binary("b", None)],
            fields: (0..4).map(field).collect(),
            horizon_days: 7,
        };
        let mut own = Self {
            shape,
            entity: (0..rows as u64).collect(),
            scenario: Vec::new(),
            numbers: vec![Vec::new(); 4],
            category: Vec::new(),
            offsets: Vec::new(),
            buckets: Vec::new(),
            vector: Vec::new(),
            labels: vec![Vec::new(); 2],
            weights: vec![None, None],
        };
        for _ in 0..rows {
            let mut pick = random.r#gen::<f32>() * scenarios.iter().sum::<f32>();
            let scenario = scenarios.iter().position(|share| {
                pick -= share;
                pick < 0.0
            });
            let scenario = scenario.unwrap_or(0);
            let x = [normal(&mut random), normal(&mut random), normal(&mut random), normal(&mut random)];
            own.scenario.push(scenario as u16);
            own.numbers.iter_mut().zip(x).for_each(|(column, x)| column.push(x));
            own.labels.iter_mut().zip(label(&x, scenario, &mut random)).for_each(|(column, y)| column.push(y));
        }
        own
    }

    pub(super) fn block(&self) -> Block<'_> {
        let mut columns: Vec<Column<'_>> = self.numbers.iter().map(|column| Column::Numeric(column)).collect();
        if !self.category.is_empty() {
            columns.push(Column::Categorical(&self.category));
            columns.push(Column::Text { offsets: &self.offsets, buckets: &self.buckets });
            columns.push(Column::Vector(&self.vector));
        }
        Block {
            as_of: 20_000,
            entity: &self.entity,
            scenario: &self.scenario,
            columns,
            labels: self.labels.iter().map(Vec::as_slice).collect(),
            weights: self.weights.iter().map(Option::as_deref).collect(),
        }
    }

    pub(super) fn examples(&self) -> Examples<'_> {
        Examples::new(&self.shape, vec![self.block()])
    }
}

/// Weights off their beginnings, so that no part of the network is at rest.
fn shaken(network: &Network, seed: u64) -> Weights {
    let bias: Vec<Vec<f32>> = network.heads.tasks.iter().map(|head| vec![0.1; head.width]).collect();
    let mut weights = network.begin(&bias, seed);
    let mut random = stream(seed, 3);
    weights.dense.iter_mut().for_each(|weight| *weight += 0.2 * normal(&mut random));
    weights.tables.iter_mut().flat_map(|table| table.iter_mut()).for_each(|weight| *weight += 0.5 * normal(&mut random));
    network.prepare(&mut weights);
    weights
}

/// The loss of all rows, each task's scaled.
fn total(network: &Network, weights: &mut Weights, feed: &Feed, order: &[u32], scale: &[f32]) -> f64 {
    network.prepare(weights);
    let mut space = network.workspace(order.len());
    network.forward(weights, feed, order, &mut space);
    network.loss(feed, order, scale, &mut space);
    (0..network.tasks)
        .map(|task| f64::from(scale[task]) * (0..=network.scenarios).map(|at| space.losses.loss[at * network.tasks + task]).sum::<f64>())
        .sum()
}

/// Compares every matrix's slope along a random direction with a finite difference. `prepare` changes the window before.
#[track_caller]
fn slopes_are_right(tasks: TaskSharing, scenarios: ScenarioSharing, prepare: fn(&mut Feed, &mut [u32])) {
    let rows = Rows::everything(96, 5);
    let mut network = Network::new(&rows.shape, &form(), tasks, scenarios, false);
    network.heads.tasks[2].centre = 1.0;
    network.heads.tasks[3].spread = 0.7;
    let mut weights = shaken(&network, 11);
    // PEPNet's gates look at the inputs without a slope: with these weights at 0 a finite difference does not see them either.
    for named in
        network.layout.named.iter().filter(|named| ["gate_inputs.hidden.weight", "gate_units.hidden.weight"].contains(&named.name.as_str()))
    {
        named.slot.of_mut(&mut weights.dense).fill(0.0);
    }
    let blocks = [rows.block()];
    let mut feed = Feed::default();
    feed.fill(&network.input, &rows.shape, &blocks, &runs(&blocks, 32), None);
    let mut order: Vec<u32> = (0..96).collect();
    order.sort_by_key(|row| feed.scenario[*row as usize]);
    prepare(&mut feed, &mut order);
    let scale = [0.02_f32, 0.03, 0.05, 0.01, 0.02, 0.04];
    let mut gradients = network.gradients();
    let mut space = network.workspace(order.len());
    let mut dx = vec![0.0; order.len() * network.input.width];
    network.forward(&weights, &feed, &order, &mut space);
    network.loss(&feed, &order, &scale, &mut space);
    network.backward(&weights, &feed, &order, 0.0, &mut space, &mut gradients, MatMut::new(&mut dx, order.len(), network.input.width));
    network.collect(&weights.dense, &mut gradients);
    if !feed.partners.is_empty() {
        let mixed = dx.clone();
        unmix(&feed, &order, &mixed, network.input.width, &mut dx);
    }
    let mut random = stream(1, 1);
    let step = 5e-4_f32;
    let middle = total(&network, &mut weights, &feed, &order, &scale);
    let check = |name: &str, found: f64, up: f64, down: f64| {
        let [up, down] = [up - middle, middle - down].map(|change| change / f64::from(step));
        // Single precision leaves about 1e-7 of the loss (some 3) in each evaluation, over a step of 5e-4. A unit that crosses the kink of
        // relu on the way does so on one side: there the other side is right.
        let right = |expected: f64| (found - expected).abs() < 2e-3 + 0.02 * expected.abs();
        assert!(
            [up.midpoint(down), up, down].into_iter().any(right),
            "{tasks:?} × {scenarios:?}, {name}: {found} instead of {up} upwards and {down} downwards"
        );
    };
    for named in &network.layout.named {
        let direction: Vec<f32> = (0..named.slot.rows * named.slot.cols).map(|_| normal(&mut random)).collect();
        let length = direction.iter().map(|d| d * d).sum::<f32>().sqrt();
        let moved = |by: f32| {
            let mut weights = weights.clone();
            named.slot.of_mut(&mut weights.dense).iter_mut().zip(&direction).for_each(|(weight, d)| *weight += by * d / length);
            total(&network, &mut weights, &feed, &order, &scale)
        };
        let found: f64 = named.slot.of(&gradients.weights).iter().zip(&direction).map(|(g, d)| f64::from(g * d / length)).sum();
        check(&named.name, found, moved(step), moved(-step));
    }
    for table in 0..network.input.tables.len() {
        let mut slopes = vec![0.0_f32; weights.tables[table].len()];
        let columns = network.input.table_columns(table);
        network.input.touch(table, &feed, &order, |row, entry, factor| {
            let slope = &dx[row * network.input.width..][columns.clone()];
            let at = entry as usize * columns.len();
            slopes[at..at + columns.len()].iter_mut().zip(slope).for_each(|(sum, slope)| *sum += factor * slope);
        });
        let direction: Vec<f32> = slopes.iter().map(|_| normal(&mut random)).collect();
        let length = direction.iter().map(|d| d * d).sum::<f32>().sqrt();
        let mut moved = |by: f32| {
            weights.tables[table].iter_mut().zip(&direction).for_each(|(weight, d)| *weight += by * d / length);
            total(&network, &mut weights, &feed, &order, &scale)
        };
        let up = moved(step);
        let down = moved(-2.0 * step);
        moved(step);
        let found: f64 = slopes.iter().zip(&direction).map(|(g, d)| f64::from(g * d / length)).sum();
        check("a table", found, up, down);
    }
}

#[test]
fn every_slope_agrees_with_a_finite_difference() {
    for tasks in TASK_SHARING {
        for scenarios in SCENARIO_SHARING {
            slopes_are_right(tasks, scenarios, |_, _| {});
        }
    }
}

#[test]
fn gradient_reversal_turns_the_features_slope_around() {
    let rows = Rows::everything(64, 5);
    let network = Network::new(&rows.shape, &form(), TaskSharing::Mmoe, ScenarioSharing::None, true);
    let weights = shaken(&network, 3);
    let blocks = [rows.block()];
    let mut feed = Feed::default();
    feed.fill(&network.input, &rows.shape, &blocks, &runs(&blocks, 32), None);
    let order: Vec<u32> = (0..64).collect();
    let pass = |strength: f32| {
        let mut gradients = network.gradients();
        let mut space = network.workspace(64);
        let mut dx = vec![0.0; 64 * network.input.width];
        network.forward(&weights, &feed, &order, &mut space);
        network.loss(&feed, &order, &[0.0; 6], &mut space);
        network.backward(&weights, &feed, &order, strength, &mut space, &mut gradients, MatMut::new(&mut dx, 64, network.input.width));
        (network.guess_loss(&weights, &feed, &order), gradients)
    };
    let (before, gradients) = pass(1.0);
    // A step against the guesser's own slope makes it tell better; a step against the features' makes it tell worse.
    let shared = network.layout.shared;
    let stepped = |range: std::ops::Range<usize>| {
        let mut moved = weights.clone();
        moved.dense[range.clone()].iter_mut().zip(&gradients.weights[range]).for_each(|(weight, slope)| *weight -= 1e-5 * slope);
        network.guess_loss(&moved, &feed, &order)
    };
    assert!(stepped(shared..network.layout.len) < before);
    assert!(stepped(0..shared) > before);
    assert!(pass(0.0).1.weights.iter().all(|slope| *slope == 0.0));
}

/// A few mini-batches of training on rows whose ids come and go.
fn trained_tables(settings: &TrainSettings, every_step: bool) -> (Vec<f32>, Vec<f32>) {
    let rows = Rows::everything(400, 8);
    let network = Network::new(&rows.shape, &form(), TaskSharing::Mmoe, ScenarioSharing::None, false);
    let weights = shaken(&network, 2);
    let blocks = [rows.block()];
    let mut feed = Feed::default();
    feed.fill(&network.input, &rows.shape, &blocks, &runs(&blocks, 32), None);
    let mut trainer = Trainer::new(&network, &rows.shape, settings, weights, 7);
    let mut losses = CellLosses::new(network.scenarios, network.tasks);
    let mut random = stream(1, 1);
    for step in 0..120_u32 {
        // Four rows a step: most brands wait for many steps.
        let batch: Vec<u32> = (0..4).map(|row| (step * 4 + row) % 400).collect();
        let mut batch = batch;
        batch.sort_by_key(|row| feed.scenario[*row as usize]);
        trainer.step(&feed, &batch, &mut random, &mut losses);
        if every_step {
            trainer.flush();
        }
    }
    trainer.flush();
    (trainer.weights.tables.iter().flat_map(|table| table.to_vec()).collect(), trainer.weights.dense.clone())
}

#[test]
fn rows_that_catch_up_end_where_dense_adam_ends() {
    // Flushing after every step moves every row in every step: that is dense Adam.
    for decay in [0.0, 0.1] {
        let settings = TrainSettings { embedding_decay: decay, ..plain_training() };
        let (lazy, dense) = (trained_tables(&settings, false), trained_tables(&settings, true));
        let farthest = lazy.0.iter().zip(&dense.0).map(|(a, b)| (a - b).abs()).fold(0.0_f32, f32::max);
        let moved = dense.0.iter().map(|value| value.abs()).fold(0.0_f32, f32::max);
        // Both compute the same sum in another order, in single precision, and then train on with the difference.
        assert!(farthest < 2e-4 * moved.max(1.0), "decay {decay}: {farthest} of {moved}");
    }
}

#[test]
fn the_number_of_threads_changes_no_bit() {
    let rows = Rows::everything(3000, 1);
    let settings =
        TrainSettings { epochs: 2, dropout: 0.2, id_dropout: 0.1, balance: Balance::Pcgrad, invariance: 0.1, ..plain_training() };
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
        pool.install(|| net(form(), settings.clone(), 3).expect("settings").fit(&rows.examples(), &Silent).expect("a model").save())
    };
    let one = run(1);
    assert_eq!(one, run(2));
    assert_eq!(one, run(5));
}

#[test]
fn every_combination_and_balance_learns_saves_and_loads() {
    let rows = Rows::everything(1500, 4);
    for tasks in TASK_SHARING {
        for scenarios in SCENARIO_SHARING {
            let form = NetSettings { task_sharing: vec![tasks], scenario_sharing: vec![scenarios], ..form() };
            for balance in [Balance::Fixed, Balance::Uncertainty, Balance::Dwa, Balance::Gradnorm, Balance::Pcgrad] {
                let settings = TrainSettings { epochs: 3, balance, ..plain_training() };
                let choice = net(form.clone(), settings, 3)
                    .expect("settings")
                    .choose(&rows.examples(), &rows.examples(), &Silent)
                    .expect("a choice");
                let loss = choice.trials.iter().map(|trial| trial.loss).fold(f64::INFINITY, f64::min);
                assert!(loss < 1.0, "{tasks:?} × {scenarios:?}, {balance:?}: no better than the base rate ({loss})");
                let model = choice.model;
                let loaded = load(&model.save()).expect("a model");
                let (mut a, mut b) = (Array2::zeros((1500, 6)), Array2::zeros((1500, 6)));
                model.raw(&rows.block(), a.view_mut()).expect("outputs");
                loaded.raw(&rows.block(), b.view_mut()).expect("outputs");
                assert_eq!(a, b);
            }
        }
    }
}

#[test]
fn scoring_under_every_scenario_agrees_with_serving_there() {
    let rows = Rows::everything(300, 4);
    for tasks in TASK_SHARING {
        for scenarios in SCENARIO_SHARING {
            let network = Network::new(&rows.shape, &form(), tasks, scenarios, false);
            let weights = shaken(&network, 6);
            let (_, under) = predict(&network, &rows.shape, &weights, &rows.block(), true);
            for scenario in 0..3 {
                let served = vec![scenario as u16; 300];
                let (own, _) = predict(&network, &rows.shape, &weights, &rows.block().under(&served), false);
                for row in 0..300 {
                    for task in 0..6 {
                        let (a, b) = (own[row * 6 + task], under[(row * 3 + scenario) * 6 + task]);
                        assert!((a - b).abs() < 1e-4 * a.abs().max(1.0), "{tasks:?} × {scenarios:?}: {a} {b}");
                    }
                }
            }
        }
    }
}

/// Mean log loss of task `task` in scenario `scenario` (all of them for `None`) against the labels.
pub(super) fn log_loss(model: &dyn Model, rows: &Rows, task: usize, scenario: Option<u16>) -> f64 {
    let n = rows.scenario.len();
    let mut raw = Array2::zeros((n, rows.shape.tasks.len()));
    model.raw(&rows.block(), raw.view_mut()).expect("outputs");
    let picked: Vec<usize> =
        (0..n).filter(|row| scenario.is_none_or(|wanted| rows.scenario[*row] == wanted) && !rows.labels[task][*row].is_nan()).collect();
    let loss = |row: &usize| {
        let p = f64::from(sigmoid(raw[[*row, task]])).clamp(1e-7, 1.0 - 1e-7);
        let y = f64::from(rows.labels[task][*row]);
        -(y * p.ln() + (1.0 - y) * (1.0 - p).ln())
    };
    picked.iter().map(loss).sum::<f64>() / picked.len() as f64
}

pub(super) fn fitted(form: &NetSettings, settings: &TrainSettings, rows: &Rows, valid: &Rows) -> Box<dyn Model> {
    net(form.clone(), settings.clone(), 3).expect("settings").choose(&rows.examples(), &valid.examples(), &Silent).expect("a choice").model
}

/// A curved signal that takes many rows to learn.
fn curved(x: &[f32; 4]) -> f32 {
    2.0 * (x[0] * x[1]).tanh() + 1.5 * (2.0 * x[2]).sin() - x[3]
}

#[test]
fn a_task_with_few_labels_is_helped_by_a_related_one() {
    let world = |rows, seed, keep: f32| {
        Rows::planted(rows, seed, &[1.0], move |x, _, random| {
            let logit = 2.0 * curved(x);
            let kept = random.r#gen::<f32>() < keep;
            [chance(sigmoid(logit), random), if kept { chance(sigmoid(logit), random) } else { f32::NAN }]
        })
    };
    let form = NetSettings { expert_layers: vec![32, 16], tower_layers: vec![8], ..form() };
    let settings = TrainSettings { epochs: 12, ..plain_training() };
    let (train, valid, test) = (world(8000, 1, 0.03), world(2000, 2, 0.2), world(8000, 3, 1.0));
    let mut alone = world(8000, 1, 0.03);
    alone.labels[0] = alone.labels[1].clone();
    let mut alone_valid = world(2000, 2, 0.2);
    alone_valid.labels[0] = alone_valid.labels[1].clone();
    let shared = log_loss(fitted(&form, &settings, &train, &valid).as_ref(), &test, 1, None);
    let own = log_loss(fitted(&form, &settings, &alone, &alone_valid).as_ref(), &test, 1, None);
    assert!(shared < own - 0.02, "shared {shared}, alone {own}");
}

#[test]
fn a_small_scenario_is_helped_by_the_others() {
    let world = |rows, seed, shares: &'static [f32]| {
        Rows::planted(rows, seed, shares, move |x, scenario, random| {
            // The small scenario has the same signal, another level, and one effect turned around.
            let own = if scenario == 1 { 1.0 + 2.0 * x[3] } else { 0.0 };
            let p = sigmoid(2.0 * curved(x) + own);
            [chance(p, random), chance(p, random)]
        })
    };
    let settings = TrainSettings { epochs: 10, scenario_decay: 0.1, ..plain_training() };
    let (train, valid, test) = (world(12_000, 1, &[0.99, 0.01]), world(3000, 2, &[0.8, 0.2]), world(6000, 3, &[0.0, 1.0]));
    let (mut alone, mut alone_valid) = (world(12_000, 1, &[0.99, 0.01]), world(3000, 2, &[0.8, 0.2]));
    for rows in [&mut alone, &mut alone_valid] {
        for row in 0..rows.scenario.len() {
            if rows.scenario[row] == 0 {
                rows.labels.iter_mut().for_each(|labels| labels[row] = f32::NAN);
            }
        }
    }
    for scenarios in [ScenarioSharing::Star, ScenarioSharing::Pepnet] {
        let form = NetSettings { scenario_sharing: vec![scenarios], expert_layers: vec![32, 16], tower_layers: vec![8], ..form() };
        let shared = log_loss(fitted(&form, &settings, &train, &valid).as_ref(), &test, 0, Some(1));
        let own = log_loss(fitted(&form, &settings, &alone, &alone_valid).as_ref(), &test, 0, Some(1));
        assert!(shared < own - 0.02, "{scenarios:?}: shared {shared}, alone {own}");
    }
}

#[test]
fn a_scenario_never_seen_is_scored_by_the_shared_part() {
    let world = |rows, seed| {
        Rows::planted(rows, seed, &[0.5, 0.5], |x, scenario, random| {
            let p = sigmoid(2.0 * x[0] + if scenario == 0 { 0.5 } else { -0.5 });
            [chance(p, random), chance(p, random)]
        })
    };
    let (train, valid) = (world(6000, 1), world(2000, 2));
    let mut test = world(4000, 3);
    test.scenario.fill(UNSEEN_SCENARIO);
    for scenarios in SCENARIO_SHARING {
        let form = NetSettings { scenario_sharing: vec![scenarios], ..form() };
        let settings = TrainSettings { scenario_decay: 0.1, ..plain_training() };
        let loss = log_loss(fitted(&form, &settings, &train, &valid).as_ref(), &test, 0, None);
        // The base rate alone is worth ln 2 = 0.693.
        assert!(loss < 0.55, "{scenarios:?}: {loss}");
    }
}

#[test]
fn conflicting_tasks_disagree_and_related_ones_agree() {
    let cosine = |sign: f32| {
        let rows = Rows::planted(4000, 1, &[1.0], |x, _, random| {
            let logit = 3.0 * x[0];
            [chance(sigmoid(logit), random), chance(sigmoid(sign * logit), random)]
        });
        let network = Network::new(&rows.shape, &form(), TaskSharing::SharedBottom, ScenarioSharing::None, false);
        let weights = network.begin(&[vec![0.0], vec![0.0]], 3);
        let settings = plain_training();
        let mut weights_same_towers = weights;
        // Both towers alike: what is left is the disagreement of the labels.
        let copy = |from: &str, to: &str, weights: &mut Weights| {
            let find = |name: &str| network.layout.named.iter().find(|named| named.name == name).expect("a matrix").slot;
            let values = find(from).of(&weights.dense).to_vec();
            find(to).of_mut(&mut weights.dense).copy_from_slice(&values);
        };
        for part in ["layer0.weight", "head.weight"] {
            copy(&format!("tower.a.{part}"), &format!("tower.b.{part}"), &mut weights_same_towers);
        }
        let trainer = Trainer::new(&network, &rows.shape, &settings, weights_same_towers, 3);
        let found = trainer.conflicts(&[rows.block()]);
        found.iter().find(|conflict| conflict.scenario.is_none()).expect("a cosine").cosine
    };
    assert!(cosine(1.0) > 0.9 && cosine(-1.0) < -0.5, "{} {}", cosine(1.0), cosine(-1.0));
}

/// The fixture that tests/fixtures/torch/make.py writes.
#[derive(serde::Deserialize)]
struct Parity {
    rows: std::collections::BTreeMap<String, Vec<f64>>,
    cases: Vec<Case>,
}

#[derive(serde::Deserialize)]
struct Case {
    task_sharing: TaskSharing,
    scenario_sharing: ScenarioSharing,
    weights: std::collections::BTreeMap<String, Vec<f64>>,
    losses: Vec<f64>,
}

impl Parity {
    fn rows(&self) -> Rows {
        let floats = |name: &str| self.rows[name].iter().map(|value| *value as f32).collect::<Vec<f32>>();
        let ids = |name: &str| self.rows[name].iter().map(|value| *value as u32).collect::<Vec<u32>>();
        let knots = vec![-2.0, -1.0, -0.5, 0.0, 0.5, 1.0, 2.0];
        let number =
            |name: &str| Field { name: name.into(), kind: FieldKind::Numeric { knots: knots.clone(), mean: 0.0, std: 1.0, missing: 0.0 } };
        let category = |name: &str, entries: u32| Field {
            name: name.into(),
            kind: FieldKind::Categorical { entries, share: vec![0.1; entries as usize] },
        };
        let n = self.rows["user"].len();
        Rows {
            shape: Shape {
                scenarios: vec!["a".into(), "b".into(), "c".into()],
                tasks: vec![
                    binary("click", None),
                    binary("buy", Some(0)),
                    Task { name: "rating".into(), kind: TaskKind::Regression, after: None, alpha: 1.0 },
                ],
                fields: vec![category("user", 12), number("price"), category("brand", 7), number("age")],
                horizon_days: 7,
            },
            entity: vec![0; n],
            scenario: self.rows["scenario"].iter().map(|value| *value as u16).collect(),
            numbers: vec![floats("price"), floats("age")],
            category: ids("user"),
            offsets: Vec::new(),
            buckets: ids("brand"),
            vector: Vec::new(),
            labels: vec![floats("click"), floats("buy"), floats("rating")],
            weights: vec![None; 3],
        }
    }
}

#[test]
fn the_first_steps_lose_what_pytorch_loses() {
    let parity: Parity = serde_json::from_str(include_str!("../../../tests/fixtures/torch/parity.json")).expect("the fixture");
    let rows = parity.rows();
    let columns = vec![
        Column::Categorical(&rows.category),
        Column::Numeric(&rows.numbers[0]),
        Column::Categorical(&rows.buckets),
        Column::Numeric(&rows.numbers[1]),
    ];
    let blocks = [Block {
        as_of: 20_000,
        entity: &rows.entity,
        scenario: &rows.scenario,
        columns,
        labels: rows.labels.iter().map(Vec::as_slice).collect(),
        weights: vec![None; 3],
    }];
    let form = NetSettings {
        embedding: 3,
        numeric_embedding: 2,
        experts: 2,
        task_experts: 1,
        levels: 1,
        expert_layers: vec![6, 4],
        tower_layers: vec![3],
        gate_width: 2,
        ..form()
    };
    let settings = TrainSettings { rate: 0.01, batch: 32, ..plain_training() };
    assert_eq!(parity.cases.len(), 6);
    for case in &parity.cases {
        let mut network = Network::new(&rows.shape, &form, case.task_sharing, case.scenario_sharing, false);
        (network.heads.tasks[2].centre, network.heads.tasks[2].spread) = (3.0, 0.5);
        let mut weights = network.begin(&vec![vec![0.0]; 3], 1);
        let given =
            |name: &str| case.weights.get(name).unwrap_or_else(|| panic!("{name} is not in the fixture")).iter().map(|value| *value as f32);
        for named in &network.layout.named {
            let place = named.slot.of_mut(&mut weights.dense);
            assert_eq!(place.len(), given(&named.name).len(), "{}", named.name);
            place.iter_mut().zip(given(&named.name)).for_each(|(weight, given)| *weight = given);
        }
        for (table, values) in network.input.tables.iter().zip(&mut weights.tables) {
            values.iter_mut().zip(given(&format!("input.{}.embedding", table.name))).for_each(|(weight, given)| *weight = given);
        }
        assert_eq!(case.weights.len(), network.layout.named.len() + network.input.tables.len(), "a weight was left over");
        network.prepare(&mut weights);
        let mut feed = Feed::default();
        feed.fill(&network.input, &rows.shape, &blocks, &runs(&blocks, 32), None);
        let mut trainer = Trainer::new(&network, &rows.shape, &settings, weights, 1);
        let mut random = stream(1, 1);
        for (step, expected) in case.losses.iter().enumerate() {
            let batch: Vec<u32> = (step as u32 * 32..(step as u32 + 1) * 32).collect();
            let mut losses = CellLosses::new(3, 3);
            trainer.step(&feed, &batch, &mut random, &mut losses);
            let found: f64 = (0..3).filter_map(|task| losses.of_task(task)).sum();
            // PyTorch's fixture is in double precision; ours are single: twenty steps keep four digits.
            assert!(
                (found - expected).abs() < 1e-4 * expected,
                "{:?} × {:?}, step {step}: {found} instead of {expected}",
                case.task_sharing,
                case.scenario_sharing
            );
        }
    }
}

#[test]
fn dropout_keeps_the_mean() {
    let mut noise = Noise::new(0.3, 5);
    let kept = (0..100_000).filter(|_| noise.next() >= (0.3 * u32::MAX as f32) as u32).count();
    assert!((kept as f32 / 100_000.0 * noise.scale - 1.0).abs() < 0.01);
}
