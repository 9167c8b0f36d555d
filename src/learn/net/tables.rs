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
use super::wide::wide;

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
    /// `β1^n` and `β2^n` of every wait `n`.
    fades: Vec<(f32, f32)>,
}

impl Drift {
    /// For rows that are brought up to step `until`, which is over.
    pub(super) fn prepare(&mut self, clock: &Clock, until: usize, decay: f32) {
        (self.until, self.decay) = (until, decay);
        self.sums.clear();
        self.sums.push(0.0);
        for n in self.fades.len()..=FORGOTTEN {
            self.fades.push((BETA1.powi(n as i32), BETA2.powi(n as i32)));
        }
        for n in 0..FORGOTTEN.min(until) {
            let sum = self.sums[n];
            self.sums.push(ratio() * (self.part(clock, until - n) + sum));
        }
    }

    /// How much weight decay leaves of what stood at the end of step `step`.
    #[inline]
    fn left(&self, clock: &Clock, step: usize) -> f32 {
        if self.decay > 0.0 { (-f64::from(self.decay) * (clock.rates[self.until] - clock.rates[step])).exp() as f32 } else { 1.0 }
    }

    /// What is left of a step's size.
    fn part(&self, clock: &Clock, step: usize) -> f32 {
        clock.moves[step] * self.left(clock, step)
    }

    /// What is left of moments after a wait.
    #[inline]
    fn fade(&self, waited: usize) -> (f32, f32) {
        self.fades.get(waited).copied().unwrap_or_else(|| (BETA1.powi(waited as i32), BETA2.powi(waited as i32)))
    }

    /// For a row whose last step was `from`.
    #[inline]
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
    /// Rows that the step reads, in the order in which they are first read.
    pub(super) touched: Vec<u32>,
    /// Place among the rows read of what each row of the mini-batch reads; empty for texts, of which a row reads many.
    pub(super) places: Vec<u32>,
    /// Slopes of the rows read.
    pub(super) sums: Vec<f32>,
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
            places: Vec::new(),
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
        self.places.clear();
        let step = clock.step as u32;
        let (read, touched, places) = (&mut self.read, &mut self.touched, &mut self.places);
        let one_each = !input.tables[at].text;
        input.touch(at, feed, order, |_, entry, _| {
            let own = &mut read[entry as usize];
            if own.0 != step {
                *own = (step, touched.len() as u32);
                touched.push(entry);
            }
            if one_each {
                places.push(own.1);
            }
        });
        self.catch_up(Which::Touched, clock, drift, values);
    }

    /// Brings rows up to the step for which `drift` is prepared.
    #[expect(clippy::needless_range_loop, reason = "the place is that of a touched row, or the row itself")]
    fn catch_up(&mut self, which: Which, clock: &Clock, drift: &Drift, values: &mut [f32]) {
        let Self { width, m, v, last, touched, .. } = self;
        let (width, epsilon) = (*width, clock.epsilon());
        let entries = match which {
            Which::Touched => touched.len(),
            Which::All => last.len(),
        };
        wide(
            #[inline(always)]
            || {
                for at in 0..entries {
                    let entry = if which == Which::All { at } else { touched[at] as usize };
                    let from = last[entry] as usize;
                    let waited = drift.until - from;
                    if waited == 0 {
                        continue;
                    }
                    last[entry] = drift.until as u32;
                    let numbers = entry * width..(entry + 1) * width;
                    let values = &mut values[numbers.clone()];
                    if drift.decay > 0.0 {
                        let shrunk = drift.left(clock, from);
                        for value in &mut *values {
                            *value *= shrunk;
                        }
                    }
                    if clock.optimizer != Optimizer::Adam || from == 0 {
                        continue;
                    }
                    let (sum, (fade1, fade2)) = (drift.of(clock, from), drift.fade(waited));
                    for ((value, m), v) in values.iter_mut().zip(&mut m[numbers.clone()]).zip(&mut v[numbers]) {
                        *value -= sum * *m / (v.sqrt() + epsilon);
                        *m *= fade1;
                        *v *= fade2;
                    }
                }
            },
        );
    }

    /// Gathers the slopes of the rows that [`TableState::read`] listed from those of the input columns, of which the table's begin
    /// at `column`.
    pub(super) fn gather(&mut self, (at, input): (usize, &Input), feed: &Feed, order: &[u32], dx: Mat<'_>, column: usize) {
        let width = self.width;
        self.sums.clear();
        self.sums.resize(self.touched.len() * width, 0.0);
        let (read, sums, places) = (&self.read, &mut self.sums, &self.places);
        if input.tables[at].text {
            input.touch(at, feed, order, |row, entry, factor| {
                let place = read[entry as usize].1 as usize * width;
                let slope = &dx.row(row)[column..column + width];
                sums[place..place + width].iter_mut().zip(slope).for_each(|(sum, slope)| *sum += factor * slope);
            });
        } else {
            wide(
                #[inline(always)]
                || {
                    for (row, place) in places.iter().enumerate() {
                        let place = *place as usize * width;
                        let slope = &dx.row(row)[column..column + width];
                        sums[place..place + width].iter_mut().zip(slope).for_each(|(sum, slope)| *sum += slope);
                    }
                },
            );
        }
    }

    /// Updates the rows that [`TableState::read`] listed from their slopes in `sums`.
    pub(super) fn step(&mut self, clock: &Clock, decay: f32, values: &mut [f32]) {
        let Self { width, m, v, last, touched, sums, .. } = self;
        let (size, width) = (clock.size(), *width);
        wide(
            #[inline(always)]
            || {
                for (entry, sums) in touched.iter().zip(sums.chunks_exact(width)) {
                    let numbers = *entry as usize * width..(*entry as usize + 1) * width;
                    let moments = m[numbers.clone()].iter_mut().zip(&mut v[numbers.clone()]);
                    for ((value, (m, v)), gradient) in values[numbers].iter_mut().zip(moments).zip(sums) {
                        clock.update(value, m, v, *gradient, decay, size);
                    }
                    last[*entry as usize] = clock.step as u32;
                }
            },
        );
    }

    /// Brings every row up to the step for which `drift` is prepared: before the values are evaluated or saved.
    pub(super) fn flush(&mut self, clock: &Clock, drift: &Drift, values: &mut [f32]) {
        self.catch_up(Which::All, clock, drift, values);
    }
}

/// Which rows catch up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Which {
    /// Those that the step reads.
    Touched,
    All,
}
