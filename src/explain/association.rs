//! How strongly two features are tied, on a sample of rows: from 0 to 1, whatever their kinds.
//!
//! In: columns of a block. Out: a symmetric matrix. Texts and vectors are tied to nothing: no one number says by how much.

use ndarray::Array2;
use rayon::prelude::*;

use crate::learn::rows::{Block, Column, MISSING};

/// Entries of a categorical feature that are told apart; the rarer ones are one. More would be one row each in a small sample.
const ENTRIES: usize = 32;
/// Rows in which both features are present, below which their values say nothing of each other.
const LEAST: usize = 20;

/// A feature as it is compared.
enum Seen {
    /// Ranks from 0 to 1 among the present rows (the mean rank of ties), NaN where missing.
    Ranks(Vec<f64>),
    /// Class of each row; a missing entry is a class.
    Classes {
        class: Vec<usize>,
        classes: usize,
    },
    Nothing,
}

/// Strength of every pair of fields. Shape: `[fields, fields]`.
///
/// - two numbers: `(1 − m)·|ρ| + m·|φ|`, where `ρ` is the correlation of their ranks over rows in which both are present (each ranked
///   among its own present rows: Spearman's), `φ` the correlation of the indicators of missing values, and `m` the share of rows in
///   which at least one is missing: features that are missing together are tied as far as they are missing;
/// - two categories: Cramér's V, corrected for chance;
/// - a number and a category: the correlation ratio `η` of the ranks over the classes, corrected for chance, times the share of rows
///   in which the number is present.
///
/// # Source
/// Spearman (1904), "The proof and measurement of association between two things"; Bergsma (2013), "A bias-correction for Cramér's V
/// and Tschuprow's T"; Kelley (1935), "An unbiased correlation ratio measure". The mixture over missing rows is our own.
pub(super) fn strengths(block: &Block<'_>) -> Array2<f64> {
    let seen: Vec<Seen> = block.columns.par_iter().map(see).collect();
    let fields = seen.len();
    let rows: Vec<Vec<f64>> = (0..fields)
        .into_par_iter()
        .map(|a| (0..fields).map(|b| if a < b { strength(&seen[a], &seen[b]) } else { 0.0 }).collect())
        .collect();
    Array2::from_shape_fn((fields, fields), |(a, b)| if a == b { 1.0 } else { rows[a.min(b)][a.max(b)] })
}

