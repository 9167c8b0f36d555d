//! Sums per entity, and what they come to in each resample.
//!
//! In: numbers of rows and the rows' entities. Out: their sums over a block of resamples. A figure that is a function of sums
//! (log loss, precision, R², …) needs no second look at the rows.

use super::bootstrap::{Counts, LANES, Lanes};

/// `K` sums of each entity that has rows here.
#[derive(Debug)]
pub(super) struct Sums<const K: usize> {
    units: Vec<u32>,
    sums: Vec<[f64; K]>,
}

impl<const K: usize> Sums<K> {
    /// Adds up `of(row)` by entity; rows of an entity in their order.
    ///
    /// # Shapes
    /// `unit: [rows]`.
    pub(super) fn new(unit: &[u32], of: impl Fn(usize) -> [f64; K]) -> Self {
        let mut rows: Vec<u32> = (0..unit.len() as u32).collect();
        rows.sort_unstable_by_key(|row| (unit[*row as usize], *row));
        let mut own = Self { units: Vec::new(), sums: Vec::new() };
        for rows in rows.chunk_by(|a, b| unit[*a as usize] == unit[*b as usize]) {
            let mut sums = [0.0; K];
            for row in rows {
                sums.iter_mut().zip(of(*row as usize)).for_each(|(sum, value)| *sum += value);
            }
            own.units.push(unit[rows[0] as usize]);
            own.sums.push(sums);
        }
        own
    }

    /// Number of entities.
    pub(super) fn units(&self) -> usize {
        self.units.len()
    }

    /// Every entity once.
    pub(super) fn once(&self) -> [f64; K] {
        self.sums.iter().fold([0.0; K], |total, sums| std::array::from_fn(|at| total[at] + sums[at]))
    }

    /// Other numbers of the same entities.
    pub(super) fn map<const L: usize>(&self, of: impl Fn([f64; K]) -> [f64; L]) -> Sums<L> {
        Sums { units: self.units.clone(), sums: self.sums.iter().map(|sums| of(*sums)).collect() }
    }

    /// `Σ_entities drawn · sum`. Shape: `[K][LANES]`.
    pub(super) fn over(&self, counts: &Counts) -> [Lanes<f64>; K] {
        let mut total = [[0.0; LANES]; K];
        for (unit, sums) in self.units.iter().zip(&self.sums) {
            let drawn = counts.drawn[*unit as usize].map(f64::from);
            for (total, sum) in total.iter_mut().zip(sums) {
                for lane in 0..LANES {
                    total[lane] += drawn[lane] * sum;
                }
            }
        }
        total
    }
}
