//! Learned models: contributions against Shapley values by brute force, and whether they are faithful.

use super::super::asked::{raw, with};
use super::super::faithful::{Faithful, FaithfulSettings, faithful};
use super::super::importance::ImportanceAccumulator;
use super::{Rows, Silent, Toy, importance_of, shape};
use crate::learn::net::tests::{form, plain_training};
use crate::learn::rows::{Block, Column};
use crate::learn::{Examples, ForestSettings, LinearSettings, Model, NetSettings, TrainSettings, forest, linear, net};

const FIELDS: usize = 6;

fn world(rows: usize, seed: u64) -> Rows {
    let toy = Toy { more: |x| 0.8 * (x[2].max(0.0) - x[3].abs()), ..Toy::new(&[1.2, -0.8, 0.0, 0.3, 0.1, 0.0]) };
    Rows::new(rows, FIELDS, seed).labelled(&toy, seed + 1)
}

fn settings() -> LinearSettings {
    LinearSettings { penalties: vec![0.001], l1_ratio: 0.5, deviation: 0.5, ramps: 4, max_columns: 500, sweeps: 500 }
}

fn linear_model(rows: &Rows) -> Box<dyn Model> {
    linear(settings(), 1).unwrap().fit(&Examples::new(&shape(FIELDS), vec![rows.block()]), &Silent).unwrap()
}

fn net_settings() -> (NetSettings, TrainSettings) {
    (NetSettings { levels: 1, ..form() }, TrainSettings { epochs: 6, ..plain_training() })
}

fn net_model(rows: &Rows) -> Box<dyn Model> {
    let (form, train) = net_settings();
    net(form, train, 1).unwrap().fit(&Examples::new(&shape(FIELDS), vec![rows.block()]), &Silent).unwrap()
}

/// Interventional Shapley values: `Σ_S |S|! (n − |S| − 1)! / n! · (v(S ∪ i) − v(S))`, where `v(S)` is the mean raw output with the fields
/// of `S` from the row and the others from every training row in turn. Shape: `[fields]`.
fn shapley(model: &dyn Model, background: &Block<'_>, block: &Block<'_>, row: usize, task: usize) -> Vec<f64> {
    let served = vec![block.scenario[row]; background.rows()];
    let value = |fields: usize| {
        let mut asked = background.under(&served);
        let columns: Vec<Vec<f32>> = (0..FIELDS)
            .map(|field| if let Column::Numeric(values) = block.columns[field] { vec![values[row]; background.rows()] } else { Vec::new() })
            .collect();
        for (field, column) in columns.iter().enumerate() {
            if (fields >> field) & 1 == 1 {
                asked = with(&asked, field, Column::Numeric(column));
            }
        }
        let out = raw(model, &asked).unwrap();
        out[task].iter().map(|raw| f64::from(*raw)).sum::<f64>() / background.rows() as f64
    };
    let values: Vec<f64> = (0..1 << FIELDS).map(value).collect();
    let factorial = |n: usize| (1..=n).product::<usize>() as f64;
    (0..FIELDS)
        .map(|field| {
            (0..1_usize << FIELDS)
                .filter(|fields| (fields >> field) & 1 == 0)
                .map(|fields| {
                    let size = fields.count_ones() as usize;
                    factorial(size) * factorial(FIELDS - size - 1) / factorial(FIELDS) * (values[fields | (1 << field)] - values[fields])
                })
                .sum()
        })
        .collect()
}

#[test]
fn contributions_of_the_linear_model_are_shapley_values() {
    let rows = world(400, 71);
    let model = linear_model(&rows);
    let block = rows.block();
    let few = block.slice(0, 4);
    let found = model.attribute(&few).unwrap().unwrap();
    for row in 0..4 {
        for task in 0..2 {
            for (field, expected) in shapley(model.as_ref(), &block, &few, row, task).into_iter().enumerate() {
                let own = f64::from(found.values[[row, task, field]]);
                // Raw outputs are f32 of a size of about 1, means of 400 of them.
                assert!((own - expected).abs() < 2e-5, "row {row} task {task} x{field}: {own} {expected}");
            }
        }
    }
}

