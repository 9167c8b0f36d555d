//! How much one column knows of another: tables of counts and ranks.
//!
//! In: counts of classes crossed with classes, or two lists of numbers. Out: figures in nats or without a unit; `None` where one is
//! not defined. Not here: how values become classes beyond cutting numbers at their quantiles.

use std::collections::BTreeMap;

use super::drift::{quantile_edges, value_edges};

/// Added to the positives and the negatives of every class: a class without one of them has a finite weight of evidence.
const SMOOTH: f64 = 0.5;

/// Rows of classes: class of the value × class of the label.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Crossed {
    counts: BTreeMap<(u64, u64), u64>,
    rows: BTreeMap<u64, u64>,
    columns: BTreeMap<u64, u64>,
    n: u64,
}

/// Positives and negatives of one class of a value.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Evidence {
    /// Rows with the label.
    pub positives: f64,
    /// Rows without.
    pub negatives: f64,
}

/// Places of numbers: each its own class where there are at most `bins` distinct ones, else bins between quantiles
/// ([`quantile_edges`]). NaN is the class beyond all others: `u64::MAX`.
///
/// # Shapes
/// `values: [rows]`; returns `[rows]` and the lower ends of the classes from the second on, which belong to them.
#[must_use]
pub fn classes_of(values: &[f64], bins: usize) -> (Vec<u64>, Vec<f64>) {
    let full = || values.iter().map(|value| value + 0.0).collect();
    let edges = value_edges(values, bins).unwrap_or_else(|| quantile_edges(full(), bins.max(1)));
    // With exactly `j` edges at or below it, a value is in class j.
    let place = |value: &f64| if value.is_nan() { u64::MAX } else { edges.partition_point(|edge| *edge <= *value) as u64 };
    (values.iter().map(place).collect(), edges)
}

/// Shannon's entropy of counts: `−Σ p ln p`, in nats. `None` without rows.
///
/// # Source
/// Shannon (1948), "A mathematical theory of communication", section 6.
#[must_use]
pub fn entropy(counts: impl Iterator<Item = u64> + Clone) -> Option<f64> {
    let n = counts.clone().sum::<u64>() as f64;
    let part = |count: u64| if count == 0 { 0.0 } else { -(count as f64 / n) * (count as f64 / n).ln() };
    (n > 0.0).then(|| counts.map(part).sum::<f64>().max(0.0))
}

impl Crossed {
    /// # Shapes
    /// Both: `[rows]`.
    #[must_use]
    pub fn new(values: &[u64], labels: &[u64]) -> Self {
        let mut pairs: Vec<(u64, u64)> = values.iter().copied().zip(labels.iter().copied()).collect();
        pairs.sort_unstable();
        let mut crossed = Self { n: pairs.len() as u64, ..Self::default() };
        for run in pairs.chunk_by(|a, b| a == b) {
            let (value, label) = run[0];
            crossed.counts.insert(run[0], run.len() as u64);
            *crossed.rows.entry(value).or_default() += run.len() as u64;
            *crossed.columns.entry(label).or_default() += run.len() as u64;
        }
        crossed
    }

    /// Mutual information: `Σ p_ij ln(p_ij / (p_i p_j))`, in nats. `None` without rows.
    ///
    /// # Source
    /// Cover and Thomas (2006), "Elements of information theory", section 2.3.
    #[must_use]
    pub fn mutual_information(&self) -> Option<f64> {
        let n = self.n as f64;
        let part = |((row, column), count): (&(u64, u64), &u64)| {
            let count = *count as f64;
            count / n * (count * n / (self.rows[row] as f64 * self.columns[column] as f64)).ln()
        };
        (self.n > 0).then(|| self.counts.iter().map(part).sum::<f64>().max(0.0))
    }

