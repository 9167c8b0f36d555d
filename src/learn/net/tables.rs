//! Embedding tables in training: only the rows that a mini-batch reads are touched, yet each moves as dense Adam would move it.
//!
//! In: the slopes of the input columns. Out: changed rows. A row that no row of a mini-batch reads still drifts under Adam by
//! its momentum. After `n` such steps the drift is `m / (sqrt(v) + ε) · Σ_j s_j r^j` with `r = β1 / sqrt(β2)` and the step sizes
//! `s_j`; the sum is the same for all rows that waited equally long, so it is made once per step and a row catches up in one
//! go when it is next read. (`ε` is taken as of the newest step: it matters only where `sqrt(v)` is of its size.)

use super::arena::Arena;
use super::dense::add;
use super::feed::Feed;
use super::input::Input;
use super::optimise::{BETA1, BETA2, Clock, Shrink};
use super::settings::Optimizer;
use super::sgemm::Mat;

/// Rows that are fetched before they are worked on.
const AHEAD: usize = 32;
/// Steps after which nothing of a momentum is left: `r^256 < 3e-12`.
const FORGOTTEN: usize = 256;

/// `β1 / sqrt(β2)`.
fn ratio() -> f32 {
    BETA1 / BETA2.sqrt()
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
}

impl Drift {
    /// For rows that are brought up to step `until`, which is over.
    pub(super) fn prepare(&mut self, clock: &Clock, until: usize, decay: f32) {
        (self.until, self.decay, self.epsilon) = (until, decay, clock.epsilon());
        self.sums.clear();
        self.sums.push(0.0);
        for n in 0..FORGOTTEN.min(until) {
            let sum = self.sums[n];
            self.sums.push(ratio() * (self.part(clock, until - n) + sum));
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
        // Longer than a momentum lives: only the first steps after `from` count.
        (from + 1..=from + FORGOTTEN).rev().fold(0.0, |sum, step| ratio() * (self.part(clock, step) + sum))
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
        let (rows, touched, places) = (&mut self.rows, &mut self.touched, &mut self.places);
        input.touch(at, feed, order, |_, entry, _| {
            let row = &mut rows[entry as usize];
            if row.read != step {
                (row.read, row.place) = (step, touched.len() as u32);
                touched.push(entry);
            }
            places.push(row.place);
        });
        for from in (0..self.touched.len()).step_by(AHEAD) {
            let to = (from + AHEAD).min(self.touched.len());
            self.look_ahead(from..to, values);
            for at in from..to {
                self.catch_up(self.touched[at] as usize, clock, drift, values);
            }
        }
    }

    /// Reads from each of some rows, so that the processor fetches them side by side: each one's update is too long for it to see the
    /// next ones coming.
    fn look_ahead(&self, touched: std::ops::Range<usize>, values: &[f32]) {
        let width = self.width;
        let first = |entry: &u32| {
            let at = *entry as usize * width;
            values[at] + self.moments[2 * at] + self.moments[2 * at + width]
        };
        std::hint::black_box(self.touched[touched].iter().map(first).sum::<f32>());
    }

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
        let (fade1, fade2) = (BETA1.powi(waited as i32), BETA2.powi(waited as i32));
        let (m, v) = moments(&mut self.moments, entry, self.width);
        for (value, (m, v)) in values.iter_mut().zip(m.iter_mut().zip(v)) {
            *value -= sum * *m / (v.sqrt() + drift.epsilon);
            *m *= fade1;
            *v *= fade2;
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
            for (row, place) in places.iter().enumerate() {
                let place = *place as usize * width;
                add(&mut sums[place..place + width], &dx.row(row)[columns.clone()]);
            }
        } else {
            let mut places = places.iter();
            input.touch(at, feed, order, |row, _, factor| {
                let Some(place) = places.next() else { return };
                let place = *place as usize * width;
                let slope = &dx.row(row)[columns.clone()];
                sums[place..place + width].iter_mut().zip(slope).for_each(|(sum, slope)| *sum += factor * slope);
            });
        }
        for from in (0..self.touched.len()).step_by(AHEAD) {
            let to = (from + AHEAD).min(self.touched.len());
            self.look_ahead(from..to, values);
            for (entry, sums) in self.touched[from..to].iter().zip(self.sums[from * width..].chunks_exact(width)) {
                let entry = *entry as usize;
                let (m, v) = moments(&mut self.moments, entry, width);
                clock.update(&mut values[entry * width..(entry + 1) * width], m, v, sums, Shrink::All(decay));
                self.rows[entry].last = clock.step as u32;
            }
        }
    }

    /// Brings every row up to the step for which `drift` is prepared: before the values are evaluated or saved.
    pub(super) fn flush(&mut self, clock: &Clock, drift: &Drift, values: &mut [f32]) {
        for entry in 0..self.rows.len() {
            self.catch_up(entry, clock, drift, values);
        }
    }
}

/// A row's `m` and `v`.
fn moments(all: &mut [f32], entry: usize, width: usize) -> (&mut [f32], &mut [f32]) {
    all[2 * entry * width..2 * (entry + 1) * width].split_at_mut(width)
}
