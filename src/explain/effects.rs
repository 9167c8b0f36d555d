//! Effects: the mean contribution of a feature along its values, per cell.
//!
//! In: attributions of explained rows. Out: [`Effect`] rows for the features that matter most. Numeric features are cut at
//! their training quantiles; categorical ones by entry, the most frequent in training.

use crate::learn::Attribution;
use crate::learn::rows::{Block, Column, FieldKind, MISSING, Shape, UNKNOWN};

use super::feature_name;
use super::importance::Importance;

/// Entries of a categorical feature that are kept apart, beside "unknown" and "missing".
const ENTRIES: usize = 12;

/// One row of the table `effects`.
#[derive(Debug, Clone, PartialEq)]
pub struct Effect {
    /// Scenario, or `*`.
    pub scenario: String,
    /// Task.
    pub task: String,
    /// Feature.
    pub feature: String,
    /// Number of the bin.
    pub bin: u32,
    /// Lower end of a numeric bin.
    pub low: Option<f64>,
    /// Upper end of a numeric bin.
    pub high: Option<f64>,
    /// Entry of a categorical bin (its number in the vocabulary), or `missing`, `unknown`.
    pub entry: Option<u32>,
    /// Mean contribution on the raw output's scale.
    pub contribution: f64,
    /// Explained rows in the bin.
    pub n: u64,
}

/// Adds contributions up by bin.
pub struct Effects {
    shape: Shape,
    bins: Vec<usize>,
    /// First bin of each field.
    starts: Vec<usize>,
    /// `(sum, rows)`. Shape: `[scenarios][tasks][all bins]`.
    sums: Vec<(f64, u64)>,
}

impl Effects {
    /// Nothing added yet.
    #[must_use]
    pub fn new(shape: &Shape) -> Self {
        let bins: Vec<usize> = shape
            .fields
            .iter()
            .map(|field| match &field.kind {
                // Between neighbouring knots, beyond both ends, and missing.
                FieldKind::Numeric { knots, .. } => knots.len() + 2,
                FieldKind::Categorical { entries, .. } => (*entries as usize).min(ENTRIES + 2),
                FieldKind::Text { .. } | FieldKind::Vector { .. } => 0,
            })
            .collect();
        let mut starts = vec![0];
        for count in &bins {
            starts.push(starts.last().copied().unwrap_or(0) + count);
        }
        let total = starts.last().copied().unwrap_or(0);
        Self { sums: vec![(0.0, 0); shape.scenarios.len() * shape.tasks.len() * total], shape: shape.clone(), bins, starts }
    }

    /// Adds the attributions of a block. Scenarios never seen have no curve.
    pub fn add(&mut self, block: &Block<'_>, found: &Attribution) {
        let total = self.starts.last().copied().unwrap_or(0);
        for (field, spec) in self.shape.fields.iter().enumerate() {
            if self.bins[field] == 0 {
                continue;
            }
            for row in 0..block.rows() {
                let scenario = block.scenario[row] as usize;
                let Some(bin) = bin(&spec.kind, block.columns[field], row)
                    .filter(|bin| *bin < self.bins[field] && scenario < self.shape.scenarios.len())
                else {
                    continue;
                };
                for task in 0..self.shape.tasks.len() {
                    let sums = &mut self.sums[(scenario * self.shape.tasks.len() + task) * total + self.starts[field] + bin];
                    sums.0 += f64::from(found.values[[row, task, field]]);
                    sums.1 += 1;
                }
            }
        }
    }

    /// The curves of the `top` features of each task, over all scenarios and per scenario.
    #[must_use]
    pub fn finish(&self, importance: &[Importance], top: usize) -> Vec<Effect> {
        let total = self.starts.last().copied().unwrap_or(0);
        let all: Vec<usize> = (0..self.shape.scenarios.len()).collect();
        let mut effects = Vec::new();
        for (task, spec) in self.shape.tasks.iter().enumerate() {
            for field in self.strongest(importance, &spec.name, top) {
                let groups = std::iter::once(("*".to_owned(), all.clone()))
                    .chain(self.shape.scenarios.iter().enumerate().map(|(at, name)| (name.clone(), vec![at])));
                for (scenario, members) in groups {
                    for bin in 0..self.bins[field] {
                        let place = |member: &usize| self.sums[(member * self.shape.tasks.len() + task) * total + self.starts[field] + bin];
                        let (sum, n) = members.iter().map(place).fold((0.0, 0), |all, own| (all.0 + own.0, all.1 + own.1));
                        if n > 0 {
                            effects.push(self.effect(&scenario, &spec.name, field, bin, sum / n as f64, n));
                        }
                    }
                }
            }
        }
        effects
    }

    fn strongest(&self, importance: &[Importance], task: &str, top: usize) -> Vec<usize> {
        let own = importance.iter().filter(|row| row.scenario == "*" && row.task == task);
        let mut fields: Vec<(usize, f64)> = own
            .enumerate()
            .map(|(field, row)| (field, row.value))
            .filter(|(field, _)| *field < self.bins.len() && self.bins[*field] > 0)
            .collect();
        fields.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
        fields.into_iter().take(top).filter(|(_, value)| *value > 0.0).map(|(field, _)| field).collect()
    }

    fn effect(&self, scenario: &str, task: &str, field: usize, bin: usize, contribution: f64, n: u64) -> Effect {
        let (low, high, entry) = match &self.shape.fields[field].kind {
            FieldKind::Numeric { knots, .. } if bin <= knots.len() => {
                let knot = |at: usize| knots.get(at).map(|knot| f64::from(*knot));
                (bin.checked_sub(1).and_then(knot), knot(bin), None)
            }
            FieldKind::Numeric { .. } => (None, None, Some(MISSING)),
            _ => (None, None, Some(bin as u32)),
        };
        Effect {
            scenario: scenario.to_owned(),
            task: task.to_owned(),
            feature: feature_name(&self.shape, field).to_owned(),
            bin: bin as u32,
            low,
            high,
            entry,
            contribution,
            n,
        }
    }
}

/// The bin of a row's value: `0` below the first knot, `k` from knot `k − 1` up, the last one for missing.
fn bin(kind: &FieldKind, column: Column<'_>, row: usize) -> Option<usize> {
    match (kind, column) {
        (FieldKind::Numeric { knots, .. }, Column::Numeric(values)) => {
            let value = values[row];
            Some(if value.is_nan() { knots.len() + 1 } else { knots.partition_point(|knot| *knot <= value) })
        }
        (FieldKind::Categorical { .. }, Column::Categorical(entries)) => Some(entries[row] as usize),
        _ => None,
    }
}

/// The name of a bin that is no range.
#[must_use]
pub fn special(entry: u32) -> Option<&'static str> {
    match entry {
        UNKNOWN => Some("unknown"),
        MISSING => Some("missing"),
        _ => None,
    }
}
