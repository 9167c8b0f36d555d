//! Contributions: they add up, their multipliers are slopes where steps are short, and few steps are near the integral.

use ndarray::{Array2, Array3, Axis};

use super::{Rows, SCENARIO_SHARING, Silent, TASK_SHARING, form, plain_training};
use crate::learn::net::attribute;
use crate::learn::net::network::{Network, Weights};
use crate::learn::net::secant::Way;
use crate::learn::net::settings::{NetSettings, ScenarioSharing, TaskSharing, TrainSettings};
use crate::learn::net::train::Trainer;

#[test]
fn contributions_add_up_to_the_raw_output() {
    let rows = Rows::everything(600, 6);
    for tasks in TASK_SHARING {
        for scenarios in SCENARIO_SHARING {
            let form = NetSettings { task_sharing: vec![tasks], scenario_sharing: vec![scenarios], ..form() };
            let model =
                crate::learn::net::net(form, plain_training(), 3).expect("settings").fit(&rows.examples(), &Silent).expect("a model");
            let mut raw = Array2::zeros((600, 6));
            model.raw(&rows.block(), raw.view_mut()).expect("outputs");
            let found = model.attribute(&rows.block()).expect("contributions").expect("contributions");
            for task in 0..6 {
                let column = raw.column(task);
                let spread = column.std(0.0);
                let residual = (0..600)
                    .map(|row| (found.base[task] + found.values.index_axis(Axis(0), row).row(task).sum() - column[row]).abs())
                    .fold(0.0_f32, f32::max);
                // Rounding of single precision: nothing else is left over, and nothing is spread.
                assert!(residual < 1e-5 * spread.max(1.0), "{tasks:?} × {scenarios:?}, task {task}: {residual} of {spread}");
            }
        }
    }
}

/// A network with weights that were trained for a while, so that its units wake and sleep.
fn trained(rows: &Rows, tasks: TaskSharing, scenarios: ScenarioSharing) -> (Network, Weights) {
    let network = Network::new(&rows.shape, &form(), tasks, scenarios, false);
    let bias: Vec<Vec<f32>> = network.heads.tasks.iter().map(|head| vec![0.0; head.width]).collect();
    let settings = TrainSettings { rate: 0.01, ..plain_training() };
    let mut trainer = Trainer::new(&network, &rows.shape, &settings, network.begin(&bias, 3), 3);
    (0..8).for_each(|_| drop(trainer.pass(&[rows.block()], "", &Silent)));
    trainer.flush();
    let weights = trainer.weights.clone();
    (network, weights)
}

#[test]
fn multipliers_of_a_short_step_are_slopes() {
    let rows = Rows::everything(600, 6);
    for scenarios in SCENARIO_SHARING {
        let (network, weights) = trained(&rows, TaskSharing::Ple, scenarios);
        let background = attribute::background(&network, &rows.shape, &weights, &[rows.block()]);
        let width = network.input.width;
        let mut space = network.workspace(1);
        let mut raw = |x: &[f32], task: usize| {
            network.forward_from(&weights, x, 0, &mut space);
            network.heads.raw(task, space.numbers(0))
        };
        let mut way = Way::new(network.plan(), 1);
        let mut most = 0.0_f32;
        for column in (0..width).step_by(5) {
            let (mut below, mut above) = (background.clone(), background.clone());
            below[column] -= 0.02;
            above[column] += 0.02;
            way.begin(&weights, 0, &below, &above);
            way.step(&weights, 1.0);
            for task in 0..network.tasks {
                let change = raw(&above, task) - raw(&below, task);
                way.back(&weights, &network.heads, task);
                let found = way.multipliers(&weights, task)[column] * (above[column] - below[column]);
                most = most.max(change.abs());
                assert!((found - change).abs() < 3e-6, "{scenarios:?}, column {column}, task {task}: {found} instead of {change}");
            }
        }
        assert!(most > 1e-2, "{scenarios:?}: nothing changes: {most}");
    }
}

#[test]
fn few_steps_are_near_the_integral() {
    let rows = Rows::everything(300, 6);
    for (tasks, scenarios) in [(TaskSharing::Mmoe, ScenarioSharing::Star), (TaskSharing::Ple, ScenarioSharing::Pepnet)] {
        let (network, weights) = trained(&rows, tasks, scenarios);
        let background = attribute::background(&network, &rows.shape, &weights, &[rows.block()]);
        let parts = |steps| attribute::attribute(&network, &rows.shape, &weights, &background, steps, &rows.block()).values;
        let (integral, found, coarse) = (parts(256), parts(attribute::STEPS), parts(1));
        let spread = |task: usize| integral.index_axis(Axis(1), task).sum_axis(Axis(1)).std(0.0);
        let furthest = |found: &Array3<f32>, task: usize| {
            let apart = found.index_axis(Axis(1), task).to_owned() - integral.index_axis(Axis(1), task);
            apart.iter().fold(0.0_f32, |most, apart| most.max(apart.abs())) / spread(task)
        };
        for task in 0..network.tasks {
            let (near, far) = (furthest(&found, task), furthest(&coarse, task));
            assert!(spread(task) > 0.0, "{tasks:?} × {scenarios:?}, task {task} says the same of every row");
            assert!(near < 0.02 && near < far / 4.0, "{tasks:?} × {scenarios:?}, task {task}: {near} in few steps, {far} in one");
        }
    }
}
