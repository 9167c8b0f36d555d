//! What the model relies on tonight and did not last night: importance of two nights, each change against its own noise.
//!
//! In: the importance of two nights with intervals. Out: a [`Change`] per feature and cell, an [`Agreement`] per cell. Not here:
//! changes of the features themselves (`evaluate::drift`).

use std::collections::BTreeMap;

use super::importance::Importance;
use super::units::HALF_WIDTH;
use crate::evaluate::drift::{false_discovery, normal_tails};

/// False discovery rate below which a change is beyond chance.
pub const BEYOND_CHANCE: f64 = 0.05;
/// Changes from which their spread is known.
pub const KNOWN: usize = 20;

/// One row of the table `importance_change`.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// Scenario, or `*`.
    pub scenario: String,
    /// Task.
    pub task: String,
    /// Feature.
    pub feature: String,
    /// Mean |contribution| last night; `None` for a new feature.
    pub then: Option<f64>,
    /// Mean |contribution| tonight; `None` for a feature that is no longer there.
    pub now: Option<f64>,
    /// Rank last night, 1 = largest.
    pub rank_then: Option<usize>,
    /// Rank tonight.
    pub rank_now: Option<usize>,
    /// `now − then` in its own standard errors, widened by what a refit moves; `None` where one night has no interval.
    pub z: Option<f64>,
    /// False discovery rate at which the change counts, among all changes of the night.
    pub q: Option<f64>,
    /// `rose`, `fell` (beyond chance), `as before`, `new`, `gone`, or `no interval`.
    pub what: &'static str,
}

/// How much of last night's ranking holds in a cell: one row of the table `importance_agreement`.
#[derive(Debug, Clone, PartialEq)]
pub struct Agreement {
    /// Scenario, or `*`.
    pub scenario: String,
    /// Task.
    pub task: String,
    /// `DCG(last night's order) / DCG(tonight's order)` with tonight's importance as gains: 1 = the same order where it matters. A new
    /// feature stands in no place of last night's order. `None` where tonight's importance is 0 throughout.
    pub ndcg: Option<f64>,
    /// Features of tonight alone.
    pub new: Vec<String>,
    /// Features of last night alone.
    pub gone: Vec<String>,
    /// Changes beyond chance.
    pub changed: usize,
}

/// A cell's features and their importance, by name.
type Cell<'a> = BTreeMap<&'a str, &'a Importance>;

/// Compares the importance of two nights, for the cells that both have.
///
/// `z = (now − then) / (s·√(se_then² + se_now²))`, `se = (high − low) / 3.92`; two-sided `p` of the normal distribution, and the false
/// discovery rate over all features and cells together. A feature that says nothing on either night (both 0) is no test. The
/// intervals hold the noise of the rows that were explained, not that of learning: a model that was fitted anew moves every feature by
/// more than they say. By how much is read off the night itself: `s`, at least 1, is the robust spread of all features' changes in
/// standard errors (median of their size over 0.6745; 1 with fewer than [`KNOWN`] of them). What is left stands out from a refit.
///
/// # Source
/// Empirical null: Efron (2004), "Large-scale simultaneous hypothesis testing: the choice of a null hypothesis", section 3; Benjamini and
/// Hochberg (1995), "Controlling the false discovery rate"; Järvelin and Kekäläinen (2002), "Cumulated gain-based evaluation of IR
/// techniques".
#[must_use]
pub fn change(then: &[Importance], now: &[Importance]) -> (Vec<Change>, Vec<Agreement>) {
    let (before, after) = (cells(then), cells(now));
    let mut changes = Vec::new();
    let mut spans = Vec::new();
    for (cell, own) in &after {
        if let Some(earlier) = before.get(cell) {
            let from = changes.len();
            changes.extend(of_cell(*cell, earlier, own));
            spans.push((*cell, from..changes.len()));
        }
    }
    let scale = refit(&changes);
    for change in &mut changes {
        change.z = change.z.map(|z| z / scale);
    }
    let p: Vec<Option<f64>> = changes.iter().map(|change| change.z.map(normal_tails)).collect();
    for (change, q) in changes.iter_mut().zip(false_discovery(&p)) {
        change.q = q;
        if let (Some(q), Some(z)) = (q, change.z) {
            change.what = if q >= BEYOND_CHANCE {
                "as before"
            } else if z > 0.0 {
                "rose"
            } else {
                "fell"
            };
        }
    }
    let agreements = spans.into_iter().map(|((scenario, task), span)| agreement(scenario, task, &changes[span])).collect();
    (changes, agreements)
}

