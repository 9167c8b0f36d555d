//! Data quality of the rows that are scored tonight: completeness, consistency, diversity, per scenario.
//!
//! In: encoded candidates, block by block, and what cleaning counted. Out: [`Quality`] rows. Counts are kept per entry and
//! knot bin; entities and keys are counted by their hashes, so memory depends on how many there are, not on the rows.

use std::collections::HashMap;

use crate::learn::rows::{Block, Column, FieldKind, MISSING, Shape, UNKNOWN};

/// One row of the table `quality`.
#[derive(Debug, Clone, PartialEq)]
pub struct Quality {
    /// Scenario, or `*`.
    pub scenario: String,
    /// `completeness`, `consistency` or `diversity`.
    pub dimension: &'static str,
    /// What is measured.
    pub measure: &'static str,
    /// Table or column that it is about; empty for the whole.
    pub subject: String,
    /// Its value.
    pub value: f64,
    /// Rows behind it.
    pub n: u64,
}

/// Counts of one scenario.
#[derive(Clone)]
struct Counts {
    rows: u64,
    /// Rows per bin of each field: entries, or knot bins and "missing". Shape: `[fields][bins]`.
    bins: Vec<Vec<u64>>,
    /// Numeric values beyond the outer knots, per field.
    outside: Vec<u64>,
    /// Rows per entity.
    entities: HashMap<u64, u64>,
}

/// Adds up encoded rows.
pub struct QualityCounter {
    shape: Shape,
    /// One per scenario, the last for those never seen.
    counts: Vec<Counts>,
}

impl QualityCounter {
    /// Nothing counted yet.
    #[must_use]
    pub fn new(shape: &Shape) -> Self {
        let bins = shape
            .fields
            .iter()
            .map(|field| match &field.kind {
                FieldKind::Numeric { knots, .. } => vec![0; knots.len() + 2],
                FieldKind::Categorical { entries, .. } => vec![0; *entries as usize],
                FieldKind::Text { .. } | FieldKind::Vector { .. } => vec![0; 2],
            })
            .collect();
        let empty = Counts { rows: 0, bins, outside: vec![0; shape.fields.len()], entities: HashMap::new() };
        Self { counts: vec![empty; shape.scenarios.len() + 1], shape: shape.clone() }
    }

    /// Counts a block.
    pub fn add(&mut self, block: &Block<'_>) {
        let last = self.shape.scenarios.len();
        for row in 0..block.rows() {
            let counts = &mut self.counts[(block.scenario[row] as usize).min(last)];
            counts.rows += 1;
            *counts.entities.entry(block.entity[row]).or_default() += 1;
            for (field, spec) in self.shape.fields.iter().enumerate() {
                let (bin, outside) = bin(&spec.kind, block.columns[field], row);
                counts.bins[field][bin] += 1;
                counts.outside[field] += u64::from(outside);
            }
        }
    }

    /// The measures, all scenarios (`*`) first.
    #[must_use]
    pub fn finish(&self) -> Vec<Quality> {
        let everything = self.sum(&(0..self.counts.len()).collect::<Vec<_>>());
        let mut table = Vec::new();
        self.measure("*", &everything, &everything, &mut table);
        for (at, name) in self.shape.scenarios.iter().enumerate() {
            self.measure(name, &self.counts[at], &everything, &mut table);
        }
        let known = self.shape.scenarios.len();
        let present = self.counts[..known].iter().filter(|counts| counts.rows > 0).count();
        let n = everything.rows;
        table.push(quality("*", "diversity", "scenarios present", "", ratio(present as f64, known as f64), n));
        table.push(quality("*", "diversity", "effective scenarios", "", effective(self.counts.iter().map(|counts| counts.rows)), n));
        table.push(quality("*", "consistency", "scenario known", "", 1.0 - ratio(self.counts[known].rows as f64, n as f64), n));
        table
    }

    fn sum(&self, members: &[usize]) -> Counts {
        let mut sum = Self::new(&self.shape).counts[0].clone();
        for counts in members.iter().map(|at| &self.counts[*at]) {
            sum.rows += counts.rows;
            for (own, other) in sum.bins.iter_mut().flatten().zip(counts.bins.iter().flatten()) {
                *own += other;
            }
            sum.outside.iter_mut().zip(&counts.outside).for_each(|(own, other)| *own += other);
            counts.entities.iter().for_each(|(entity, rows)| *sum.entities.entry(*entity).or_default() += rows);
        }
        sum
    }

