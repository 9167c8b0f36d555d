//! Columns that are times: timestamps, dates, and the texts and whole numbers that stand for them.
//!
//! In: a column's type, name and values. Out: its [`Reading`] and the SQL for it, and the days that it spans. Which time
//! column a job uses is guessed elsewhere.

use arrow::array::{Array, ArrayRef, AsArray as _};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type, TimeUnit, TimestampMicrosecondType};

/// Microseconds of a day.
pub(super) const DAY: i64 = 86_400_000_000;
/// 1990 and 2100, in seconds since 1970: whole numbers outside are hardly times.
const SECONDS: (f64, f64) = (631_152_000.0, 4_102_444_800.0);

/// How a column is read as time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reading {
    /// A timestamp, without a zone or in UTC.
    Instant,
    /// A timestamp in another zone: the instant is known.
    Zoned,
    /// A date.
    Day,
    /// A date, kept as milliseconds.
    LongDay,
    /// Text such as `2026-01-31 08:15:00`.
    TextInstant,
    /// Text such as `2026-01-31`.
    TextDay,
    /// Since 1970-01-01 UTC.
    Seconds,
    /// Since 1970-01-01 UTC.
    Millis,
    /// Since 1970-01-01 UTC.
    Micros,
    /// Since 1970-01-01 UTC.
    Nanos,
    /// A whole number such as 20260131.
    Digits,
}

/// What is known of a column as time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct AsTime {
    /// How it is read.
    pub(super) reading: Reading,
    /// First and last day since 1970-01-01, stray values left out.
    pub(super) first: i32,
    /// See `first`.
    pub(super) newest: i32,
    /// Whether stray values lie far before the others.
    pub(super) strays: bool,
}

impl Reading {
    /// The reading that follows from the type alone.
    pub(super) fn of_type(data_type: &DataType) -> Option<Self> {
        match data_type {
            DataType::Timestamp(_, None) => Some(Self::Instant),
            DataType::Timestamp(_, Some(zone)) => {
                Some(if ["UTC", "Z", "+00:00", "+00"].contains(&zone.as_ref()) { Self::Instant } else { Self::Zoned })
            }
            DataType::Date32 => Some(Self::Day),
            DataType::Date64 => Some(Self::LongDay),
            DataType::Dictionary(_, values) => Self::of_type(values),
            _ => None,
        }
    }

    /// The reading of whole numbers between `least` and `most`.
    pub(super) fn of_numbers(least: f64, most: f64, digits: bool) -> Option<Self> {
        let within = |scale: f64| least >= SECONDS.0 * scale && most <= SECONDS.1 * scale;
        let scaled = [(1.0, Self::Seconds), (1e3, Self::Millis), (1e6, Self::Micros), (1e9, Self::Nanos)];
        if digits {
            return Some(Self::Digits);
        }
        scaled.into_iter().find(|(scale, _)| within(*scale)).map(|(_, reading)| reading)
    }

    /// Whether it says the day and not the time of day.
    pub(super) fn is_day(self) -> bool {
        matches!(self, Self::Day | Self::LongDay | Self::TextDay | Self::Digits)
    }

    /// The SQL that reads `column`; values that cannot be read become NULL.
    pub(super) fn sql(self, column: &str) -> String {
        match self {
            Self::Instant | Self::Day => column.to_owned(),
            Self::Zoned => format!("arrow_cast({column}, 'Timestamp(Microsecond, Some(\"UTC\"))')"),
            Self::LongDay => format!("cast({column} as date)"),
            Self::TextInstant => format!("try_cast({column} as timestamp)"),
            Self::TextDay => format!("try_cast({column} as date)"),
            Self::Seconds => format!("to_timestamp_seconds(try_cast({column} as bigint))"),
            Self::Millis => format!("to_timestamp_millis(try_cast({column} as bigint))"),
            Self::Micros => format!("to_timestamp_micros(try_cast({column} as bigint))"),
            Self::Nanos => format!("to_timestamp_nanos(try_cast({column} as bigint))"),
            Self::Digits => format!("try_cast(cast({column} as varchar) as date)"),
        }
    }