/// Robust spread of the changes in standard errors, at least 1.
fn refit(changes: &[Change]) -> f64 {
    let mut sizes: Vec<f64> = changes.iter().filter_map(|change| change.z).map(f64::abs).collect();
    if sizes.len() < KNOWN {
        return 1.0;
    }
    sizes.sort_unstable_by(f64::total_cmp);
    // The median of |z| of a normal distribution is 0.6745 of its standard deviation.
    (sizes[sizes.len() / 2] / 0.6745).max(1.0)
}

fn cells(table: &[Importance]) -> BTreeMap<(&str, &str), Cell<'_>> {
    let mut cells: BTreeMap<(&str, &str), Cell<'_>> = BTreeMap::new();
    for row in table {
        cells.entry((&row.scenario, &row.task)).or_default().insert(&row.feature, row);
    }
    cells
}

/// Rank of each feature, 1 = largest; equal ones in the order of their names.
fn ranks<'a>(cell: &Cell<'a>) -> BTreeMap<&'a str, usize> {
    let mut order: Vec<(&str, f64)> = cell.iter().map(|(feature, row)| (*feature, row.value)).collect();
    order.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(b.0)));
    order.into_iter().enumerate().map(|(at, (feature, _))| (feature, at + 1)).collect()
}

fn error(row: &Importance) -> Option<f64> {
    Some((row.high? - row.low?) / (2.0 * HALF_WIDTH))
}

fn of_cell((scenario, task): (&str, &str), then: &Cell<'_>, now: &Cell<'_>) -> Vec<Change> {
    let (rank_then, rank_now) = (ranks(then), ranks(now));
    let names: std::collections::BTreeSet<&str> = then.keys().chain(now.keys()).copied().collect();
    let of = |feature: &str| {
        let (before, after) = (then.get(feature), now.get(feature));
        let z = before.zip(after).and_then(|(before, after)| {
            let error = error(before)?.hypot(error(after)?);
            (error > 0.0).then(|| (after.value - before.value) / error)
        });
        let same = before.zip(after).is_some_and(|(before, after)| before.value.total_cmp(&after.value).is_eq());
        let what = match (before, after) {
            (None, _) => "new",
            (_, None) => "gone",
            _ if same => "as before",
            _ => "no interval",
        };
        Change {
            scenario: scenario.to_owned(),
            task: task.to_owned(),
            feature: feature.to_owned(),
            then: before.map(|row| row.value),
            now: after.map(|row| row.value),
            rank_then: rank_then.get(feature).copied(),
            rank_now: rank_now.get(feature).copied(),
            z,
            q: None,
            what,
        }
    };
    names.into_iter().map(of).collect()
}

fn agreement(scenario: &str, task: &str, changes: &[Change]) -> Agreement {
    let gain = |rank: Option<usize>, change: &Change| rank.zip(change.now).map_or(0.0, |(rank, now)| now / (rank as f64 + 1.0).log2());
    let ideal: f64 = changes.iter().map(|change| gain(change.rank_now, change)).sum();
    let found: f64 = changes.iter().map(|change| gain(change.rank_then, change)).sum();
    let named = |what: &str| changes.iter().filter(|change| change.what == what).map(|change| change.feature.clone()).collect();
    Agreement {
        scenario: scenario.to_owned(),
        task: task.to_owned(),
        ndcg: (ideal > 0.0).then(|| found / ideal),
        new: named("new"),
        gone: named("gone"),
        changed: changes.iter().filter(|change| matches!(change.what, "rose" | "fell")).count(),
    }
}
