//! Days where clocks change: a day begins when it begins in the shop's zone, and lasts as long as it lasts there.

use jiff::civil::date;
use jiff::tz::TimeZone;
use polytask::job::{AsOf, Days};

const MINUTE: i64 = 60_000_000;

/// Length of a day, and when it begins after midnight of UTC; both in minutes.
#[track_caller]
fn day(zone: &str, day: jiff::civil::Date, minutes: i64, begins: i64) {
    let zone_of = TimeZone::get(zone).expect("a zone");
    let start = AsOf::new(day, &zone_of).unwrap_or_else(|error| panic!("{error}"));
    let next = start.plus(Days(1), &zone_of).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(next.micros() - start.micros(), minutes * MINUTE, "{zone}, {day}: its length");
    let midnight = i64::from(start.epoch_day()) * 24 * 60 * MINUTE;
    assert_eq!(start.micros() - midnight, begins * MINUTE, "{zone}, {day}: its begin");
    // Half open: the next day begins where this one ends, and going back finds the same instant.
    assert_eq!(next.minus(Days(1), &zone_of).as_ref(), Ok(&start));
}

#[test]
fn new_york_has_a_day_of_23_hours_and_one_of_25() {
    day("America/New_York", date(2026, 3, 7), 1_440, 300);
    day("America/New_York", date(2026, 3, 8), 1_380, 300);
    day("America/New_York", date(2026, 3, 9), 1_440, 240);
    day("America/New_York", date(2026, 10, 31), 1_440, 240);
    day("America/New_York", date(2026, 11, 1), 1_500, 240);
    day("America/New_York", date(2026, 11, 2), 1_440, 300);
}

#[test]
fn lord_howe_moves_its_clocks_by_half_an_hour() {
    day("Australia/Lord_Howe", date(2026, 4, 4), 1_440, -660);
    day("Australia/Lord_Howe", date(2026, 4, 5), 1_470, -660);
    day("Australia/Lord_Howe", date(2026, 4, 6), 1_440, -630);
    day("Australia/Lord_Howe", date(2026, 10, 4), 1_410, -630);
    day("Australia/Lord_Howe", date(2026, 10, 5), 1_440, -660);
}

#[test]
fn a_leap_day_is_a_day() {
    let zone = TimeZone::get("Europe/Berlin").expect("a zone");
    let leap = AsOf::new(date(2028, 2, 29), &zone).unwrap_or_else(|error| panic!("{error}"));
    let day_of = |as_of: Result<AsOf, String>| as_of.unwrap_or_else(|error| panic!("{error}")).date();
    assert_eq!(day_of(leap.plus(Days(1), &zone)), date(2028, 3, 1));
    assert_eq!(day_of(leap.minus(Days(1), &zone)), date(2028, 2, 28));
    assert_eq!(day_of(leap.plus(Days(365), &zone)), date(2029, 2, 28));
    day("Europe/Berlin", date(2028, 2, 29), 1_440, -60);
}

/// Midnight itself is skipped: the day begins with the first instant that exists.
#[test]
fn a_day_without_midnight_begins_after_it() {
    day("America/Santiago", date(2026, 9, 6), 1_380, 240);
}
