//! Scenario-invariance: how well a linear probe tells the scenario from the features that a model shares.
//!
//! In: shared features of rows, their scenarios and entities. Out: for each scenario the AUC of the probe: 0.5 is a feature
//! space that has forgotten the scenario, 1 one in which it can be read off. The probe is fitted on half of the entities and
//! measured on the other half.
//!
//! # Source
//! Alain and Bengio (2017), "Understanding intermediate layers using linear classifier probes"; here by ridge regression.

use super::metrics;

/// Ridge penalty on features of standard deviation 1, in rows.
const RIDGE: f64 = 1.0;
/// Steps of the conjugate gradients: the probe is linear in a few hundred features.
const STEPS: usize = 200;

/// AUC of telling each scenario from all others; `None` where a half has no row of it, or none of another.
///
/// # Shapes
/// `features: [rows × width]`, `scenario: [rows]`, `entity: [rows]`; returns `[scenarios]`.
#[must_use]
pub fn probe(features: &[f32], width: usize, scenario: &[u16], entity: &[u64], scenarios: usize) -> Vec<Option<f64>> {
    let rows = scenario.len();
    let (learn, judge): (Vec<usize>, Vec<usize>) = (0..rows).partition(|row| entity[*row].is_multiple_of(2));
    let scaled = Scaled::new(features, width, &learn);
    (0..scenarios)
        .map(|wanted| {
            let is = |row: &usize| f64::from(u8::from(scenario[*row] as usize == wanted));
            let weights = scaled.ridge(&learn, &learn.iter().map(is).collect::<Vec<_>>());
            let labels: Vec<f64> = judge.iter().map(is).collect();
            let guesses: Vec<f64> = judge.iter().map(|row| scaled.dot(*row, &weights)).collect();
            metrics::auc(&labels, &guesses)
        })
        .collect()
}

/// Features centred and scaled by the rows that the probe learns from.
struct Scaled<'a> {
    features: &'a [f32],
    width: usize,
    mean: Vec<f64>,
    scale: Vec<f64>,
}

impl<'a> Scaled<'a> {
    fn new(features: &'a [f32], width: usize, rows: &[usize]) -> Self {
        let n = rows.len().max(1) as f64;
        let (mut mean, mut square) = (vec![0.0; width], vec![0.0; width]);
        for row in rows {
            for (at, x) in features[row * width..(row + 1) * width].iter().enumerate() {
                mean[at] += f64::from(*x) / n;
                square[at] += f64::from(*x) * f64::from(*x) / n;
            }
        }
        let spread = square.iter().zip(&mean).map(|(square, mean)| (square - mean * mean).max(0.0).sqrt());
        // A unit that never wakes tells nothing.
        let scale = spread.map(|spread| if spread > 1e-9 { 1.0 / spread } else { 0.0 }).collect();
        Self { features, width, mean, scale }
    }

    fn value(&self, row: usize, at: usize) -> f64 {
        (f64::from(self.features[row * self.width + at]) - self.mean[at]) * self.scale[at]
    }

    fn dot(&self, row: usize, weights: &[f64]) -> f64 {
        weights.iter().enumerate().map(|(at, weight)| weight * self.value(row, at)).sum()
    }

    /// `(XᵀX + λ) w`.
    fn apply(&self, rows: &[usize], weights: &[f64]) -> Vec<f64> {
        let mut out: Vec<f64> = weights.iter().map(|weight| RIDGE * weight).collect();
        for row in rows {
            let along = self.dot(*row, weights);
            out.iter_mut().enumerate().for_each(|(at, out)| *out += along * self.value(*row, at));
        }
        out
    }

    /// The ridge regression of labels, by conjugate gradients (Hestenes and Stiefel 1952).
    fn ridge(&self, rows: &[usize], labels: &[f64]) -> Vec<f64> {
        let mean = labels.iter().sum::<f64>() / labels.len().max(1) as f64;
        let mut residual = vec![0.0; self.width];
        for (row, label) in rows.iter().zip(labels) {
            residual.iter_mut().enumerate().for_each(|(at, sum)| *sum += (label - mean) * self.value(*row, at));
        }
        let mut weights = vec![0.0; self.width];
        let mut direction = residual.clone();
        let norm = |values: &[f64]| values.iter().map(|value| value * value).sum::<f64>();
        let (begun, mut squared) = (norm(&residual), norm(&residual));
        for _ in 0..STEPS {
            if squared <= 1e-12 * begun || squared == 0.0 {
                break;
            }
            let bent = self.apply(rows, &direction);
            let step = squared / direction.iter().zip(&bent).map(|(d, b)| d * b).sum::<f64>();
            weights.iter_mut().zip(&direction).for_each(|(weight, d)| *weight += step * d);
            residual.iter_mut().zip(&bent).for_each(|(residual, b)| *residual -= step * b);
            let next = norm(&residual);
            direction.iter_mut().zip(&residual).for_each(|(d, residual)| *d = residual + next / squared * *d);
            squared = next;
        }
        weights
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_probe_reads_what_is_there_and_guesses_where_nothing_is() {
        let rows = 400;
        let scenario: Vec<u16> = (0..rows).map(|row| (row / 2 % 2) as u16).collect();
        let entity: Vec<u64> = (0..rows as u64).collect();
        let noise = |row: usize| ((row * 7919) % 101) as f32 / 101.0;
        let told: Vec<f32> = (0..rows).flat_map(|row| [f32::from(scenario[row]) + 0.1 * noise(row), noise(row + 13)]).collect();
        let found = probe(&told, 2, &scenario, &entity, 2);
        assert!(found.iter().all(|auc| auc.is_some_and(|auc| auc > 0.99)), "{found:?}");
        let mute: Vec<f32> = (0..rows).flat_map(|row| [noise(row * 3 + 1), noise(row * 5 + 2)]).collect();
        let found = probe(&mute, 2, &scenario, &entity, 2);
        assert!(found.iter().all(|auc| auc.is_some_and(|auc| (auc - 0.5).abs() < 0.1)), "{found:?}");
    }
}
