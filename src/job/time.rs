//! Days, zones and snapshots: which as-of dates a night learns from, chooses on, is measured on and scores.
//!
//! In: `[snapshots]` and the as-of date. Out: [`AsOf`] instants and the [`Plan`] of a night. All intervals are half
//! open and all days are days of the shop's zone; nothing here reads a clock.

use std::fmt;

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Span, ToSpan as _};

/// A whole number of days, as `job.toml` writes it: `14 days`, `1 day`, `2 weeks`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Days(pub i32);

impl Days {
    /// Reads `14 days`, `1 day`, `2 weeks`, `1 week`, `7d`, `2w`.
    ///
    /// # Errors
    /// A sentence that says what was expected.
    pub fn parse(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is not a length of time: write `14 days` or `2 weeks`");
        let text = text.trim();
        let unit_at = text.find(|c: char| !(c.is_ascii_digit() || c == '-')).ok_or_else(wrong)?;
        let (number, unit) = text.split_at(unit_at);
        let number: i32 = number.parse().map_err(|_| wrong())?;
        let days = match unit.trim() {
            "d" | "day" | "days" => number,
            "w" | "week" | "weeks" => number.checked_mul(7).ok_or_else(wrong)?,
            _ => return Err(wrong()),
        };
        // Ten years: longer is a slip of the pen, and jiff's dates stay in range.
        if (0..=3660).contains(&days) { Ok(Self(days)) } else { Err(format!("`{text}` is not between 0 days and 3660 days")) }
    }

    fn span(self) -> Span {
        self.0.days()
    }
}

impl fmt::Display for Days {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} day{}", self.0, if self.0 == 1 { "" } else { "s" })
    }
}

/// The start of a day in the shop's zone.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AsOf {
    date: Date,
    micros: i64,
}

impl AsOf {
    /// The instant at which `date` begins in `zone`. Where a daylight-saving change skips midnight, the first
    /// instant that exists.
    ///
    /// # Errors
    /// A sentence, for dates at the very end of the calendar.
    pub fn new(date: Date, zone: &TimeZone) -> Result<Self, String> {
        let start = date.to_zoned_datetime(zone.clone()).map_err(|error| format!("{date} has no start in this zone: {error}"))?;
        Ok(Self { date, micros: start.timestamp().as_microsecond() })
    }

    /// The day.
    #[must_use]
    pub fn date(&self) -> Date {
        self.date
    }

    /// Microseconds since 1970-01-01 UTC of the day's first instant.
    #[must_use]
    pub fn micros(&self) -> i64 {
        self.micros
    }

    /// Days from 1970-01-01 to the day itself.
    #[must_use]
    pub fn epoch_day(&self) -> i32 {
        epoch_day(self.date)
    }

    /// The start of the day that lies `days` later.
    ///
    /// # Errors
    /// A sentence, at the end of the calendar.
    pub fn plus(&self, days: Days, zone: &TimeZone) -> Result<Self, String> {
        let date = self.date.checked_add(days.span()).map_err(|error| error.to_string())?;
        Self::new(date, zone)
    }

    /// The start of the day that lies `days` earlier.
    ///
    /// # Errors
    /// A sentence, at the beginning of the calendar.
    pub fn minus(&self, days: Days, zone: &TimeZone) -> Result<Self, String> {
        let date = self.date.checked_sub(days.span()).map_err(|error| error.to_string())?;
        Self::new(date, zone)
    }
}

impl fmt::Display for AsOf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.date.fmt(f)
    }
}

/// Days from 1970-01-01 to `date`.
#[must_use]
pub fn epoch_day(date: Date) -> i32 {
    let since = date - Date::constant(1970, 1, 1);
    since.get_days()
}

/// When snapshots are taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Snapshots {
    /// Distance between two snapshots.
    pub every: Days,
    /// Labelled snapshots, the held-out night included.
    pub count: usize,
    /// Length of the outcome window.
    pub horizon: Days,
    /// Extra time until an outcome counts as complete.
    pub settle: Days,
    /// Past that the oldest snapshot must have.
    pub history: Days,
}

/// What a labelled snapshot is used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Split {
    /// Learned from, in the choice and in the refit.
    Train,
    /// Its outcome was still open on the validation night: left out of the choice, learned from in the refit.
    Gap,
    /// The validation night: choices are made on it; learned from in the refit.
    Valid,
    /// The held-out night: never learned from.
    Holdout,
    /// All rows of data without a history: each is held out by its fold, and learned from by the other folds' models.
    Folds,
}

impl Split {
    /// The split of a word; `None` where it is none of [`Split::name`]'s.
    #[must_use]
    pub fn named(word: &str) -> Option<Self> {
        [Self::Train, Self::Gap, Self::Valid, Self::Holdout, Self::Folds].into_iter().find(|split| split.name() == word)
    }

    /// The word in the column `split`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Gap => "gap",
            Self::Valid => "valid",
            Self::Holdout => "holdout",
            Self::Folds => "folds",
        }
    }
}

/// The as-of dates of one night.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The night itself: its candidates are scored.
    pub tonight: AsOf,
    /// The labelled snapshots, oldest first.
    pub labelled: Vec<(AsOf, Split)>,
}

impl Plan {
    /// Lays out the snapshots of the night `tonight`.
    ///
    /// The held-out night is the newest snapshot `S` with `S + horizon + settle ≤ tonight`, counted back from tonight
    /// in steps of `every`. Training snapshots have the same distance from the held-out night, and the choice's training
    /// snapshots the same distance from the validation night, which is the newest training snapshot.
    ///
    /// # Errors
    /// A sentence when no snapshot would be left to choose on.
    pub fn new(tonight: AsOf, snapshots: Snapshots, zone: &TimeZone) -> Result<Self, String> {
        // Whole steps until an outcome is complete.
        let closed = (snapshots.horizon.0 + snapshots.settle.0 + snapshots.every.0 - 1) / snapshots.every.0;
        let learned = snapshots.count.saturating_sub(1) as i32;
        if learned < closed + 1 {
            return Err(format!(
                "{} labelled snapshots leave nothing to choose on: with a horizon of {} every {} at least {} are needed",
                snapshots.count,
                snapshots.horizon,
                snapshots.every,
                closed + 2
            ));
        }
        let mut labelled = Vec::with_capacity(snapshots.count);
        for step in (0..learned).rev() {
            let split = match step {
                0 => Split::Valid,
                step if step < closed => Split::Gap,
                _ => Split::Train,
            };
            labelled.push((tonight.minus(Days((2 * closed + step) * snapshots.every.0), zone)?, split));
        }
        labelled.push((tonight.minus(Days(closed * snapshots.every.0), zone)?, Split::Holdout));
        Ok(Self { tonight, labelled })
    }

    /// The one date of data without a history: its rows are learned from and held out by folds, and scored.
    #[must_use]
    pub fn folds(tonight: AsOf) -> Self {
        Self { labelled: vec![(tonight.clone(), Split::Folds)], tonight }
    }

    /// The held-out night.
    #[must_use]
    pub fn holdout(&self) -> &AsOf {
        self.labelled.last().map_or(&self.tonight, |(as_of, _)| as_of)
    }
}
