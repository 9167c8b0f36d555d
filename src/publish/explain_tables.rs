//! The tables of a run folder that say what the model relies on, as record batches.
//!
//! In: values of `explain`. Out: batches. Each carries the run's id, so that the nights can be stacked.

use std::collections::BTreeMap;

use super::columns::Columns;
use super::tables::{Batch, run};
use crate::explain::change::{Agreement, Change};
use crate::explain::contributions::Contribution;
use crate::explain::curves::Curve;
use crate::explain::effects::Effect;
use crate::explain::faithful::Faithful;
use crate::explain::groups::GroupImportance;
use crate::explain::importance::Importance;
use crate::explain::inside::InsideFigure;
use crate::explain::permutation::{Disagreement, Permuted};

/// What permuting costs in each cell: the drop of AUC, or the rise of the error of an amount, by scenario, task and feature.
#[must_use]
pub fn drops(permuted: &[Permuted]) -> BTreeMap<(&str, &str, &str), f64> {
    let own = permuted.iter().filter(|row| row.metric != "log_loss");
    own.map(|row| ((row.scenario.as_str(), row.task.as_str(), row.feature.as_str()), row.value)).collect()
}

/// Where the second opinion disagrees, by scenario, task, feature and metric.
#[must_use]
pub fn by_figure(disagreements: &[Disagreement]) -> BTreeMap<(&str, &str, &str, &str), &Disagreement> {
    disagreements.iter().map(|row| ((row.scenario.as_str(), row.task.as_str(), row.feature.as_str(), row.metric), row)).collect()
}

/// `importance` of the published learner and its challengers. `permutation` is the published learner's drop of AUC, or rise of the
/// error of an amount.
///
/// # Errors
/// A sentence when the columns differ in length; they do not.
pub fn importance(id: &str, learners: &[(&str, &[Importance])], permuted: &[Permuted]) -> Batch {
    let rows: Vec<(&str, &Importance)> = learners.iter().flat_map(|(learner, rows)| rows.iter().map(move |row| (*learner, row))).collect();
    let first = learners.first().map_or("", |(learner, _)| *learner);
    let drops = drops(permuted);
    let drop = |(learner, row): &(&str, &Importance)| {
        if *learner == first { drops.get(&(row.scenario.as_str(), row.task.as_str(), row.feature.as_str())).copied() } else { None }
    };
    run(id, rows.len())
        .text("learner", rows.iter().map(|(learner, _)| *learner))
        .text("scenario", rows.iter().map(|(_, row)| &row.scenario))
        .text("task", rows.iter().map(|(_, row)| &row.task))
        .text("feature", rows.iter().map(|(_, row)| &row.feature))
        .number("value", rows.iter().map(|(_, row)| Some(row.value)))
        .number("low", rows.iter().map(|(_, row)| row.low))
        .number("high", rows.iter().map(|(_, row)| row.high))
        .number("shared", rows.iter().map(|(_, row)| Some(row.shared)))
        .number("scenario_part", rows.iter().map(|(_, row)| Some(row.scenario_part)))
        .number("task_part", rows.iter().map(|(_, row)| Some(row.task_part)))
        .number("permutation", rows.iter().map(drop))
        .number("direction", rows.iter().map(|(_, row)| row.direction))
        .count("n", rows.iter().map(|(_, row)| row.n))
        .batch()
}

/// Adds the keys of held-out rows to a table that is being built.
pub type AddKeys<'a> = dyn Fn(Columns, &[u64]) -> Result<Columns, String> + 'a;