    /// Cramér's V: `sqrt(χ² / (n · (min(rows, columns) − 1)))`, without correction, from 0 (unrelated) to 1 (the one says the
    /// other). `None` where either has one class only.
    ///
    /// # Source
    /// Cramér (1946), "Mathematical methods of statistics", section 21.9.
    #[must_use]
    pub fn cramers_v(&self) -> Option<f64> {
        let freedom = self.rows.len().min(self.columns.len()).saturating_sub(1);
        let n = self.n as f64;
        // χ² = n (Σ o² / (row · column) − 1)
        let part =
            |((row, column), count): (&(u64, u64), &u64)| (*count as f64).powi(2) / (self.rows[row] as f64 * self.columns[column] as f64);
        let share = self.counts.iter().map(part).sum::<f64>() - 1.0;
        (freedom > 0 && n > 0.0).then(|| (share / freedom as f64).clamp(0.0, 1.0).sqrt())
    }
}

/// Positives and negatives of each class, by rising class.
///
/// # Shapes
/// `classes: [rows]`, `labels: [rows]` (above 0 is positive).
#[must_use]
pub fn evidence(classes: &[u64], labels: &[f64]) -> Vec<(u64, Evidence)> {
    let mut found: BTreeMap<u64, Evidence> = BTreeMap::new();
    for (class, label) in classes.iter().zip(labels) {
        let own = found.entry(*class).or_default();
        let side = if *label > 0.0 { &mut own.positives } else { &mut own.negatives };
        *side += 1.0;
    }
    found.into_iter().collect()
}

/// Weight of evidence of each class, `ln(p / q)`, and its part of the information value, `(p − q) ln(p / q)`; `p` is the class's
/// share of the positives and `q` of the negatives, with one half added to each count. In nats; above 0 speaks for the label.
/// `None` without a positive or without a negative.
///
/// # Source
/// Good (1950), "Probability and the weighing of evidence"; Siddiqi (2006), "Credit risk scorecards", chapter 6.
#[must_use]
pub fn weights_of_evidence(classes: &[Evidence]) -> Option<Vec<(f64, f64)>> {
    let sum = |of: fn(&Evidence) -> f64| classes.iter().map(of).sum::<f64>();
    let (positives, negatives) = (sum(|own| own.positives), sum(|own| own.negatives));
    if positives <= 0.0 || negatives <= 0.0 {
        return None;
    }
    let all = SMOOTH * classes.len() as f64;
    let weight = |own: &Evidence| {
        let (p, q) = ((own.positives + SMOOTH) / (positives + all), (own.negatives + SMOOTH) / (negatives + all));
        ((p / q).ln(), (p - q) * (p / q).ln())
    };
    Some(classes.iter().map(weight).collect())
}

/// Ranks from 1, equal values sharing their mean rank.
fn ranks(values: &[f64]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).collect();
    order.sort_unstable_by(|a, b| (values[*a] + 0.0).total_cmp(&(values[*b] + 0.0)));
    let mut ranks = vec![0.0; values.len()];
    let mut above = 0.0;
    for run in order.chunk_by(|a, b| (values[*a] - values[*b]).abs() <= 0.0) {
        let rank = above + f64::midpoint(1.0, run.len() as f64);
        for row in run {
            ranks[*row] = rank;
        }
        above += run.len() as f64;
    }
    ranks
}

/// Spearman's rank correlation: Pearson's of the mean ranks. `None` with fewer than two rows, where one of the two does not vary,
/// or where a number is not finite.
///
/// # Source
/// Spearman (1904), "The proof and measurement of association between two things".
#[must_use]
pub fn spearman(x: &[f64], y: &[f64]) -> Option<f64> {
    if !x.iter().chain(y).all(|value| value.is_finite()) || x.len() != y.len() {
        return None;
    }
    let (x, y) = (ranks(x), ranks(y));
    let mean = f64::midpoint(1.0, x.len() as f64);
    let (mut xx, mut yy, mut xy) = (0.0, 0.0, 0.0);
    for (x, y) in x.iter().zip(&y) {
        xx += (x - mean) * (x - mean);
        yy += (y - mean) * (y - mean);
        xy += (x - mean) * (y - mean);
    }
    (xx > 0.0 && yy > 0.0).then(|| xy / (xx.sqrt() * yy.sqrt()))
}
