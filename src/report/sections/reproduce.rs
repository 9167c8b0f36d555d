//! How to make this run again.

use super::super::content::Report;
use super::super::page::{Cell, Section, Table};

/// Command, seed, fingerprints, versions.
pub(super) fn reproduce(report: &Report) -> Section {
    let of = &report.reproduce;
    let facts = vec![
        ("command", of.command.clone()),
        ("run", report.run.clone()),
        ("seed", of.seed.to_string()),
        ("fingerprint", of.fingerprint.clone()),
        ("zone", report.zone.clone()),
    ];
    let mut rows: Vec<Vec<Cell>> = facts.into_iter().map(|(name, value)| vec![Cell::text(name), Cell::long(value)]).collect();
    rows.extend(of.versions.iter().map(|(name, version)| vec![Cell::text(name), Cell::long(version)]));
    let queries = of.queries.iter().map(|(file, sha256)| vec![Cell::text(file), Cell::text(sha256.chars().take(16).collect::<String>())]);
    Section {
        id: "reproduce",
        title: "How to reproduce",
        finding: "The same as-of date, inputs and seed give the same bytes.".into(),
        charts: Vec::new(),
        tables: vec![
            Table { caption: "This run".into(), head: vec!["what".into(), "value".into()], rows, ..Table::default() },
            Table {
                caption: "Queries".into(),
                head: vec!["file".into(), "sha256".into()],
                rows: queries.collect(),
                folded: true,
                ..Table::default()
            },
        ],
        how: "Every figure on this page is in report.json, and can be recomputed from the Parquet files beside it: held-out rows with labels and predictions in holdout/, figures in metrics.parquet.",
    }
}