/// Strength of one field with every field: a row of [`strengths`]. Shape: `[fields]`.
pub(super) fn strengths_of(block: &Block<'_>, field: usize) -> Vec<f64> {
    let own = see(&block.columns[field]);
    let with = |(at, column): (usize, &Column<'_>)| if at == field { 1.0 } else { strength(&own, &see(column)) };
    block.columns.par_iter().enumerate().map(with).collect()
}

fn see(column: &Column<'_>) -> Seen {
    match column {
        Column::Numeric(values) => Seen::Ranks(ranks(values)),
        Column::Categorical(entries) => classes(entries),
        Column::Text { .. } | Column::Vector(_) => Seen::Nothing,
    }
}

fn ranks(values: &[f32]) -> Vec<f64> {
    let mut order: Vec<usize> = (0..values.len()).filter(|row| !values[*row].is_nan()).collect();
    // 0 and −0 are one value, unlike in `total_cmp`.
    let rising = |a: &usize, b: &usize| values[*a].partial_cmp(&values[*b]).unwrap_or(std::cmp::Ordering::Equal);
    order.sort_unstable_by(|a, b| rising(a, b).then(a.cmp(b)));
    let mut ranks = vec![f64::NAN; values.len()];
    let (mut at, all) = (0, order.len().max(1) as f64);
    for ties in order.chunk_by(|a, b| rising(a, b).is_eq()) {
        let rank = (at as f64 + (ties.len() as f64 - 1.0) / 2.0 + 0.5) / all;
        for row in ties {
            ranks[*row] = rank;
        }
        at += ties.len();
    }
    ranks
}

fn classes(entries: &[u32]) -> Seen {
    let mut counts: std::collections::BTreeMap<u32, usize> = std::collections::BTreeMap::new();
    for entry in entries {
        *counts.entry(*entry).or_default() += 1;
    }
    let mut common: Vec<(u32, usize)> = counts.into_iter().collect();
    common.sort_by(|a, b| (b.0 == MISSING).cmp(&(a.0 == MISSING)).then(b.1.cmp(&a.1)).then(a.0.cmp(&b.0)));
    let place: std::collections::BTreeMap<u32, usize> =
        common.iter().enumerate().map(|(at, (entry, _))| (*entry, at.min(ENTRIES))).collect();
    Seen::Classes { class: entries.iter().map(|entry| place[entry]).collect(), classes: common.len().min(ENTRIES + 1) }
}

fn strength(a: &Seen, b: &Seen) -> f64 {
    match (a, b) {
        (Seen::Ranks(a), Seen::Ranks(b)) => of_numbers(a, b),
        (Seen::Classes { class: a, classes: of_a }, Seen::Classes { class: b, classes: of_b }) => of_classes((a, *of_a), (b, *of_b)),
        (Seen::Ranks(ranks), Seen::Classes { class, classes }) | (Seen::Classes { class, classes }, Seen::Ranks(ranks)) => {
            of_both(ranks, class, *classes)
        }
        _ => 0.0,
    }
}

/// |correlation| of pairs; 0 where one of them does not vary.
fn correlation(pairs: impl Iterator<Item = (f64, f64)> + Clone) -> f64 {
    let n = pairs.clone().count() as f64;
    let (a, b) = pairs.clone().fold((0.0, 0.0), |sum, pair| (sum.0 + pair.0 / n, sum.1 + pair.1 / n));
    let (mut aa, mut bb, mut ab) = (0.0, 0.0, 0.0);
    for (x, y) in pairs {
        aa += (x - a) * (x - a);
        bb += (y - b) * (y - b);
        ab += (x - a) * (y - b);
    }
    // Ranks lie between 0 and 1: a smaller spread than this is rounding.
    if aa > 1e-12 && bb > 1e-12 { (ab / (aa * bb).sqrt()).abs().min(1.0) } else { 0.0 }
}

fn of_numbers(a: &[f64], b: &[f64]) -> f64 {
    let present = a.iter().zip(b).filter(|(a, b)| !a.is_nan() && !b.is_nan()).map(|(a, b)| (*a, *b));
    let both = present.clone().count();
    let missing = 1.0 - both as f64 / a.len().max(1) as f64;
    let values = if both >= LEAST { correlation(present) } else { 0.0 };
    let gone = |value: &f64| f64::from(u8::from(value.is_nan()));
    let together = if missing > 0.0 { correlation(a.iter().zip(b).map(|(a, b)| (gone(a), gone(b)))) } else { 0.0 };
    (1.0 - missing) * values + missing * together
}

fn of_classes((a, of_a): (&[usize], usize), (b, of_b): (&[usize], usize)) -> f64 {
    let n = a.len() as f64;
    let mut table = Array2::<f64>::zeros((of_a, of_b));
    a.iter().zip(b).for_each(|(a, b)| table[[*a, *b]] += 1.0);
    if of_a < 2 || of_b < 2 || a.len() < LEAST {
        return 0.0;
    }
    let (rows, columns) = (table.sum_axis(ndarray::Axis(1)), table.sum_axis(ndarray::Axis(0)));
    let phi: f64 = table.indexed_iter().map(|((a, b), count)| count * count / (rows[a] * columns[b])).sum::<f64>() - 1.0;
    let (r, k) = (of_a as f64, of_b as f64);
    let corrected = (phi - (r - 1.0) * (k - 1.0) / (n - 1.0)).max(0.0);
    let (r, k) = (r - (r - 1.0).powi(2) / (n - 1.0), k - (k - 1.0).powi(2) / (n - 1.0));
    let least = (r - 1.0).min(k - 1.0);
    if least > 0.0 { (corrected / least).sqrt().min(1.0) } else { 0.0 }
}

fn of_both(ranks: &[f64], class: &[usize], classes: usize) -> f64 {
    let mut sums = vec![(0.0, 0.0); classes];
    let (mut n, mut sum, mut squares) = (0.0, 0.0, 0.0);
    for (rank, class) in ranks.iter().zip(class).filter(|(rank, _)| !rank.is_nan()) {
        sums[*class].0 += rank;
        sums[*class].1 += 1.0;
        n += 1.0;
        sum += rank;
        squares += rank * rank;
    }
    let used = sums.iter().filter(|(_, n)| *n > 0.0).count() as f64;
    let total = squares - sum * sum / n;
    if n < LEAST as f64 || used < 2.0 || n <= used || total <= 1e-12 {
        return 0.0;
    }
    let within = squares - sums.iter().filter(|(_, n)| *n > 0.0).map(|(sum, n)| sum * sum / n).sum::<f64>();
    let ratio = (1.0 - within / (n - used) / (total / (n - 1.0))).clamp(0.0, 1.0);
    ratio.sqrt() * n / ranks.len() as f64
}
