//! How unlikely a statistic is under no change: tails of chi-squared and normal, and the false discovery rate of many tests.
//!
//! In: statistics and degrees of freedom. Out: probabilities. Not here: where the statistics come from.

use std::f64::consts::PI;

/// Terms of a series, or steps of a continued fraction, at most: both need about √a of them near `x = a`.
const STEPS: usize = 100_000;
/// Where the next term changes nothing more.
const SMALL: f64 = 1e-16;

/// `ln Γ(a)` for `a > 0`, to about 1e-14 relative: `a` is raised to 15 or more by `Γ(a) = Γ(a + 1) / a`, then Stirling's series.
///
/// # Source
/// NIST Digital Library of Mathematical Functions, 5.5.1 and 5.11.1.
fn ln_gamma(a: f64) -> f64 {
    let (mut a, mut lowered) = (a, 0.0);
    while a < 15.0 {
        lowered += a.ln();
        a += 1.0;
    }
    let square = 1.0 / (a * a);
    // B_2k / (2k (2k − 1)), k = 1 to 6.
    let series = [1.0 / 12.0, -1.0 / 360.0, 1.0 / 1_260.0, -1.0 / 1_680.0, 1.0 / 1_188.0, -691.0 / 360_360.0]
        .iter()
        .rev()
        .fold(0.0, |sum, term| sum * square + term);
    (a - 0.5) * a.ln() - a + 0.5 * (2.0 * PI).ln() + series / a - lowered
}

/// Upper regularised incomplete gamma function `Q(a, x) = Γ(a, x) / Γ(a)`, for `a > 0`; 1 for `x ≤ 0`.
///
/// Below `x = a + 1` as `1 − x^a e^−x / Γ(a + 1) · Σ_k x^k / ((a + 1) … (a + k))`, above by the continued fraction.
///
/// # Source
/// NIST Digital Library of Mathematical Functions, 8.7.1 (the series) and the even part of 8.9.2 (the fraction,
/// `1/(x + 1 − a − 1(1 − a)/(x + 3 − a − …))`), evaluated as in Lentz (1976), "Generating Bessel functions in Mie scattering
/// calculations using continued fractions".
#[must_use]
pub fn upper_gamma(a: f64, x: f64) -> f64 {
    if x <= 0.0 {
        return 1.0;
    }
    let front = (a * x.ln() - x - ln_gamma(a)).exp();
    if x < a + 1.0 {
        let (mut term, mut sum) = (1.0 / a, 1.0 / a);
        for k in 1..STEPS {
            term *= x / (a + k as f64);
            sum += term;
            if term < sum * SMALL {
                break;
            }
        }
        return (1.0 - front * sum).clamp(0.0, 1.0);
    }
    // `b` never falls to 0 for x > a + 1, so that Lentz's guard against it is not needed.
    let mut b = x + 1.0 - a;
    let (mut c, mut d) = (f64::MAX.sqrt(), 1.0 / b);
    let mut value = d;
    for k in 1..STEPS {
        let k = k as f64;
        let numerator = -k * (k - a);
        b += 2.0;
        d = 1.0 / (numerator * d + b);
        c = b + numerator / c;
        let change = c * d;
        value *= change;
        if (change - 1.0).abs() < SMALL {
            break;
        }
    }
    (front * value).clamp(0.0, 1.0)
}

/// `P(χ²_k > x)`: upper tail of chi-squared with `k` degrees of freedom; 1 for `k = 0`.
///
/// # Source
/// NIST Digital Library of Mathematical Functions, 8.23 (`Q(k / 2, x / 2)`).
#[must_use]
pub fn chi_squared_tail(x: f64, freedom: usize) -> f64 {
    if freedom == 0 { 1.0 } else { upper_gamma(freedom as f64 / 2.0, x / 2.0) }
}

/// The `x` with `P(χ²_k > x) = p`, by halving an interval; 0 for `k = 0`. `p` between 1e-12 and 1.
#[must_use]
pub fn chi_squared_limit(p: f64, freedom: usize) -> f64 {
    let (mut low, mut high) = (0.0, 20.0 * freedom as f64 + 80.0);
    for _ in 0..100 {
        let middle = f64::midpoint(low, high);
        if chi_squared_tail(middle, freedom) > p {
            low = middle;
        } else {
            high = middle;
        }
    }
    if freedom == 0 { 0.0 } else { f64::midpoint(low, high) }
}

/// `P(|Z| > |z|)` of a standard normal: two-sided p-value.
///
/// # Source
/// `Z²` is chi-squared with one degree of freedom.
#[must_use]
pub fn normal_tails(z: f64) -> f64 {
    chi_squared_tail(z * z, 1)
}

