//! Embedding tables in training: only the rows that a mini-batch reads are touched, yet each moves as dense Adam would move it.
//!
//! In: the slopes of the input columns. Out: changed rows. A row that no row of a mini-batch reads still drifts under Adam by
//! its momentum. After `n` such steps the drift is `m / (sqrt(v) + ε) · Σ_j s_j r^j` with `r = β1 / sqrt(β2)` and the step sizes
//! `s_j`; the sum is the same for all rows that waited equally long, so it is made once per step and a row catches up in one
//! go when it is next read. (`ε` is taken as of the newest step: it matters only where `sqrt(v)` is of its size.)

use multiversion::multiversion;

use super::arena::Arena;
use super::feed::Feed;
use super::input::Input;
use super::optimise::{BETA1, BETA2, Clock, Shrink};
use super::settings::Optimizer;
use super::sgemm::Mat;
use super::wide;

/// Rows that are fetched before they are worked on.
const AHEAD: usize = 32;
/// Steps after which nothing of a momentum is left: `r^256 < 3e-12`.
const FORGOTTEN: usize = 256;

/// `β1 / sqrt(β2)`.
fn ratio() -> f32 {
    BETA1 / BETA2.sqrt()
}

/// What `waited` steps without a gradient leave of `m` and of `v`.
fn fade(waited: usize) -> (f32, f32) {
    (BETA1.powi(waited as i32), BETA2.powi(waited as i32))
}

/// `Σ_{j=1..n} s_{T−n+j} r^j` for every wait `n` of rows that are brought up to step `T`; with weight decay each step's part
/// has shrunk by the decay of the steps after it.
#[derive(Debug, Clone, Default)]
pub(super) struct Drift {
    until: usize,
    decay: f32,
    /// `ε` as it stands beside the uncorrected `sqrt(v)` in step `until`.
    epsilon: f32,
    sums: Vec<f32>,
    /// The sum for a row whose last step was each one so far, over as many steps after it as a momentum lives.
    long: Vec<f32>,
    /// What is left of `m` and of `v` after every wait.
    fades: Vec<(f32, f32)>,
}

impl Drift {
    /// For rows that are brought up to step `until`, which is over.
    pub(super) fn prepare(&mut self, clock: &Clock, until: usize, decay: f32) {
        (self.until, self.decay, self.epsilon) = (until, decay, clock.epsilon);
        if self.fades.is_empty() {
            self.fades.extend((0..=FORGOTTEN).map(fade));
        }
        self.sums.clear();
        self.sums.push(0.0);
        for n in 0..FORGOTTEN.min(until) {
            let sum = self.sums[n];
            self.sums.push(ratio() * (self.part(clock, until - n) + sum));
        }
        // Steps come one after the other, so this misses none that is asked for.
        if let (Some(from), Some(sum)) = (until.checked_sub(FORGOTTEN), self.sums.get(FORGOTTEN)) {
            self.long.resize(from, 0.0);
            self.long.push(*sum);
        }
    }

    /// How much weight decay leaves of what stood at the end of step `step`.
    fn left(&self, clock: &Clock, step: usize) -> f32 {
        if self.decay > 0.0 { (-f64::from(self.decay) * (clock.rates[self.until] - clock.rates[step])).exp() as f32 } else { 1.0 }
    }

    /// What is left of a step's size.
    fn part(&self, clock: &Clock, step: usize) -> f32 {
        clock.moves[step] * self.left(clock, step)
    }

    /// For a row whose last step was `from`.
    fn of(&self, clock: &Clock, from: usize) -> f32 {
        if let Some(sum) = self.sums.get(self.until - from) {
            return *sum;
        }
        // Longer than a momentum lives: only the first steps after `from` count, and the decay since.
        self.long[from] * self.left(clock, from + FORGOTTEN)
    }
}

/// What is known of a row beside its numbers.
#[derive(Debug, Clone, Copy, Default)]
struct Row {
    /// Step up to which it is as dense Adam has it.
    last: u32,
    /// Step in which it was last read, and its place among the rows read in that step.
    read: u32,
    place: u32,
}

/// What training keeps of a table beside its values.
#[derive(Debug, Clone)]
pub(super) struct TableState {
    width: usize,
    /// Each row's `m`, then its `v`: they are read together. Shape: `[entries, 2 · width]`.
    pub(super) moments: Arena,
    rows: Vec<Row>,
    touched: Vec<u32>,
    /// Of every value that the step's rows read, row after row: its place in `touched`.
    places: Vec<u32>,
    sums: Vec<f32>,
}

