//! What has changed since the run before, and what the best tenth of the rows holds.

use super::super::charts::{Bar, Series, bars, series};
use super::super::content::{ChangeInfo, DriftInfo, Report};
use super::super::format::{count, fixed, maybe, number};
use super::super::page::{Cell, Section, Table};
use super::place;

/// Comparisons that are listed when there is no alarm.
const LISTED: usize = 30;

/// Drift of features, scores and labels, and what the changes of figures are made of.
pub(super) fn drift(report: &Report) -> Section {
    let Some(before) = &report.compared_with else { return Section::default() };
    let alarms: Vec<&DriftInfo> = report.drift.iter().filter(|drift| drift.alarm).collect();
    let finding = match alarms.as_slice() {
        [] => format!("Nothing has changed since run {before} beyond chance and by a material size ({} comparisons).", report.drift.len()),
        [first, ..] => {
            format!("{} alarm(s) in {} comparisons with run {before}. The heaviest: {}.", alarms.len(), report.drift.len(), words(first))
        }
    };
    let largest = |measure: &'static str| {
        let mut own: Vec<&DriftInfo> =
            report.drift.iter().filter(|drift| drift.measure == measure && drift.scenario == "*" && drift.value > 0.0).collect();
        own.sort_by(|a, b| b.value.total_cmp(&a.value));
        own.truncate(12);
        own
    };
    let drawn: Vec<Bar> =
        largest("psi").iter().map(|drift| Bar { name: drift.feature.clone(), parts: vec![drift.value], value: drift.value }).collect();
    let charts = if drawn.is_empty() {
        Vec::new()
    } else {
        let title = "Stability index of the features that moved most, over all scenarios";
        vec![bars(title, "Population stability index per feature; below 0.1 is usually taken as stable.", &["stability index"], &drawn)]
    };
    let row = |drift: &&DriftInfo| {
        vec![
            Cell::text(if drift.alarm { "alarm" } else { "" }),
            Cell::text(place(&drift.scenario)),
            Cell::text(&drift.feature),
            Cell::text(&drift.measure),
            Cell::number(fixed(Some(drift.value), 4)),
            Cell::number(fixed(drift.critical, 4)),
            Cell::number(maybe(drift.earlier)),
            Cell::number(maybe(drift.now)),
            Cell::number(maybe(drift.importance)),
            Cell::number(count(drift.n)),
            Cell::long(drift.detail.clone().unwrap_or_default()),
        ]
    };
    let head = || {
        ["", "scenario", "feature or task", "measure", "change", "by chance", "then", "now", "importance", "rows", "detail"]
            .iter()
            .map(|name| (*name).to_owned())
            .collect::<Vec<_>>()
    };
    let rest: Vec<&DriftInfo> = report.drift.iter().filter(|drift| !drift.alarm).take(LISTED).collect();
    let mut tables = Vec::new();
    if !alarms.is_empty() {
        let rows = alarms.iter().take(LISTED).map(row).collect();
        tables.push(Table { caption: "Alarms".into(), head: head(), rows, ..Table::default() });
    }
    tables.push(Table {
        caption: "The heaviest changes without an alarm".into(),
        head: head(),
        rows: rest.iter().map(row).collect(),
        folded: true,
        ..Table::default()
    });
    if !report.changes.is_empty() {
        tables.push(changes(report));
    }
    Section {
        id: "drift",
        title: "What has changed",
        finding,
        charts,
        tables,
        how: "Tonight's rows, scores and held-out labels against those of the run before. “By chance” is what a change stays below on nineteen nights of twenty when nothing has changed, as rows of one entity count. An alarm is beyond chance even among so many comparisons (false discovery rate 5 %) and of material size. The order is importance times change. The change of a figure is split in three: other rows at the same relation of score and outcome (data), the same scores coming true more or less often (labels), another model (model). All comparisons are in drift.parquet, the splits in changes.parquet.",
    }
}

fn words(drift: &DriftInfo) -> String {
    let detail = drift.detail.as_ref().map_or_else(String::new, |detail| format!(" ({detail})"));
    format!("{} of {} in {}: {}{detail}", drift.measure, drift.feature, place(&drift.scenario), number(drift.value))
}

fn changes(report: &Report) -> Table {
    let row = |change: &ChangeInfo| {
        vec![
            Cell::text(place(&change.scenario)),
            Cell::text(&change.task),
            Cell::text(if change.metric == "auc" { "AUC" } else { "log loss" }),
            Cell::number(fixed(Some(change.before), 4)),
            Cell::number(fixed(Some(change.now), 4)),
            Cell::number(format!("{:+.4}", change.data)),
            Cell::number(format!("{:+.4}", change.labels)),
            Cell::number(format!("{:+.4}", change.model)),
        ]
    };
    Table {
        caption: "What the changes of figures are made of".into(),
        head: ["scenario", "task", "metric", "then", "now", "data", "labels", "model"].iter().map(|name| (*name).to_owned()).collect(),
        rows: report.changes.iter().map(row).collect(),
        folded: true,
        ..Table::default()
    }
}

/// Cumulative gains per task.
pub(super) fn gains(report: &Report) -> Section {
    let names: Vec<String> = (0..=10).map(|decile| format!("{} %", decile * 10)).collect();
    let mut charts = Vec::new();
    let mut finding = String::new();
    for task in &report.tasks {
        let mut lines: Vec<Series> = Vec::new();
        for scenario in std::iter::once("*").chain(report.scenarios.iter().map(String::as_str)) {
            let own = report.gains.iter().filter(|gain| gain.task == task.name && gain.scenario == scenario);
            let mut points = vec![(0, 0.0, None)];
            points.extend(own.filter_map(|gain| Some((gain.decile as usize, gain.cumulative_share? * 100.0, None))));
            if points.len() > 1 {
                lines.push(Series { name: place(scenario).to_owned(), points });
            }
        }
        if let Some((_, best, _)) = lines.first().and_then(|line| line.points.get(1)) {
            finding.push_str(&format!("The tenth of the rows with the highest {} holds {} % of it. ", task.name, fixed(Some(*best), 0)));
        }
        if !lines.is_empty() {
            charts.push(series(&format!("Share of {} held by the best rows, %", task.name), &names, &lines));
        }
    }
    let rows = report
        .gains
        .iter()
        .map(|gain| {
            vec![
                Cell::text(place(&gain.scenario)),
                Cell::text(&gain.task),
                Cell::number(gain.decile.to_string()),
                Cell::number(number(gain.rows)),
                Cell::number(number(gain.labels)),
                Cell::number(number(gain.predicted)),
                Cell::number(fixed(gain.lift, 2)),
                Cell::number(fixed(gain.cumulative_share, 3)),
                Cell::number(fixed(gain.cumulative_lift, 2)),
            ]
        })
        .collect();
    let head = ["scenario", "task", "tenth", "rows", "happened", "predicted", "lift", "share so far", "lift so far"];
    Section {
        id: "gains",
        title: "Gains and lift",
        finding: finding.trim_end().to_owned(),
        charts,
        tables: vec![Table {
            caption: "Every tenth".into(),
            head: head.iter().map(|name| (*name).to_owned()).collect(),
            rows,
            folded: true,
            ..Table::default()
        }],
        how: "The held-out rows of a cell are cut into tenths, highest predictions first. Who acts on the first tenth reaches the share of what happened that the curve says; a lift of 3 is three times as often as in the cell as a whole. The table is gains.parquet.",
    }
}
