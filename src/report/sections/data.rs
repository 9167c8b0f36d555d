//! Data quality, cleaning, features.

use super::super::charts::{Heat, heat};
use super::super::content::Report;
use super::super::format::{count, number, percent};
use super::super::page::{Cell, Section, Table};

/// Completeness, consistency, diversity per scenario.
pub(super) fn data_quality(report: &Report) -> Section {
    if report.quality.is_empty() {
        return Section::default();
    }
    let mut measures: Vec<(String, String)> = Vec::new();
    for row in report.quality.iter().filter(|row| row.subject.is_empty()) {
        let key = (row.dimension.clone(), row.measure.clone());
        if !measures.contains(&key) {
            measures.push(key);
        }
    }
    let scenarios: Vec<String> = std::iter::once("*".to_owned()).chain(report.scenarios.iter().cloned()).collect();
    let find = |dimension: &str, measure: &str, scenario: &str| {
        report
            .quality
            .iter()
            .find(|row| row.subject.is_empty() && row.dimension == dimension && row.measure == measure && row.scenario == scenario)
    };
    let names: Vec<String> = measures.iter().map(|(_, measure)| measure.clone()).collect();
    let columns: Vec<String> = scenarios.iter().map(|scenario| if scenario == "*" { "all".to_owned() } else { scenario.clone() }).collect();
    let cells: Vec<Vec<Option<(f64, String)>>> = measures
        .iter()
        .map(|(dimension, measure)| {
            scenarios
                .iter()
                .map(|scenario| {
                    find(dimension, measure, scenario).map(|row| (if row.value <= 1.0 { row.value * 0.9 } else { 0.3 }, number(row.value)))
                })
                .collect()
        })
        .collect();
    let details: Vec<Vec<Cell>> = report
        .quality
        .iter()
        .filter(|row| !row.subject.is_empty())
        .map(|row| {
            vec![
                Cell::text(&row.dimension),
                Cell::text(&row.measure),
                Cell::text(&row.subject),
                Cell::text(if row.scenario == "*" { "all" } else { &row.scenario }),
                Cell::number(number(row.value)),
                Cell::number(count(row.n)),
            ]
        })
        .collect();
    let worst = report
        .quality
        .iter()
        .filter(|row| row.dimension == "completeness" && row.measure == "values present" && !row.subject.is_empty() && row.scenario == "*")
        .min_by(|a, b| a.value.total_cmp(&b.value));
    Section {
        id: "data-quality",
        title: "Data quality",
        finding: worst.map_or_else(
            || "Measured on tonight's candidates.".into(),
            |row| format!("The feature most often missing tonight is {}: present in {} of the rows.", row.subject, percent(row.value)),
        ),
        charts: vec![heat(&Heat {
            title: "Data quality by scenario",
            description: "Measures of completeness, consistency and diversity of tonight's candidates.",
            rows: &names,
            columns: &columns,
            cells: &cells,
        })],
        tables: vec![Table {
            caption: "Every measure by table and column".into(),
            head: ["dimension", "measure", "of", "scenario", "value", "rows"].iter().map(|name| (*name).to_owned()).collect(),
            rows: details,
            folded: true,
            ..Table::default()
        }],
        how: "Shares lie between 0 and 1. Effective numbers are exp(entropy): how many equally common values would be as varied. The distance of a scenario is the mean Jensen–Shannon distance of its features to those of all rows, 0 (the same) to 1 (nothing in common). Also in quality.parquet.",
    }
}

/// Sources, clean tables, refused rows, checks.
pub(super) fn cleaning(report: &Report) -> Section {
    let head = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let tables = report.tables.iter().map(|table| {
        vec![
            Cell::text(&table.name),
            Cell::number(count(table.rows)),
            Cell::number(count(table.refused)),
            Cell::long(table.what.replace('\n', " ")),
        ]
    });
    let refused = report.refused.iter().map(|row| vec![Cell::text(&row.table), Cell::text(&row.reason), Cell::number(count(row.rows))]);
    let inputs = report.inputs.iter().map(|file| {
        vec![
            Cell::text(&file.source),
            Cell::text(&file.file),
            Cell::number(count(file.rows)),
            Cell::number(super::super::format::bytes(file.bytes)),
            Cell::text(file.sha256.chars().take(12).collect::<String>()),
        ]
    });
    let total: u64 = report.refused.iter().map(|row| row.rows).sum();
    Section {
        id: "cleaning",
        title: "Inputs and cleaning",
        finding: format!(
            "{} rows were refused, each with its reason; {} check(s) found nothing to object to.",
            count(total),
            report.checks.len()
        ),
        charts: Vec::new(),
        tables: vec![
            Table {
                caption: "Otherwise than in the run before".into(),
                head: head(&["what"]),
                rows: report.warnings.iter().map(|warning| vec![Cell::long(warning.clone())]).collect(),
                ..Table::default()
            },
            Table {
                caption: "Clean tables".into(),
                head: head(&["table", "rows kept", "rows refused", "what it is"]),
                rows: tables.collect(),
                ..Table::default()
            },
            Table {
                caption: "Refused rows".into(),
                head: head(&["table", "reason", "rows"]),
                rows: refused.collect(),
                folded: false,
                ..Table::default()
            },
            Table {
                caption: "Input files".into(),
                head: head(&["source", "file", "rows", "size", "sha256"]),
                rows: inputs.collect(),
                folded: report.inputs.len() > 8,
                ..Table::default()
            },
            Table {
                caption: "Checks passed".into(),
                head: head(&["check"]),
                rows: report.checks.iter().map(|check| vec![Cell::text(check)]).collect(),
                folded: true,
                ..Table::default()
            },
        ]
        .into_iter()
        .filter(|table| !table.rows.is_empty())
        .collect(),
        how: "Refused rows lie in refused/ with their reasons. A check that finds a row stops the night, so all that is listed found none.",
    }
}

/// Every feature with its definition.
pub(super) fn features(report: &Report) -> Section {
    let rows = report.features.iter().map(|feature| {
        vec![
            Cell::text(&feature.name),
            Cell::text(&feature.kind),
            Cell::number(feature.missing.map_or_else(|| "–".into(), percent)),
            Cell::number(count(feature.unknown)),
            Cell::long(feature.definition.clone().unwrap_or_default()),
        ]
    });
    let undefined = report.features.iter().filter(|feature| feature.definition.is_none()).count();
    let head = ["feature", "kind", "missing in training", "unknown on the held-out night", "definition"];
    Section {
        id: "features",
        title: "Features",
        finding: if undefined == 0 {
            format!("{} features, each defined in frame.sql.", report.features.len())
        } else {
            format!("{} features; {undefined} without a definition in frame.sql.", report.features.len())
        },
        charts: Vec::new(),
        tables: vec![Table {
            caption: "Features and their definitions".into(),
            head: head.iter().map(|name| (*name).to_owned()).collect(),
            rows: rows.collect(),
            folded: true,
            ..Table::default()
        }],
        how: "Unknown: rows whose value was not seen, or too rarely, in training; they share one entry.",
    }
}
