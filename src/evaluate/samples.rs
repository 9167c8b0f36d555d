//! Two samples of one column: how far apart their distributions are.
//!
//! In: two lists of numbers, or counts of the same bins. Out: distances; `None` where a sample is empty. Not here: the population
//! stability index (`drift`).

/// What the test of Kolmogorov and Smirnov says of two samples.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct KsTest {
    /// Largest distance of the two distribution functions, 0 to 1.
    pub statistic: f64,
    /// Probability of as large a distance when both come from one distribution, for large samples.
    pub p: f64,
}

/// Terms of a series that are left out are below this.
const NEGLIGIBLE: f64 = 1e-17;

fn rising(values: &[f64]) -> Vec<f64> {
    // 0 and −0 are one value.
    let mut values: Vec<f64> = values.iter().map(|value| value + 0.0).collect();
    values.sort_unstable_by(f64::total_cmp);
    values
}

/// Walks the distinct values of both samples upwards: `(value, share of the first at or below, share of the second)`.
fn walk(first: &[f64], second: &[f64], mut at: impl FnMut(f64, f64, f64)) {
    let (mut i, mut j) = (0, 0);
    while i < first.len() || j < second.len() {
        let value = match (first.get(i), second.get(j)) {
            (Some(a), Some(b)) => a.min(*b),
            (Some(a), None) => *a,
            (None, Some(b)) => *b,
            (None, None) => return,
        };
        i += first[i..].iter().take_while(|own| **own <= value).count();
        j += second[j..].iter().take_while(|own| **own <= value).count();
        at(value, i as f64 / first.len() as f64, j as f64 / second.len() as f64);
    }
}

fn sound(first: &[f64], second: &[f64]) -> bool {
    !first.is_empty() && !second.is_empty() && first.iter().chain(second).all(|value| value.is_finite())
}

/// Wasserstein distance of order 1: `∫ |F(x) − G(x)| dx`, in the unit of the values. `None` where a sample is empty or a value is
/// not finite.
///
/// # Source
/// Villani (2009), "Optimal transport", chapter 6; on the line: Vallender (1974).
#[must_use]
pub fn wasserstein(first: &[f64], second: &[f64]) -> Option<f64> {
    if !sound(first, second) {
        return None;
    }
    let (mut distance, mut before) = (0.0, None::<(f64, f64)>);
    walk(&rising(first), &rising(second), |value, f, g| {
        if let Some((from, gap)) = before {
            distance += (value - from) * gap;
        }
        before = Some((value, (f - g).abs()));
    });
    Some(distance)
}

/// The test of two samples by Kolmogorov and Smirnov, with the limit distribution of the statistic: right to two digits from some
/// thirty rows in each. `None` where a sample is empty or a value is not finite.
///
/// # Source
/// Smirnov (1948), "Table for estimating the goodness of fit of empirical distributions".
#[must_use]
pub fn ks_test(first: &[f64], second: &[f64]) -> Option<KsTest> {
    if !sound(first, second) {
        return None;
    }
    let mut statistic = 0.0_f64;
    walk(&rising(first), &rising(second), |_, f, g| statistic = statistic.max((f - g).abs()));
    let (n, m) = (first.len() as f64, second.len() as f64);
    Some(KsTest { statistic, p: kolmogorov_tail(statistic * (n * m / (n + m)).sqrt()) })
}

/// `Q(x) = 2 Σ_{k ≥ 1} (−1)^(k−1) exp(−2 k² x²)`; for small `x` by the other series of the same function.
fn kolmogorov_tail(x: f64) -> f64 {
    use std::f64::consts::PI;

    if x <= 0.0 {
        return 1.0;
    }
    if x < 1.0 {
        // 1 − sqrt(2π)/x Σ exp(−(2k − 1)² π² / (8 x²))
        let terms = (1_u32..).map(|k| (-(f64::from(2 * k - 1) * PI / x).powi(2) / 8.0).exp()).take_while(|term| *term > NEGLIGIBLE);
        return (1.0 - (2.0 * PI).sqrt() / x * terms.sum::<f64>()).clamp(0.0, 1.0);
    }
    let terms = (1_u32..).map(|k| (-2.0 * (f64::from(k) * x).powi(2)).exp()).take_while(|term| *term > NEGLIGIBLE * NEGLIGIBLE);
    let sum: f64 = terms.enumerate().map(|(at, term)| if at % 2 == 0 { term } else { -term }).sum();
    // The sum of no terms is −0.
    (2.0 * sum).clamp(0.0, 1.0) + 0.0
}

/// Jensen-Shannon divergence of two lists of counts over the same bins: `½ KL(P‖M) + ½ KL(Q‖M)` with `M = (P + Q)/2`, in nats;
/// from 0 to ln 2. `None` where a list sums to 0.
///
/// # Shapes
/// Both: `[bins]`.
///
/// # Source
/// Lin (1991), "Divergence measures based on the Shannon entropy".
#[must_use]
pub fn js_divergence(first: &[u64], second: &[u64]) -> Option<f64> {
    let (n, m) = (first.iter().sum::<u64>() as f64, second.iter().sum::<u64>() as f64);
    let part = |p: f64, middle: f64| if p > 0.0 { p * (p / middle).ln() } else { 0.0 };
    let bin = |(a, b): (&u64, &u64)| {
        let (p, q) = (*a as f64 / n, *b as f64 / m);
        let middle = f64::midpoint(p, q);
        f64::midpoint(part(p, middle), part(q, middle))
    };
    (n > 0.0 && m > 0.0).then(|| first.iter().zip(second).map(bin).sum::<f64>().max(0.0))
}
