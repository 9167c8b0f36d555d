//! Metrics of one list of predictions against one list of labels.
//!
//! In: [`Rows`], checked once: labels (`0` or `1` for binary metrics), predictions, weights. Out: one number, or `None` where
//! the metric is not defined (no rows, one class, no spread). All in `f64`; equal to scikit-learn to 1e-9. Not here: which
//! cells have enough support to be measured.

use std::cell::OnceCell;

use super::radix;

/// Probabilities are kept this far from 0 and 1 before a logarithm: the spacing of doubles near 1, as scikit-learn does.
const CLIP: f64 = f64::EPSILON;

/// Bins of the expected calibration error and of reliability tables.
pub const BINS: usize = 10;

/// Labels and predictions of the same rows, every number finite.
#[derive(Debug, Clone, Default)]
pub struct Rows<'a> {
    labels: &'a [f64],
    predictions: &'a [f64],
    weights: Option<&'a [f64]>,
    /// Sorting costs more than all metrics together, so it is done at most once.
    runs: OnceCell<Runs>,
}

/// Share of the rows, by falling prediction, whose lift is measured.
pub const LIFT_SHARE: f64 = 0.1;

/// Rows by falling value.
#[derive(Debug, Clone)]
pub(super) struct Runs {
    pub(super) order: Vec<u32>,
    /// Lengths of the runs of equal values.
    pub(super) lengths: Vec<usize>,
}

impl Runs {
    /// Every value is finite.
    pub(super) fn new(values: &[f64]) -> Self {
        let (order, lengths) = radix::falling(values);
        Self { order, lengths }
    }
}

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

/// Area under the ROC curve of rows that weigh the same: [`Rows::auc`].
#[must_use]
pub fn auc(labels: &[f64], predictions: &[f64]) -> Option<f64> {
    Rows::new(labels, predictions)?.auc()
}

/// `−(y ln p + (1 − y) ln(1 − p))` of one row, in nats, `p` kept away from 0 and 1.
pub(crate) fn log_loss(label: f64, prediction: f64) -> f64 {
    let p = prediction.clamp(CLIP, 1.0 - CLIP);
    -(label * p.ln() + (1.0 - label) * (1.0 - p).ln())
}

fn ratio(top: f64, bottom: f64) -> Option<f64> {
    (bottom > 0.0).then(|| top / bottom)
}

fn finite(values: &[f64]) -> bool {
    values.iter().all(|value| value.is_finite())
}

impl<'a> Rows<'a> {
    /// Rows that weigh 1 each. `None` when the lengths differ or a number is NaN or infinite.
    ///
    /// # Shapes
    /// `labels: [rows]`, `predictions: [rows]`.
    #[must_use]
    pub fn new(labels: &'a [f64], predictions: &'a [f64]) -> Option<Self> {
        let sound = labels.len() == predictions.len() && finite(labels) && finite(predictions);
        sound.then(|| Self { labels, predictions, weights: None, runs: OnceCell::new() })
    }

    /// Rows with a weight each: a weight of 2 counts as the same row twice. `None` also when a weight is below 0.
    ///
    /// # Shapes
    /// `labels: [rows]`, `predictions: [rows]`, `weights: [rows]`.
    #[must_use]
    pub fn weighted(labels: &'a [f64], predictions: &'a [f64], weights: &'a [f64]) -> Option<Self> {
        let sound = weights.len() == labels.len() && weights.iter().all(|weight| weight.is_finite() && *weight >= 0.0);
        Self::new(labels, predictions).filter(|_| sound).map(|rows| Self { weights: Some(weights), ..rows })
    }

