//! A step curve on top of Platt's: where a cell has positives enough and the steps are better on rows that they were not
//! fitted on.
//!
//! In: rows of a cell and its sigmoid. Out: [`Steps`], or `None` where the sigmoid stays as it is.

use serde::{Deserialize, Serialize};

use super::platt::{Platt, Row};

/// Positives without which steps follow chance.
const LEAST_POSITIVES: f64 = 1000.0;
/// Ends of steps that are kept: their decimals are part of the model.
const MOST_STEPS: usize = 64;
/// Probabilities are kept this far from 0 and 1.
const CLIP: f64 = 1e-7;

/// A rising curve through points, straight between them and level beyond the outer ones.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Steps {
    /// Ascending probabilities of the sigmoid.
    from: Vec<f32>,
    /// What is published there; never falls.
    to: Vec<f32>,
}

impl Steps {
    pub(super) fn apply(&self, p: f64) -> f64 {
        let (Some(first), Some(last)) = (self.to.first(), self.to.last()) else { return p };
        let above = self.from.partition_point(|from| f64::from(*from) <= p);
        if above == 0 {
            return f64::from(*first);
        }
        let (Some(next), Some(to)) = (self.from.get(above), self.to.get(above)) else { return f64::from(*last) };
        let (from, base) = (f64::from(self.from[above - 1]), f64::from(self.to[above - 1]));
        base + (p - from) / (f64::from(*next) - from) * (f64::from(*to) - base)
    }
}

/// Steps for a cell, if they lower the log loss by more than its standard error on the half of the entities that they were not
/// fitted on, both halves taken in turn.
///
/// # Source
/// Zadrozny and Elkan (2002), "Transforming classifier scores into accurate multiclass probability estimates", section 3.2;
/// pool adjacent violators after Ayer et al. (1955).
pub(super) fn fit(rows: &[Row], platt: Platt) -> Option<Steps> {
    let positives: f64 = rows.iter().map(|row| row.label).sum();
    if positives < LEAST_POSITIVES || rows.len() as f64 - positives < LEAST_POSITIVES {
        return None;
    }
    let half = |wanted: bool| -> Vec<Row> { rows.iter().filter(|row| row.entity.is_multiple_of(2) == wanted).copied().collect() };
    let halves = [half(true), half(false)];
    let mut gains = Vec::with_capacity(rows.len());
    for (learn, judge) in [(0, 1), (1, 0)] {
        let steps = pooled(&halves[learn], platt);
        gains.extend(halves[judge].iter().map(|row| {
            let p = platt.probability(row.z);
            loss(p, row.label) - loss(steps.apply(p), row.label)
        }));
    }
    let n = gains.len() as f64;
    let mean = gains.iter().sum::<f64>() / n;
    let error = (gains.iter().map(|gain| (gain - mean).powi(2)).sum::<f64>() / (n * (n - 1.0))).sqrt();
    (mean > error).then(|| pooled(rows, platt))
}

fn loss(p: f64, label: f64) -> f64 {
    let p = p.clamp(CLIP, 1.0 - CLIP);
    -(label * p.ln() + (1.0 - label) * (1.0 - p).ln())
}

/// A pool of neighbours: mean of what was predicted and of what happened.
#[derive(Debug, Clone, Copy)]
struct Pool {
    rows: f64,
    predicted: f64,
    observed: f64,
}

/// Pools neighbours until the observed share rises with the predicted one; one point at the middle of each pool.
fn pooled(rows: &[Row], platt: Platt) -> Steps {
    let mut pairs: Vec<(f64, f64)> = rows.iter().map(|row| (platt.probability(row.z), row.label)).collect();
    pairs.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
    let mut pools: Vec<Pool> = Vec::new();
    for run in pairs.chunk_by(|a, b| a.0.total_cmp(&b.0).is_eq()) {
        let n = run.len() as f64;
        let mut pool = Pool { rows: n, predicted: run[0].0, observed: run.iter().map(|pair| pair.1).sum::<f64>() / n };
        while let Some(before) = pools.last()
            && before.observed >= pool.observed
        {
            pool = merged(*before, pool);
            pools.pop();
        }
        pools.push(pool);
    }
    // A pool of a few rows at either end says 0 or 1, and no shop means that: neighbours are joined until each holds its share.
    let least = (rows.len() / MOST_STEPS).max(100) as f64;
    let mut joined: Vec<Pool> = Vec::new();
    for pool in pools {
        match joined.last_mut() {
            Some(last) if last.rows < least => *last = merged(*last, pool),
            _ => joined.push(pool),
        }
    }
    if let [.., before, last] = joined.as_slice()
        && last.rows < least
    {
        let both = merged(*before, *last);
        joined.truncate(joined.len() - 2);
        joined.push(both);
    }
    let mut steps = Steps { from: Vec::new(), to: Vec::new() };
    for pool in joined {
        let from = pool.predicted as f32;
        if steps.from.last().is_none_or(|last| *last < from) {
            steps.from.push(from);
            steps.to.push(pool.observed.clamp(CLIP, 1.0 - CLIP) as f32);
        }
    }
    steps
}

fn merged(a: Pool, b: Pool) -> Pool {
    let rows = a.rows + b.rows;
    Pool {
        rows,
        predicted: (a.rows * a.predicted + b.rows * b.predicted) / rows,
        observed: (a.rows * a.observed + b.rows * b.observed) / rows,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows whose true probability bends away from the sigmoid of `z`.
    fn bent(rows: usize, bend: f64) -> Vec<Row> {
        let mut state = 1_u64;
        let mut draw = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 11) as f64 / (1_u64 << 53) as f64
        };
        (0..rows)
            .map(|at| {
                let z = draw() * 4.0 - 2.0;
                let p = Platt { a: 1.0, b: -2.0 }.probability(z + bend * (z > 1.0) as u8 as f64);
                Row { z, raw: z, label: f64::from(u8::from(draw() < p)), night: 0, entity: at as u64 / 3 }
            })
            .collect()
    }

    #[test]
    fn steps_are_taken_where_the_sigmoid_is_wrong_and_left_where_it_is_right() {
        let platt = Platt { a: 1.0, b: -2.0 };
        let steps = fit(&bent(40_000, 2.0), platt).expect("a jump of the rate is no sigmoid");
        let jumped = steps.apply(platt.probability(1.5));
        let truth = platt.probability(3.5);
        assert!((jumped - truth).abs() < 0.06, "{jumped} instead of {truth}");
        assert!(steps.to.is_sorted() && steps.from.is_sorted());
        assert!(fit(&bent(40_000, 0.0), platt).is_none());
    }

    #[test]
    fn a_thin_cell_keeps_its_sigmoid() {
        assert!(fit(&bent(3000, 2.0), Platt { a: 1.0, b: -2.0 }).is_none());
    }
}
