//! Rows in the order of their scores, and what rankings come to in each resample.
//!
//! In: rows of a cell, sorted once. Out: per block of resamples the sums behind AUC, Gini, average precision, calibration error
//! and lift, by one pass over the rows. The same formulas for one weight per row are in `metrics`; a test holds them together.

use super::bootstrap::{Counts, LANES, Lanes};
use super::metrics::{BINS, LIFT_SHARE, Runs};

/// Rows by falling score.
#[derive(Debug)]
pub(super) struct Ordered {
    rows: Vec<Row>,
    /// Ends of the runs of equal scores.
    ends: Vec<u32>,
}

#[derive(Debug, Clone, Copy)]
struct Row {
    unit: u32,
    label: f64,
    prediction: f64,
}

/// What a pass over the rows adds up, per resample.
#[derive(Debug, Clone, Copy)]
pub(super) struct Passed {
    /// `Σ_runs s·(2 T + m)`: `s` sum of labels and `m` mass of the run, `T` the mass above it.
    pub(super) area: Lanes<f64>,
    /// `Σ_runs s·(H + s)/(T + m)`: `H` the sum of labels above the run.
    pub(super) precision: Lanes<f64>,
    /// `Σ_bins |Σ w·(p − y)|`.
    pub(super) gaps: Lanes<f64>,
    /// Sum of labels among the first tenth of the mass.
    pub(super) captured: Lanes<f64>,
}

/// A pass in progress.
struct Pass {
    passed: Passed,
    /// Mass so far.
    taken: Lanes<u32>,
    /// Sum of labels so far.
    hits: Lanes<f64>,
    /// Sum of predictions so far.
    said: Lanes<f64>,
    mass: Lanes<u32>,
    /// Bins closed so far, the mass at which the next one closes, and `said − hits` where the last one did.
    closed: Lanes<u32>,
    next: Lanes<u32>,
    settled: Lanes<f64>,
    /// Mass that no resample can take without closing a bin: until then no row looks whether one closes.
    room: u32,
}

/// Mass at which `closed` bins are full.
fn full(mass: u32, closed: u32) -> u32 {
    (u64::from(mass) * u64::from(closed)).div_ceil(BINS as u64) as u32
}

impl Pass {
    fn new(mass: &Lanes<f64>) -> Self {
        let zero = [0.0; LANES];
        let mass = mass.map(|mass| mass as u32);
        let mut pass = Self {
            passed: Passed { area: zero, precision: zero, gaps: zero, captured: zero },
            taken: [0; LANES],
            hits: zero,
            said: zero,
            mass,
            closed: [0; LANES],
            // A resample without rows closes no bin.
            next: mass.map(|mass| if mass == 0 { u32::MAX } else { full(mass, 1) }),
            settled: zero,
            room: 0,
        };
        pass.look();
        pass
    }

    fn look(&mut self) {
        self.room = self.next.iter().zip(&self.taken).map(|(next, taken)| next.saturating_sub(*taken)).min().unwrap_or(0);
    }

    /// A run of mass `m` and label sum `s`.
    fn rank<const PRECISION: bool>(&mut self, m: &Lanes<u32>, s: &Lanes<f64>) {
        for lane in 0..LANES {
            let after = f64::from(self.taken[lane] + m[lane]);
            self.passed.area[lane] += s[lane] * (f64::from(self.taken[lane]) + after);
            self.hits[lane] += s[lane];
            if PRECISION {
                // Without mass there is no label either.
                self.passed.precision[lane] += s[lane] * self.hits[lane] / after.max(1.0);
            }
        }
    }

    /// Closes the bins that the run of mass `m` and label sum `s`, just taken, has filled.
    fn close(&mut self, m: &Lanes<u32>, s: &Lanes<f64>) {
        for lane in 0..LANES {
            let taken = self.taken[lane];
            if taken < self.next[lane] {
                continue;
            }
            if self.closed[lane] == 0 {
                // Of the run across the border, as much as belongs to the first tenth.
                let inside = f64::from(self.mass[lane]) * LIFT_SHARE - f64::from(taken - m[lane]);
                self.passed.captured[lane] = self.hits[lane] - s[lane] * (1.0 - inside / f64::from(m[lane]));
            }
            self.settle(lane);
            self.closed[lane] = (u64::from(taken) * BINS as u64 / u64::from(self.mass[lane])) as u32;
            let over = taken == self.mass[lane];
            self.next[lane] = if over { u32::MAX } else { full(self.mass[lane], self.closed[lane] + 1) };
        }
        self.look();
    }

    fn settle(&mut self, lane: usize) {
        let gap = self.said[lane] - self.hits[lane];
        self.passed.gaps[lane] += (gap - self.settled[lane]).abs();
        self.settled[lane] = gap;
    }
}

impl Ordered {
    /// # Shapes
    /// `unit: [rows]`, `labels: [rows]`, `predictions: [rows]`; `runs` says by what they are ordered.
    pub(super) fn new(runs: &Runs, unit: &[u32], labels: &[f64], predictions: &[f64]) -> Self {
        let row = |row: &u32| {
            let at = *row as usize;
            Row { unit: unit[at], label: labels[at], prediction: predictions[at] }
        };
        let mut end = 0;
        let ends = runs.lengths.iter().map(|length| {
            end += *length as u32;
            end
        });
        Self { ends: ends.collect(), rows: runs.order.iter().map(row).collect() }
    }

    /// One pass for a block of resamples, each of the stated mass. `PRECISION`: also average precision, and predictions for
    /// the calibration error; `BINNED`: also bins and lift.
    pub(super) fn pass<const PRECISION: bool, const BINNED: bool>(&self, counts: &Counts, mass: &Lanes<f64>) -> Passed {
        let mut pass = Pass::new(mass);
        let mut from = 0;
        for end in &self.ends {
            let run = &self.rows[from..*end as usize];
            from = *end as usize;
            let (mut m, mut s) = ([0_u32; LANES], [0.0; LANES]);
            let mut labelled = false;
            for row in run {
                let drawn = &counts.drawn[row.unit as usize];
                m.iter_mut().zip(drawn).for_each(|(m, drawn)| *m += u32::from(*drawn));
                if row.label != 0.0 {
                    labelled = true;
                    for lane in 0..LANES {
                        s[lane] += f64::from(drawn[lane]) * row.label;
                    }
                }
            }
            if labelled {
                pass.rank::<PRECISION>(&m, &s);
            }
            pass.taken.iter_mut().zip(&m).for_each(|(taken, m)| *taken += m);
            if PRECISION {
                // All predictions of a run are equal.
                pass.said.iter_mut().zip(&m).for_each(|(said, m)| *said += f64::from(*m) * run[0].prediction);
            }
            if BINNED {
                let most = counts.most.saturating_mul(run.len() as u32);
                if most < pass.room {
                    pass.room -= most;
                } else {
                    pass.close(&m, &s);
                }
            }
        }
        (0..LANES).for_each(|lane| pass.settle(lane));
        pass.passed
    }
}