    pub(super) fn labels(&self) -> &'a [f64] {
        self.labels
    }

    pub(super) fn predictions(&self) -> &'a [f64] {
        self.predictions
    }

    fn weight(&self, row: usize) -> f64 {
        self.weights.map_or(1.0, |weights| weights[row])
    }

    /// `Σ w·f(label, prediction)`, in the order of the rows.
    fn sum(&self, of: impl Fn(f64, f64) -> f64) -> f64 {
        let rows = self.labels.iter().zip(self.predictions).enumerate();
        rows.map(|(row, (label, prediction))| self.weight(row) * of(*label, *prediction)).sum()
    }

    fn mass(&self) -> f64 {
        self.sum(|_, _| 1.0)
    }

    /// Rows by falling prediction.
    pub(super) fn runs(&self) -> &Runs {
        self.runs.get_or_init(|| Runs::new(self.predictions))
    }

    /// `(mass of positives, mass)` of each run of equal predictions, by falling prediction.
    pub(super) fn masses(&self) -> impl Iterator<Item = (f64, f64)> {
        self.along(self.runs())
    }

    /// `(Σ w·label, Σ w)` of each run.
    fn along<'r>(&'r self, runs: &'r Runs) -> impl Iterator<Item = (f64, f64)> + 'r {
        let Runs { order, lengths } = runs;
        let mut at = 0;
        lengths.iter().map(move |length| {
            let run = &order[at..at + length];
            at += length;
            run.iter().fold((0.0, 0.0), |(labels, mass), row| {
                let weight = self.weight(*row as usize);
                (labels + weight * self.labels[*row as usize], mass + weight)
            })
        })
    }

    /// Mean label: the base rate of a binary task. `None` without rows.
    #[must_use]
    pub fn mean_label(&self) -> Option<f64> {
        ratio(self.sum(|label, _| label), self.mass())
    }

    /// Area under the ROC curve: the probability that a positive ranks above a negative, ties counting one half.
    ///
    /// `(Σ_runs p·(n_below + n/2)) / (P·N)`, where a run of equal predictions holds `p` positives and `n` negatives.
    /// `None` with one class only.
    ///
    /// # Source
    /// Hanley and `McNeil` (1982), "The meaning and use of the area under a ROC curve".
    #[must_use]
    pub fn auc(&self) -> Option<f64> {
        let positives = self.sum(|label, _| label);
        let negatives = self.sum(|label, _| 1.0 - label);
        let (mut seen, mut area) = (0.0, 0.0);
        for (p, mass) in self.masses() {
            let n = mass - p;
            area += p * (negatives - seen - n / 2.0);
            seen += n;
        }
        ratio(area, positives * negatives)
    }

    /// Area under the precision-recall curve as average precision: `Σ (R_k − R_{k−1}) · P_k` over distinct thresholds.
    /// `None` without a positive.
    ///
    /// # Source
    /// Davis and Goadrich (2006), "The relationship between precision-recall and ROC curves", section 4 (no interpolation).
    #[must_use]
    pub fn pr_auc(&self) -> Option<f64> {
        let (mut hits, mut taken, mut area) = (0.0, 0.0, 0.0);
        for (p, mass) in self.masses() {
            hits += p;
            taken += mass;
            if p > 0.0 {
                area += p * hits / taken;
            }
        }
        ratio(area, self.sum(|label, _| label))
    }

    /// Mean of `−(y ln p + (1 − y) ln(1 − p))`, in nats; `p` is kept 2.2e-16 away from 0 and 1. `None` without rows.
    #[must_use]
    pub fn log_loss(&self) -> Option<f64> {
        self.log_loss_of(|prediction| prediction)
    }

    /// Log loss of predicting the base rate for every row, in nats: what a model has to beat. `None` without rows.
    #[must_use]
    pub fn base_log_loss(&self) -> Option<f64> {
        let base = self.mean_label()?;
        self.log_loss_of(|_| base)
    }

    fn log_loss_of(&self, of: impl Fn(f64) -> f64) -> Option<f64> {
        ratio(self.sum(|label, prediction| log_loss(label, of(prediction))), self.mass())
    }

    /// Mean of `(p − y)²`. `None` without rows.
    ///
    /// # Source
    /// Brier (1950), "Verification of forecasts expressed in terms of probability".
    #[must_use]
    pub fn brier(&self) -> Option<f64> {
        ratio(self.squared_error(), self.mass())
    }

    /// Rows of each of at most `bins` bins of about equal mass by falling prediction; equal predictions share a bin.
    ///
    /// A bin closes at the first run of equal predictions that reaches the next multiple of `mass / bins`, so that
    /// without ties the bins differ by one row at most.
    pub(crate) fn equal_mass(&self, bins: usize) -> Vec<&[u32]> {
        let Runs { order, lengths } = self.runs();
        let (bins, mass) = (bins.max(1) as f64, self.mass());
        let mut groups = Vec::with_capacity(bins as usize);
        let (mut from, mut at, mut taken, mut next) = (0, 0, 0.0, 1.0);
        for (length, (_, own)) in lengths.iter().zip(self.masses()) {
            at += length;
            taken += own;
            // In units of one bin's mass; 1e-9 of a bin forgives the rounding of summed weights.
            let full = if mass > 0.0 { taken * bins / mass + 1e-9 } else { 0.0 };
            if full >= next {
                groups.push(&order[from..at]);
                from = at;
                next = full.floor() + 1.0;
            }
        }
        if from < order.len() {
            groups.push(&order[from..]);
        }
        groups
    }

    /// Expected calibration error: `Σ_bins |Σ w·(p − y)| / Σ w` over [`BINS`] bins of equal mass (ties share a bin).
    /// `None` without rows.
    ///
    /// # Source
    /// Naeini, Cooper, Hauskrecht (2015), "Obtaining well calibrated probabilities using Bayesian binning", section 3, with
    /// bins of equal mass as in Nixon et al. (2019), "Measuring calibration in deep learning", section 3.
    #[must_use]
    pub fn ece(&self) -> Option<f64> {
        self.ece_in(BINS)
    }

    /// [`Rows::ece`] over another number of bins.
    #[must_use]
    pub fn ece_in(&self, bins: usize) -> Option<f64> {
        let over = |row: &u32| self.weight(*row as usize) * (self.predictions[*row as usize] - self.labels[*row as usize]);
        let gap = |bin: &[u32]| bin.iter().map(over).sum::<f64>().abs();
        ratio(self.equal_mass(bins).into_iter().map(gap).sum(), self.mass())
    }

    /// `Σ predictions / Σ labels`: above 1 is too high. `None` unless the labels sum to more than 0.
    #[must_use]
    pub fn predicted_observed(&self) -> Option<f64> {
        ratio(self.sum(|_, prediction| prediction), self.sum(|label, _| label))
    }

    /// Rows at a threshold, weights left out: a prediction at or above it says 1.
    #[must_use]
    pub fn confusion(&self, threshold: f64) -> Confusion {
        self.counted(std::iter::repeat_n(&threshold, self.labels.len()))
    }

    /// The same with a threshold for each row.
    #[must_use]
    pub fn confusion_by(&self, thresholds: &[f64]) -> Confusion {
        self.counted(thresholds.iter())
    }

    fn counted<'t>(&self, thresholds: impl Iterator<Item = &'t f64>) -> Confusion {
        let mut counts = Confusion::default();
        for ((label, prediction), threshold) in self.labels.iter().zip(self.predictions).zip(thresholds) {
            match (*label > 0.5, prediction >= threshold) {
                (true, true) => counts.true_positives += 1,
                (false, true) => counts.false_positives += 1,
                (false, false) => counts.true_negatives += 1,
                (true, false) => counts.false_negatives += 1,
            }
        }
        counts
    }

    fn squared_error(&self) -> f64 {
        self.sum(|label, prediction| (label - prediction).powi(2))
    }

    /// `Σ (y − ȳ)²`; exactly 0 for labels that are all the same, whose mean may be off by a rounding.
    fn spread(&self) -> Option<f64> {
        let mean = self.mean_label()?;
        let constant = self.labels.iter().all(|label| label.total_cmp(&self.labels[0]).is_eq());
        Some(if constant { 0.0 } else { self.sum(|label, _| (label - mean).powi(2)) })
    }

    /// Root mean squared error, in the label's unit. `None` without rows.
    #[must_use]
    pub fn rmse(&self) -> Option<f64> {
        ratio(self.squared_error(), self.mass()).map(f64::sqrt)
    }

    /// Root mean squared error of predicting the mean label for every row, in the label's unit. `None` without rows.
    #[must_use]
    pub fn base_rmse(&self) -> Option<f64> {
        ratio(self.spread()?, self.mass()).map(f64::sqrt)
    }

    /// Mean absolute error, in the label's unit. `None` without rows.
    #[must_use]
    pub fn mae(&self) -> Option<f64> {
        ratio(self.sum(|label, prediction| (label - prediction).abs()), self.mass())
    }

    /// Coefficient of determination: `1 − Σ (y − p)² / Σ (y − ȳ)²`. `None` when the labels do not vary.
    #[must_use]
    pub fn r2(&self) -> Option<f64> {
        ratio(self.squared_error(), self.spread()?).map(|share| 1.0 - share)
    }
}

