//! Two models on the same rows: by how much one is better, and whether that is more than chance.
//!
//! In: labels, predictions of `a` and `b`, entities. Out: a [`Difference`] per metric, above 0 where `a` is better; a
//! [`Verdict`] per difference of a family. Both models are measured on the same resamples, so what makes a night hard for both
//! cancels.

use super::bootstrap::{LANES, Lanes, MIN_ENTITIES, Resampler, interval, standard_error};
use super::drift::normal_tails;
use super::metrics::{Rows, log_loss};
use super::ordered::Ordered;
use super::replicates::auc;
use super::sums::Sums;

/// How much better `a` is than `b`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Difference {
    /// `auc` or `log_loss` (nats), `rmse` or `mae` (the label's unit).
    pub metric: &'static str,
    /// The figure of `a`.
    pub a: f64,
    /// The figure of `b`.
    pub b: f64,
    /// `auc`: that of `a` less that of `b`; losses and errors: that of `b` less that of `a`. Above 0: `a` is better.
    pub value: f64,
    /// Lower end of its 95 % interval over entities.
    pub low: f64,
    /// Upper end of its 95 % interval over entities.
    pub high: f64,
    /// Two-sided: how probable a difference at least as far from 0 is where there is none.
    pub p: f64,
    /// Labelled rows.
    pub n: u64,
    /// Positives (binary), or rows with a label above 0.
    pub positives: u64,
}

/// What a difference is evidence of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// `a` is better.
    Helped,
    /// `a` is worse.
    Hurt,
    /// Chance explains the difference.
    NoEvidence,
}

impl Verdict {
    /// As it stands in tables.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Helped => "helped",
            Self::Hurt => "hurt",
            Self::NoEvidence => "no evidence",
        }
    }
}

/// Compares `a` with `b`: `auc` and `log_loss` for binary labels, else `rmse` and `mae`. Rows whose label is NaN are left out.
///
/// The interval is the percentile interval of the paired resamples. `p` is that of Student's distribution with the resamples'
/// standard error: counting resamples on the far side of 0 cannot say less than `2/(resamples + 1)`, which a correction over
/// many cells never lets pass.
///
/// Empty where nothing can be compared: a number is not finite, fewer than [`MIN_ENTITIES`] entities, or one class
/// (`auc` alone is left out where only some resamples have both).
///
/// # Shapes
/// `labels: [rows]`, `a: [rows]`, `b: [rows]`, `entity: [rows]`.
///
/// # Source
/// Efron and Tibshirani (1993), "An introduction to the bootstrap", sections 13.3 and 16.4; resampling pairs by entity as
/// [`Resampler`].
#[must_use]
pub fn compare(binary: bool, labels: &[f64], a: &[f64], b: &[f64], entity: &[u64], resamples: usize, seed: u64) -> Vec<Difference> {
    let seen: Vec<usize> = (0..labels.len()).filter(|row| !labels[*row].is_nan()).collect();
    let of = |values: &[f64]| seen.iter().map(|row| values[*row]).collect::<Vec<f64>>();
    let (labels, a, b) = (of(labels), of(a), of(b));
    let entity: Vec<u64> = seen.iter().map(|row| entity[*row]).collect();
    let (Some(ours), Some(theirs)) = (Rows::new(&labels, &a), Rows::new(&labels, &b)) else { return Vec::new() };
    let resampler = Resampler::new(&entity, resamples, seed);
    if resampler.units() < MIN_ENTITIES {
        return Vec::new();
    }
    let found = if binary { classes(&ours, &theirs, &resampler) } else { amounts(&ours, &theirs, &resampler) };
    let (n, positives) = (labels.len() as u64, labels.iter().filter(|label| **label > 0.0).count() as u64);
    let difference = |(metric, a, b, replicates): (&'static str, Option<f64>, Option<f64>, Vec<f64>)| {
        let (a, b, (low, high)) = (a?, b?, interval(&replicates)?);
        let value = if metric == "auc" { a - b } else { b - a };
        let p = two_sided(value, standard_error(&replicates)?, resampler.units(), resamples);
        Some(Difference { metric, a, b, value, low, high, p, n, positives })
    };
    found.into_iter().filter_map(difference).collect()
}

