//! Single rows: from the average row to this one, in steps and in words.

use super::super::block::{Cell, Section, Table, head};
use super::super::charts::{Fall, waterfall};
use super::super::content::Report;
use super::super::explained::ToldInfo;
use super::super::format::{escape, number, percent};
use super::super::words::Language;

/// Waterfalls of the first row of each kind and task, and all rows in words.
pub(super) fn rows(report: &Report) -> Section {
    let words = report.words();
    let told = &report.explained.rows;
    let Some(first) = told.first() else { return Section::default() };
    let mut drawn: Vec<&ToldInfo> = Vec::new();
    for row in told {
        if !drawn.iter().any(|own| own.task == row.task && own.why == row.why) {
            drawn.push(row);
        }
    }
    let binary = |row: &ToldInfo| report.tasks.iter().any(|task| task.name == row.task && task.kind == "binary");
    Section {
        id: "rows",
        title: words.told_rows(),
        finding: words.told_rows_finding(told.len(), sentence(words, first, binary(first))),
        charts: drawn.iter().map(|row| chart(words, row, binary(row))).collect(),
        tables: vec![table(words, told, &binary)],
        how: words.told_rows_how(),
    }
}

/// What was published, or what happened.
fn outcome(value: f64, binary: bool) -> Cell {
    if binary { Cell::share(Some(value)) } else { Cell::figure(Some(value)) }
}

fn happened(words: Language, row: &ToldInfo, binary: bool) -> String {
    match row.label {
        None => words.not_observed().to_owned(),
        Some(label) if binary => if label > 0.0 { words.yes() } else { words.no() }.to_owned(),
        Some(label) => number(label),
    }
}

/// The row in words: those of the run's table, or the steps in another language.
fn sentence(words: Language, row: &ToldInfo, binary: bool) -> String {
    if words == Language::English {
        return row.words.clone();
    }
    let worth = |value: f64| if binary { percent(value) } else { number(value) };
    let steps: Vec<String> = row
        .steps
        .iter()
        .map(|step| format!("{} ({}{})", words.step(&step.label), if step.value < 0.0 { "" } else { "+" }, number(step.value)))
        .collect();
    words.row_told(&row.task, worth(row.step), worth(row.usual), steps.join("; "))
}

fn chart(words: Language, row: &ToldInfo, binary: bool) -> String {
    let steps: Vec<Fall> =
        row.steps.iter().map(|step| Fall { label: words.step(&step.label), value: step.value, from: step.from, to: step.to }).collect();
    let title = format!("{} · {} · {}", row.task, words.said(&row.why), row.scenario);
    let told = words.row_happened(sentence(words, row, binary), happened(words, row, binary));
    format!("{}<p class=\"what\">{}</p>", waterfall(words, &title, row.base, &steps), escape(&told))
}

fn table(words: Language, told: &[ToldInfo], binary: &dyn Fn(&ToldInfo) -> bool) -> Table {
    let rows = told.iter().map(|row| {
        vec![
            Cell::text(&row.task),
            Cell::text(words.said(&row.why)),
            Cell::text(&row.scenario),
            Cell::count(row.row),
            outcome(row.published, binary(row)),
            Cell::text(happened(words, row, binary(row))),
            Cell::long(sentence(words, row, binary(row))),
            Cell::fixed(row.fit, 2),
            Cell::fixed(row.agreement, 2),
        ]
    });
    let columns = [
        words.task(),
        words.why(),
        words.scenario(),
        words.row(),
        words.value(),
        words.happened(),
        words.in_words(),
        words.surrogate_fit(),
        words.agreement(),
    ];
    Table { caption: words.told_rows_table().into(), head: head(columns), rows: rows.collect(), folded: true, ..Table::default() }
}