    /// What the reading is called in a comment.
    pub(super) fn told(self) -> &'static str {
        match self {
            Self::Instant => "timestamps, read as UTC",
            Self::Zoned => "timestamps of another zone, turned into UTC",
            Self::Day | Self::LongDay => "dates",
            Self::TextInstant => "text that reads as timestamps",
            Self::TextDay => "text that reads as dates",
            Self::Seconds => "whole seconds since 1970",
            Self::Millis => "milliseconds since 1970",
            Self::Micros => "microseconds since 1970",
            Self::Nanos => "nanoseconds since 1970",
            Self::Digits => "dates written as one number, such as 20260131",
        }
    }

    /// The values as microseconds since 1970-01-01 UTC; `None` where there is none.
    pub(super) fn micros(self, array: &ArrayRef) -> Vec<Option<i64>> {
        let numbers = |scale: fn(i64) -> Option<i64>| {
            let whole = cast(array, &DataType::Int64).ok();
            whole.map(|whole| whole.as_primitive::<Int64Type>().iter().map(|value| value.and_then(scale)).collect::<Vec<_>>())
        };
        let found = match self {
            Self::Seconds => numbers(|value| value.checked_mul(1_000_000)),
            Self::Millis => numbers(|value| value.checked_mul(1_000)),
            Self::Micros => numbers(Some),
            Self::Nanos => numbers(|value| Some(value.div_euclid(1_000))),
            Self::Digits => numbers(|value| digits(value).map(|day| i64::from(day) * DAY)),
            _ => instants(array),
        };
        found.unwrap_or_else(|| vec![None; array.len()])
    }
}

/// Whether every value of a text column could be a time: it begins `2026-01-31`.
pub(super) fn looks_written(text: &str) -> bool {
    let bytes = text.as_bytes();
    let date = bytes.len() >= 10
        && bytes[..10].iter().enumerate().all(|(at, byte)| if at == 4 || at == 7 { *byte == b'-' } else { byte.is_ascii_digit() });
    date && (bytes.len() == 10 || matches!(bytes[10], b' ' | b'T' | b't'))
}

/// The day of a number such as 20260131.
pub(super) fn digits(number: i64) -> Option<i32> {
    let year = i16::try_from(number / 10_000).ok().filter(|year| (1900..=2100).contains(year))?;
    let (month, day) = (i8::try_from(number / 100 % 100).ok()?, i8::try_from(number % 100).ok()?);
    jiff::civil::Date::new(year, month, day).ok().map(crate::job::time::epoch_day)
}

/// Timestamps, dates and texts as microseconds.
fn instants(array: &ArrayRef) -> Option<Vec<Option<i64>>> {
    let plain = match array.data_type() {
        DataType::Dictionary(_, values) => cast(array, values).ok()?,
        _ => ArrayRef::clone(array),
    };
    let zone = if let DataType::Timestamp(_, zone) = plain.data_type() { zone.clone() } else { None };
    let micros = cast(&plain, &DataType::Timestamp(TimeUnit::Microsecond, zone)).ok()?;
    Some(micros.as_primitive::<TimestampMicrosecondType>().iter().collect())
}

/// The days that values span. `known` holds the extremes that footers tell of the whole table.
///
/// Values far outside the middle 98 % are left out: one row of 1970 or 2099 would move every snapshot.
pub(super) fn span(mut days: Vec<i32>, known: Option<(i32, i32)>) -> Option<(i32, i32, bool)> {
    if days.is_empty() {
        return None;
    }
    days.sort_unstable();
    let at = |share: f64| days[((days.len() - 1) as f64 * share) as usize];
    let (low, high) = (at(0.01), at(0.99));
    // As much again on both sides, and a month where the middle is short.
    let reach = (high - low).max(30);
    let sane = |day: i32| day >= low - reach && day <= high + reach;
    let first = *days.iter().find(|day| sane(**day))?;
    let newest = *days.iter().rev().find(|day| sane(**day))?;
    let (known_first, known_newest) = known.unwrap_or((days[0], days[days.len() - 1]));
    let first = if sane(known_first) { first.min(known_first) } else { first };
    let newest = if sane(known_newest) { newest.max(known_newest) } else { newest };
    Some((first, newest, known_first < first || days[0] < first))
}

/// The date of a day since 1970-01-01.
pub(super) fn date(epoch_day: i32) -> String {
    use jiff::ToSpan as _;
    jiff::civil::date(1970, 1, 1).checked_add(epoch_day.days()).map_or_else(|_| epoch_day.to_string(), |date| date.to_string())
}
