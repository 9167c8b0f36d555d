//! The leak sentinel: features that know what they could not have known when the row was served.
//!
//! In: encoded training rows with their labels, before anything is learned. Out: a [`Leak`] for every feature and task that
//! looks like one, named with its reason and its figure. Not here: what is done about a leak; which columns a job leaves out.
//!
//! A feature is looked at alone, once for every task, over all rows and in every scenario with enough support:
//!
//! 1. it **separates** the task's positives from its negatives better than any honest feature does;
//! 2. it is a **copy** of the label, or of something that rises and falls with it;
//! 3. it is there, or has one value, **only for positives**;
//! 4. it is an **id of the outcome**: as many values as there are positives, and nothing else.
//!
//! What holds over all rows must also hold in one of the scenarios that have enough rows to tell: else it is a difference
//! between scenarios (of which one has the outcome and the feature, and the other neither), and not a leak.

mod numeric;
mod sample;
mod values;

#[cfg(test)]
mod tests;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::learn::rows::{Block, FieldKind, Shape};
use sample::{Sample, Stratum};

/// A class of a task has to have so many rows before a feature is judged by it: a feature that knows nothing then comes
/// nowhere near a limit such as 0.99 (its AUC has a standard deviation of at most 0.06).
const SUPPORT: u32 = 50;
/// Precision above which what is "only there for positives" is: one negative in a hundred rows.
const PURE: f64 = 0.99;
/// Share of the positives that something pure has to cover to be worth an alarm.
const COVERS: f64 = 0.2;
/// Rows that something pure has to have: an honest sign that is right nine times in ten has so many without a mistake once
/// in 40,000 times.
const PURE_ROWS: u32 = 100;
/// Base rate above which "only for positives" says nothing.
const RARE: f64 = 0.5;

/// Limits of the sentinel.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SentinelSettings {
    /// A single feature with an AUC above this, either way round, is a leak. Between 0.5 and 1; usually 0.99.
    pub auc_limit: f64,
}

/// Why a feature is held to be a leak. In the order in which they are told, where several hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LeakReason {
    /// Equal to the label on more than 99.9 % of the rows, or ordered or scaled like it (correlation above 0.999).
    Copy,
    /// A value of its own for each positive, and nothing for the others.
    OutcomeId,
    /// Present, or at one value, for positives only.
    OnlyPositives,
    /// Single-feature AUC above the limit.
    Separates,
}

/// One feature that knows too much.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Leak {
    /// Column of the frame; `name[3]` is the fourth number of a vector.
    pub feature: String,
    /// The task that it gives away.
    pub task: String,
    /// What gives it away.
    pub reason: LeakReason,
    /// The figure behind the reason: share of equal rows or correlation (copy), precision (only for positives), share of the
    /// positives with a value of their own (outcome id), AUC (separates). 0 to 1.
    pub value: f64,
    /// Scenario in which it shows, or `*`: over all rows, and then not told again for each scenario.
    pub scenario: String,
}

impl Leak {
    /// The finding in a sentence's part: `` `paid_at` is there for positives of purchase only (0.998) ``.
    #[must_use]
    pub fn words(&self) -> String {
        let place = if self.scenario == "*" { String::new() } else { format!(" in {}", self.scenario) };
        let (feature, task, value) = (&self.feature, &self.task, self.value);
        match self.reason {
            LeakReason::Copy => format!("`{feature}` is a copy of the label of {task}{place} ({value:.4})"),
            LeakReason::OutcomeId => format!("`{feature}` is an id of the outcome {task}{place}: a value of its own for each positive"),
            LeakReason::OnlyPositives => format!("`{feature}` is there for positives of {task}{place} only (precision {value:.4})"),
            LeakReason::Separates => format!("`{feature}` alone tells {task}{place} with an AUC of {value:.4}"),
        }
    }
}

/// What was found in one cell.
type Finding = (LeakReason, f64);

/// Rows of the two classes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Count {
    positives: u32,
    negatives: u32,
}

impl Count {
    fn all(self) -> u32 {
        self.positives + self.negatives
    }

