//! How to make this run again.

use super::super::block::{Cell, Section, Table, head};
use super::super::content::Report;

/// Command, seed, fingerprints, versions.
pub(super) fn reproduce(report: &Report) -> Section {
    let words = report.words();
    let of = &report.reproduce;
    let facts = vec![
        (words.command(), of.command.clone()),
        (words.run(), report.run.clone()),
        (words.compared_with(), report.compared_with.clone().unwrap_or_else(|| "–".into())),
        (words.seed(), of.seed.to_string()),
        (words.fingerprint(), of.fingerprint.clone()),
        (words.zone(), report.zone.clone()),
    ];
    let mut rows: Vec<Vec<Cell>> = facts.into_iter().map(|(name, value)| vec![Cell::text(name), Cell::long(value)]).collect();
    rows.extend(of.versions.iter().map(|(name, version)| vec![Cell::text(name), Cell::long(version)]));
    let queries = of.queries.iter().map(|(file, sha256)| vec![Cell::text(file), Cell::text(sha256.chars().take(16).collect::<String>())]);
    Section {
        id: "reproduce",
        title: words.reproduce(),
        finding: words.reproduce_finding().into(),
        charts: Vec::new(),
        tables: vec![
            Table {
                name: "run".into(),
                caption: words.this_run().into(),
                head: head([words.what(), words.value()]),
                rows,
                ..Table::default()
            },
            Table {
                name: "queries".into(),
                caption: words.queries().into(),
                head: head([words.file(), words.sha()]),
                rows: queries.collect(),
                folded: true,
                ..Table::default()
            },
        ],
        how: words.reproduce_how(),
    }
}
