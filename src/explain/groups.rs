//! Correlated groups of features, and what the model relies on group by group.
//!
//! In: a sample of rows (for the groups), attributions of explained rows (for their importance). Out: [`GroupImportance`] rows.
//! Two features that say the same share what the model relies on, in halves or by chance; their group holds all of it.

use std::collections::BTreeMap;

use ndarray::Array2;

use super::association::{strengths, strengths_of};
use super::importance::Importance;
use super::places;
use super::units::{Draws, UnitSums};
use crate::learn::Attribution;
use crate::learn::rows::{Block, Shape};

/// Mean strength between the members of two groups from which they are one: about half of the spread of ranks in common (0.7² ≈ ½).
pub const TIED: f64 = 0.7;

/// Groups of fields that are tied on a sample of rows, each with its fields in rising order, by rising first field. A field that is
/// tied to no other is a group of its own.
///
/// Average linkage: the two groups with the largest mean strength between their members become one, until that is below [`TIED`].
/// Ties go to the fields that come first, so the result depends on the rows alone.
///
/// # Source
/// Sokal and Michener (1958), "A statistical method for evaluating systematic relationships" (UPGMA); updated as in Lance and
/// Williams (1967), "A general theory of classificatory sorting strategies".
#[must_use]
pub fn groups(block: &Block<'_>) -> Vec<Vec<usize>> {
    linked(&strengths(block), TIED)
}

/// How strongly one field is tied to each other one on a sample of rows: between 0 and 1, as [`groups`] measures it. Shape: `[fields]`.
#[must_use]
pub fn ties(block: &Block<'_>, field: usize) -> Vec<f64> {
    strengths_of(block, field)
}

fn linked(strength: &Array2<f64>, tied: f64) -> Vec<Vec<usize>> {
    let mut between = strength.clone();
    let mut groups: Vec<Vec<usize>> = (0..strength.nrows()).map(|field| vec![field]).collect();
    let best_of = |between: &Array2<f64>, groups: &[Vec<usize>], a: usize| {
        let beyond = (a + 1..groups.len()).filter(|b| !groups[*b].is_empty());
        beyond.fold((0, f64::NEG_INFINITY), |best, b| if between[[a, b]] > best.1 { (b, between[[a, b]]) } else { best })
    };
    let mut best: Vec<(usize, f64)> = (0..groups.len()).map(|a| best_of(&between, &groups, a)).collect();
    loop {
        let open = (0..groups.len()).filter(|a| !groups[*a].is_empty());
        let closest = open.fold(None, |closest: Option<usize>, a| match closest {
            Some(closest) if best[closest].1 >= best[a].1 => Some(closest),
            _ => Some(a),
        });
        let Some(a) = closest.filter(|a| best[*a].1 >= tied) else { break };
        let b = best[a].0;
        let (of_a, of_b) = (groups[a].len() as f64, groups[b].len() as f64);
        for other in (0..groups.len()).filter(|other| *other != a && *other != b) {
            let mean = (between[[a, other]] * of_a + between[[b, other]] * of_b) / (of_a + of_b);
            between[[a, other]] = mean;
            between[[other, a]] = mean;
        }
        let joined = std::mem::take(&mut groups[b]);
        groups[a].extend(joined);
        // Of the others only those before `b` looked at `a` or `b`.
        for (other, best) in best.iter_mut().enumerate().take(b + 1) {
            *best = best_of(&between, &groups, other);
        }
    }
    groups.retain(|group| !group.is_empty());
    for group in &mut groups {
        group.sort_unstable();
    }
    groups.sort_unstable();
    groups
}

/// One row of the table `group_importance`.
#[derive(Debug, Clone, PartialEq)]
pub struct GroupImportance {
    /// Scenario, or `*`.
    pub scenario: String,
    /// Task.
    pub task: String,
    /// The group, by its member with the largest importance for the task over all scenarios.
    pub group: String,
    /// Its members, the strongest first.
    pub members: Vec<String>,
    /// Mean |Σ of the members' contributions| on the raw output's scale.
    pub value: f64,
    /// Lower end of its 95 % interval, as [`Importance::low`].
    pub low: Option<f64>,
    /// Upper end of its 95 % interval.
    pub high: Option<f64>,
    /// Σ of the members' own importances over `value`, at least 1: how much of the members' contributions cancels within the group
    /// (1 = nothing does). `None` where `value` is 0.
    pub cancelled: Option<f64>,
    /// Explained rows.
    pub n: u64,
}

/// Adds contributions up by group.
pub struct GroupAccumulator {
    shape: Shape,
    groups: Vec<Vec<usize>>,
    /// Figures: `[tasks][groups]`.
    units: UnitSums,
    rows: Vec<u64>,
}

impl GroupAccumulator {
    /// Nothing added yet.
    #[must_use]
    pub fn new(shape: &Shape, groups: Vec<Vec<usize>>) -> Self {
        let scenarios = shape.scenarios.len() + 1;
        Self { shape: shape.clone(), units: UnitSums::new(scenarios, shape.tasks.len() * groups.len()), groups, rows: vec![0; scenarios] }
    }

    /// Adds the attributions of a block.
    pub fn add(&mut self, block: &Block<'_>, found: &Attribution) {
        for row in 0..block.rows() {
            let scenario = (block.scenario[row] as usize).min(self.shape.scenarios.len());
            self.rows[scenario] += 1;
            let own = self.units.row(scenario, block.entity[row]);
            for task in 0..self.shape.tasks.len() {
                for (at, group) in self.groups.iter().enumerate() {
                    let sum: f64 = group.iter().map(|field| f64::from(found.values[[row, task, *field]])).sum();
                    own[task * self.groups.len() + at] += sum.abs();
                }
            }
        }
    }

    /// The table: all scenarios (`*`) first, then each; groups in the order in which they were given. `importance` is that of the same
    /// rows.
    #[must_use]
    pub fn finish(&self, importance: &[Importance], resamples: usize, seed: u64) -> Vec<GroupImportance> {
        let draws = Draws::new(self.units.units(), resamples, seed);
        let values: BTreeMap<(&str, &str, &str), f64> =
            importance.iter().map(|row| ((row.scenario.as_str(), row.task.as_str(), row.feature.as_str()), row.value)).collect();
        let mut table = Vec::new();
        for (scenario, members) in places(&self.shape) {
            let n: u64 = members.iter().map(|member| self.rows[*member]).sum();
            if n == 0 {
                continue;
            }
            let means = self.units.means(&members, &draws);
            for (task, spec) in self.shape.tasks.iter().enumerate() {
                for (at, group) in self.groups.iter().enumerate() {
                    let of = |scenario: &str, field: usize| {
                        values.get(&(scenario, spec.name.as_str(), self.shape.fields[field].name.as_str())).copied().unwrap_or(0.0)
                    };
                    let mut order = group.clone();
                    order.sort_by(|a, b| of("*", *b).total_cmp(&of("*", *a)).then(a.cmp(b)));
                    let names: Vec<String> = order.iter().map(|field| self.shape.fields[*field].name.clone()).collect();
                    let (value, interval) = means[task * self.groups.len() + at];
                    let parts: f64 = group.iter().map(|field| of(scenario, *field)).sum();
                    table.push(GroupImportance {
                        scenario: scenario.to_owned(),
                        task: spec.name.clone(),
                        group: names.first().cloned().unwrap_or_default(),
                        members: names,
                        value,
                        low: interval.map(|(low, _)| low),
                        high: interval.map(|(_, high)| high),
                        cancelled: (value > 0.0).then(|| parts / value),
                        n,
                    });
                }
            }
        }
        table
    }
}
