//! Metrics of one list of predictions against one list of labels.
//!
//! In: labels (`0` or `1` for binary metrics) and predictions of equal length, without NaN. Out: one number, or `None`
//! where the metric is not defined (no rows, one class, no spread). All in `f64`; equal to scikit-learn to 1e-9.

/// Probabilities are kept this far from 0 and 1 before a logarithm: the spacing of doubles near 1, as scikit-learn does.
const CLIP: f64 = f64::EPSILON;

/// Counts at a decision threshold.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Confusion {
    /// Label 1, predicted at or above the threshold.
    pub true_positives: u64,
    /// Label 0, predicted at or above the threshold.
    pub false_positives: u64,
    /// Label 0, predicted below the threshold.
    pub true_negatives: u64,
    /// Label 1, predicted below the threshold.
    pub false_negatives: u64,
}

fn ratio(top: f64, bottom: f64) -> Option<f64> {
    (bottom > 0.0).then(|| top / bottom)
}

/// Positions by falling prediction, and the lengths of runs of equal predictions.
fn runs(predictions: &[f64]) -> (Vec<u32>, Vec<usize>) {
    let mut order: Vec<u32> = (0..predictions.len() as u32).collect();
    order.sort_unstable_by(|a, b| predictions[*b as usize].total_cmp(&predictions[*a as usize]).then(a.cmp(b)));
    let mut lengths = Vec::new();
    let mut from = 0;
    for at in 1..=order.len() {
        if at == order.len() || predictions[order[at] as usize] != predictions[order[from] as usize] {
            lengths.push(at - from);
            from = at;
        }
    }
    (order, lengths)
}

/// Area under the ROC curve: the probability that a positive ranks above a negative, ties counting one half.
///
/// `(Σ_runs p·(n_below + n/2)) / (P·N)`, where a run of equal predictions holds `p` positives and `n` negatives.
/// `None` with one class only.
///
/// # Source
/// Hanley and `McNeil` (1982), "The meaning and use of the area under a ROC curve".
#[must_use]
pub fn auc(labels: &[f64], predictions: &[f64]) -> Option<f64> {
    let (order, lengths) = runs(predictions);
    let positives: f64 = labels.iter().sum();
    let negatives = labels.len() as f64 - positives;
    let (mut at, mut seen, mut area) = (0, 0.0, 0.0);
    for length in lengths {
        let p: f64 = order[at..at + length].iter().map(|row| labels[*row as usize]).sum();
        let n = length as f64 - p;
        area += p * (negatives - seen - n) + p * n / 2.0;
        seen += n;
        at += length;
    }
    ratio(area, positives * negatives)
}

/// Area under the precision-recall curve as average precision: `Σ (R_k − R_{k−1}) · P_k` over distinct thresholds.
/// `None` without a positive.
///
/// # Source
/// Davis and Goadrich (2006), "The relationship between precision-recall and ROC curves", section 4 (no interpolation).
#[must_use]
pub fn pr_auc(labels: &[f64], predictions: &[f64]) -> Option<f64> {
    let (order, lengths) = runs(predictions);
    let positives: f64 = labels.iter().sum();
    let (mut at, mut hits, mut area) = (0, 0.0, 0.0);
    for length in lengths {
        let p: f64 = order[at..at + length].iter().map(|row| labels[*row as usize]).sum();
        hits += p;
        at += length;
        area += p * hits / at as f64;
    }
    ratio(area, positives)
}

/// Mean of `−(y ln p + (1 − y) ln(1 − p))`, in nats. `None` without rows.
#[must_use]
pub fn log_loss(labels: &[f64], predictions: &[f64]) -> Option<f64> {
    let sum: f64 = labels
        .iter()
        .zip(predictions)
        .map(|(label, prediction)| {
            let p = prediction.clamp(CLIP, 1.0 - CLIP);
            -(label * p.ln() + (1.0 - label) * (1.0 - p).ln())
        })
        .sum();
    ratio(sum, labels.len() as f64)
}

/// Mean of `(p − y)²`. `None` without rows.
///
/// # Source
/// Brier (1950), "Verification of forecasts expressed in terms of probability".
#[must_use]
pub fn brier(labels: &[f64], predictions: &[f64]) -> Option<f64> {
    ratio(squared_error(labels, predictions), labels.len() as f64)
}