impl TableState {
    pub(super) fn new(entries: usize, width: usize) -> Self {
        Self::at(entries, width, Arena::new(2 * entries * width), 0)
    }

    /// A state in which every row is up to date after step `step`.
    pub(super) fn at(entries: usize, width: usize, moments: Arena, step: u32) -> Self {
        let rows = vec![Row { last: step, ..Row::default() }; entries];
        Self { width, moments, rows, touched: Vec::new(), places: Vec::new(), sums: Vec::new() }
    }

    /// Lists the rows that step `clock.step` reads, and brings each up to the step before, for which `drift` is prepared.
    pub(super) fn read(
        &mut self,
        (at, input): (usize, &Input),
        feed: &Feed,
        order: &[u32],
        (clock, drift): (&Clock, &Drift),
        values: &mut [f32],
    ) {
        self.touched.clear();
        self.places.clear();
        let step = clock.step as u32;
        if input.reads_one(at) {
            let cell = input.table_cell(at);
            for row in order {
                self.list(feed.cells(*row as usize)[cell], step);
            }
        } else {
            input.touch(at, feed, order, |_, entry, _| self.list(entry, step));
        }
        catch_up_touched(self, (clock, drift), values);
    }

    /// Lists a row as read, once.
    #[expect(clippy::inline_always, reason = "a step of a wide loop")]
    #[inline(always)]
    fn list(&mut self, entry: u32, step: u32) {
        let row = &mut self.rows[entry as usize];
        if row.read != step {
            (row.read, row.place) = (step, self.touched.len() as u32);
            self.touched.push(entry);
        }
        self.places.push(row.place);
    }

    /// Calls `with` for the place of every row that the step reads; the next ones are fetched before.
    #[expect(clippy::inline_always, reason = "a step of a wide loop")]
    #[inline(always)]
    fn each_touched(&mut self, values: &mut [f32], mut with: impl FnMut(&mut Self, usize, &mut [f32])) {
        let mut from = 0;
        while from < self.touched.len() {
            let to = (from + AHEAD).min(self.touched.len());
            self.look_ahead(from..to, values);
            for at in from..to {
                with(self, at, values);
            }
            from = to;
        }
    }

    /// Reads from each of some rows, so that the processor fetches them side by side: each one's update is too long for it to see the
    /// next ones coming.
    #[expect(clippy::inline_always, reason = "a step of a wide loop")]
    #[inline(always)]
    fn look_ahead(&self, touched: std::ops::Range<usize>, values: &[f32]) {
        let width = self.width;
        let first = |entry: &u32| {
            let at = *entry as usize * width;
            values[at] + self.moments[2 * at] + self.moments[2 * at + width]
        };
        let mut sum = 0.0;
        for entry in &self.touched[touched] {
            sum += first(entry);
        }
        std::hint::black_box(sum);
    }

    #[expect(clippy::inline_always, reason = "a step of a wide loop")]
    #[inline(always)]
    fn catch_up(&mut self, entry: usize, clock: &Clock, drift: &Drift, values: &mut [f32]) {
        let from = self.rows[entry].last as usize;
        let waited = drift.until - from;
        self.rows[entry].last = drift.until as u32;
        if waited == 0 {
            return;
        }
        let values = &mut values[entry * self.width..(entry + 1) * self.width];
        if drift.decay > 0.0 {
            let shrunk = drift.left(clock, from);
            for value in values.iter_mut() {
                *value *= shrunk;
            }
        }
        if clock.optimizer != Optimizer::Adam || from == 0 {
            return;
        }
        let sum = drift.of(clock, from);
        let (fade1, fade2) = drift.fades.get(waited).copied().unwrap_or_else(|| fade(waited));
        let (m, v) = moments(&mut self.moments, entry, self.width);
        let n = values.len();
        let (m, v) = (&mut m[..n], &mut v[..n]);
        for at in 0..n {
            values[at] -= sum * m[at] / (v[at].sqrt() + drift.epsilon);
            m[at] *= fade1;
            v[at] *= fade2;
        }
    }

