//! How far a score holds the two classes apart at its best threshold.
//!
//! In: [`Rows`]. Out: the Kolmogorov-Smirnov statistic. Not here: the test of two samples (`samples`).

use super::metrics::Rows;

impl Rows<'_> {
    /// Kolmogorov-Smirnov statistic: `max_t |TPR(t) − FPR(t)|` over thresholds, the largest distance of the distributions of the
    /// score among positives and among negatives. `None` with one class only.
    ///
    /// # Source
    /// Smirnov (1948), "Table for estimating the goodness of fit of empirical distributions".
    #[must_use]
    pub fn ks(&self) -> Option<f64> {
        let (mut positives, mut negatives) = (0.0, 0.0);
        for (p, mass) in self.masses() {
            positives += p;
            negatives += mass - p;
        }
        if positives <= 0.0 || negatives <= 0.0 {
            return None;
        }
        let (mut hits, mut alarms, mut most) = (0.0, 0.0, 0.0_f64);
        for (p, mass) in self.masses() {
            hits += p;
            alarms += mass - p;
            most = most.max((hits / positives - alarms / negatives).abs());
        }
        Some(most)
    }
}