/// Rankings of amounts (and of positives: amounts of 0 and 1).
impl Rows<'_> {
    /// Normalised Gini coefficient: `G(predictions) / G(labels)`, where `G(order) = 1 − Σ_runs Δc·(F_before + F_after)` is twice
    /// the area between the diagonal and the curve of the share `c` of the labels over the share `F` of the mass, highest
    /// first. Rows of equal value are one straight stretch. 1 is the labels' own order, 0 chance; `2·AUC − 1` for labels
    /// 0 and 1. `None` when a label is below 0 or the labels do not vary.
    ///
    /// # Source
    /// Frees, Meyers and Cummings (2011), "Summarizing insurance scores using a Gini index", section 2; ties as in
    /// Lerman and Yitzhaki (1989), "Improving the accuracy of estimates of Gini coefficients".
    #[must_use]
    pub fn gini(&self) -> Option<f64> {
        if self.labels.iter().any(|label| *label < 0.0) {
            return None;
        }
        let (sum, mass) = (self.sum(|label, _| label), self.mass());
        let over = |runs: &Runs| {
            let (mut area, mut taken) = (0.0, 0.0);
            for (labels, own) in self.along(runs) {
                area += labels * (taken + taken + own);
                taken += own;
            }
            ratio(area, sum * mass).map(|share| 1.0 - share)
        };
        ratio(over(self.runs())?, over(&Runs::new(self.labels))?)
    }

    /// Lift of the first tenth by falling prediction: its share of the labels' sum over its share of the mass. A run of equal
    /// predictions across the border counts in proportion. `None` when a label is below 0 or they sum to 0.
    ///
    /// # Source
    /// Ling and Li (1998), "Data mining for direct marketing: problems and solutions", section 4.
    #[must_use]
    pub fn lift(&self) -> Option<f64> {
        self.lift_at(LIFT_SHARE)
    }

    /// [`Rows::lift`] of the first `share` of the mass, above 0 and at most 1.
    #[must_use]
    pub fn lift_at(&self, share: f64) -> Option<f64> {
        if self.labels.iter().any(|label| *label < 0.0) {
            return None;
        }
        let border = self.mass() * share;
        let (mut captured, mut taken) = (0.0, 0.0);
        for (labels, own) in self.masses() {
            if own > 0.0 {
                captured += labels * ((border - taken) / own).clamp(0.0, 1.0);
            }
            taken += own;
        }
        ratio(captured / share, self.sum(|label, _| label))
    }
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