/// Rows of each of at most `bins` bins of about equal mass by falling prediction; equal predictions share a bin.
pub(crate) fn equal_mass(predictions: &[f64], bins: usize) -> Vec<Vec<u32>> {
    let (order, lengths) = runs(predictions);
    let target = order.len().div_ceil(bins.max(1)).max(1);
    let mut groups: Vec<Vec<u32>> = Vec::new();
    let (mut at, mut open) = (0, Vec::new());
    for length in lengths {
        open.extend_from_slice(&order[at..at + length]);
        at += length;
        if open.len() >= target {
            groups.push(std::mem::take(&mut open));
        }
    }
    if !open.is_empty() {
        groups.push(open);
    }
    groups
}

/// Expected calibration error: `Σ_bins (n_b / n) · |mean p − mean y|` over ten bins of equal mass (ties share a bin).
/// `None` without rows.
///
/// # Source
/// Naeini, Cooper, Hauskrecht (2015), "Obtaining well calibrated probabilities using Bayesian binning", section 3, with
/// bins of equal mass as in Nixon et al. (2019), "Measuring calibration in deep learning", section 3.
#[must_use]
pub fn ece(labels: &[f64], predictions: &[f64]) -> Option<f64> {
    let gap = |bin: &Vec<u32>| bin.iter().map(|row| predictions[*row as usize] - labels[*row as usize]).sum::<f64>().abs();
    ratio(equal_mass(predictions, 10).iter().map(gap).sum(), labels.len() as f64)
}

/// `Σ predictions / Σ labels`: above 1 is too high. `None` when the labels sum to 0.
#[must_use]
pub fn predicted_observed(labels: &[f64], predictions: &[f64]) -> Option<f64> {
    ratio(predictions.iter().sum(), labels.iter().sum())
}

/// Counts at a threshold: a prediction at or above it says 1.
#[must_use]
pub fn confusion(labels: &[f64], predictions: &[f64], threshold: f64) -> Confusion {
    let mut counts = Confusion::default();
    for (label, prediction) in labels.iter().zip(predictions) {
        match (*label > 0.5, *prediction >= threshold) {
            (true, true) => counts.true_positives += 1,
            (false, true) => counts.false_positives += 1,
            (false, false) => counts.true_negatives += 1,
            (true, false) => counts.false_negatives += 1,
        }
    }
    counts
}

impl Confusion {
    /// Share of rows predicted right.
    #[must_use]
    pub fn accuracy(self) -> Option<f64> {
        let all = self.true_positives + self.false_positives + self.true_negatives + self.false_negatives;
        ratio((self.true_positives + self.true_negatives) as f64, all as f64)
    }

    /// Share of positives among those predicted 1.
    #[must_use]
    pub fn precision(self) -> Option<f64> {
        ratio(self.true_positives as f64, (self.true_positives + self.false_positives) as f64)
    }

    /// Share of the positives that are predicted 1.
    #[must_use]
    pub fn recall(self) -> Option<f64> {
        ratio(self.true_positives as f64, (self.true_positives + self.false_negatives) as f64)
    }

    /// Harmonic mean of precision and recall: `2 TP / (2 TP + FP + FN)`.
    #[must_use]
    pub fn f1(self) -> Option<f64> {
        ratio(2.0 * self.true_positives as f64, (2 * self.true_positives + self.false_positives + self.false_negatives) as f64)
    }
}

fn squared_error(labels: &[f64], predictions: &[f64]) -> f64 {
    labels.iter().zip(predictions).map(|(label, prediction)| (label - prediction).powi(2)).sum()
}

/// Root mean squared error, in the label's unit. `None` without rows.
#[must_use]
pub fn rmse(labels: &[f64], predictions: &[f64]) -> Option<f64> {
    ratio(squared_error(labels, predictions), labels.len() as f64).map(f64::sqrt)
}

/// Mean absolute error, in the label's unit. `None` without rows.
#[must_use]
pub fn mae(labels: &[f64], predictions: &[f64]) -> Option<f64> {
    let sum: f64 = labels.iter().zip(predictions).map(|(label, prediction)| (label - prediction).abs()).sum();
    ratio(sum, labels.len() as f64)
}

/// Coefficient of determination: `1 − Σ (y − p)² / Σ (y − ȳ)²`. `None` when the labels do not vary.
#[must_use]
pub fn r2(labels: &[f64], predictions: &[f64]) -> Option<f64> {
    let mean = labels.iter().sum::<f64>() / labels.len().max(1) as f64;
    let spread: f64 = labels.iter().map(|label| (label - mean).powi(2)).sum();
    ratio(squared_error(labels, predictions), spread).map(|share| 1.0 - share)
}
