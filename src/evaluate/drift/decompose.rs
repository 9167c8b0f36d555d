//! Why a metric has changed since the last run: other rows, other labels for the same rows, another model.
//!
//! In: labels and predictions of the last run's held-out rows and of tonight's. Out: a [`Decomposition`] whose three parts add
//! up to the change. Not here: which tasks and cells are asked about; intervals.

use crate::evaluate::metrics::Rows;

/// Bins of the earlier model's score, at most: with a hundred, what changes within a bin is small beside what changes between.
const BINS: usize = 100;
/// Rows of the last run in a bin, at least.
const FILLED: usize = 50;

/// A metric that can be decomposed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measured {
    /// Area under the ROC curve; higher is better.
    Auc,
    /// Log loss in nats; lower is better.
    LogLoss,
}

/// Labelled rows that the earlier model has scored.
#[derive(Debug, Clone, Copy)]
pub struct ScoredRows<'a> {
    /// 0 or 1. Shape: `[rows]`.
    pub labels: &'a [f64],
    /// Probabilities of the earlier model. Shape: `[rows]`.
    pub earlier: &'a [f64],
}

/// A change and its parts, in the metric's unit. `data + labels + model = now − before`, but for rounding.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Decomposition {
    /// The earlier model on the earlier rows.
    pub before: f64,
    /// Tonight's model on tonight's rows.
    pub now: f64,
    /// Other rows: `metric(earlier model, earlier rows reweighted) − before`.
    pub data: f64,
    /// Other labels at the same score: `metric(earlier model, tonight's rows) − metric(earlier model, earlier rows reweighted)`.
    pub labels: f64,
    /// Another model: `now − metric(earlier model, tonight's rows)`.
    pub model: f64,
}

/// Splits the change of a metric into data, labels and model.
///
/// The earlier rows are reweighted so that the earlier model's score is distributed as on tonight's rows: in bins of equal
/// mass of the earlier rows, a row's weight is tonight's share of its bin divided by the earlier share. Where only the mix of
/// rows has changed, the reweighted earlier rows are as good as tonight's; what they cannot account for is a change of the
/// outcome at the same score. That is read as "labels": it also holds what the score does not see of the rows, and the rows of
/// tonight whose scores lie beyond all earlier ones, which no weight can stand for.
/// `None` where a metric is not defined (a class without rows) or a number is not finite.
///
/// # Shapes
/// `earlier`: rows of the last run. `tonight`: other rows. `model`: tonight's model on tonight's rows, as many as those.
///
/// # Source
/// Shimodaira (2000), "Improving predictive inference under covariate shift by weighting the log-likelihood function" (weights
/// by the ratio of densities); Cai, Namkoong, Yadlowsky (2023), "Diagnosing model performance under distribution shift"
/// (performance on a shared distribution between the two).
#[must_use]
pub fn decompose(measured: Measured, earlier: ScoredRows<'_>, tonight: ScoredRows<'_>, model: &[f64]) -> Option<Decomposition> {
    let value = |rows: &Rows<'_>| match measured {
        Measured::Auc => rows.auc(),
        Measured::LogLoss => rows.log_loss(),
    };
    let old = Rows::new(earlier.labels, earlier.earlier)?;
    let kept = Rows::new(tonight.labels, tonight.earlier)?;
    let (before, kept) = (value(&old)?, value(&kept)?);
    let weights = weights(&old, earlier.earlier, tonight.earlier);
    let moved = value(&Rows::weighted(earlier.labels, earlier.earlier, &weights)?)?;
    let now = value(&Rows::new(tonight.labels, model)?)?;
    Some(Decomposition { before, now, data: moved - before, labels: kept - moved, model: now - kept })
}

/// Tonight's share of each earlier row's bin of score, over the earlier share. Shape: `[earlier rows]`.
fn weights(rows: &Rows<'_>, earlier: &[f64], tonight: &[f64]) -> Vec<f64> {
    let bins = rows.equal_mass((earlier.len() / FILLED).clamp(1, BINS));
    // Bins are by falling score: the least score of each.
    let least = |bin: &&[u32]| bin.iter().map(|row| earlier[*row as usize]).fold(f64::INFINITY, f64::min);
    let least: Vec<f64> = bins.iter().map(least).collect();
    let mut counts = vec![0_u64; bins.len()];
    for score in tonight {
        let bin = least.partition_point(|least| *least > *score).min(bins.len() - 1);
        counts[bin] += 1;
    }
    let mut weights = vec![0.0; earlier.len()];
    for (bin, count) in bins.iter().zip(counts) {
        let share = count as f64 / tonight.len() as f64;
        let weight = share * earlier.len() as f64 / bin.len() as f64;
        bin.iter().for_each(|row| weights[*row as usize] = weight);
    }
    weights
}
