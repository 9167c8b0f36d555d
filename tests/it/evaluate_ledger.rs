//! The verdicts of the transfer ledger on planted worlds: a scenario that the others harm is hurt, one that they help is helped.
//!
//! The shared model is the linear one with next to no room for scenarios of their own: what it shares, it shares by force.

use ndarray::Array2;
use polytask::evaluate::paired::{Verdict, compare, verdicts};
use polytask::learn::rows::{Block, Column, Field, FieldKind, Shape, Task, TaskKind};
use polytask::learn::{Examples, LinearSettings, Model, Progress, linear};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

const FIELDS: usize = 8;

struct Silent;

impl Progress for Silent {
    fn at(&self, _: &str, _: u64, _: u64) {}
}

/// Rows of two scenarios; the log odds of the second are `own` times those of the first.
struct World {
    shape: Shape,
    entity: Vec<u64>,
    scenario: Vec<u16>,
    columns: Vec<Vec<f32>>,
    labels: Vec<f32>,
}

impl World {
    fn new(rows: [usize; 2], own: f32, seed: u64) -> Self {
        let mut dice = ChaCha8Rng::seed_from_u64(seed);
        let knots: Vec<f32> = (-4..=4).map(|at| at as f32 / 2.0).collect();
        let kind = FieldKind::Numeric { knots, mean: 0.0, std: 1.0, missing: 0.0 };
        let mut world = Self {
            shape: Shape {
                scenarios: vec!["main".into(), "other".into()],
                tasks: vec![Task { name: "buy".into(), kind: TaskKind::Binary, after: None, alpha: 1.0 }],
                fields: (0..FIELDS).map(|at| Field { name: format!("x{at}"), kind: kind.clone() }).collect(),
                horizon_days: 7,
            },
            entity: Vec::new(),
            scenario: Vec::new(),
            columns: vec![Vec::new(); FIELDS],
            labels: Vec::new(),
        };
        for (scenario, rows) in rows.into_iter().enumerate() {
            for row in 0..rows {
                let x: Vec<f32> = (0..FIELDS).map(|_| (0..12).map(|_| dice.r#gen::<f32>()).sum::<f32>() - 6.0).collect();
                let logit = (0.9 * x[0] - 0.7 * x[1] + 0.5 * x[2] + 0.4 * x[3]) * if scenario == 1 { own } else { 1.0 } - 0.8;
                world.labels.push(f32::from(u8::from(dice.r#gen::<f32>() < 1.0 / (1.0 + (-logit).exp()))));
                world.scenario.push(scenario as u16);
                world.entity.push((row / 3) as u64 + 1_000_000 * scenario as u64);
                world.columns.iter_mut().zip(x).for_each(|(column, x)| column.push(x));
            }
        }
        world
    }

    fn block(&self) -> Block<'_> {
        Block {
            as_of: 0,
            entity: &self.entity,
            scenario: &self.scenario,
            columns: self.columns.iter().map(|column| Column::Numeric(column)).collect(),
            labels: vec![&self.labels],
            weights: vec![None],
        }
    }

    /// The rows of the second scenario.
    fn other(&self) -> Block<'_> {
        let from = self.scenario.iter().filter(|scenario| **scenario == 0).count();
        self.block().slice(from, self.scenario.len())
    }
}

fn fitted(world: &World, block: Block<'_>, valid: Block<'_>) -> Box<dyn Model> {
    let settings = LinearSettings { penalties: vec![0.01], l1_ratio: 0.5, deviation: 1e-4, ramps: 0, max_columns: 200, sweeps: 300 };
    let learner = linear(settings, 1).expect("settings");
    let (train, valid) = (Examples::new(&world.shape, vec![block]), Examples::new(&world.shape, vec![valid]));
    learner.choose(&train, &valid, &Silent).expect("a choice").model
}

fn scores(model: &dyn Model, block: &Block<'_>) -> Vec<f64> {
    let mut out = Array2::zeros((block.rows(), 1));
    model.raw(block, out.view_mut()).expect("raw outputs");
    out.iter().map(|value| f64::from(*value)).collect()
}

/// The verdict on the second scenario: shared against alone, measured on new rows.
fn verdict(rows: [usize; 2], own: f32) -> (f64, Verdict) {
    let (train, valid, held_out) = (World::new(rows, own, 1), World::new([300, 300], own, 2), World::new([10, 3000], own, 3));
    let shared = fitted(&train, train.block(), valid.block());
    let alone = fitted(&train, train.other(), valid.other());
    let test = held_out.other();
    let labels: Vec<f64> = test.labels[0].iter().map(|label| f64::from(*label)).collect();
    let found = compare(true, &labels, &scores(shared.as_ref(), &test), &scores(alone.as_ref(), &test), test.entity, 500, 7);
    let auc = found.iter().find(|difference| difference.metric == "auc").expect("a comparison");
    (auc.value, verdicts(&[(auc.value, auc.p)], 0.95)[0])
}

#[test]
fn a_scenario_that_goes_the_other_way_is_hurt_by_sharing() {
    let (difference, verdict) = verdict([4000, 400], -1.0);
    assert_eq!(verdict, Verdict::Hurt, "{difference}");
    assert!(difference < -0.1, "{difference}");
}

#[test]
fn a_small_scenario_that_is_like_the_others_is_helped_by_sharing() {
    let (difference, verdict) = verdict([4000, 60], 1.0);
    assert_eq!(verdict, Verdict::Helped, "{difference}");
}

#[test]
fn a_large_scenario_that_is_like_the_others_gives_no_evidence_or_little() {
    let (difference, verdict) = verdict([4000, 4000], 1.0);
    assert_ne!(verdict, Verdict::Hurt, "{difference}");
    assert!(difference.abs() < 0.01, "{difference}");
}