    /// Updates the rows that [`TableState::read`] listed, from the slopes of the input columns.
    pub(super) fn step(
        &mut self,
        (at, input): (usize, &Input),
        feed: &Feed,
        order: &[u32],
        dx: Mat<'_>,
        clock: &Clock,
        decay: f32,
        values: &mut [f32],
    ) {
        let width = self.width;
        self.sums.clear();
        self.sums.resize(self.touched.len() * width, 0.0);
        let columns = input.table_columns(at);
        let (places, sums) = (&self.places, &mut self.sums);
        if input.reads_one(at) {
            add_up(sums, places, dx.cols(columns.start, columns.end));
        } else {
            let mut places = places.iter();
            input.touch(at, feed, order, |row, _, factor| {
                let Some(place) = places.next() else { return };
                let place = *place as usize * width;
                wide::add_times(&mut sums[place..place + width], factor, &dx.row(row)[columns.clone()]);
            });
        }
        update_touched(self, clock, decay, values);
    }

    /// Brings every row up to the step for which `drift` is prepared: before the values are evaluated or saved.
    pub(super) fn flush(&mut self, clock: &Clock, drift: &Drift, values: &mut [f32]) {
        for entry in 0..self.rows.len() {
            self.catch_up(entry, clock, drift, values);
        }
    }
}

/// A row's `m` and `v`.
#[inline]
fn moments(all: &mut [f32], entry: usize, width: usize) -> (&mut [f32], &mut [f32]) {
    all[2 * entry * width..2 * (entry + 1) * width].split_at_mut(width)
}

/// Adds every row's slopes to the sum in its place.
#[multiversion(targets = "simd", dispatcher = "direct")]
fn add_up(sums: &mut [f32], places: &[u32], dx: Mat<'_>) {
    match dx.cols {
        8 => add_up_known::<8>(sums, places, dx),
        16 => add_up_known::<16>(sums, places, dx),
        32 => add_up_known::<32>(sums, places, dx),
        width => {
            for (row, place) in places.iter().enumerate() {
                let place = *place as usize * width;
                wide::add(&mut sums[place..place + width], dx.row(row));
            }
        }
    }
}

/// The same for a width that is known beforehand.
#[expect(clippy::inline_always, reason = "a step of a wide loop")]
#[inline(always)]
fn add_up_known<const N: usize>(sums: &mut [f32], places: &[u32], dx: Mat<'_>) {
    for (row, place) in places.iter().enumerate() {
        let place = *place as usize * N;
        if let (Some(sum), Some(dx)) = (sums[place..].first_chunk_mut::<N>(), dx.row(row).first_chunk::<N>()) {
            for at in 0..N {
                sum[at] += dx[at];
            }
        }
    }
}

/// [`TableState::catch_up`] for every row that the step reads.
#[multiversion(targets = "simd", dispatcher = "direct")]
fn catch_up_touched(state: &mut TableState, (clock, drift): (&Clock, &Drift), values: &mut [f32]) {
    state.each_touched(values, |state, at, values| state.catch_up(state.touched[at] as usize, clock, drift, values));
}

/// [`Clock::update`] for every row that the step reads.
#[multiversion(targets = "simd", dispatcher = "direct")]
fn update_touched(state: &mut TableState, clock: &Clock, decay: f32, values: &mut [f32]) {
    let width = state.width;
    state.each_touched(values, |state, at, values| {
        let entry = state.touched[at] as usize;
        let sums = &state.sums[at * width..(at + 1) * width];
        let (m, v) = moments(&mut state.moments, entry, width);
        clock.update(&mut values[entry * width..(entry + 1) * width], m, v, sums, Shrink::All(decay));
        state.rows[entry].last = clock.step as u32;
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::learn::net::tests::plain_training;

    /// The drift by its definition, step after step.
    fn by_definition(clock: &Clock, from: usize, until: usize, decay: f64) -> f64 {
        let ratio = f64::from(BETA1) / f64::from(BETA2).sqrt();
        let left = |step: usize| (-decay * (clock.rates[until] - clock.rates[step])).exp();
        (from + 1..=until).map(|step| f64::from(clock.moves[step]) * left(step) * ratio.powi((step - from) as i32)).sum()
    }

    #[test]
    fn rows_drift_alike_after_any_wait() {
        for decay in [0.0_f32, 0.7] {
            let mut clock = Clock::new(&plain_training());
            let mut drift = Drift::default();
            for step in 0..600 {
                drift.prepare(&clock, step, decay);
                clock.factor = 1.0 + (step as f32 / 50.0).sin();
                clock.tick();
            }
            drift.prepare(&clock, 600, decay);
            for from in [1, 100, 343, 344, 345, 500, 599] {
                let (found, expected) = (f64::from(drift.of(&clock, from)), by_definition(&clock, from, 600, f64::from(decay)));
                assert!((found - expected).abs() < 1e-4 * expected, "from step {from}, decay {decay}: {found} instead of {expected}");
            }
        }
    }
}