/// `contributions` of the explained rows, with the row's keys given by `keys`.
///
/// # Errors
/// As [`importance`].
pub fn contributions(id: &str, rows: &[Contribution], keys: &AddKeys<'_>) -> Batch {
    let positions: Vec<u64> = rows.iter().map(|row| row.row).collect();
    keys(run(id, rows.len()), &positions)?
        .count("row", positions.iter().copied())
        .text("scenario", rows.iter().map(|row| &row.scenario))
        .text("task", rows.iter().map(|row| &row.task))
        .text("feature", rows.iter().map(|row| &row.feature))
        .number("value", rows.iter().map(|row| Some(row.value)))
        .number("shared", rows.iter().map(|row| Some(row.shared)))
        .number("scenario_part", rows.iter().map(|row| Some(row.scenario_part)))
        .number("task_part", rows.iter().map(|row| Some(row.task_part)))
        .number("base", rows.iter().map(|row| Some(row.base)))
        .number("raw", rows.iter().map(|row| Some(row.raw)))
        .batch()
}

/// `effects`, with the reader's name of each bin.
///
/// # Errors
/// As [`importance`].
pub fn effects(id: &str, rows: &[Effect], labels: &[String]) -> Batch {
    run(id, rows.len())
        .text("scenario", rows.iter().map(|row| &row.scenario))
        .text("task", rows.iter().map(|row| &row.task))
        .text("feature", rows.iter().map(|row| &row.feature))
        .count("bin", rows.iter().map(|row| u64::from(row.bin)))
        .text("label", labels.iter())
        .number("low", rows.iter().map(|row| row.low))
        .number("high", rows.iter().map(|row| row.high))
        .number("contribution", rows.iter().map(|row| Some(row.contribution)))
        .count("n", rows.iter().map(|row| row.n))
        .batch()
}

/// `group_importance`: correlated features as one.
///
/// # Errors
/// As [`importance`].
pub fn groups(id: &str, rows: &[GroupImportance]) -> Batch {
    run(id, rows.len())
        .text("scenario", rows.iter().map(|row| &row.scenario))
        .text("task", rows.iter().map(|row| &row.task))
        .text("group", rows.iter().map(|row| &row.group))
        .text("members", rows.iter().map(|row| row.members.join(", ")))
        .number("value", rows.iter().map(|row| Some(row.value)))
        .number("low", rows.iter().map(|row| row.low))
        .number("high", rows.iter().map(|row| row.high))
        .number("cancelled", rows.iter().map(|row| row.cancelled))
        .count("n", rows.iter().map(|row| row.n))
        .batch()
}

/// `permutation`: the second opinion, and where it disagrees.
///
/// # Errors
/// As [`importance`].
pub fn permutation(id: &str, rows: &[Permuted], disagreements: &[Disagreement]) -> Batch {
    let found = by_figure(disagreements);
    let of = |row: &Permuted| found.get(&(row.scenario.as_str(), row.task.as_str(), row.feature.as_str(), row.metric)).copied();
    run(id, rows.len())
        .text("scenario", rows.iter().map(|row| &row.scenario))
        .text("task", rows.iter().map(|row| &row.task))
        .text("feature", rows.iter().map(|row| &row.feature))
        .text("metric", rows.iter().map(|row| row.metric))
        .number("value", rows.iter().map(|row| Some(row.value)))
        .number("low", rows.iter().map(|row| Some(row.low)))
        .number("high", rows.iter().map(|row| Some(row.high)))
        .count("n", rows.iter().map(|row| row.n))
        .maybe_text("disagrees", rows.iter().map(|row| of(row).map(|row| row.why)))
        .number("rank_by_contributions", rows.iter().map(|row| of(row).map(|row| row.by_contributions as f64)))
        .number("rank_by_permutation", rows.iter().map(|row| of(row).map(|row| row.by_permutation as f64)))
        .batch()
}

/// `curves`, with the reader's name of each point.
///
/// # Errors
/// As [`importance`].
pub fn curves(id: &str, rows: &[Curve], labels: &[String]) -> Batch {
    run(id, rows.len())
        .text("scenario", rows.iter().map(|row| &row.scenario))
        .text("task", rows.iter().map(|row| &row.task))
        .text("feature", rows.iter().map(|row| &row.feature))
        .text("method", rows.iter().map(|row| row.method))
        .count("point", rows.iter().map(|row| u64::from(row.point)))
        .text("label", labels.iter())
        .number("at", rows.iter().map(|row| row.at))
        .number("effect", rows.iter().map(|row| Some(row.effect)))
        .number("low", rows.iter().map(|row| row.low))
        .number("high", rows.iter().map(|row| row.high))
        .number("partial", rows.iter().map(|row| row.partial))
        .number("published", rows.iter().map(|row| Some(row.published)))
        .number("share", rows.iter().map(|row| Some(row.share)))
        .count("n", rows.iter().map(|row| row.n))
        .batch()
}

