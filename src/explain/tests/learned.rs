//! Learned models: contributions against Shapley values by brute force, and whether they are faithful.

use super::super::asked::{raw, with};
use super::super::faithful::{Faithful, FaithfulSettings, faithful};
use super::{Rows, Silent, Toy, shape};
use crate::learn::rows::{Block, Column};
use crate::learn::{Examples, LinearSettings, Model, NetSettings, TrainSettings, linear, net};

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

fn net_model(rows: &Rows) -> Box<dyn Model> {
    let form = NetSettings {
        task_sharing: vec![crate::learn::net::TaskSharing::Mmoe],
        scenario_sharing: vec![crate::learn::net::ScenarioSharing::None],
        embedding: 4,
        numeric_embedding: 2,
        experts: 3,
        task_experts: 1,
        levels: 1,
        expert_layers: vec![12, 6],
        tower_layers: vec![5],
        gate_width: 4,
    };
    let train = TrainSettings {
        optimizer: crate::learn::net::Optimizer::Adam,
        rate: 0.01,
        batch: 256,
        epochs: 6,
        patience: 3,
        warmup_steps: 0,
        rate_decay: 1.0,
        weight_decay: 0.0,
        embedding_decay: 0.0,
        scenario_decay: 0.0,
        dropout: 0.0,
        id_dropout: 0.0,
        balance: crate::learn::net::Balance::Fixed,
        warm_start: false,
        invariance: 0.0,
    };
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
