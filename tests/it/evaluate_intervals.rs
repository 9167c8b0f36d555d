//! Intervals cover the truth as often as they say, metric by metric.
//!
//! In: many small nights drawn from one world whose rows cluster by entity. Out: how often the interval of each figure holds
//! what endless rows show. The world is drawn by a fixed seed, so these shares are the same on every run.

use std::collections::BTreeMap;

use polytask::evaluate::bootstrap::{Resampler, interval, interval_around};
use polytask::evaluate::cells::{EvaluateSettings, Figure, Scored, evaluate};
use polytask::evaluate::paired::compare;
use polytask::learn::rows::{Task, TaskKind};
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

const NIGHTS: u64 = 200;
const ENTITIES: u64 = 400;
const RESAMPLES: usize = 500;

/// Rows of some entities: a click with its probability as two models see it, and an amount likewise.
#[derive(Default)]
struct World {
    entity: Vec<u64>,
    click: Vec<f32>,
    spend: Vec<f32>,
    chance: Vec<f64>,
    rival: Vec<f64>,
    amount: Vec<f64>,
    guess: Vec<f64>,
}

/// About normal: the sum of twelve uniform numbers.
fn normal(random: &mut ChaCha8Rng) -> f64 {
    (0..12).map(|_| random.gen_range(-0.5..0.5)).sum()
}

impl World {
    fn draw(entities: u64, seed: u64) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let mut world = Self::default();
        for entity in 0..entities {
            // What an entity is like and no model knows.
            let (taste, purse) = (0.7 * normal(&mut random), 0.15 * normal(&mut random));
            for _ in 0..random.gen_range(2..9) {
                let (seen, half_seen) = (normal(&mut random), normal(&mut random));
                let logit = -1.0 + 0.9 * seen + 0.5 * half_seen + taste;
                let sigmoid = |x: f64| 1.0 / (1.0 + (-x).exp());
                world.entity.push(entity);
                world.click.push(f32::from(u8::from(random.gen_bool(sigmoid(logit)))));
                // 40 % too steep, so that the calibration error is far from 0.
                world.chance.push(sigmoid(1.4 * (-0.9 + 0.9 * seen + 0.2 * half_seen)));
                world.rival.push(sigmoid(-0.9 + 0.7 * seen));
                world.spend.push((2.0 + 0.3 * seen + 0.1 * half_seen + purse + 0.25 * normal(&mut random)).exp() as f32);
                world.amount.push((2.05 + 0.3 * seen + 0.05 * half_seen).exp());
                world.guess.push((2.05 + 0.25 * seen).exp());
            }
        }
        world
    }

    fn figures(&self, resamples: usize, seed: u64) -> Vec<Figure> {
        let task = |name: &str, kind| Task { name: name.into(), kind, after: None, alpha: 1.0 };
        let scored = Scored {
            scenarios: &[],
            tasks: &[task("click", TaskKind::Binary), task("spend", TaskKind::Regression)],
            thresholds: &[0.35, 0.0],
            row_thresholds: &[],
            scenario: &vec![0; self.entity.len()],
            entity: &self.entity,
            labels: &[self.click.clone(), self.spend.clone()],
            predictions: &[self.chance.clone(), self.amount.clone()],
        };
        evaluate(&scored, &EvaluateSettings { min_rows: 30, min_positives: 10, resamples, seed, top: 3 })
    }

    /// Differences as `(name, value, low, high)`.
    fn differences(&self, resamples: usize, seed: u64) -> Vec<(&'static str, f64, f64, f64)> {
        let wide = |labels: &[f32]| labels.iter().map(|label| f64::from(*label)).collect::<Vec<f64>>();
        let clicks = compare(true, &wide(&self.click), &self.chance, &self.rival, &self.entity, resamples, seed);
        let amounts = compare(false, &wide(&self.spend), &self.amount, &self.guess, &self.entity, resamples, seed);
        clicks.into_iter().chain(amounts).map(|own| (own.metric, own.value, own.low, own.high)).collect()
    }
}

/// Share of intervals that hold the truth, and the mean of the figures.
#[derive(Default)]
struct Tally {
    held: f64,
    mean: f64,
}

/// `(name, value, low, high)` of each night against the truth.
fn tally(nights: &[Vec<(String, f64, f64, f64)>], truth: &BTreeMap<String, f64>) -> BTreeMap<String, Tally> {
    let mut found: BTreeMap<String, Tally> = BTreeMap::new();
    for (name, value, low, high) in nights.iter().flatten() {
        let own = found.entry(name.clone()).or_default();
        own.held += f64::from(u8::from(*low <= truth[name] && truth[name] <= *high)) / nights.len() as f64;
        own.mean += value / nights.len() as f64;
    }
    found
}