fn check(found: &[Faithful], residual: f64) {
    for figures in found {
        println!(
            "{} {}: deletion {:.3} (random {:.3}), insertion {:.3} (random {:.3}), gain {:.3} [{:.3}, {:.3}], residual {:.1e}",
            figures.learner,
            figures.task,
            figures.deletion,
            figures.random_deletion,
            figures.insertion,
            figures.random_insertion,
            figures.gain,
            figures.low.unwrap(),
            figures.high.unwrap(),
            figures.residual
        );
        assert!(figures.deletion < figures.random_deletion && figures.insertion > figures.random_insertion);
        assert!(figures.low.unwrap() > 0.0 && figures.residual < residual);
    }
}

#[test]
fn deletion_by_contributions_beats_chance() {
    let (train, held) = (world(4000, 81), world(300, 83));
    let settings = FaithfulSettings { rows: 200, steps: 6, resamples: 200, seed: 7 };
    // Single precision against a spread of about 1.
    check(&faithful(linear_model(&train).as_ref(), &held.block(), &settings).unwrap().unwrap(), 1e-4);
    check(&faithful(net_model(&train).as_ref(), &held.block(), &settings).unwrap().unwrap(), 1e-4);
}

/// For an additive model no order deletes faster than its own: on the mean of a hundred rows, against five random orders.
#[test]
fn of_an_additive_model_no_order_is_better() {
    let toy = Toy::new(&[1.0, -0.7, 0.4, 0.2, 0.0, -0.1]);
    let rows = Rows::new(100, FIELDS, 91);
    for seed in 0..5 {
        let found = faithful(&toy, &rows.block(), &FaithfulSettings { rows: 100, steps: 6, resamples: 20, seed }).unwrap().unwrap();
        assert!(found.iter().all(|own| own.gain > 0.0 && own.residual < 1e-6 && own.deletion < own.random_deletion));
    }
}

fn forest_model(rows: &Rows) -> Box<dyn Model> {
    let form = ForestSettings { rows: 2000, trees: 12, depths: vec![5], depth: 5, min_leaf: 20 };
    forest(form, settings(), 1).unwrap().fit(&Examples::new(&shape(FIELDS), vec![rows.block()]), &Silent).unwrap()
}

/// A network that has learned next to nothing: its weights are those that it began with.
fn random_net(rows: &Rows, seed: u64) -> Box<dyn Model> {
    let (form, train) = net_settings();
    let train = TrainSettings { rate: 1e-9, epochs: 1, ..train };
    net(form, train, seed).unwrap().fit(&Examples::new(&shape(FIELDS), vec![rows.block()]), &Silent).unwrap()
}

#[test]
fn contributions_add_up_on_every_row_of_every_learner() {
    let (train, held) = (world(4000, 81), world(500, 83));
    for model in [linear_model(&train), net_model(&train), forest_model(&train)] {
        let mut rows = held.block();
        // A scenario never seen is a row as well.
        let mut served = rows.scenario.to_vec();
        served[..50].fill(crate::learn::rows::UNSEEN_SCENARIO);
        rows = rows.under(&served);
        let mut importance = ImportanceAccumulator::new(model.shape());
        importance.add(&rows, &model.attribute(&rows).unwrap().unwrap(), &raw(model.as_ref(), &rows).unwrap());
        println!("{}: residual {:.1e}, {:.1e} of the spread", model.learner(), importance.residual(), importance.residual_share());
        // A hundredth of what is allowed: single precision.
        assert!(importance.residual_share() < 1e-5, "{}: {:e}", model.learner(), importance.residual_share());
    }
}

#[test]
fn what_is_planted_is_found_by_every_learner() {
    let (train, held) = (world(4000, 81), world(500, 83));
    for model in [linear_model(&train), net_model(&train), forest_model(&train)] {
        let mut table = importance_of(model.as_ref(), &held.block());
        table.retain(|row| row.scenario == "*" && row.task == "spend" && row.feature != "scenario");
        table.sort_by(|a, b| b.value.total_cmp(&a.value));
        let order: Vec<&str> = table.iter().map(|row| row.feature.as_str()).collect();
        println!("{}: {order:?}", model.learner());
        // 1.2·x0, 0.8·x1 and 0.8·(max(x2, 0) − |x3|) + 0.3·x3: the first is the first; x4 has 0.1, x5 nothing.
        assert_eq!(order[0], "x0", "{}: {order:?}", model.learner());
        assert!(order[4..].contains(&"x4") && order[4..].contains(&"x5"), "{}: {order:?}", model.learner());
    }
}

