//! Less arithmetic in the first layer gives the weights that the plain way gives.

use super::super::feed::{Feed, runs, stream};
use super::super::heads::CellLosses;
use super::super::network::{Network, Weights};
use super::super::settings::{NetSettings, Optimizer, ScenarioSharing, TaskSharing, TrainSettings};
use super::super::train::Trainer;
use super::{Rows, SCENARIO_SHARING, TASK_SHARING, form, plain_training, shaken};

/// Weights after a few mini-batches of `batch` rows, of which 12 brands are read.
fn trained(network: &Network, rows: &Rows, batch: usize, fold: bool) -> Weights {
    // Without moments a difference of rounding stays one.
    let settings = TrainSettings { optimizer: Optimizer::Sgd, dropout: 0.2, batch, ..plain_training() };
    let blocks = [rows.block()];
    let mut feed = Feed::default();
    feed.fill(&network.input, &rows.shape, &blocks, &runs(&blocks, 32), None);
    let mut trainer = Trainer::new(network, &rows.shape, &settings, shaken(network, 2), 7);
    if !fold {
        trainer.fold_nothing();
    }
    let mut losses = CellLosses::new(network.scenarios, network.tasks);
    let all: Vec<u32> = (0..feed.rows() as u32).collect();
    for batch in all.chunks(batch) {
        let mut batch = batch.to_vec();
        batch.sort_by_key(|row| feed.scenario[*row as usize]);
        trainer.step(&feed, &batch, &mut stream(1, 1), &mut losses);
    }
    trainer.weights
}

#[track_caller]
fn agree(rows: &Rows, form: &NetSettings, (tasks, scenarios): (TaskSharing, ScenarioSharing), batch: usize) -> bool {
    let network = Network::new(&rows.shape, form, tasks, scenarios, false);
    let (folded, plain) = (trained(&network, rows, batch, true), trained(&network, rows, batch, false));
    let numbers = |weights: &Weights| weights.dense.iter().chain(weights.tables.iter().flatten()).copied().collect::<Vec<f32>>();
    for (at, (a, b)) in numbers(&folded).iter().zip(&numbers(&plain)).enumerate() {
        // Sums of a few hundred terms in another order, over a few steps.
        assert!((a - b).abs() < 1e-4 * a.abs().max(1.0), "{tasks:?} × {scenarios:?}, batches of {batch}, number {at}: {a} {b}");
    }
    folded == plain
}

#[test]
fn folding_changes_rounding_alone() {
    let rows = Rows::everything(600, 8);
    for tasks in TASK_SHARING {
        for scenarios in SCENARIO_SHARING {
            // Slices that are cut in the middle, and a last mini-batch that is short.
            let alike = agree(&rows, &form(), (tasks, scenarios), 260);
            assert_eq!(alike, scenarios == ScenarioSharing::Pepnet, "{tasks:?} × {scenarios:?}: folded, or not, against expectation");
        }
    }
}

#[test]
fn a_field_whose_entries_the_rows_hardly_share_is_not_folded() {
    let rows = Rows::everything(100, 8);
    assert!(agree(&rows, &form(), (TaskSharing::Mmoe, ScenarioSharing::None), 1));
}

#[test]
fn the_number_of_threads_changes_no_bit_of_what_is_folded() {
    let rows = Rows::everything(2600, 8);
    let network = Network::new(&rows.shape, &form(), TaskSharing::Mmoe, ScenarioSharing::Star, false);
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
        pool.install(|| trained(&network, &rows, 1300, true))
    };
    let one = run(1);
    assert_eq!(one, run(2));
    assert_eq!(one, run(5));
}