    fn measure(&self, scenario: &str, own: &Counts, all: &Counts, table: &mut Vec<Quality>) {
        let n = own.rows;
        let mut add = |dimension, measure, subject: &str, value: f64| table.push(quality(scenario, dimension, measure, subject, value, n));
        if n == 0 {
            add("completeness", "rows", "", 0.0);
            return;
        }
        let share = |count: u64| count as f64 / n as f64;
        let (mut present, mut known, mut within, mut distance, mut informs) = (Vec::new(), Vec::new(), Vec::new(), Vec::new(), 0);
        for (field, spec) in self.shape.fields.iter().enumerate() {
            let bins = &own.bins[field];
            let name = spec.name.as_str();
            let missing = match spec.kind {
                FieldKind::Categorical { .. } => bins[MISSING as usize],
                _ => bins[bins.len() - 1],
            };
            present.push(1.0 - share(missing));
            add("completeness", "values present", name, 1.0 - share(missing));
            informs += u64::from(bins.iter().filter(|rows| **rows > 0).count() > 1);
            match &spec.kind {
                FieldKind::Categorical { .. } => {
                    known.push(1.0 - share(bins[UNKNOWN as usize]));
                    add("consistency", "categories known", name, 1.0 - share(bins[UNKNOWN as usize]));
                    add("diversity", "effective categories", name, effective(bins.iter().copied()));
                }
                FieldKind::Numeric { .. } => {
                    within.push(1.0 - share(own.outside[field]));
                    add("consistency", "values within training range", name, 1.0 - share(own.outside[field]));
                }
                FieldKind::Text { .. } | FieldKind::Vector { .. } => {}
            }
            if scenario != "*" {
                let far = jensen_shannon(bins, &all.bins[field]);
                distance.push(far);
                add("consistency", "distance to all rows", name, far);
            }
        }
        add("completeness", "values present", "", mean(&present));
        add("consistency", "categories known", "", mean(&known));
        add("consistency", "values within training range", "", mean(&within));
        if scenario != "*" {
            add("consistency", "distance to all rows", "", mean(&distance));
        }
        let entities = own.entities.len() as f64;
        add("diversity", "entities", "", entities);
        // Entities in the order of their counts: a map's own order is not repeatable, and float sums depend on order.
        let mut rows: Vec<u64> = own.entities.values().copied().collect();
        rows.sort_unstable();
        add("diversity", "effective entities", "", effective(rows.iter().copied()));
        add("diversity", "Gini of rows per entity", "", gini(&rows));
        add("diversity", "features that inform", "", ratio(informs as f64, self.shape.fields.len() as f64));
    }
}

fn quality(scenario: &str, dimension: &'static str, measure: &'static str, subject: &str, value: f64, n: u64) -> Quality {
    Quality { scenario: scenario.to_owned(), dimension, measure, subject: subject.to_owned(), value, n }
}

fn ratio(top: f64, bottom: f64) -> f64 {
    if bottom > 0.0 { top / bottom } else { 0.0 }
}

/// Mean; of nothing, 1: there was nothing that could be wrong.
fn mean(values: &[f64]) -> f64 {
    if values.is_empty() { 1.0 } else { values.iter().sum::<f64>() / values.len() as f64 }
}

/// The bin of a value, and whether it lies beyond the outer knots.
fn bin(kind: &FieldKind, column: Column<'_>, row: usize) -> (usize, bool) {
    match (kind, column) {
        (FieldKind::Numeric { knots, .. }, Column::Numeric(values)) => {
            let value = values[row];
            if value.is_nan() {
                return (knots.len() + 1, false);
            }
            let outside = knots.first().is_some_and(|first| value < *first) || knots.last().is_some_and(|last| value > *last);
            (knots.partition_point(|knot| *knot <= value), outside)
        }
        (FieldKind::Categorical { entries, .. }, Column::Categorical(values)) => ((values[row].min(entries - 1)) as usize, false),
        (_, Column::Text { offsets, .. }) => (usize::from(offsets[row] == offsets[row + 1]), false),
        (FieldKind::Vector { width }, Column::Vector(values)) => (usize::from(*width > 0 && values[row * *width as usize].is_nan()), false),
        _ => (0, false),
    }
}

/// Effective number: `exp(−Σ p ln p)`, how many equally common values would be as varied. 1 and more; 0 without rows.
fn effective(counts: impl Iterator<Item = u64> + Clone) -> f64 {
    let total = counts.clone().sum::<u64>() as f64;
    if total == 0.0 {
        return 0.0;
    }
    let entropy: f64 = counts.filter(|count| *count > 0).map(|count| count as f64 / total).map(|share| -share * share.ln()).sum();
    entropy.exp()
}