/// Share of the held-out amount's variance that a model misses which is fitted with the fields `gone` held constant.
fn missed_without(gone: &[usize], learn: fn(&Rows) -> Box<dyn Model>) -> f64 {
    let [train, held] = [(4000, 81), (3000, 83)].map(|(rows, seed)| {
        let mut own = world(rows, seed);
        for field in gone {
            own.x[*field].fill(0.0);
        }
        own
    });
    let out = raw(learn(&train).as_ref(), &held.block()).unwrap();
    let mean = |values: &[f32]| values.iter().map(|value| f64::from(*value)).sum::<f64>() / values.len() as f64;
    let (a, b) = (&out[1], &held.labels[1]);
    let (at, bt) = (mean(a), mean(b));
    let product =
        |x: &[f32], y: &[f32], xt: f64, yt: f64| x.iter().zip(y).map(|(x, y)| (f64::from(*x) - xt) * (f64::from(*y) - yt)).sum::<f64>();
    1.0 - product(a, b, at, bt).powi(2) / (product(a, a, at, at) * product(b, b, bt, bt))
}

/// Hooker et al. (2019), "A benchmark for interpretability methods in deep neural networks" (ROAR): what contributions call large is
/// missed by a model that is fitted without it, more than what chance picks.
#[test]
fn a_model_fitted_again_misses_what_is_called_important() {
    let held = world(500, 83);
    for learn in [linear_model as fn(&Rows) -> Box<dyn Model>, net_model] {
        let mut table = importance_of(learn(&world(4000, 81)).as_ref(), &held.block());
        table.retain(|row| row.scenario == "*" && row.task == "spend" && row.feature != "scenario");
        table.sort_by(|a, b| b.value.total_cmp(&a.value));
        let order: Vec<usize> = table.iter().map(|row| row.feature[1..].parse().unwrap()).collect();
        let pairs = [[2, 4], [0, 5], [1, 3], [4, 5], [2, 3]];
        let chance = pairs.iter().map(|pair| missed_without(pair, learn)).sum::<f64>() / pairs.len() as f64;
        let (whole, first, last) = (missed_without(&[], learn), missed_without(&order[..2], learn), missed_without(&order[4..], learn));
        println!(
            "variance missed: {whole:.4} with all, {first:.4} without the first two, {chance:.4} without two by chance, {last:.4} the last"
        );
        assert!(first - whole > 1.5 * (chance - whole) && first - whole > 0.1, "{whole} {first} {chance}");
        assert!(last - whole < 0.3 * (first - whole), "{whole} {first} {last}");
    }
}

/// Mean over rows of Spearman's correlation of two models' contributions to a task.
fn agree(a: &dyn Model, b: &dyn Model, block: &Block<'_>, task: usize) -> f64 {
    let (a, b) = (a.attribute(block).unwrap().unwrap(), b.attribute(block).unwrap().unwrap());
    let of = |row: usize| {
        let ranks = |found: &crate::learn::Attribution| {
            let values: Vec<f32> = (0..FIELDS).map(|field| found.values[[row, task, field]]).collect();
            values.iter().map(|value| values.iter().filter(|other| *other < value).count() as f64).collect::<Vec<f64>>()
        };
        let mean = (FIELDS as f64 - 1.0) / 2.0;
        let (a, b) = (ranks(&a), ranks(&b));
        let product = |x: &[f64], y: &[f64]| x.iter().zip(y).map(|(x, y)| (x - mean) * (y - mean)).sum::<f64>();
        product(&a, &b) / (product(&a, &a) * product(&b, &b)).sqrt()
    };
    (0..block.rows()).map(of).sum::<f64>() / block.rows() as f64
}

/// Adebayo et al. (2018), "Sanity checks for saliency maps": contributions must be of the model, not of the rows.
#[test]
fn random_weights_destroy_the_ranking() {
    let (train, held) = (world(4000, 81), world(200, 83));
    let (first, second) = (net_model(&train), net_model(&world(4000, 181)));
    let steady = agree(first.as_ref(), second.as_ref(), &held.block(), 1);
    let random: Vec<f64> = (0..5).map(|seed| agree(first.as_ref(), random_net(&train, 100 + seed).as_ref(), &held.block(), 1)).collect();
    let mean = random.iter().sum::<f64>() / 5.0;
    println!("two that learned: {steady:.3}; beside random weights: {random:.3?}");
    assert!(steady > 0.7, "{steady}");
    assert!(mean.abs() < 0.35 && random.iter().all(|own| *own < steady - 0.2), "{random:?}");
}
