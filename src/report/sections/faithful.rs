//! Whether the explanations can be trusted: what happens when features are taken away in their order.

use super::super::block::{Cell, Section, Table, head};
use super::super::charts::{Spread, intervals};
use super::super::content::Report;
use super::super::explained::FaithfulInfo;
use super::super::format::{fixed, number};
use super::super::words::Language;

/// Deletion and insertion against random order, and the residual.
pub(super) fn faithful(report: &Report) -> Section {
    let rows = &report.explained.faithful;
    if rows.is_empty() {
        return Section::default();
    }
    let words = report.words();
    let beats = rows.iter().filter(|row| row.low.is_some_and(|low| low > 0.0)).count();
    let drawn: Vec<Spread> = rows.iter().filter_map(spread).collect();
    let charts = if drawn.is_empty() { Vec::new() } else { vec![intervals(words.faithful_chart(), words.faithful_about(), &drawn)] };
    let share = report.explained.residual_share.map_or_else(String::new, |share| words.faithful_share(number(share)));
    Section {
        id: "faithful",
        title: words.faithful(),
        finding: format!("{}{share}", words.faithful_finding(beats, rows.len())),
        charts,
        tables: vec![table(words, rows)],
        how: words.faithful_how(),
    }
}

fn spread(row: &FaithfulInfo) -> Option<Spread> {
    let (low, high) = row.low.zip(row.high)?;
    let kind = if low > 0.0 { 1 } else { usize::from(high < 0.0) * 2 };
    Some(Spread { name: row.task.clone(), value: row.gain, low, high, label: fixed(Some(row.gain), 3), kind })
}

fn table(words: Language, rows: &[FaithfulInfo]) -> Table {
    let cells = rows.iter().map(|row| {
        vec![
            Cell::text(&row.task),
            Cell::fixed(Some(row.deletion), 3),
            Cell::fixed(Some(row.random_deletion), 3),
            Cell::fixed(Some(row.insertion), 3),
            Cell::fixed(Some(row.random_insertion), 3),
            Cell::fixed(Some(row.gain), 3).within(row.low.zip(row.high), |end| fixed(Some(end), 3)),
            Cell::figure(Some(row.residual)),
            Cell::count(row.n),
        ]
    });
    let columns = [
        words.task(),
        words.deletion(),
        words.deletion_random(),
        words.insertion(),
        words.insertion_random(),
        words.gain(),
        words.residual_over_spread(),
        words.rows(),
    ];
    Table { caption: words.faithful_table().into(), head: head(columns), rows: cells.collect(), ..Table::default() }
}
