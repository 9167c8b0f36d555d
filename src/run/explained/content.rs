//! What the report says of the model's reasons: values of `explain` as the report's own.
//!
//! In: [`Explained`]. Out: [`report::ExplainedInfo`]. No figure is computed here but shares in per cent.

use std::collections::BTreeMap;

use super::super::content::entry_name;
use super::super::learned::Learned;
use super::values::{cut, shown as shown_number};
use super::{Explained, Past, Told};
use crate::explain::change::{Agreement, Change};
use crate::explain::curves::Curve;
use crate::explain::groups::GroupImportance;
use crate::explain::importance::Importance;
use crate::explain::inside::InsideFigure;
use crate::explain::permutation::Permuted;
use crate::learn::rows::Shape;
use crate::publish::explain_tables::{by_figure, drops};
use crate::report;

/// Features of a task, the strongest, whose curves the report has.
const SHOWN: usize = 8;

/// The reader's name of a curve's point.
pub(in super::super) fn point(learned: &Learned, shape: &Shape, curve: &Curve) -> String {
    if let Some(at) = curve.at {
        return shown_number(at);
    }
    cut(&entry_name(learned, shape, &curve.feature, curve.entry.unwrap_or_default()))
}

/// Importance of the published learner.
pub(in super::super) fn importance(explained: &Explained) -> Vec<report::ImportanceInfo> {
    let drops = drops(&explained.permuted);
    let mut sums: BTreeMap<(&str, &str), f64> = BTreeMap::new();
    for row in &explained.importance {
        *sums.entry((&row.scenario, &row.task)).or_default() += row.value;
    }
    let percent = |row: &Importance| {
        let sum = sums[&(row.scenario.as_str(), row.task.as_str())];
        if sum > 0.0 { row.value / sum * 100.0 } else { 0.0 }
    };
    let told = explained.importance.iter().map(|row: &Importance| report::ImportanceInfo {
        scenario: row.scenario.clone(),
        task: row.task.clone(),
        feature: row.feature.clone(),
        value: row.value,
        percent: percent(row),
        low: row.low,
        high: row.high,
        shared: row.shared,
        scenario_part: row.scenario_part,
        task_part: row.task_part,
        permutation: drops.get(&(row.scenario.as_str(), row.task.as_str(), row.feature.as_str())).copied(),
        direction: row.direction,
    });
    told.collect()
}

/// Everything else. `labels` are the names of the curves' points.
pub(in super::super) fn explained(explained: &Explained, labels: &[String]) -> report::ExplainedInfo {
    let known = !explained.importance.is_empty();
    let steady = |change: &&Change| !matches!(change.what, "as before" | "no interval");
    report::ExplainedInfo {
        residual_share: known.then_some(explained.residual_share),
        groups: explained.groups.iter().filter(|row| row.scenario == "*").map(group).collect(),
        permutation: permuted(explained),
        curves: shown(explained, labels),
        inside: explained.inside.iter().map(inside).collect(),
        faithful: faithful(explained),
        changes: explained.changes.iter().filter(steady).map(change).collect(),
        compared: explained.changes.len(),
        agreements: explained.agreements.iter().map(agreement).collect(),
        history: explained.history.iter().map(past).collect(),
        rows: explained.told.iter().map(told).collect(),
    }
}

fn group(row: &GroupImportance) -> report::GroupInfo {
    report::GroupInfo {
        task: row.task.clone(),
        group: row.group.clone(),
        members: row.members.clone(),
        value: row.value,
        low: row.low,
        high: row.high,
        cancelled: row.cancelled,
    }
}

fn permuted(explained: &Explained) -> Vec<report::PermutedInfo> {
    let found = by_figure(&explained.disagreements);
    let told = explained.permuted.iter().map(|row: &Permuted| report::PermutedInfo {
        scenario: row.scenario.clone(),
        task: row.task.clone(),
        feature: row.feature.clone(),
        metric: row.metric.to_owned(),
        value: row.value,
        low: row.low,
        high: row.high,
        disagrees: found
            .get(&(row.scenario.as_str(), row.task.as_str(), row.feature.as_str(), row.metric))
            .map(|found| found.why.to_owned()),
    });
    told.collect()
}

/// The curves of each task's own leading features; those of other tasks' are in the table.
fn shown(explained: &Explained, labels: &[String]) -> Vec<report::CurveInfo> {
    let own = |row: &Curve| {
        let of = |other: &&Importance| other.scenario == "*" && other.task == row.task;
        let value = explained.importance.iter().filter(of).find(|other| other.feature == row.feature).map_or(0.0, |other| other.value);
        explained.importance.iter().filter(of).filter(|other| other.value > value).count() < SHOWN
    };
    explained.curves.iter().zip(labels).filter(|(row, _)| own(row)).map(|(row, label)| curve(row, label)).collect()
}

fn curve(row: &Curve, label: &str) -> report::CurveInfo {
    report::CurveInfo {
        scenario: row.scenario.clone(),
        task: row.task.clone(),
        feature: row.feature.clone(),
        method: row.method.to_owned(),
        point: row.point,
        label: label.to_owned(),
        effect: row.effect,
        low: row.low,
        high: row.high,
        partial: row.partial,
        published: row.published,
        share: row.share,
        n: row.n,
    }
}

fn inside(row: &InsideFigure) -> report::InsideInfo {
    report::InsideInfo {
        measure: row.measure.to_owned(),
        level: row.level,
        scenario: row.scenario.clone(),
        task: row.task.clone(),
        expert: row.expert.clone(),
        other: row.other.clone(),
        value: row.value,
        low: row.low,
        high: row.high,
        alarm: row.alarm,
    }
}

fn faithful(explained: &Explained) -> Vec<report::FaithfulInfo> {
    let told = explained.faithful.iter().map(|row| report::FaithfulInfo {
        learner: row.learner.to_owned(),
        task: row.task.clone(),
        deletion: row.deletion,
        random_deletion: row.random_deletion,
        insertion: row.insertion,
        random_insertion: row.random_insertion,
        gain: row.gain,
        low: row.low,
        high: row.high,
        residual: row.residual,
        n: row.n,
    });
    told.collect()
}

fn change(row: &Change) -> report::ImportanceChangeInfo {
    report::ImportanceChangeInfo {
        scenario: row.scenario.clone(),
        task: row.task.clone(),
        feature: row.feature.clone(),
        then: row.then,
        now: row.now,
        rank_then: row.rank_then,
        rank_now: row.rank_now,
        z: row.z,
        q: row.q,
        what: row.what.to_owned(),
    }
}

fn agreement(row: &Agreement) -> report::AgreementInfo {
    report::AgreementInfo { scenario: row.scenario.clone(), task: row.task.clone(), ndcg: row.ndcg, changed: row.changed }
}

fn past(row: &Past) -> report::PastImportanceInfo {
    report::PastImportanceInfo {
        as_of: row.as_of.clone(),
        task: row.task.clone(),
        feature: row.feature.clone(),
        value: row.value,
        rank: row.rank,
    }
}

fn told(row: &Told) -> report::ToldInfo {
    let steps =
        row.steps.iter().map(|step| report::StepInfo { label: step.label.clone(), value: step.value, from: step.from, to: step.to });
    report::ToldInfo {
        row: row.row,
        scenario: row.scenario.clone(),
        task: row.task.clone(),
        why: row.why.clone(),
        published: row.published,
        step: row.step,
        usual: row.usual,
        label: row.label,
        base: row.base,
        raw: row.raw,
        words: row.words.clone(),
        steps: steps.collect(),
        fit: row.fit,
        agreement: row.agreement,
    }
}
