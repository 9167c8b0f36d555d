//! Tonight's scores and the decision tables, grouped by the application that they serve.

use super::super::applications::{Application, Role, of_header};
use super::super::block::{Cell, Part, Section, Table};
use super::super::charts::{Bar, bars};
use super::super::content::{DecisionInfo, Report};
use super::super::format::{count, number};

/// Scores by scenario, then each decision table's first rows.
pub(super) fn decisions(report: &Report) -> Section {
    let words = report.words();
    let mut tables = vec![scores(report)];
    tables.extend(grouped(report));
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

fn scores(report: &Report) -> Table {
    let words = report.words();
    let mut head = vec![words.scenario().to_owned(), words.rows().to_owned()];
    head.extend(report.tasks.iter().map(|task| words.mean_of(&task.name)));
    let rows = report.scores.iter().map(|score| {
        let mut row = vec![Cell::text(&score.scenario), Cell::count(score.rows)];
        row.extend((0..report.tasks.len()).map(|task| Cell::figure(score.means.get(task).copied())));
        row
    });
    Table { name: "scores".into(), caption: words.scores_table().to_owned(), head, rows: rows.collect(), ..Table::default() }
}

/// Tables without an application first, then application by application in the order of the alphabet: figures of merit, what is acted
/// on, what these are made of. The first table of an application carries its heading.
fn grouped(report: &Report) -> Vec<Table> {
    let mut placed: Vec<(Application, &DecisionInfo)> = report.decisions.iter().map(|one| (of_header(&one.what), one)).collect();
    placed.sort_by(|(a, one), (b, other)| (&a.name, a.role, &one.name).cmp(&(&b.name, b.role, &other.name)));
    let mut tables: Vec<Table> = Vec::with_capacity(placed.len());
    let (mut last, mut parts) = (String::new(), 0);
    for (application, decision) in placed {
        let mut table = table(report, &application, decision);
        if application.name != last {
            parts += 1;
            last.clone_from(&application.name);
            table.part = Some(Part { id: format!("decisions-{parts}"), title: application.name });
        }
        tables.push(table);
    }
    tables
}

fn table(report: &Report, application: &Application, decision: &DecisionInfo) -> Table {
    let words = report.words();
    let rows = count(decision.rows_total);
    Table {
        name: decision.name.clone(),
        caption: match application.role {
            Role::Merit => words.merit_table(&decision.name, rows),
            Role::Decision => words.decision_table(&decision.name, rows),
            Role::Working => words.working_table(&decision.name, rows),
        },
        what: application.what.clone(),
        head: decision.columns.clone(),
        rows: decision.rows.iter().map(|row| row.iter().map(|value| cell(value)).collect()).collect(),
        folded: application.role == Role::Working,
        ..Table::default()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_grouped_by_application_with_their_figures_first() {
        let decision = |name: &str, what: &str| DecisionInfo { name: name.into(), what: what.into(), ..DecisionInfo::default() };
        let report = Report {
            decisions: vec![
                decision("alerts", "Application: risk.\nWhom to look at."),
                decision("options", "Application: ads, working table.\nOptions."),
                decision("placed", "Application: ads.\nWhat to place."),
                decision("plain", "A table."),
                decision("quality", "Application: risk, figures of merit.\nHow well."),
            ],
            ..Report::default()
        };
        let section = decisions(&report);
        let told: Vec<(&str, Option<&str>)> =
            section.tables[1..].iter().map(|table| (table.name.as_str(), table.part.as_ref().map(|part| part.title.as_str()))).collect();
        assert_eq!(told, [("plain", None), ("placed", Some("Ads")), ("options", None), ("quality", Some("Risk")), ("alerts", None)]);
        assert_eq!(section.tables[4].what, "How well.");
        assert!(section.tables[3].folded && !section.tables[2].folded);
    }
}
