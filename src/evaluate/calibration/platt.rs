//! Platt's sigmoid: the curve that turns a raw output into a probability, fitted by Newton's method.
//!
//! In: rows of a task or a cell. Out: `(a, b)` of `sigmoid(a·z + b)`. Steps on top of it are `isotonic`'s.

use super::nights;

/// Rows' worth of evidence with which a cell is held to its task: the prior on `(a, b)` weighs as much as this many rows
/// of average information, so that a cell of a few hundred rows mostly follows its task and one of ten thousand itself.
const SHRINK_ROWS: f64 = 500.0;
/// The prior weighs at least as much as knowing that a cell's log odds are within a tenth of the task's: the model has
/// learned its scenarios from many nights, and a curve is fitted on one or two.
const LEAST_PRECISION: f64 = 100.0;
/// Newton steps; the loss is convex and a handful suffice.
const STEPS: usize = 50;

/// A row that teaches a calibration.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row {
    /// Standardised raw output.
    pub(super) z: f64,
    pub(super) raw: f64,
    pub(super) label: f64,
    pub(super) night: i32,
    pub(super) entity: u64,
}

/// `sigmoid(a·z + b)`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Platt {
    pub(super) a: f64,
    pub(super) b: f64,
}

pub(super) fn sigmoid(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

impl Platt {
    pub(super) fn probability(self, z: f64) -> f64 {
        sigmoid(self.a * z + self.b)
    }

    /// Of all rows of a task: held to a flat line at the base rate by one row's evidence, so that separable rows have one too.
    pub(super) fn of_task(rows: &[Row]) -> Self {
        let positives: f64 = rows.iter().map(|row| row.label).sum();
        let rate = (positives + 0.5) / (rows.len() as f64 + 1.0);
        let flat = Self { a: 0.0, b: (rate / (1.0 - rate)).ln() };
        newton(rows, &vec![1.0; rows.len()], flat, flat.information(0.0).max(1e-6))
    }

    /// Of a cell, held to the curve of its task.
    pub(super) fn of_cell(rows: &[Row], task: Self, spread: f64) -> Self {
        let shares = nights::independent(rows, spread, |row| task.information(row.z));
        let precision = (SHRINK_ROWS * task.information(0.0)).max(LEAST_PRECISION);
        newton(rows, &shares, task, precision)
    }

    /// What a row at `z` says of the log odds: `p (1 − p)`.
    fn information(self, z: f64) -> f64 {
        let p = self.probability(z);
        p * (1.0 - p)
    }
}

/// Least log loss on rows that weigh `shares`, with Platt's smoothed targets and a Gaussian prior around `prior`.
fn newton(rows: &[Row], shares: &[f64], prior: Platt, precision: f64) -> Platt {
    let positives: f64 = rows.iter().map(|row| row.label).sum();
    let negatives = rows.len() as f64 - positives;
    let (high, low) = ((positives + 1.0) / (positives + 2.0), 1.0 / (negatives + 2.0));
    let target = |row: &Row| if row.label > 0.5 { high } else { low };
    let loss = |curve: Platt| {
        let of = |(row, share): (&Row, &f64)| {
            let x = curve.a * row.z + curve.b;
            // ln(1 + e^x) − t·x, without overflow.
            share * (x.max(0.0) + (-x.abs()).exp().ln_1p() - target(row) * x)
        };
        let data: f64 = rows.iter().zip(shares).map(of).sum();
        data + precision / 2.0 * ((curve.a - prior.a).powi(2) + (curve.b - prior.b).powi(2))
    };
    let mut curve = prior;
    let mut best = loss(curve);
    for _ in 0..STEPS {
        let (mut ga, mut gb) = (precision * (curve.a - prior.a), precision * (curve.b - prior.b));
        let (mut haa, mut hab, mut hbb) = (precision, 0.0, precision);
        for (row, share) in rows.iter().zip(shares) {
            let p = curve.probability(row.z);
            let slope = share * (p - target(row));
            let weight = share * p * (1.0 - p);
            ga += slope * row.z;
            gb += slope;
            haa += weight * row.z * row.z;
            hab += weight * row.z;
            hbb += weight;
        }
        let determinant = haa * hbb - hab * hab;
        let (da, db) = ((hbb * ga - hab * gb) / determinant, (haa * gb - hab * ga) / determinant);
        let stepped = |step: f64| Platt { a: curve.a - step * da, b: curve.b - step * db };
        let mut step = 1.0;
        while step > 1e-10 && loss(stepped(step)) > best {
            step /= 2.0;
        }
        let next = loss(stepped(step));
        if best - next <= 1e-10 * best.abs() {
            break;
        }
        (curve, best) = (stepped(step), next);
    }
    curve
}
