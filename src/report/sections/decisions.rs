//! Tonight's scores and the decision tables.

use super::super::content::Report;
use super::super::format::{count, number};
use super::super::page::{Cell, Section, Table};

/// Scores by scenario, then each decision table's first rows.
pub(super) fn decisions(report: &Report) -> Section {
    let mut head: Vec<String> = vec!["scenario".into(), "rows".into()];
    head.extend(report.tasks.iter().map(|task| format!("mean {}", task.name)));
    let rows = report.scores.iter().map(|score| {
        let mut row = vec![Cell::text(&score.scenario), Cell::number(count(score.rows))];
        row.extend(score.means.iter().map(|mean| Cell::number(number(*mean))));
        row
    });
    let mut tables = vec![Table { caption: "Tonight's scores".into(), head, rows: rows.collect(), ..Table::default() }];
    for decision in &report.decisions {
        tables.push(Table {
            caption: format!("{} ({} rows)", decision.name, count(decision.rows_total)),
            what: decision.what.replace('\n', " "),
            head: decision.columns.clone(),
            rows: decision.rows.iter().map(|row| row.iter().map(|value| cell(value)).collect()).collect(),
            folded: false,
        });
    }
    let total: u64 = report.scores.iter().map(|score| score.rows).sum();
    Section {
        id: "decisions",
        title: "Scores and decisions",
        finding: format!("{} candidates were scored; {} decision table(s) follow from them.", count(total), report.decisions.len()),
        charts: Vec::new(),
        tables,
        how: "The first rows of each table; the whole tables are in decisions/. A score under another scenario is a prediction for that scenario, not the effect of moving a product there.",
    }
}

/// Numbers are shortened and lined up; everything else stays text.
fn cell(value: &str) -> Cell {
    match value.parse::<f64>() {
        Ok(parsed) if value.contains('.') => Cell::number(number(parsed)),
        Ok(_) => Cell::number(value),
        Err(_) => Cell::text(value),
    }
}
