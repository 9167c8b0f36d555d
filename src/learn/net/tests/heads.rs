//! Heads: where they begin, and that counts and amounts are learned in expectation.

use ndarray::Array2;

use super::super::feed::{Feed, runs};
use super::super::heads::{CellLosses, Heads, LabelSums};
use super::super::network::Network;
use super::super::settings::{ScenarioSharing, TaskSharing};
use super::super::sgemm::{Mat, MatMut};
use super::super::{base_losses, label_sums, net, relative_loss, relative_losses};
use super::{Rows, Silent, form, plain_training};
use crate::learn::rows::TaskKind;

const VISITS: usize = 4;
const BASKET: usize = 5;

#[test]
fn a_head_begins_at_the_loss_of_knowing_only_the_mean() {
    let rows = Rows::everything(2000, 3);
    let mut heads = Heads::new(&rows.shape);
    let network = Network::new(&rows.shape, &form(), TaskSharing::Mmoe, ScenarioSharing::None, false);
    let blocks = [rows.block()];
    let mut feed = Feed::default();
    feed.fill(&network.input, &rows.shape, &blocks, &runs(&blocks, 32), None);
    let order: Vec<u32> = (0..2000).collect();
    let sums: Vec<LabelSums> = (0..6).map(|task| label_sums(&rows.examples(), task)).collect();
    let begun: Vec<f32> = sums.iter().enumerate().flat_map(|(task, sums)| heads.begin(task, sums)).collect();
    assert_eq!(heads.numbers, begun.len());
    let z: Vec<f32> = order.iter().flat_map(|_| begun.iter().copied()).collect();
    let mut d = z.clone();
    let mut losses = CellLosses::new(3, 6);
    heads.loss(Mat::new(&z, 2000, heads.numbers), &feed, &order, &[1.0; 6], MatMut::new(&mut d, 2000, heads.numbers), &mut losses);
    // A chain is judged over the entire space and begins at its own step, so only tasks by themselves are compared.
    for task in [0, 3, VISITS, BASKET] {
        let (found, expected) = (losses.of_task(task).expect("labels"), heads.base_loss(task, &sums[task]));
        assert!((found - expected).abs() < 5e-3 * expected, "task {task}: {found} instead of {expected}");
    }
}

#[test]
fn counts_and_amounts_are_learned_in_expectation() {
    let (rows, test) = (Rows::everything(20_000, 3), Rows::everything(8000, 4));
    let model = net(form(), plain_training(), 3).expect("settings").fit(&rows.examples(), &Silent).expect("a model");
    let mut raw = Array2::zeros((8000, 6));
    model.raw(&test.block(), raw.view_mut()).expect("outputs");
    for task in [VISITS, BASKET] {
        assert!(test.shape.tasks[task].kind.is_log1p() && test.shape.tasks[task].kind != TaskKind::RegressionLog1p);
        let taught = |row: &usize| task == VISITS || test.labels[0][*row] > 0.5;
        let price = |row: usize| test.numbers[0][row];
        // Rows of a low and of a high price: the expectation must be right on both sides, not only on the whole.
        for (name, side) in [("low", -1.0_f32..0.0), ("high", 0.0..1.0)] {
            let own: Vec<usize> = (0..8000).filter(taught).filter(|row| side.contains(&price(*row))).collect();
            let observed: f32 = own.iter().map(|row| test.labels[task][*row]).sum();
            let predicted: f32 = own.iter().map(|row| raw[[*row, task]].exp_m1()).sum();
            let ratio = predicted / observed;
            assert!((ratio - 1.0).abs() < 0.12, "task {task}, {name} prices: {predicted} predicted, {observed} observed");
        }
    }
}

#[test]
fn every_kind_of_head_beats_its_base_rate() {
    let rows = Rows::everything(6000, 5);
    let learner = net(form(), plain_training(), 3).expect("settings");
    let choice = learner.choose(&rows.examples(), &Rows::everything(3000, 6).examples(), &Silent).expect("a choice");
    let best = choice.trials.iter().find(|trial| trial.chosen).expect("a chosen trial");
    let cells = best.figures.iter().filter(|figure| figure.measure == "validation loss");
    for task in ["visits", "basket"] {
        assert_eq!(cells.clone().filter(|figure| figure.task == task).count(), 3, "{task} has not one curve per scenario");
    }
    let network = Network::new(&rows.shape, &form(), TaskSharing::Mmoe, ScenarioSharing::None, false);
    let base = base_losses(&network, &rows.shape, &[rows.block()]);
    // What knows only the means has the relative loss 1 by definition.
    assert!((relative_loss(&relative_losses(&network, &base.loss, &base)) - 1.0).abs() < 1e-12 && best.loss < 0.95, "{}", best.loss);
}
