//! Tonight's scores and the decision tables.

use super::super::block::{Cell, Section, Table};
use super::super::charts::{Bar, bars};
use super::super::content::Report;
use super::super::format::{count, number};

/// Scores by scenario, then each decision table's first rows.
pub(super) fn decisions(report: &Report) -> Section {
    let words = report.words();
    let mut head = vec![words.scenario().to_owned(), words.rows().to_owned()];
    head.extend(report.tasks.iter().map(|task| words.mean_of(&task.name)));
    let rows = report.scores.iter().map(|score| {
        let mut row = vec![Cell::text(&score.scenario), Cell::count(score.rows)];
        row.extend((0..report.tasks.len()).map(|task| Cell::figure(score.means.get(task).copied())));
        row
    });
    let caption = words.scores_table().to_owned();
    let mut tables = vec![Table { name: "scores".into(), caption, head, rows: rows.collect(), ..Table::default() }];
    for decision in &report.decisions {
        tables.push(Table {
            name: decision.name.clone(),
            caption: words.decision_table(&decision.name, count(decision.rows_total)),
            what: decision.what.replace('\n', " "),
            head: decision.columns.clone(),
            rows: decision.rows.iter().map(|row| row.iter().map(|value| cell(value)).collect()).collect(),
            folded: false,
        });
    }
    let total: u64 = report.scores.iter().map(|score| score.rows).sum();
    let drawn = |score: &super::super::content::ScoreInfo| Bar {
        name: score.scenario.clone(),
        parts: vec![score.rows as f64],
        value: score.rows as f64,
    };
    let charts = if report.scores.is_empty() {
        Vec::new()
    } else {
        let drawn: Vec<Bar> = report.scores.iter().map(drawn).collect();
        vec![bars(words.scores_table(), words.scores_table(), &[words.rows_scored()], &drawn)]
    };
    Section {
        id: "decisions",
        title: words.decisions(),
        finding: words.decisions_finding(count(total), report.decisions.len()),
        charts,
        tables,
        how: words.decisions_how(),
    }
}

/// Numbers are shortened and lined up; everything else stays text.
fn cell(value: &str) -> Cell {
    match value.parse::<f64>() {
        Ok(parsed) if parsed.is_finite() && value.contains('.') => Cell { value: Some(parsed), ..Cell::number(number(parsed)) },
        Ok(parsed) if parsed.is_finite() => Cell::number(value),
        _ => Cell::text(value),
    }
}
