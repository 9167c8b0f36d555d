//! Snapshots that the days of the events allow: horizon, distance, number, history, and the night to begin with.
//!
//! In: first and newest day. Out: [`Nights`], the usual horizon first. The rule that they obey is `job::time::Plan`'s.

use crate::job::scaffold::time::AsTime;

/// Horizons in the order in which they are preferred: a week is what most shops plan by.
const HORIZONS: [i32; 6] = [7, 14, 28, 3, 2, 1];
/// Lengths of history and windows that people think in.
const LENGTHS: [i32; 9] = [1, 2, 3, 7, 14, 28, 56, 84, 182];
/// Windows beside the whole history.
const WINDOWS: [i32; 5] = [1, 3, 7, 28, 84];
/// Labelled snapshots, at most: the default of job.toml.
const COUNT: i32 = 8;

/// When snapshots are taken, and how far features look back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::job::scaffold) struct Nights {
    /// Days of the outcome window, and between two snapshots.
    pub(in crate::job::scaffold) horizon: i32,
    /// Labelled snapshots.
    pub(in crate::job::scaffold) count: i32,
    /// Days that features look back.
    pub(in crate::job::scaffold) history: i32,
    /// Days until late rows have arrived.
    pub(in crate::job::scaffold) settle: i32,
    /// Windows of features in days, the whole history last.
    pub(in crate::job::scaffold) windows: Vec<i32>,
    /// First and newest day of the events.
    pub(in crate::job::scaffold) first: i32,
    /// See `first`.
    pub(in crate::job::scaffold) newest: i32,
}

impl Nights {
    /// The night to begin with: the day after the newest event.
    pub(in crate::job::scaffold) fn tonight(&self) -> i32 {
        self.newest + 1
    }

    fn new(time: AsTime, settle: i32, horizon: i32) -> Option<Self> {
        let days = time.newest - time.first + 1;
        // As `Plan` counts: steps until an outcome is complete, and from tonight back to the oldest snapshot.
        let closed = (horizon + settle + horizon - 1) / horizon;
        let oldest = |count: i32| (2 * closed + count - 2) * horizon;
        let least = closed + 2;
        let room = days - oldest(least);
        if room < 2 * horizon {
            return None;
        }
        let history = LENGTHS.into_iter().filter(|length| *length <= room && *length <= 12 * horizon && *length <= days / 2).max()?;
        let count = (least..=COUNT.max(least)).rev().find(|count| oldest(*count) + history <= days)?;
        let mut windows: Vec<i32> = WINDOWS.into_iter().filter(|window| 2 * window <= history).collect();
        windows.drain(..windows.len().saturating_sub(2));
        windows.push(history);
        Some(Self { horizon, count, history, settle, windows, first: time.first, newest: time.newest })
    }
}

/// The nights that the events allow, in the order of preference.
pub(super) fn possible(time: AsTime, settle: i32) -> Vec<Nights> {
    HORIZONS.into_iter().filter_map(|horizon| Nights::new(time, settle, horizon)).collect()
}
