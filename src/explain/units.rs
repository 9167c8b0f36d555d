//! Sums by unit of resampling, added up while rows stream by, and intervals of means from them.
//!
//! In: numbers of rows with their scenario and entity. Out: 95 % intervals of means. Entities are put together at random into a
//! bounded number of units, so that memory depends neither on the rows nor on the entities.
//!
//! # Source
//! Wolter (2007), "Introduction to variance estimation", chapter 2 (the method of random groups): whole clusters are assigned
//! to groups at random, and the groups are what is resampled. With as few entities as units a group is in general one entity.

use ndarray::{Array1, Array2, ArrayView2};
use rayon::prelude::*;

use crate::evaluate::bootstrap::{MIN_ENTITIES, Resampler, interval};
use crate::fingerprint::mix;

/// Half the width of a 95 % interval of a normal deviate, in standard errors.
pub(super) const HALF_WIDTH: f64 = 1.959_963_985;
/// Units at most: a percentile of 512 exchangeable units is as good as one of a million entities.
pub(super) const MOST: usize = 512;
/// Units at least, however many figures there are: fewer make intervals too narrow.
const LEAST: usize = 64;
/// Numbers that sums may take: 64 MB.
const ROOM: usize = 1 << 23;

/// The unit of an entity: a fixed hash, so that the same entity falls into the same unit every night.
pub(super) fn unit(entity: u64, units: usize) -> usize {
    (mix(entity) % units as u64) as usize
}

/// How often each unit stands in each resample. Shape: `[resamples, units]`.
pub(super) struct Draws(Array2<f64>);

impl Draws {
    pub(super) fn new(units: usize, resamples: usize, seed: u64) -> Self {
        let each: Vec<u64> = (0..units as u64).collect();
        let resampler = Resampler::new(&each, resamples, seed);
        let drawn: Vec<Vec<u8>> = (0..resamples).into_par_iter().map(|at| resampler.resample(at)).collect();
        Self(Array2::from_shape_fn((resamples, units), |(resample, unit)| f64::from(drawn[resample][unit])))
    }
}

/// Sums of a number of figures per scenario and unit.
pub(super) struct UnitSums {
    units: usize,
    figures: usize,
    /// Shape: `[scenarios][units][figures]`.
    sums: Vec<f64>,
    /// Shape: `[scenarios][units]`.
    rows: Vec<f64>,
}

impl UnitSums {
    pub(super) fn new(scenarios: usize, figures: usize) -> Self {
        let units = (ROOM / (scenarios * figures).max(1)).clamp(LEAST, MOST);
        Self { units, figures, sums: vec![0.0; scenarios * units * figures], rows: vec![0.0; scenarios * units] }
    }

    pub(super) fn units(&self) -> usize {
        self.units
    }

    /// Counts a row, and lends the sums to which its figures are to be added. Shape: `[figures]`.
    pub(super) fn row(&mut self, scenario: usize, entity: u64) -> &mut [f64] {
        let place = scenario * self.units + unit(entity, self.units);
        self.rows[place] += 1.0;
        &mut self.sums[place * self.figures..(place + 1) * self.figures]
    }

    /// Mean of each figure over the rows of some scenarios, and its 95 % interval: the percentile interval over resampled units
    /// of `Σ sums / Σ rows`. No interval where fewer than [`MIN_ENTITIES`] units have rows. Shape: `[figures]`.
    pub(super) fn means(&self, scenarios: &[usize], draws: &Draws) -> Vec<(f64, Option<(f64, f64)>)> {
        let mut sums = Array2::<f64>::zeros((self.units, self.figures));
        let mut rows = Array1::<f64>::zeros(self.units);
        for scenario in scenarios {
            let (from, size) = (scenario * self.units, self.units * self.figures);
            if let Ok(own) = ArrayView2::from_shape((self.units, self.figures), &self.sums[scenario * size..(scenario + 1) * size]) {
                sums += &own;
            }
            rows.iter_mut().zip(&self.rows[from..from + self.units]).for_each(|(sum, own)| *sum += own);
        }
        let n = rows.sum();
        let enough = rows.iter().filter(|rows| **rows > 0.0).count() >= MIN_ENTITIES;
        let (drawn, drawn_rows) = (draws.0.dot(&sums), draws.0.dot(&rows));
        let of = |figure: usize| {
            let replicates: Vec<f64> = drawn.column(figure).iter().zip(&drawn_rows).map(|(sum, rows)| sum / rows).collect();
            (sums.column(figure).sum() / n, interval(&replicates).filter(|_| enough))
        };
        (0..self.figures).into_par_iter().map(of).collect()
    }
}

/// Standard error of a figure over units, each of them left out once: `√((G − 1)/G · Σ (θ₍g₎ − θ̄)²)`; `None` with fewer than
/// [`MIN_ENTITIES`] units.
///
/// # Source
/// Kott (2001), "The delete-a-group jackknife", Journal of Official Statistics 17.
pub(super) fn jackknife(left_out: &[f64]) -> Option<f64> {
    let n = left_out.len() as f64;
    let mean = left_out.iter().sum::<f64>() / n;
    let squares: f64 = left_out.iter().map(|value| (value - mean).powi(2)).sum();
    (left_out.len() >= MIN_ENTITIES && squares.is_finite()).then(|| ((n - 1.0) / n * squares).sqrt())
}
