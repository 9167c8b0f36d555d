//! The population stability index of two lists of counts, and how large it is by chance.
//!
//! In: counts of the same bins on two nights. Out: the index, its critical value, its p-value. Not here: how bins are made.

use super::tail::{chi_squared_limit, chi_squared_tail};

/// Independent rows that a bin has to have on both nights together: with fewer, the chi-squared distribution is too short in
/// its tail. Bins that have fewer are joined with their neighbours.
const FILLED: f64 = 20.0;
/// Added to every bin's independent rows: a bin that is empty on one night does not make the index infinite.
const SMOOTH: f64 = 0.5;

/// A list of counts, and how many independent rows it is worth.
#[derive(Debug, Clone, Copy)]
pub struct Sampled<'a> {
    /// Rows of each bin. Shape: `[bins]`.
    pub counts: &'a [u64],
    /// Independent units behind the rows, at most the rows: [`super::independent`].
    pub entities: f64,
}

/// A population stability index.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Psi {
    /// The index, 0 and above, in nats. By custom 0.1 is worth a look and 0.25 a change.
    pub value: f64,
    /// What it is above once in twenty nights when nothing has changed.
    pub critical: f64,
    /// Probability of as large an index when nothing has changed.
    pub p: f64,
    /// Bins that it was computed over, after joining.
    pub bins: usize,
}

/// `PSI = Σ_b (a_b − e_b) · ln(a_b / e_b)`, over shares `e_b = (E_b + ½) / (n + ½B)` of the earlier night and `a_b` of this one.
///
/// `E_b` are a bin's rows scaled to `n` independent ones, as are this night's to `m`. Neighbouring bins with fewer than 20
/// between both nights are joined. When nothing has changed, `PSI · n·m / (n + m)` is about chi-squared with `B − 1` degrees
/// of freedom. `None` where less than two bins are left.
///
/// # Shapes
/// Both lists of counts: `[bins]`.
///
/// # Source
/// Yurdakul and Naranjo (2020), "Statistical properties of the population stability index", Journal of Risk Model Validation
/// (its distribution under no change); the sample sizes by Kish's design effect.
#[must_use]
pub fn psi(expected: Sampled<'_>, actual: Sampled<'_>) -> Option<Psi> {
    let worth = |sampled: Sampled<'_>| {
        let rows = sampled.counts.iter().sum::<u64>() as f64;
        (sampled.entities.min(rows), sampled.entities.min(rows) / rows.max(1.0))
    };
    let ((n, n_scale), (m, m_scale)) = (worth(expected), worth(actual));
    let bins = joined(expected.counts.iter().zip(actual.counts).map(|(e, a)| (*e as f64 * n_scale, *a as f64 * m_scale)));
    if bins.len() < 2 || n <= 0.0 || m <= 0.0 {
        return None;
    }
    let all = SMOOTH * bins.len() as f64;
    let part = |(e, a): &(f64, f64)| {
        let (e, a) = ((e + SMOOTH) / (n + all), (a + SMOOTH) / (m + all));
        (a - e) * (a / e).ln()
    };
    let value: f64 = bins.iter().map(part).sum();
    let size = n * m / (n + m);
    let freedom = bins.len() - 1;
    Some(Psi { value, critical: chi_squared_limit(0.05, freedom) / size, p: chi_squared_tail(value * size, freedom), bins: bins.len() })
}

/// Neighbours joined until each has enough; what is left over at the end goes to the last.
fn joined(bins: impl Iterator<Item = (f64, f64)>) -> Vec<(f64, f64)> {
    let mut out: Vec<(f64, f64)> = Vec::new();
    let mut open = (0.0, 0.0);
    for (e, a) in bins {
        open = (open.0 + e, open.1 + a);
        if open.0 + open.1 >= FILLED {
            out.push(open);
            open = (0.0, 0.0);
        }
    }
    if let Some(last) = out.last_mut() {
        *last = (last.0 + open.0, last.1 + open.1);
    }
    out
}
