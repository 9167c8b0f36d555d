//! The normal distribution: its probabilities and its quantiles.
//!
//! In: deviates or probabilities. Out: the other of the two.

use std::f64::consts::SQRT_2;

/// Complementary error function, to a relative 1.2e-7, far out too.
///
/// # Source
/// Press et al. (1992), "Numerical recipes", section 6.2 (`erfcc`).
pub(super) fn erfc(x: f64) -> f64 {
    let t = 1.0 / (1.0 + 0.5 * x.abs());
    let terms = [
        -1.265_512_23,
        1.000_023_68,
        0.374_091_96,
        0.096_784_18,
        -0.186_288_06,
        0.278_868_07,
        -1.135_203_98,
        1.488_515_87,
        -0.822_152_23,
        0.170_872_77,
    ];
    let tail = t * (terms.iter().rev().fold(0.0, |sum, term| sum * t + term) - x * x).exp();
    if x >= 0.0 { tail } else { 2.0 - tail }
}

/// Probability of a deviate below `z`.
pub(super) fn below(z: f64) -> f64 {
    erfc(-z / SQRT_2) / 2.0
}

/// The deviate that is not exceeded with probability `p`, 0 < `p` < 1: [`below`] turned round by bisection.
pub(super) fn deviate(p: f64) -> f64 {
    // Beyond 40 deviations nothing is left of a double; 60 halvings of 80 are below its spacing.
    let (mut low, mut high) = (-40.0, 40.0);
    for _ in 0..60 {
        let middle = f64::midpoint(low, high);
        if below(middle) < p { low = middle } else { high = middle }
    }
    f64::midpoint(low, high)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probabilities_and_deviates_are_those_of_the_tables() {
        for (z, p) in [(0.0, 0.5), (1.959_963_985, 0.975), (-1.644_853_627, 0.05), (-4.0, 3.167_124_183e-5), (3.0, 0.998_650_102)] {
            assert!((below(z) - p).abs() < 2e-7 * p, "{z}");
            assert!((deviate(p) - z).abs() < 1e-5, "{p}");
        }
    }
}