/// A metric, the figures of `a` and `b`, and how much better `a` is in each resample.
type Found = Vec<(&'static str, Option<f64>, Option<f64>, Vec<f64>)>;

fn lanes(of: impl Fn(usize) -> f64) -> Lanes<f64> {
    let mut out = [f64::NAN; LANES];
    out.iter_mut().enumerate().for_each(|(at, out)| *out = of(at));
    out
}

fn classes(ours: &Rows<'_>, theirs: &Rows<'_>, resampler: &Resampler) -> Found {
    let (labels, a, b) = (ours.labels(), ours.predictions(), theirs.predictions());
    let order = |rows: &Rows<'_>| Ordered::new(rows.runs(), resampler.unit(), labels, rows.predictions());
    let (first, second) = (order(ours), order(theirs));
    let sums = Sums::new(resampler.unit(), |row| [1.0, labels[row], log_loss(labels[row], b[row]) - log_loss(labels[row], a[row])]);
    let mut replicates = resampler.replicate(2, |counts| {
        let [rows, positives, loss] = sums.over(counts);
        let [first, second] = [&first, &second].map(|order| order.pass::<false, false>(counts, &rows).area);
        let area = |areas: &Lanes<f64>, at: usize| auc(areas[at], positives[at], rows[at]);
        vec![lanes(|at| area(&first, at) - area(&second, at)), lanes(|at| loss[at] / rows[at])]
    });
    let loss = replicates.pop().unwrap_or_default();
    let area = replicates.pop().unwrap_or_default();
    vec![("auc", ours.auc(), theirs.auc(), area), ("log_loss", ours.log_loss(), theirs.log_loss(), loss)]
}

fn amounts(ours: &Rows<'_>, theirs: &Rows<'_>, resampler: &Resampler) -> Found {
    let (labels, a, b) = (ours.labels(), ours.predictions(), theirs.predictions());
    let sums = Sums::new(resampler.unit(), |row| {
        let (a, b) = (a[row] - labels[row], b[row] - labels[row]);
        [1.0, a * a, b * b, b.abs() - a.abs()]
    });
    let mut replicates = resampler.replicate(2, |counts| {
        let [rows, a, b, absolute] = sums.over(counts);
        vec![lanes(|at| (b[at] / rows[at]).sqrt() - (a[at] / rows[at]).sqrt()), lanes(|at| absolute[at] / rows[at])]
    });
    let absolute = replicates.pop().unwrap_or_default();
    let square = replicates.pop().unwrap_or_default();
    vec![("rmse", ours.rmse(), theirs.rmse(), square), ("mae", ours.mae(), theirs.mae(), absolute)]
}

/// Two-sided `p` of a difference whose standard error was found by resampling; 1 where two models say the same.
///
/// Student's distribution instead of the normal one, since the standard error is itself uncertain: by the number of entities
/// (`units − 1` degrees of freedom) and by the number of resamples (`resamples − 1`), which add up as by Satterthwaite.
///
/// # Source
/// Wallace (1959), "Bounds on normal approximations to Student's and the chi-square distributions": the normal deviate of `t` is
/// `(8 ν + 1)/(8 ν + 3) · √(ν ln(1 + t²/ν))`, here within 1 % of `p` where a verdict hangs on it.
fn two_sided(value: f64, standard_error: f64, units: usize, resamples: usize) -> f64 {
    if standard_error <= 0.0 {
        return f64::from(u8::from(value == 0.0));
    }
    let freedom = 1.0 / (1.0 / (units as f64 - 1.0) + 1.0 / (resamples as f64 - 1.0));
    let t = value / standard_error;
    let deviate = (freedom * (t * t / freedom).ln_1p()).sqrt() * (8.0 * freedom + 1.0) / (8.0 * freedom + 3.0);
    normal_tails(deviate)
}

/// Verdicts on a family of `(difference, p)`, so that the chance of even one wrong `helped` or `hurt` is at most `1 − level`
/// where nothing differs.
///
/// The smallest `p` is held against `(1 − level)/m`, the next against `(1 − level)/(m − 1)`, …, until one does not pass. What
/// has no `p` (NaN) is no evidence and not in the family of `m`.
///
/// # Source
/// Holm (1979), "A simple sequentially rejective multiple test procedure".
#[must_use]
pub fn verdicts(p: &[(f64, f64)], level: f64) -> Vec<Verdict> {
    let mut family: Vec<usize> = (0..p.len()).filter(|at| !p[*at].0.is_nan() && !p[*at].1.is_nan()).collect();
    family.sort_by(|a, b| p[*a].1.total_cmp(&p[*b].1));
    let mut found = vec![Verdict::NoEvidence; p.len()];
    for (passed, at) in family.iter().enumerate() {
        let (difference, p) = p[*at];
        if p > (1.0 - level) / (family.len() - passed) as f64 {
            break;
        }
        if difference > 0.0 {
            found[*at] = Verdict::Helped;
        } else if difference < 0.0 {
            found[*at] = Verdict::Hurt;
        }
    }
    found
}