/// `inside`: gates and experts.
///
/// # Errors
/// As [`importance`].
pub fn inside(id: &str, rows: &[InsideFigure]) -> Batch {
    run(id, rows.len())
        .text("measure", rows.iter().map(|row| row.measure))
        .count("level", rows.iter().map(|row| u64::from(row.level)))
        .text("scenario", rows.iter().map(|row| &row.scenario))
        .text("task", rows.iter().map(|row| &row.task))
        .text("expert", rows.iter().map(|row| &row.expert))
        .text("other", rows.iter().map(|row| &row.other))
        .number("value", rows.iter().map(|row| Some(row.value)))
        .number("low", rows.iter().map(|row| row.low))
        .number("high", rows.iter().map(|row| row.high))
        .count("n", rows.iter().map(|row| row.n))
        .truth("alarm", rows.iter().map(|row| row.alarm))
        .batch()
}

/// `faithfulness`: whether contributions say what moves the model.
///
/// # Errors
/// As [`importance`].
pub fn faithfulness(id: &str, rows: &[Faithful]) -> Batch {
    run(id, rows.len())
        .text("learner", rows.iter().map(|row| row.learner))
        .text("task", rows.iter().map(|row| &row.task))
        .number("deletion", rows.iter().map(|row| Some(row.deletion)))
        .number("random_deletion", rows.iter().map(|row| Some(row.random_deletion)))
        .number("insertion", rows.iter().map(|row| Some(row.insertion)))
        .number("random_insertion", rows.iter().map(|row| Some(row.random_insertion)))
        .number("gain", rows.iter().map(|row| Some(row.gain)))
        .number("low", rows.iter().map(|row| row.low))
        .number("high", rows.iter().map(|row| row.high))
        .number("residual", rows.iter().map(|row| Some(row.residual)))
        .count("n", rows.iter().map(|row| row.n))
        .batch()
}

/// `importance_change`: against the run before.
///
/// # Errors
/// As [`importance`].
pub fn changes(id: &str, rows: &[Change]) -> Batch {
    let rank = |rank: Option<usize>| rank.map(|rank| rank as f64);
    run(id, rows.len())
        .text("scenario", rows.iter().map(|row| &row.scenario))
        .text("task", rows.iter().map(|row| &row.task))
        .text("feature", rows.iter().map(|row| &row.feature))
        .number("then", rows.iter().map(|row| row.then))
        .number("now", rows.iter().map(|row| row.now))
        .number("rank_then", rows.iter().map(|row| rank(row.rank_then)))
        .number("rank_now", rows.iter().map(|row| rank(row.rank_now)))
        .number("z", rows.iter().map(|row| row.z))
        .number("q", rows.iter().map(|row| row.q))
        .text("what", rows.iter().map(|row| row.what))
        .batch()
}

/// `importance_agreement`: how much of the ranking of the run before holds.
///
/// # Errors
/// As [`importance`].
pub fn agreements(id: &str, rows: &[Agreement]) -> Batch {
    run(id, rows.len())
        .text("scenario", rows.iter().map(|row| &row.scenario))
        .text("task", rows.iter().map(|row| &row.task))
        .number("ndcg", rows.iter().map(|row| row.ndcg))
        .text("new", rows.iter().map(|row| row.new.join(", ")))
        .text("gone", rows.iter().map(|row| row.gone.join(", ")))
        .count("changed", rows.iter().map(|row| row.changed as u64))
        .batch()
}
