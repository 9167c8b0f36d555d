//! Days where clocks change: a day begins when it begins in the shop's zone, and lasts as long as it lasts there.

use jiff::civil::date;
use jiff::tz::TimeZone;
use polytask::job::{AsOf, Days};

const HOUR: i64 = 3_600_000_000;

/// Length of a day in hours, and the hour of UTC at which it begins.
#[track_caller]
fn day(zone: &str, day: jiff::civil::Date, hours: f64, begins: f64) {
    let zone_of = TimeZone::get(zone).expect("a zone");
    let start = AsOf::new(day, &zone_of).unwrap_or_else(|error| panic!("{error}"));
    let next = start.plus(Days(1), &zone_of).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!((next.micros() - start.micros()) as f64 / HOUR as f64, hours, "{zone}, {day}: its length");
    let midnight = i64::from(start.epoch_day()) * 24 * HOUR;
    assert_eq!((start.micros() - midnight) as f64 / HOUR as f64, begins, "{zone}, {day}: its begin");
    // Half open: the next day begins where this one ends, and going back finds the same instant.
    assert_eq!(next.minus(Days(1), &zone_of).as_ref(), Ok(&start));
}

#[test]
fn new_york_has_a_day_of_23_hours_and_one_of_25() {
    day("America/New_York", date(2026, 3, 7), 24.0, 5.0);
    day("America/New_York", date(2026, 3, 8), 23.0, 5.0);
    day("America/New_York", date(2026, 3, 9), 24.0, 4.0);
    day("America/New_York", date(2026, 10, 31), 24.0, 4.0);
    day("America/New_York", date(2026, 11, 1), 25.0, 4.0);
    day("America/New_York", date(2026, 11, 2), 24.0, 5.0);
}

#[test]
fn lord_howe_moves_its_clocks_by_half_an_hour() {
    day("Australia/Lord_Howe", date(2026, 4, 4), 24.0, -11.0);
    day("Australia/Lord_Howe", date(2026, 4, 5), 24.5, -11.0);
    day("Australia/Lord_Howe", date(2026, 4, 6), 24.0, -10.5);
    day("Australia/Lord_Howe", date(2026, 10, 4), 23.5, -10.5);
    day("Australia/Lord_Howe", date(2026, 10, 5), 24.0, -11.0);
}

#[test]
fn a_leap_day_is_a_day() {
    let zone = TimeZone::get("Europe/Berlin").expect("a zone");
    let leap = AsOf::new(date(2028, 2, 29), &zone).unwrap_or_else(|error| panic!("{error}"));
    let day_of = |as_of: Result<AsOf, String>| as_of.unwrap_or_else(|error| panic!("{error}")).date();
    assert_eq!(day_of(leap.plus(Days(1), &zone)), date(2028, 3, 1));
    assert_eq!(day_of(leap.minus(Days(1), &zone)), date(2028, 2, 28));
    assert_eq!(day_of(leap.plus(Days(365), &zone)), date(2029, 2, 28));
    day("Europe/Berlin", date(2028, 2, 29), 24.0, -1.0);
}

/// Midnight itself is skipped: the day begins with the first instant that exists.
#[test]
fn a_day_without_midnight_begins_after_it() {
    day("America/Santiago", date(2026, 9, 6), 23.0, 4.0);
}