/// Gini coefficient of sorted counts: 0 when all are equal, near 1 when one has all.
///
/// `G = 2 Σ i·x_i / (n Σ x) − (n + 1) / n`, with `i` from 1 in ascending order.
fn gini(sorted: &[u64]) -> f64 {
    let (n, total) = (sorted.len() as f64, sorted.iter().sum::<u64>() as f64);
    if n == 0.0 || total == 0.0 {
        return 0.0;
    }
    let weighted: f64 = sorted.iter().enumerate().map(|(at, rows)| (at as f64 + 1.0) * *rows as f64).sum();
    2.0 * weighted / (n * total) - (n + 1.0) / n
}

/// Jensen–Shannon distance of two lists of counts: the root of the divergence in bits, 0 (the same shares) to 1 (nothing in
/// common).
///
/// # Source
/// Endres and Schindelin (2003), "A new metric for probability distributions".
fn jensen_shannon(a: &[u64], b: &[u64]) -> f64 {
    let (na, nb) = (a.iter().sum::<u64>() as f64, b.iter().sum::<u64>() as f64);
    if na == 0.0 || nb == 0.0 {
        return 0.0;
    }
    let part = |p: f64, m: f64| if p > 0.0 { p * (p / m).log2() } else { 0.0 };
    let divergence: f64 = a
        .iter()
        .zip(b)
        .map(|(a, b)| {
            let (p, q) = (*a as f64 / na, *b as f64 / nb);
            let m = f64::midpoint(p, q);
            f64::midpoint(part(p, m), part(q, m))
        })
        .sum();
    divergence.clamp(0.0, 1.0).sqrt()
}

/// Measures of the clean tables: share of rows kept, and of the last 28 days that have rows.
#[must_use]
pub fn of_tables(tables: &super::CleanTables, tonight: i32) -> Vec<Quality> {
    let mut measures = Vec::new();
    for table in tables.values() {
        let refused: u64 = table.refused.values().sum();
        let all = table.rows + refused;
        measures.push(quality("*", "completeness", "records kept", &table.name, ratio(table.rows as f64, all as f64), all));
        let ahead = table.time.as_ref().is_some_and(|time| time.known_ahead.0 > 0);
        if table.time.is_some() && !ahead {
            let days = table.days.events.range(tonight - 28..tonight).count();
            measures.push(quality("*", "completeness", "days present of the last 28", &table.name, days as f64 / 28.0, table.rows));
        }
    }
    let total: u64 = tables.values().map(|table| table.rows).sum();
    let refused: u64 = tables.values().flat_map(|table| table.refused.values()).sum();
    measures.push(quality("*", "completeness", "records kept", "", ratio(total as f64, (total + refused) as f64), total + refused));
    measures
}

/// Measures of labelled rows: how many labels of each task were observed, and how many chained labels contradict their
/// parent (child 1 where the parent is 0). `labels: [tasks][rows]` as they were read.
#[must_use]
pub fn of_labels(shape: &Shape, labels: &[Vec<f32>]) -> Vec<Quality> {
    let mut measures = Vec::new();
    for (task, own) in shape.tasks.iter().zip(labels) {
        let n = own.len() as u64;
        let parent = task.after.map(|parent| &labels[parent]);
        let due = |row: usize| parent.is_none_or(|parent| parent[row] > 0.5);
        let (mut wanted, mut observed, mut conflicts) = (0_u64, 0_u64, 0_u64);
        for (row, label) in own.iter().enumerate() {
            wanted += u64::from(due(row));
            observed += u64::from(due(row) && !label.is_nan());
            conflicts += u64::from(parent.is_some_and(|parent| parent[row] == 0.0) && *label > 0.0);
        }
        measures.push(quality(
            "*",
            "completeness",
            "labels observed of labels due",
            &task.name,
            ratio(observed as f64, wanted as f64),
            wanted,
        ));
        measures.push(quality("*", "consistency", "labels that contradict their chain", &task.name, ratio(conflicts as f64, n as f64), n));
    }
    measures
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn measures_match_hand_computed_values() {
        assert!((effective([5_u64, 5, 5, 5].into_iter()) - 4.0).abs() < 1e-12);
        assert!((effective([7_u64, 0].into_iter()) - 1.0).abs() < 1e-12);
        assert!(gini(&[3, 3, 3]).abs() < 1e-12);
        assert!((gini(&[0, 0, 0, 4]) - 0.75).abs() < 1e-12);
        assert!((jensen_shannon(&[4, 0], &[0, 9]) - 1.0).abs() < 1e-12);
        assert!(jensen_shannon(&[2, 6], &[1, 3]) < 1e-7);
    }
}
