//! How rows were prepared for learning, measured on and off.

use super::super::block::{Cell, Section, Table, head, signed};
use super::super::content::{PreparationInfo, Report};
use super::super::format::count;

/// Every option: the main figure of all scenarios first, then each cell and figure.
pub(super) fn preparation(report: &Report) -> Section {
    let Some(first) = report.preparation.first() else { return Section::default() };
    let words = report.words();
    let metric = |name: &str| match name {
        "auc" => words.auc().to_owned(),
        "rmse" => words.rmse().to_owned(),
        "log_loss" => words.log_loss().to_owned(),
        "mae" => words.mae().to_owned(),
        other => other.to_owned(),
    };
    let row = |entry: &PreparationInfo| {
        vec![
            Cell::text(format!("{} = {}", entry.option, entry.setting)),
            Cell::text(words.place(&entry.scenario)),
            Cell::text(&entry.task),
            Cell::text(metric(&entry.metric)),
            Cell::fixed(Some(entry.off), 4),
            Cell::fixed(Some(entry.on), 4),
            Cell::signed(entry.difference).within(Some((entry.low, entry.high)), signed),
            Cell::text(words.said(&entry.verdict)),
            Cell::count(entry.n),
        ]
    };
    let columns = || {
        head([
            words.option(),
            words.scenario(),
            words.task(),
            words.metric(),
            words.off(),
            words.on(),
            words.better_by(),
            words.verdict(),
            words.held_out_rows(),
        ])
    };
    let leads = |entry: &PreparationInfo| entry.scenario == "*" && ["auc", "rmse"].contains(&entry.metric.as_str());
    let of = |whole: bool| report.preparation.iter().filter(|entry| leads(entry) == whole).map(row).collect::<Vec<_>>();
    let tables = [(words.preparation_whole(), true), (words.preparation_cells(), false)].map(|(caption, whole)| Table {
        caption: caption.into(),
        head: columns(),
        rows: of(whole),
        folded: !whole,
        ..Table::default()
    });
    Section {
        id: "preparation",
        title: words.preparation(),
        finding: finding(report, first),
        charts: Vec::new(),
        tables: tables.into_iter().filter(|table| !table.rows.is_empty()).collect(),
        how: words.preparation_how(),
    }
}

/// A sentence an option.
fn finding(report: &Report, first: &PreparationInfo) -> String {
    let words = report.words();
    let mut options: Vec<&PreparationInfo> = vec![first];
    for entry in &report.preparation {
        if options.last().is_some_and(|last| last.option != entry.option) {
            options.push(entry);
        }
    }
    let told = options.iter().map(|option| {
        let of =
            |verdict: &str| report.preparation.iter().filter(|entry| entry.option == option.option && entry.verdict == verdict).count();
        let visits = [option.visited_off, option.visited_on].map(count);
        words.preparation_finding(&option.option, of("helped"), of("hurt"), of("no evidence"), &visits[1], &visits[0])
    });
    told.collect::<Vec<_>>().join(" ")
}