    fn add(&mut self, class: u8) {
        self.positives += u32::from(class == sample::POSITIVE);
        self.negatives += u32::from(class == sample::NEGATIVE);
    }

    fn minus(self, other: Self) -> Self {
        Self { positives: self.positives - other.positives, negatives: self.negatives - other.negatives }
    }

    /// Precision of a part of the rows as a sign of positives, where it is as good as sure, covers enough of them and the
    /// rest of the rows is far from it.
    fn only_positives(self, part: Self) -> Option<Finding> {
        let precision = f64::from(part.positives) / f64::from(part.all().max(1));
        let covers = f64::from(part.positives) >= COVERS * f64::from(self.positives);
        let rare = f64::from(self.positives) <= RARE * f64::from(self.all());
        (part.all() >= PURE_ROWS && precision > PURE && covers && rare).then_some((LeakReason::OnlyPositives, precision))
    }
}

/// Every feature that looks like a leak: by field, then task, then scenario (`*` first).
///
/// Labels count over the entire space ([`super::entire_space`]); a task that is not binary is taken as "has any" (label
/// above 0) where none of its labels is below 0, and its numbers are compared as numbers as well. Rows are those of a fixed
/// sample of entities (about 200,000 rows): the same whatever the order of features and threads.
///
/// # Shapes
/// `blocks` are training rows with labels; their columns are those of `shape`. Blocks without labels are passed over.
///
/// # Source
/// Kaufman, Rosset, Perlich, Stitelman (2012), "Leakage in data mining: formulation, detection, and avoidance", section 4.2
/// (exploratory detection: what is too good is looked at).
#[must_use]
pub fn sentinel(shape: &Shape, blocks: &[Block<'_>], settings: &SentinelSettings) -> Vec<Leak> {
    let sample = Sample::new(shape, blocks);
    let parts: Vec<(usize, usize)> = shape
        .fields
        .iter()
        .enumerate()
        .flat_map(|(field, spec)| {
            let parts = if let FieldKind::Vector { width } = spec.kind { width as usize } else { 1 };
            (0..parts).map(move |part| (field, part))
        })
        .collect();
    parts.par_iter().flat_map_iter(|(field, part)| of_feature(shape, &sample, *field, *part, *settings)).collect()
}

fn of_feature(shape: &Shape, sample: &Sample<'_>, field: usize, part: usize, settings: SentinelSettings) -> Vec<Leak> {
    let spec = &shape.fields[field];
    let name = if matches!(spec.kind, FieldKind::Vector { .. }) { format!("{}[{part}]", spec.name) } else { spec.name.clone() };
    // Shape: [strata][tasks].
    let found: Vec<Vec<Option<Finding>>> = match &spec.kind {
        FieldKind::Numeric { .. } | FieldKind::Vector { .. } => numeric::findings(sample, field, part, settings),
        FieldKind::Categorical { .. } => values::findings(sample, field, settings),
        FieldKind::Text { buckets } => values::text_findings(sample, field, *buckets, settings),
    };
    let mut leaks = Vec::new();
    for (task, spec) in shape.tasks.iter().enumerate() {
        for (stratum, reason, value) in told(sample, &found, task) {
            leaks.push(Leak { feature: name.clone(), task: spec.name.clone(), reason, value, scenario: stratum.name.clone() });
        }
    }
    leaks
}

/// The findings of a task that are told: over all rows where scenarios agree, else those of the scenarios.
fn told<'s>(sample: &'s Sample<'_>, found: &[Vec<Option<Finding>>], task: usize) -> Vec<(&'s Stratum, LeakReason, f64)> {
    let mut own =
        sample.strata.iter().zip(found).filter_map(|(stratum, found)| found[task].map(|(reason, value)| (stratum, reason, value)));
    let mut cells: Vec<_> = own.by_ref().collect();
    let scenarios = sample.strata[1..].iter().filter(|stratum| stratum.supports(task)).count();
    let everywhere = cells.first().is_some_and(|(stratum, ..)| stratum.scenario.is_none());
    if everywhere && (cells.len() > 1 || scenarios == 0) {
        cells.truncate(1);
    } else if everywhere {
        cells.clear();
    }
    cells
}
