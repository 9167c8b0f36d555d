//! Single rows: from the average row to this one, in steps and in words.

use super::super::charts::{Fall, waterfall};
use super::super::content::Report;
use super::super::explained::ToldInfo;
use super::super::format::{escape, fixed, number, percent};
use super::super::page::{Cell, Section, Table};

/// Waterfalls of the first row of each kind and task, and all rows in words.
pub(super) fn rows(report: &Report) -> Section {
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
        title: "Rows explained",
        finding: format!("{} rows of the held-out night are told one by one. The first: {}", told.len(), first.words),
        charts: drawn.iter().map(|row| chart(row, binary(row))).collect(),
        tables: vec![table(told, &binary)],
        how: "The same rules choose the rows every night: the highest predictions, those nearest to the decision threshold, the worst errors, and some at random; one of an entity at most. Each waterfall leads from the raw output of the average training row to that of the row; steps add up exactly. What is published for both stands in the words. A value that is a key is not shown; the row's keys are in explained.parquet, all of its contributions in contributions.parquet. The surrogate is a linear model of the model near the row, a third opinion: its fit says how much of what the model does there is linear (below about 0.5 it says little), its agreement which share of the five largest reasons it shares.",
    }
}

/// What was published, or what happened.
fn outcome(value: f64, binary: bool) -> String {
    if binary { percent(value) } else { number(value) }
}

fn happened(row: &ToldInfo, binary: bool) -> String {
    match row.label {
        None => "not observed".to_owned(),
        Some(label) if binary => if label > 0.0 { "yes" } else { "no" }.to_owned(),
        Some(label) => number(label),
    }
}

fn chart(row: &ToldInfo, binary: bool) -> String {
    let steps: Vec<Fall> =
        row.steps.iter().map(|step| Fall { label: step.label.clone(), value: step.value, from: step.from, to: step.to }).collect();
    let title = format!("{} · {} · {}", row.task, row.why, row.scenario);
    let words = format!("{} Happened: {}.", row.words, happened(row, binary));
    format!("{}<p class=\"what\">{}</p>", waterfall(&title, row.base, &steps), escape(&words))
}

fn table(told: &[ToldInfo], binary: &dyn Fn(&ToldInfo) -> bool) -> Table {
    let rows = told.iter().map(|row| {
        vec![
            Cell::text(&row.task),
            Cell::text(&row.why),
            Cell::text(&row.scenario),
            Cell::number(row.row.to_string()),
            Cell::number(outcome(row.published, binary(row))),
            Cell::text(happened(row, binary(row))),
            Cell::long(&row.words),
            Cell::number(fixed(row.fit, 2)),
            Cell::number(fixed(row.agreement, 2)),
        ]
    });
    let head = ["task", "why", "scenario", "row", "published", "happened", "in words", "surrogate's fit", "agreement"];
    Table {
        caption: "All explained rows".into(),
        head: head.iter().map(|name| (*name).to_owned()).collect(),
        rows: rows.collect(),
        folded: true,
        ..Table::default()
    }
}
