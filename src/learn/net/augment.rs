//! Rows that training sees in another form: fields that are hidden from it, and pairs of rows that are mixed.
//!
//! In: a window of rows. Out: the same rows with fields missing or unknown; and for a mini-batch, each row's partner and its share.
//! Everything follows from counters of passes, rows and steps: the same for any number of threads, and again after a crash.
//!
//! A row of a mixed pair enters the first layer as `x = λ x_i + (1 − λ) x_j`; its loss is `λ ℓ(y_i) + (1 − λ) ℓ(y_j)`, which has the
//! slopes of the loss of the mixed label where that is linear in the label (log loss, squared error, Poisson) and means something where
//! it is not. Partners are of one scenario and teach the same tasks: a task that only one of two rows teaches would be lost to both.
//!
//! # Source
//! Zhang et al. (2018), "mixup: beyond empirical risk minimization", section 2, `λ ~ Beta(α, α)`.

use rand_distr::{Beta, Distribution as _};

use super::dense::Gradients;
use super::feed::{Feed, stream};
use super::input::Input;
use super::sgemm::{Mat, MatMut};
use crate::fingerprint::mix;

/// A row's partner in a mini-batch.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Partner {
    /// Its row in the window.
    pub(super) row: u32,
    /// Its place in the mini-batch.
    place: u32,
    /// Share `λ` of the row itself; the partner has the rest.
    pub(super) share: f32,
}

/// Buffers of one worker for the partners of its slice. They grow with the first slice.
#[derive(Debug, Clone, Default)]
pub(super) struct Partners {
    rows: Vec<u32>,
    x: Vec<f32>,
}

/// Hides each field of each row that teaches with chance `rate`. `done` such rows came before the window in its pass.
pub(super) fn mask(feed: &mut Feed, input: &Input, rate: f32, seed: u64, done: u64) {
    let fields = input.fields();
    let mut place = done;
    for row in 0..feed.rows() {
        if !feed.teaches(row) {
            continue;
        }
        for field in 0..fields {
            let drawn = mix(seed ^ mix(place * fields as u64 + field as u64));
            // 24 bits: as many as a number of single precision has.
            if ((drawn >> 40) as f32) < rate * (1_u32 << 24) as f32 {
                input.hide(field, feed.cells_mut(row));
            }
        }
        place += 1;
    }
}

/// Pairs the rows of a mini-batch, which is sorted by scenario, and sorts it further: rows that teach the same tasks lie together, and
/// each has for partner one as many places further on, around the end. `step` counts the steps of the training.
pub(super) fn pair(feed: &mut Feed, batch: &mut [u32], alpha: f32, seed: u64, step: usize) {
    let rows = feed.rows();
    feed.partners.resize(rows, Partner::default());
    let group = |feed: &Feed, row: u32| (feed.scenario[row as usize], feed.known(row as usize));
    batch.sort_by_key(|row| group(feed, *row));
    let Ok(beta) = Beta::new(alpha, alpha) else { return };
    let mut random = stream(seed ^ 0x6d69, step as u64);
    let mut from = 0;
    while from < batch.len() {
        let own = group(feed, batch[from]);
        let to = from + batch[from..].partition_point(|row| group(feed, *row) == own);
        let length = to - from;
        // A row alone is its own partner.
        let further = if length > 1 { 1 + mix(seed ^ mix(((step as u64) << 32) | from as u64)) as usize % (length - 1) } else { 0 };
        for place in from..to {
            let partner = from + (place - from + further) % length;
            let share: f32 = beta.sample(&mut random);
            // Two gammas that are both 0 in single precision have no ratio.
            let share = if share.is_finite() { share } else { 1.0 };
            feed.partners[batch[place] as usize] = Partner { row: batch[partner], place: partner as u32, share };
        }
        from = to;
    }
}

impl Partners {
    /// Mixes each row of `x: [rows, inputs]` with its partner's input columns.
    pub(super) fn mix(&mut self, input: &Input, weights: (&[f32], &[super::arena::Arena]), feed: &Feed, order: &[u32], mut x: MatMut<'_>) {
        self.list(feed, order, input.width);
        let width = input.width;
        input.forward(weights.0, weights.1, feed, &self.rows, MatMut::new(&mut self.x, order.len(), width));
        for (at, (row, other)) in order.iter().zip(self.x.chunks_exact(width.max(1))).enumerate() {
            let share = feed.partners[*row as usize].share;
            x.row(at).iter_mut().zip(other).for_each(|(x, other)| *x = share * *x + (1.0 - share) * other);
        }
    }

    /// The way back to what lies in the dense arena: both rows of a pair have their share of the slopes `dx: [rows, inputs]`.
    pub(super) fn backward(&mut self, input: &Input, feed: &Feed, order: &[u32], dx: Mat<'_>, gradients: &mut Gradients) {
        self.list(feed, order, input.width);
        for partner in [false, true] {
            for (at, (row, out)) in order.iter().zip(self.x.chunks_exact_mut(input.width.max(1))).enumerate() {
                let share = feed.partners[*row as usize].share;
                let share = if partner { 1.0 - share } else { share };
                out.iter_mut().zip(dx.row(at)).for_each(|(out, d)| *out = share * d);
            }
            let rows = if partner { &self.rows } else { order };
            input.backward(feed, rows, Mat::new(&self.x, order.len(), input.width), gradients);
        }
    }

    fn list(&mut self, feed: &Feed, order: &[u32], width: usize) {
        self.rows.clear();
        self.rows.extend(order.iter().map(|row| feed.partners[*row as usize].row));
        self.x.resize(order.len() * width, 0.0);
    }
}

/// Slopes of the rows' own input columns from those of the mixed ones, for all rows of a mini-batch. Shape of both:
/// `[rows, inputs]`.
pub(super) fn unmix(feed: &Feed, batch: &[u32], dx: &[f32], width: usize, own: &mut Vec<f32>) {
    own.clear();
    own.resize(batch.len() * width, 0.0);
    for (place, (row, dx)) in batch.iter().zip(dx.chunks_exact(width.max(1))).enumerate() {
        let partner = feed.partners[*row as usize];
        for (to, share) in [(place, partner.share), (partner.place as usize, 1.0 - partner.share)] {
            own[to * width..(to + 1) * width].iter_mut().zip(dx).for_each(|(own, d)| *own += share * d);
        }
    }
}
