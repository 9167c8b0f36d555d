//! Two tasks that want different features of a narrow network: experts and gates keep them apart, one shared bottom cannot.

use super::{Rows, chance, fitted, form, log_loss, plain_training, sigmoid};
use crate::learn::net::settings::{NetSettings, TaskSharing, TrainSettings};

/// Task a turns on the first two numbers, task b on the last two, and where both have a say they disagree.
fn world(rows: usize, seed: u64) -> Rows {
    Rows::planted(rows, seed, &[1.0], |x, _, random| {
        let (first, second) = (2.0 * (x[0] + x[1]).sin(), 2.0 * (x[2] - x[3]).sin());
        [chance(sigmoid(2.0 * first - 0.5 * second), random), chance(sigmoid(2.0 * second - 0.5 * first), random)]
    })
}

/// Both tasks are task `task`: what the network makes of it alone.
fn only(mut rows: Rows, task: usize) -> Rows {
    rows.labels[1 - task] = rows.labels[task].clone();
    rows
}

#[test]
fn experts_keep_conflicting_tasks_apart_and_one_bottom_does_not() {
    let settings = TrainSettings { epochs: 14, patience: 14, ..plain_training() };
    let sharing = |sharing| NetSettings {
        task_sharing: vec![sharing],
        experts: 4,
        task_experts: 2,
        levels: 1,
        expert_layers: vec![16, 2],
        tower_layers: vec![8],
        ..form()
    };
    let test = world(8000, 3);
    let losses = |form: &NetSettings, train: &Rows, valid: &Rows| {
        let model = fitted(form, &settings, train, valid);
        [0, 1].map(|task| log_loss(model.as_ref(), &test, task, None))
    };
    let bottom = sharing(TaskSharing::SharedBottom);
    let alone = [0, 1].map(|task| losses(&bottom, &only(world(8000, 1), task), &only(world(2000, 2), task))[task]);
    let together = |form: &NetSettings| {
        let found = losses(form, &world(8000, 1), &world(2000, 2));
        [found[0] - alone[0], found[1] - alone[1]]
    };
    let lost = together(&bottom);
    assert!(lost[0].max(lost[1]) > 0.02, "a shared bottom loses {lost:?} against alone");
    for kind in [TaskSharing::Mmoe, TaskSharing::Ple] {
        let lost = together(&sharing(kind));
        assert!(lost[0].max(lost[1]) < 0.01, "{kind:?} loses {lost:?} against alone");
    }
}
