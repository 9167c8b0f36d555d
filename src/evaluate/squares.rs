//! Studentised resamples of means of squares: `rmse`, `base_rmse` and `r2` of amounts.
//!
//! In: sums per entity. Out: resamples whose percentiles are the bootstrap-t interval. A few entities with large amounts carry
//! a mean of squares: a night without them shows too low a figure *and* too small a standard error. Measured in its own
//! standard errors, a resample knows of that. On 1,000 nights of 400 entities with lognormal amounts (sigma 0.75), percentiles
//! covered 90, 91 and 94 % (`BCa`: 90, 91, 93), these intervals 91, 93 and 94 %: heavier tails ask for more entities.

use super::bootstrap::{Counts, LANES, Lanes};
use super::sums::Sums;

/// Sums per entity that a standard error is made of, and the figures of the night itself.
#[derive(Debug)]
pub(super) struct Squares {
    /// Rows `n`, squares of labels `s`, squared errors `e`, then `nn`, `ss`, `ee`, `ns`, `ne`, `se`.
    sums: Sums<9>,
    night: [Logarithm; 3],
}

/// The logarithm of a ratio of sums, and its standard error.
#[derive(Debug, Clone, Copy)]
struct Logarithm {
    value: f64,
    error: f64,
}

/// Of `rmse²`, `base_rmse²` and `1 − r2`.
///
/// With `R = A/B`, an entity moves `ln R` by `a/A − b/B`; the variance is the sum of the squares of these.
fn logarithms([n, s, e, nn, ss, ee, ns, ne, se]: [f64; 9]) -> [Logarithm; 3] {
    let of = |(a, aa): (f64, f64), (b, bb): (f64, f64), ab: f64| Logarithm {
        value: (a / b).ln(),
        error: (aa / (a * a) - 2.0 * ab / (a * b) + bb / (b * b)).max(0.0).sqrt(),
    };
    [of((e, ee), (n, nn), ne), of((s, ss), (n, nn), ns), of((e, ee), (s, ss), se)]
}

impl Squares {
    /// Of the sums of a cell: rows, labels less their mean, their squares, predictions, squared error, absolute error.
    pub(super) fn new(sums: &Sums<6>) -> Self {
        let sums = sums.map(|[n, _, s, _, e, _]| [n, s, e, n * n, s * s, e * e, n * s, n * e, s * e]);
        Self { night: logarithms(sums.once()), sums }
    }

    /// Puts in the place of the first three figures (`rmse`, `base_rmse`, `r2`) what has the same place among the
    /// percentiles of the bootstrap-t interval: `ln R − t*·error`, with `t* = (ln R* − ln R)/error*`. Where a sum is 0 they
    /// stay as they are.
    ///
    /// # Source
    /// Efron and Tibshirani (1993), "An introduction to the bootstrap", sections 12.5 and 12.6 (on a transformed scale).
    pub(super) fn studentise(&self, figures: &mut [Lanes<f64>], counts: &Counts) {
        let sums = self.sums.over(counts);
        for lane in 0..LANES {
            let own = logarithms(std::array::from_fn(|sum| sums[sum][lane]));
            for (at, (own, night)) in own.iter().zip(&self.night).enumerate() {
                let mirrored = (night.value - (own.value - night.value) / own.error * night.error).exp();
                if mirrored.is_finite() {
                    figures[at][lane] = if at == 2 { 1.0 - mirrored } else { mirrored.sqrt() };
                }
            }
        }
    }
}
