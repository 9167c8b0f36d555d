//! How probable a deviate of the normal distribution is.
//!
//! In: deviates. Out: probabilities.

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

#[cfg(test)]
mod tests {
    use std::f64::consts::SQRT_2;

    use super::erfc;

    #[test]
    fn probabilities_are_those_of_the_tables() {
        for (z, p) in [(0.0, 1.0), (1.959_963_985, 0.05), (3.0, 2.699_796_063e-3), (4.0, 6.334_248_367e-5), (8.0, 1.244_192_115e-15)] {
            assert!((erfc(z / SQRT_2) - p).abs() < 3e-7 * p, "{z}");
        }
        assert!((erfc(-3.0 / SQRT_2) - (2.0 - 2.699_796_063e-3)).abs() < 1e-8);
    }
}
