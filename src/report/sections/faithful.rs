//! Whether the explanations can be trusted: what happens when features are taken away in their order.

use super::super::charts::{Spread, intervals};
use super::super::content::Report;
use super::super::explained::FaithfulInfo;
use super::super::format::{count, fixed, number};
use super::super::page::{Cell, Section, Table};

/// Deletion and insertion against random order, and the residual.
pub(super) fn faithful(report: &Report) -> Section {
    let rows = &report.explained.faithful;
    if rows.is_empty() {
        return Section::default();
    }
    let beats = rows.iter().filter(|row| row.low.is_some_and(|low| low > 0.0)).count();
    let drawn: Vec<Spread> = rows.iter().filter_map(spread).collect();
    let charts = if drawn.is_empty() {
        Vec::new()
    } else {
        let title = "Gain over a random order, in standard deviations of the output";
        vec![intervals(title, "Gain of each task with its 95 % interval; above 0, contributions say what moves the model.", &drawn)]
    };
    let share = report.explained.residual_share.map_or_else(String::new, |share| {
        format!(" Contributions add up to the raw output within {} of its spread, on every explained row.", number(share))
    });
    Section {
        id: "faithful",
        title: "Can the explanations be trusted?",
        finding: format!(
            "For {beats} of {} tasks the contributions tell beyond doubt more than chance what moves the model.{share}",
            rows.len()
        ),
        charts,
        tables: vec![table(rows)],
        how: "Features of held-out rows are set to the background (a number to its training mean, a category to its commonest entry), the largest contribution first: the output should fall at once (deletion: lower is better). The other way round, from the background to the row, it should rise at once (insertion: higher is better). Both are areas under the curve, in standard deviations of the output, beside those of a random order. The gain is the mean of both advantages. It says whether the explanation follows the model, not whether the model is right.",
    }
}

fn spread(row: &FaithfulInfo) -> Option<Spread> {
    let (low, high) = row.low.zip(row.high)?;
    let kind = if low > 0.0 { 1 } else { usize::from(high < 0.0) * 2 };
    Some(Spread { name: row.task.clone(), value: row.gain, low, high, label: fixed(Some(row.gain), 3), kind })
}

fn table(rows: &[FaithfulInfo]) -> Table {
    let cells = rows.iter().map(|row| {
        vec![
            Cell::text(&row.task),
            Cell::number(fixed(Some(row.deletion), 3)),
            Cell::number(fixed(Some(row.random_deletion), 3)),
            Cell::number(fixed(Some(row.insertion), 3)),
            Cell::number(fixed(Some(row.random_insertion), 3)),
            Cell::number(fixed(Some(row.gain), 3)),
            Cell::number(fixed(row.low, 3)),
            Cell::number(fixed(row.high, 3)),
            Cell::number(number(row.residual)),
            Cell::number(count(row.n)),
        ]
    });
    let head = ["task", "deletion", "at random", "insertion", "at random", "gain", "from", "to", "residual / spread", "rows"];
    Table {
        caption: "Deletion and insertion".into(),
        head: head.iter().map(|name| (*name).to_owned()).collect(),
        rows: cells.collect(),
        ..Table::default()
    }
}
