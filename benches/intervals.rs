//! Intervals of every figure of a night: 480,000 rows, four tasks, four scenarios, 1,000 resamples by entity.
//!
//!     cargo bench --bench intervals -- [--resamples N] [--threads N] [--figures]
//!
//! Prints the seconds with and without resamples; `--figures` prints every figure, to be compared with those of
//! `benches/peers/sklearn_intervals.py`, which draws the same rows by the same formula.
#![expect(clippy::print_stdout, reason = "a benchmark prints")]

use std::time::Instant;

use polytask::evaluate::cells::{EvaluateSettings, Scored, evaluate};
use polytask::learn::rows::{Task, TaskKind};

const ROWS: u64 = 480_000;
/// Rows of an entity, two in each scenario.
const EACH: u64 = 8;
const SCENARIOS: u64 = 4;
/// Base rates of the binary tasks: click, cart, purchase.
const RATES: [f64; 3] = [0.3, 0.1, 0.03];

/// A number in [0, 1) of a row and a salt: splitmix64 (Steele, Lea and Flood 2014), its upper 53 bits.
fn unit(row: u64, salt: u64) -> f64 {
    let mut z = (row * 16 + salt + 1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    ((z ^ (z >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
}

/// The value after a word on the command line, or its default.
fn told(word: &str, default: usize) -> usize {
    let words: Vec<String> = std::env::args().collect();
    let at = words.iter().position(|own| own == word);
    at.and_then(|at| words.get(at + 1)).and_then(|value| value.parse().ok()).unwrap_or(default)
}

fn main() {
    let (resamples, threads) = (told("--resamples", 1000), told("--threads", 0));
    if let Err(error) = rayon::ThreadPoolBuilder::new().num_threads(threads).build_global() {
        println!("threads: {error}");
    }
    // A prediction that leans towards the chance it knows: products only, so that every language gets the same bits.
    let chance = |row: u64, task: u64| RATES[task as usize] * (0.5 + unit(row, 1)) * (0.25 + 1.5 * unit(row / EACH, 2));
    let said = |row: u64, task: u64| RATES[task as usize] * (0.5 + unit(row, 1)) * (0.5 + unit(row, 3 + task));
    let click = |row: u64, task: u64| if unit(row, 6 + task) < chance(row, task) { 1.0 } else { 0.0 };
    let mut labels: Vec<Vec<f32>> = (0..3).map(|task| (0..ROWS).map(|row| click(row, task)).collect()).collect();
    let mut predictions: Vec<Vec<f64>> = (0..3).map(|task| (0..ROWS).map(|row| said(row, task)).collect()).collect();
    // Spend: whole cents where there was a purchase, else 0.
    labels.push((0..ROWS).map(|row| labels[2][row as usize] * (100.0 + (9900.0 * unit(row, 9)).floor()) as f32).collect());
    predictions.push((0..ROWS).map(|row| said(row, 2) * 5000.0).collect());
    // A hash, as entities have: their order has nothing to do with that of the rows.
    let entity = |row: u64| (row / EACH).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let kinds = [TaskKind::Binary, TaskKind::Binary, TaskKind::Binary, TaskKind::Regression];
    let names = ["click", "cart", "purchase", "spend"];
    let tasks: Vec<Task> =
        names.iter().zip(kinds).map(|(name, kind)| Task { name: (*name).into(), kind, after: None, alpha: 1.0 }).collect();
    let scenarios: Vec<String> = (0..SCENARIOS).map(|at| format!("s{at}")).collect();
    let scored = Scored {
        scenarios: &scenarios,
        tasks: &tasks,
        thresholds: &[0.3, 0.1, 0.03, 0.5],
        row_thresholds: &[],
        scenario: &(0..ROWS).map(|row| (row % SCENARIOS) as u16).collect::<Vec<u16>>(),
        entity: &(0..ROWS).map(entity).collect::<Vec<u64>>(),
        labels: &labels,
        predictions: &predictions,
    };
    let settings = EvaluateSettings { min_rows: 30, min_positives: 10, resamples, seed: 1, top: 10 };
    let seconds = |settings: &EvaluateSettings| {
        let begun = Instant::now();
        let figures = evaluate(&scored, settings);
        (begun.elapsed().as_secs_f64(), figures)
    };
    let (without, _) = seconds(&EvaluateSettings { resamples: 0, ..settings });
    let (with, figures) = seconds(&settings);
    println!("{ROWS} rows, {} entities, {} figures, {} threads", ROWS / EACH, figures.len(), rayon::current_num_threads());
    println!("figures alone: {without:.2} s; with intervals of {resamples} resamples: {with:.2} s");
    if std::env::args().any(|word| word == "--figures") {
        for figure in &figures {
            println!("{}\t{}\t{}\t{:?}\t{:?}\t{:?}", figure.scenario, figure.task, figure.metric, figure.value, figure.low, figure.high);
        }
    }
}