#[track_caller]
fn covers(name: &str, held: f64) {
    assert!((0.92..=0.98).contains(&held), "the interval of {name} holds the truth in {:.1} % of the nights", held * 100.0);
}

#[test]
fn intervals_cover_the_truth_as_often_as_they_say() {
    let name = |figure: &Figure| format!("{} {}", figure.task, figure.metric);
    let nights: Vec<Vec<(String, f64, f64, f64)>> = (0..NIGHTS)
        .into_par_iter()
        .map(|night| {
            let figures = World::draw(ENTITIES, night).figures(RESAMPLES, night);
            figures.iter().filter_map(|figure| Some((name(figure), figure.value?, figure.low?, figure.high?))).collect()
        })
        .collect();
    let endless = World::draw(200_000, NIGHTS).figures(0, 0);
    let truth: BTreeMap<String, f64> = endless.iter().filter_map(|figure| Some((name(figure), figure.value?))).collect();
    let found = tally(&nights, &truth);
    assert_eq!(found.len(), 18 + 8);
    for (name, tally) in &found {
        println!("{name}: {:.3}", tally.held);
        if !name.ends_with("ece") {
            covers(name, tally.held);
        }
    }
    // Noise raises the calibration error: the interval is of what nights of this size show.
    let (ece, endless) = (&found["click ece"], truth["click ece"]);
    println!("ece: nights {:.4}, endless rows {endless:.4}", ece.mean);
    assert!(ece.mean > endless);
    let expected = BTreeMap::from([("click ece".to_owned(), ece.mean)]);
    let of_ece: Vec<Vec<_>> =
        nights.iter().map(|night| night.iter().filter(|(name, ..)| name.ends_with("ece")).cloned().collect()).collect();
    for (name, tally) in tally(&of_ece, &expected) {
        println!("{name} of such nights: {:.3}", tally.held);
        covers(&name, tally.held);
    }
}

#[test]
fn paired_intervals_cover_the_true_difference() {
    let nights: Vec<Vec<(String, f64, f64, f64)>> = (0..NIGHTS)
        .into_par_iter()
        .map(|night| {
            let found = World::draw(ENTITIES, night).differences(RESAMPLES, night);
            found.into_iter().map(|(name, value, low, high)| (name.to_owned(), value, low, high)).collect()
        })
        .collect();
    let endless = World::draw(200_000, NIGHTS).differences(16, 0);
    let truth: BTreeMap<String, f64> = endless.into_iter().map(|(name, value, ..)| (name.to_owned(), value)).collect();
    let found = tally(&nights, &truth);
    assert_eq!(found.keys().collect::<Vec<_>>(), ["auc", "log_loss", "mae", "rmse"]);
    for (name, tally) in &found {
        println!("difference of {name}: {:.3}", tally.held);
        covers(name, tally.held);
    }
}

#[test]
fn a_resample_depends_neither_on_the_number_of_resamples_nor_on_the_order_of_the_rows() {
    let entity: Vec<u64> = (0..500).map(|row| row % 83 * 1_000_003).collect();
    let backwards: Vec<u64> = entity.iter().rev().copied().collect();
    let (few, many) = (Resampler::new(&entity, 20, 9), Resampler::new(&backwards, 900, 9));
    assert_eq!((few.units(), many.units()), (83, 83));
    for at in [0, 3, 17, 19] {
        assert_eq!(few.resample(at), many.resample(at));
    }
    assert_ne!(few.resample(0), few.resample(1));
    assert_ne!(few.resample(0), Resampler::new(&entity, 20, 10).resample(0));
}

#[test]
fn an_interval_is_the_quantiles_of_the_resamples_that_have_the_figure() {
    let replicates: Vec<f64> = (0..=40).map(f64::from).collect();
    assert_eq!(interval(&replicates), Some((1.0, 39.0)));
    // Moved from 20 to 21.5, and from 20 to 0.5, where a figure cannot lie below 0.
    assert_eq!(interval_around(21.5, &replicates), Some((2.5, 40.5)));
    assert_eq!(interval_around(0.5, &replicates), Some((0.0, 19.5)));
    let half: Vec<f64> = replicates.iter().flat_map(|value| [*value, f64::NAN]).collect();
    assert_eq!(interval(&half), Some((1.0, 39.0)));
    let fewer: Vec<f64> = half.iter().copied().chain([f64::NAN]).collect();
    assert_eq!((interval(&fewer), interval(&[]), interval(&[1.0])), (None, None, None));
}
