//! Which column says when an event happened, and which when its row arrived.
//!
//! In: a table's columns. Out: places and reasons. How a column is read as time is known already.

use crate::job::scaffold::facts::{Column, Table};
use crate::job::scaffold::time::date;
use crate::job::scaffold::words;

/// How much a column looks like event time; 0 and less is not at all.
fn likeness(column: &Column) -> i32 {
    let Some(time) = column.as_time else { return 0 };
    if column.distinct < 2 {
        return 0;
    }
    let by_type = if time.reading.is_day() { 20 } else { 40 };
    let mut likeness = by_type;
    if words::sounds_like_time(&column.words) {
        likeness += 20;
    }
    if words::sounds_like_arrival(&column.words) {
        likeness -= 50;
    }
    if words::sounds_like_another_time(&column.words) {
        likeness -= 40;
    }
    if words::sounds_like_a_beginning(&column.words) || column.partition.is_some() {
        likeness -= 5;
    }
    if column.missing > column.present {
        likeness -= 30;
    }
    likeness
}

/// The column of event time.
pub(super) fn event_time(table: &Table) -> Option<usize> {
    let best = (0..table.columns.len()).map(|at| (likeness(&table.columns[at]), std::cmp::Reverse(at))).max()?;
    (best.0 > 0).then_some(best.1.0)
}

/// Why this column.
pub(super) fn why(table: &Table, time: usize) -> String {
    let column = &table.columns[time];
    let others: Vec<&str> = (0..table.columns.len())
        .filter(|at| *at != time && likeness(&table.columns[*at]) > 0 && !words::sounds_like_arrival(&table.columns[*at].words))
        .map(|at| table.columns[at].name.as_str())
        .collect();
    let told = column
        .as_time
        .map_or_else(String::new, |time| format!("{}, from {} to {}", time.reading.told(), date(time.first), date(time.newest)));
    let against = if others.is_empty() { String::new() } else { format!("; rather than {}", others.join(", ")) };
    format!("{}: {told}{against}", column.name)
}

/// The column of arrival.
pub(super) fn arrival(table: &Table, time: usize) -> Option<usize> {
    (0..table.columns.len()).find(|at| {
        let column = &table.columns[*at];
        *at != time && column.as_time.is_some() && column.partition.is_none() && words::sounds_like_arrival(&column.words)
    })
}
