//! Resampling by entity: how far a figure would move had other entities come that night.
//!
//! In: the entity of each row. Out: how often each entity stands in each resample, a block of resamples at a time, and
//! intervals from what a figure is in each. Not here: what the figures are (`replicates`).

use rand::SeedableRng as _;
use rand::distributions::{Distribution as _, Uniform};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

/// Resamples that are worked on together: sixteen counts of a byte are one load, and one pass over the rows serves them all.
pub(super) const LANES: usize = 16;
/// One value per resample of a block.
pub(super) type Lanes<T> = [T; LANES];

/// Entities below which no interval is given: percentiles over a handful of clusters are too narrow by a third and more.
pub const MIN_ENTITIES: usize = 10;

/// What an interval leaves out on either side.
const TAIL: f64 = 0.025;

/// Draws entities with replacement, as many as there are, once per resample.
///
/// A resample weighs every row by how often its entity was drawn, so rows of one entity (which resemble each other) come
/// and go together, in every cell and task at once. Resample `i` is stream `i` of the seed: it depends neither on the
/// number of threads nor on how many resamples there are, nor on the order of the rows.
///
/// # Source
/// Efron (1979), "Bootstrap methods: another look at the jackknife"; by clusters: Field and Welsh (2007), "Bootstrapping
/// clustered data", section 3.
#[derive(Debug, Clone)]
pub struct Resampler {
    unit: Vec<u32>,
    units: usize,
    resamples: usize,
    seed: u64,
}

/// How often each entity was drawn in each resample of a block.
#[derive(Debug)]
pub(super) struct Counts {
    pub(super) drawn: Vec<Lanes<u8>>,
    /// The largest of them.
    pub(super) most: u32,
}

impl Resampler {
    /// # Shapes
    /// `entity: [rows]`.
    #[must_use]
    pub fn new(entity: &[u64], resamples: usize, seed: u64) -> Self {
        let mut known = entity.to_vec();
        known.sort_unstable();
        known.dedup();
        // Every entity is there, so both arms of the search are its place.
        let place = |entity: &u64| known.binary_search(entity).unwrap_or_else(|at| at) as u32;
        Self { unit: entity.par_iter().map(place).collect(), units: known.len(), resamples, seed }
    }

    /// Number of the entity of each row, by rising entity. Shape: `[rows]`.
    #[must_use]
    pub fn unit(&self) -> &[u32] {
        &self.unit
    }

    /// Number of entities.
    #[must_use]
    pub fn units(&self) -> usize {
        self.units
    }

    /// How often each entity stands in a resample. Shape: `[entities]`.
    #[must_use]
    pub fn resample(&self, at: usize) -> Vec<u8> {
        self.block(at / LANES).drawn.iter().map(|lanes| lanes[at % LANES]).collect()
    }

    fn block(&self, at: usize) -> Counts {
        let mut drawn = vec![[0_u8; LANES]; self.units];
        if self.units > 0 {
            let any = Uniform::from(0..self.units as u32);
            for (lane, stream) in (at * LANES..).take(LANES).enumerate() {
                let mut random = ChaCha8Rng::seed_from_u64(self.seed);
                random.set_stream(stream as u64);
                for _ in 0..self.units {
                    let count = &mut drawn[any.sample(&mut random) as usize][lane];
                    // One entity in 10^500 nights is drawn more often than a byte can say.
                    *count = count.saturating_add(1);
                }
            }
        }
        let most = drawn.iter().flatten().copied().max().unwrap_or(0);
        Counts { drawn, most: u32::from(most) }
    }

    /// Figures of every resample: `of` says what they are in a block. Blocks run side by side; the result does not depend
    /// on it.
    ///
    /// # Shapes
    /// `of` returns `[figures]` lanes; returns `[figures][resamples]`.
    pub(super) fn replicate(&self, figures: usize, of: impl Fn(&Counts) -> Vec<Lanes<f64>> + Sync) -> Vec<Vec<f64>> {
        let blocks: Vec<Vec<Lanes<f64>>> =
            (0..self.resamples.div_ceil(LANES)).into_par_iter().map(|block| of(&self.block(block))).collect();
        let own = |figure: usize| blocks.iter().flat_map(|block| block[figure]).take(self.resamples).collect();
        (0..figures).map(own).collect()
    }
}

/// The values that are defined, ascending; `None` where fewer than half are, or fewer than two.
fn defined(replicates: &[f64]) -> Option<Vec<f64>> {
    let mut values: Vec<f64> = replicates.iter().copied().filter(|value| value.is_finite()).collect();
    values.sort_unstable_by(f64::total_cmp);
    (values.len() >= 2 && values.len() * 2 >= replicates.len()).then_some(values)
}

/// A quantile of ascending values, straight between its two neighbours.
pub(crate) fn quantile(values: &[f64], share: f64) -> f64 {
    let at = share * (values.len() - 1) as f64;
    let below = values[at.floor() as usize];
    below + (values[at.ceil() as usize] - below) * at.fract()
}

/// The percentile interval: the 2.5 % and the 97.5 % quantile of the resamples in which the figure is defined. `None` where
/// that is fewer than half of them.
///
/// It covers what it says for shares, ranks and losses, and no less often than `BCa` for amounts; means of squares of amounts
/// alone are studentised before (`replicates`). A test measures it, figure by figure.
///
/// # Source
/// Efron and Tibshirani (1993), "An introduction to the bootstrap", section 13.3.
#[must_use]
pub fn interval(replicates: &[f64]) -> Option<(f64, f64)> {
    let values = defined(replicates)?;
    Some((quantile(&values, TAIL), quantile(&values, 1.0 - TAIL)))
}

/// The percentile interval, moved so that the resamples' mean lies on the figure.
///
/// For figures that noise can only raise (the calibration error): a resample adds its own noise to that of the night, so its
/// figure lies above the night's by about as much as the night's lies above the truth. Moved back, the interval covers what
/// nights of this size show on average; it is not an interval of what endless rows would show, which is lower.
#[must_use]
pub fn interval_around(value: f64, replicates: &[f64]) -> Option<(f64, f64)> {
    let values = defined(replicates)?;
    let shift = value - values.iter().sum::<f64>() / values.len() as f64;
    Some(((quantile(&values, TAIL) + shift).max(0.0), quantile(&values, 1.0 - TAIL) + shift))
}

/// Standard deviation of the resamples in which a figure is defined: its standard error.
#[must_use]
pub fn standard_error(replicates: &[f64]) -> Option<f64> {
    let values = defined(replicates)?;
    let n = values.len() as f64;
    let mean = values.iter().sum::<f64>() / n;
    Some((values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (n - 1.0)).sqrt())
}
