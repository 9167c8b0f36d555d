//! How good predictions are: metrics with intervals, per cell and above, comparisons of two models, and the calibration that
//! makes scores probabilities.
//!
//! In: labels and predictions as slices. Out: figures. Pure: no DataFusion, no file system. `metrics` and `lists` are the
//! formulas; `bootstrap` resamples entities, and `sums` and `ordered` carry the formulas through a block of resamples at a time
//! (`replicates` says which figure is made of what).

pub mod association;
pub mod bootstrap;
pub mod calibration;
pub mod cells;
pub mod drift;
pub mod gains;
pub mod gates;
pub mod interval;
pub mod lists;
pub mod metrics;
mod ordered;
pub mod paired;
pub mod probe;
mod radix;
mod replicates;
pub mod samples;
pub mod sentinel;
mod separation;
mod squares;
mod sums;
pub mod threshold;

/// Labels over the entire space: where the task before it in the chain did not happen, this one did not either.
///
/// `y′_t = NaN` where `y′_parent` is NaN, `0` where it is 0, else `y_t`.
///
/// # Shapes
/// `labels: [tasks][rows]`, `after: [tasks]` (a parent stands before its children).
///
/// # Source
/// Ma et al. (2018), "Entire Space Multi-Task Model", section 2.2.
#[must_use]
pub fn entire_space(labels: &[Vec<f32>], after: &[Option<usize>]) -> Vec<Vec<f32>> {
    let mut whole: Vec<Vec<f32>> = Vec::with_capacity(labels.len());
    for (own, after) in labels.iter().zip(after) {
        let chained = match after {
            None => own.clone(),
            Some(parent) => own
                .iter()
                .zip(&whole[*parent])
                .map(|(own, parent)| {
                    if parent.is_nan() {
                        f32::NAN
                    } else if *parent == 0.0 {
                        0.0
                    } else {
                        *own
                    }
                })
                .collect(),
        };
        whole.push(chained);
    }
    whole
}
