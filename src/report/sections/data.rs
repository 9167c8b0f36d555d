//! Data quality, cleaning, features.

use super::super::block::{Cell, Section, Table, head};
use super::super::charts::{Bar, Heat, bars, heat};
use super::super::content::Report;
use super::super::format::{bytes, count, number, percent};

/// Reasons that are drawn.
const DRAWN: usize = 12;

/// Completeness, consistency, diversity per scenario.
pub(super) fn data_quality(report: &Report) -> Section {
    if report.quality.is_empty() {
        return Section::default();
    }
    let words = report.words();
    let worst = report
        .quality
        .iter()
        .filter(|row| row.dimension == "completeness" && row.measure == "values present" && !row.subject.is_empty() && row.scenario == "*")
        .min_by(|a, b| a.value.total_cmp(&b.value));
    let rows = report.quality.iter().map(|row| {
        vec![
            Cell::text(words.said(&row.dimension)),
            Cell::text(words.said(&row.measure)),
            Cell::text(&row.subject),
            Cell::text(words.place(&row.scenario)),
            Cell::figure(Some(row.value)),
            Cell::count(row.n),
        ]
    });
    Section {
        id: "data-quality",
        title: words.data_quality(),
        finding: match worst {
            None => words.data_quality_plain().into(),
            Some(row) if row.value >= 1.0 => words.data_quality_complete().into(),
            Some(row) => words.data_quality_finding(&row.subject, percent(row.value)),
        },
        charts: vec![quality_map(report)],
        tables: vec![Table {
            caption: words.data_quality_table().into(),
            head: head([words.dimension(), words.measure(), words.subject(), words.scenario(), words.value(), words.rows()]),
            rows: rows.collect(),
            folded: true,
            ..Table::default()
        }],
        how: words.data_quality_how(),
    }
}

/// Measures of the whole by scenario.
fn quality_map(report: &Report) -> String {
    let words = report.words();
    let whole = || report.quality.iter().filter(|row| row.subject.is_empty());
    let mut measures: Vec<(&str, &str)> = Vec::new();
    for row in whole() {
        let key = (row.dimension.as_str(), row.measure.as_str());
        if !measures.contains(&key) {
            measures.push(key);
        }
    }
    let scenarios: Vec<&str> = std::iter::once("*").chain(report.scenarios.iter().map(String::as_str)).collect();
    let box_of = |(dimension, measure): (&str, &str), scenario: &str| {
        let row = whole().find(|row| row.dimension == dimension && row.measure == measure && row.scenario == scenario)?;
        Some((if row.value <= 1.0 { row.value * 0.9 } else { 0.3 }, number(row.value)))
    };
    let cells: Vec<Vec<Option<(f64, String)>>> =
        measures.iter().map(|key| scenarios.iter().map(|scenario| box_of(*key, scenario)).collect()).collect();
    heat(&Heat {
        title: words.data_quality_chart(),
        description: words.data_quality_about(),
        rows: &measures.iter().map(|(_, measure)| words.said(measure).to_owned()).collect::<Vec<_>>(),
        columns: &scenarios.iter().map(|scenario| words.place(scenario).to_owned()).collect::<Vec<_>>(),
        cells: &cells,
    })
}

/// Sources, clean tables, refused rows, checks.
pub(super) fn cleaning(report: &Report) -> Section {
    let words = report.words();
    let tables = report.tables.iter().map(|table| {
        vec![Cell::text(&table.name), Cell::count(table.rows), Cell::count(table.refused), Cell::long(table.what.replace('\n', " "))]
    });
    let refused = report.refused.iter().map(|row| vec![Cell::text(&row.table), Cell::long(&row.reason), Cell::count(row.rows)]);
    let inputs = report.inputs.iter().map(|file| {
        vec![
            Cell::text(&file.source),
            Cell::long(&file.file),
            Cell::count(file.rows),
            Cell { value: Some(file.bytes as f64), ..Cell::number(bytes(file.bytes)) },
            Cell::text(file.sha256.chars().take(12).collect::<String>()),
        ]
    });
    let total: u64 = report.refused.iter().map(|row| row.rows).sum();
    let mut most: Vec<_> = report.refused.iter().collect();
    most.sort_by(|a, b| b.rows.cmp(&a.rows).then_with(|| (&a.table, &a.reason).cmp(&(&b.table, &b.reason))));
    let drawn: Vec<Bar> = most
        .iter()
        .take(DRAWN)
        .map(|row| Bar { name: format!("{}: {}", row.table, row.reason), parts: vec![row.rows as f64], value: row.rows as f64 })
        .collect();
    let charts =
        if drawn.is_empty() { Vec::new() } else { vec![bars(words.refused_rows(), words.refused_about(), &[words.rows()], &drawn)] };
    let list = |name: &str, caption: &str, head: Vec<String>, rows: Vec<Vec<Cell>>, folded: bool| Table {
        name: name.into(),
        caption: caption.into(),
        head,
        rows,
        folded,
        ..Table::default()
    };
    Section {
        id: "cleaning",
        title: words.cleaning(),
        finding: words.cleaning_finding(count(total), report.checks.len()),
        charts,
        tables: vec![
            list(
                "otherwise",
                words.otherwise(),
                head([words.what()]),
                report.warnings.iter().map(|warning| vec![Cell::long(warning)]).collect(),
                false,
            ),
            list(
                "tables",
                words.clean_tables(),
                head([words.table(), words.rows_kept(), words.rows_refused(), words.what_it_is()]),
                tables.collect(),
                false,
            ),
            list("refused", words.refused_rows(), head([words.table(), words.reason(), words.rows()]), refused.collect(), false),
            list(
                "files",
                words.input_files(),
                head([words.source(), words.file(), words.rows(), words.size(), words.sha()]),
                inputs.collect(),
                report.inputs.len() > 8,
            ),
            list(
                "checks",
                words.checks_passed(),
                head([words.check()]),
                report.checks.iter().map(|check| vec![Cell::text(check)]).collect(),
                true,
            ),
        ]
        .into_iter()
        .filter(|table| !table.rows.is_empty())
        .collect(),
        how: words.cleaning_how(),
    }
}

/// Every feature with its definition.
pub(super) fn features(report: &Report) -> Section {
    let words = report.words();
    let rows = report.features.iter().map(|feature| {
        vec![
            Cell::text(&feature.name),
            Cell::text(words.said(&feature.kind)),
            Cell::share(feature.missing),
            Cell::count(feature.unknown),
            Cell::long(feature.definition.clone().unwrap_or_default()),
        ]
    });
    let undefined = report.features.iter().filter(|feature| feature.definition.is_none()).count();
    Section {
        id: "features",
        title: words.features(),
        finding: if undefined == 0 {
            words.features_defined(report.features.len())
        } else {
            words.features_undefined(report.features.len(), undefined)
        },
        charts: Vec::new(),
        tables: vec![Table {
            caption: words.features_table().into(),
            head: head([words.feature(), words.kind(), words.missing_in_training(), words.unknown_on_holdout(), words.definition()]),
            rows: rows.collect(),
            folded: true,
            ..Table::default()
        }],
        how: words.features_how(),
    }
}
