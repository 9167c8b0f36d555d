//! Embedding tables in training: only the rows that a mini-batch reads are touched, yet each moves as dense Adam would move it.
//!
//! In: the slopes of the input columns. Out: changed rows. A row that no row of a mini-batch reads still drifts under Adam by
//! its momentum. After `n` such steps the drift is `m / (sqrt(v) + ε) · Σ_j s_j r^j` with `r = β1 / sqrt(β2)` and the step sizes
//! `s_j`; the sum is the same for all rows that waited equally long, so it is made once per step and a row catches up in one
//! go when it is next read. (`ε` is taken as of the row's last step: it matters only where `sqrt(v)` is of its size.)

use super::feed::Feed;
use super::input::Input;
use super::optimise::{BETA1, BETA2, Clock};
use super::settings::Optimizer;
use super::sgemm::Mat;

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
    sums: Vec<f32>,
}

impl Drift {
    /// For rows that are brought up to step `until`, which is over.
    pub(super) fn prepare(&mut self, clock: &Clock, until: usize, decay: f32) {
        (self.until, self.decay) = (until, decay);
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

/// What training keeps of a table beside its values.
#[derive(Debug, Clone)]
pub(super) struct TableState {
    width: usize,
    pub(super) m: Vec<f32>,
    pub(super) v: Vec<f32>,
    /// Step up to which a row is as dense Adam has it.
    pub(super) last: Vec<u32>,
    /// Step in which a row was last read, and its place among the rows read in that step.
    read: Vec<(u32, u32)>,
    touched: Vec<u32>,
    sums: Vec<f32>,
}

impl TableState {
    pub(super) fn new(entries: usize, width: usize) -> Self {
        let numbers = entries * width;
        Self {
            width,
            m: vec![0.0; numbers],
            v: vec![0.0; numbers],
            last: vec![0; entries],
            read: vec![(0, 0); entries],
            touched: Vec::new(),
            sums: Vec::new(),
        }
    }

    /// A state in which every row is up to date after step `step`.
    pub(super) fn at(entries: usize, width: usize, (m, v): (Vec<f32>, Vec<f32>), step: u32) -> Self {
        Self { m, v, last: vec![step; entries], ..Self::new(entries, width) }
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
        let step = clock.step as u32;
        let (read, touched) = (&mut self.read, &mut self.touched);
        input.touch(at, feed, order, |_, entry, _| {
            let own = &mut read[entry as usize];
            if own.0 != step {
                *own = (step, touched.len() as u32);
                touched.push(entry);
            }
        });
        for at in 0..self.touched.len() {
            self.catch_up(self.touched[at] as usize, clock, drift, values);
        }
    }

    fn catch_up(&mut self, entry: usize, clock: &Clock, drift: &Drift, values: &mut [f32]) {
        let from = self.last[entry] as usize;
        let waited = drift.until - from;
        self.last[entry] = drift.until as u32;
        if waited == 0 {
            return;
        }
        let numbers = entry * self.width..(entry + 1) * self.width;
        if drift.decay > 0.0 {
            let shrunk = drift.left(clock, from);
            values[numbers.clone()].iter_mut().for_each(|value| *value *= shrunk);
        }
        if clock.optimizer != Optimizer::Adam || from == 0 {
            return;
        }
        let (sum, epsilon) = (drift.of(clock, from), clock.epsilon());
        let (fade1, fade2) = (BETA1.powi(waited as i32), BETA2.powi(waited as i32));
        for at in numbers {
            values[at] -= sum * self.m[at] / (self.v[at].sqrt() + epsilon);
            self.m[at] *= fade1;
            self.v[at] *= fade2;
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
        let (read, sums) = (&self.read, &mut self.sums);
        let columns = input.table_columns(at);
        input.touch(at, feed, order, |row, entry, factor| {
            let place = read[entry as usize].1 as usize * width;
            let slope = &dx.row(row)[columns.clone()];
            sums[place..place + width].iter_mut().zip(slope).for_each(|(sum, slope)| *sum += factor * slope);
        });
        let size = clock.size();
        for (entry, sums) in self.touched.iter().zip(self.sums.chunks_exact(width)) {
            let first = *entry as usize * width;
            for (at, gradient) in (first..first + width).zip(sums) {
                clock.update(&mut values[at], &mut self.m[at], &mut self.v[at], *gradient, decay, size);
            }
            self.last[*entry as usize] = clock.step as u32;
        }
    }

    /// Brings every row up to the step for which `drift` is prepared: before the values are evaluated or saved.
    pub(super) fn flush(&mut self, clock: &Clock, drift: &Drift, values: &mut [f32]) {
        for entry in 0..self.last.len() {
            self.catch_up(entry, clock, drift, values);
        }
    }
}