/// The share of false alarms to expect among the tests that are at least as unlikely: `q_(i) = min_{j ≥ i} p_(j)·m / j` over
/// p-values in rising order. `None` (no test) stays `None` and does not count.
///
/// # Shapes
/// `p: [tests]`; returns `[tests]`.
///
/// # Source
/// Benjamini and Hochberg (1995), "Controlling the false discovery rate".
#[must_use]
pub fn false_discovery(p: &[Option<f64>]) -> Vec<Option<f64>> {
    let mut order: Vec<(f64, usize)> = p.iter().enumerate().filter_map(|(at, p)| p.map(|p| (p, at))).collect();
    order.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    let tests = order.len() as f64;
    let (mut q, mut least) = (vec![None; p.len()], 1.0_f64);
    for (rank, (p, at)) in order.iter().enumerate().rev() {
        least = least.min(p * tests / (rank as f64 + 1.0));
        q[*at] = Some(least);
    }
    q
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn close(found: f64, expected: f64, relative: f64) {
        assert!((found - expected).abs() <= relative * expected.abs() + 1e-300, "{found:e} is not {expected:e}");
    }

    /// `scipy.stats.chi2.sf` and `scipy.special.gammaln`.
    #[test]
    fn tails_are_those_of_scipy() {
        let tails = [
            (0.5, 1, 0.479_500_122_186_953_37),
            (3.841_458_820_694_124, 1, 0.05),
            (30.0, 1, 4.320_463_057_827_495_5e-8),
            (1e-8, 2, 0.999_999_995),
            (5.0, 9, 0.834_308_260_193_407_5),
            (16.918_977_604_620_448, 9, 0.05),
            (60.0, 9, 1.340_678_048_395_962_5e-9),
            (20.0, 50, 0.999_953_050_618_573_2),
            (80.0, 50, 0.004_482_656_565_573_19),
            (300.0, 50, 2.314_136_416_514_070_4e-37),
            (1_000.0, 1_000, 0.494_052_853_829_240_34),
            (1_200.0, 1_000, 1.225_594_233_062_289_3e-5),
            (700.0, 9, 6.916_357_838_795_454e-145),
        ];
        // Large exponents lose digits in the subtraction of large logarithms.
        for (x, freedom, expected) in tails {
            close(chi_squared_tail(x, freedom), expected, 1e-11);
        }
        let logs =
            [(0.5, 0.572_364_942_924_7), (1.5, -0.120_782_237_635_245_26), (4.5, 2.453_736_570_842_442_3), (500.0, 2_605.115_850_361_734)];
        for (a, expected) in logs {
            close(ln_gamma(a), expected, 1e-13);
        }
        assert!(ln_gamma(1.0).abs() < 1e-14);
        let normal = [
            (0.1, 0.920_344_325_445_942),
            (1.96, 0.049_995_790_296_440_87),
            (-5.0, 5.733_031_437_583_866e-7),
            (10.0, 1.523_970_604_832_094e-23),
        ];
        for (z, p) in [(0.0, 1.0), (1.959_963_985, 0.05), (3.0, 2.699_796_063e-3), (4.0, 6.334_248_367e-5), (8.0, 1.244_192_115e-15)] {
            // As many digits as the tables have.
            close(normal_tails(z), p, 1e-8);
        }
        for (z, expected) in normal {
            close(normal_tails(z), expected, 1e-11);
        }
        let limits = [(1, 3.841_458_820_694_124), (4, 9.487_729_036_781_158), (9, 16.918_977_604_620_45), (50, 67.504_806_549_541_2)];
        for (freedom, expected) in limits {
            close(chi_squared_limit(0.05, freedom), expected, 1e-11);
        }
        close(chi_squared_tail(-1.0, 3), 1.0, 0.0);
        close(chi_squared_tail(4.0, 0), 1.0, 0.0);
    }

    #[test]
    fn the_false_discovery_rate_is_that_of_the_paper() {
        // R: p.adjust(c(0.01, 0.04, 0.03, 0.5), "BH").
        let q = false_discovery(&[Some(0.01), None, Some(0.04), Some(0.03), Some(0.5)]);
        let expected = [Some(0.04), None, Some(0.16 / 3.0), Some(0.16 / 3.0), Some(0.5)];
        for (found, expected) in q.iter().zip(expected) {
            assert_eq!(found.is_some(), expected.is_some());
            close(found.unwrap_or(1.0), expected.unwrap_or(1.0), 1e-12);
        }
    }
}
