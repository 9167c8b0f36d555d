//! What has changed since the run before, and what the best tenth of the rows holds.

use super::super::block::{Cell, Section, Table, head};
use super::super::charts::{Bar, Dumbbell, Series, bars, dumbbell, series};
use super::super::content::{ChangeInfo, DriftInfo, Report};
use super::super::format::{fixed, number};
use super::super::words::Language;

/// Comparisons that are listed when there is no alarm.
const LISTED: usize = 30;

/// How figures went since the run before, and what their changes are made of.
pub(super) fn since(report: &Report) -> Section {
    let Some(before) = &report.compared_with else { return Section::default() };
    if report.changes.is_empty() {
        return Section::default();
    }
    let words = report.words();
    let named = |change: &ChangeInfo| if change.metric == "auc" { words.auc() } else { words.log_loss() };
    let largest = report.changes.iter().max_by(|a, b| (a.now - a.before).abs().total_cmp(&(b.now - b.before).abs()));
    let finding = largest.map_or_else(String::new, |change| {
        let [then, now] = [change.before, change.now].map(|value| fixed(Some(value), 4));
        words.since_finding(report.changes.len(), before, named(change), &change.task, words.place(&change.scenario), then, now)
    });
    let drawn: Vec<(String, Vec<Option<f64>>)> = report
        .changes
        .iter()
        .filter(|change| change.metric == "auc")
        .map(|change| (format!("{} · {}", change.task, words.place(&change.scenario)), vec![Some(change.now), Some(change.before)]))
        .collect();
    let chart =
        Dumbbell { title: words.since_chart(), description: words.since_about(), legend: &[words.now(), words.then()], rows: &drawn };
    let row = |change: &ChangeInfo| {
        vec![
            Cell::text(words.place(&change.scenario)),
            Cell::text(&change.task),
            Cell::text(named(change)),
            Cell::fixed(Some(change.before), 4),
            Cell::fixed(Some(change.now), 4),
            Cell::signed(change.data),
            Cell::signed(change.labels),
            Cell::signed(change.model),
        ]
    };
    let columns = [
        words.scenario(),
        words.task(),
        words.metric(),
        words.then(),
        words.now(),
        words.part_data(),
        words.part_labels(),
        words.part_model(),
    ];
    Section {
        id: "since",
        title: words.since(),
        finding,
        charts: if drawn.is_empty() { Vec::new() } else { vec![dumbbell(&chart)] },
        tables: vec![Table {
            caption: words.changes_table().into(),
            head: head(columns),
            rows: report.changes.iter().map(row).collect(),
            folded: true,
            ..Table::default()
        }],
        how: words.since_how(),
    }
}

/// Drift of features, scores and labels.
pub(super) fn drift(report: &Report) -> Section {
    let Some(before) = &report.compared_with else { return Section::default() };
    let words = report.words();
    let alarms: Vec<&DriftInfo> = report.drift.iter().filter(|drift| drift.alarm).collect();
    let finding = match alarms.as_slice() {
        [] => words.drift_none(before, report.drift.len()),
        [first, ..] => words.drift_alarms(alarms.len(), report.drift.len(), before, drift_words(words, first)),
    };
    let mut tables = Vec::new();
    let list = |name: &str, caption: &str, rows: Vec<Vec<Cell>>, folded: bool| Table {
        name: name.into(),
        caption: caption.into(),
        head: drift_columns(words),
        rows,
        folded,
        ..Table::default()
    };
    let row = |drift: &&DriftInfo| drift_row(words, drift);
    if !alarms.is_empty() {
        tables.push(list("alarms", words.alarms(), alarms.iter().take(LISTED).map(row).collect(), false));
    }
    let rest: Vec<&DriftInfo> = report.drift.iter().filter(|drift| !drift.alarm).take(LISTED).collect();
    tables.push(list("others", words.heaviest_changes(), rest.iter().map(row).collect(), true));
    Section { id: "drift", title: words.drift(), finding, charts: drift_chart(report), tables, how: words.drift_how() }
}

fn drift_chart(report: &Report) -> Vec<String> {
    let words = report.words();
    let moved = |drift: &&DriftInfo| drift.measure == "psi" && drift.scenario == "*" && drift.value > 0.0;
    let mut own: Vec<&DriftInfo> = report.drift.iter().filter(moved).collect();
    own.sort_by(|a, b| b.value.total_cmp(&a.value).then_with(|| a.feature.cmp(&b.feature)));
    let bar = |drift: &&DriftInfo| Bar { name: drift.feature.clone(), parts: vec![drift.value], value: drift.value };
    let drawn: Vec<Bar> = own.iter().take(12).map(bar).collect();
    if drawn.is_empty() { Vec::new() } else { vec![bars(words.drift_chart(), words.drift_about(), &[words.stability_index()], &drawn)] }
}

fn drift_columns(words: Language) -> Vec<String> {
    head([
        words.result(),
        words.scenario(),
        words.feature_or_task(),
        words.measure(),
        words.change(),
        words.by_chance(),
        words.then(),
        words.now(),
        words.importance_word(),
        words.rows(),
        words.detail(),
    ])
}

fn drift_row(words: Language, drift: &DriftInfo) -> Vec<Cell> {
    vec![
        Cell::text(if drift.alarm { words.alarm() } else { "–" }),
        Cell::text(words.place(&drift.scenario)),
        Cell::text(&drift.feature),
        Cell::text(words.said(&drift.measure)),
        Cell::fixed(Some(drift.value), 4),
        Cell::fixed(drift.critical, 4),
        Cell::figure(drift.earlier),
        Cell::figure(drift.now),
        Cell::figure(drift.importance),
        Cell::count(drift.n),
        Cell::long(drift.detail.clone().unwrap_or_default()),
    ]
}

/// A comparison in words.
pub(in crate::report) fn drift_words(words: Language, drift: &DriftInfo) -> String {
    let detail = drift.detail.as_ref().map_or_else(String::new, |detail| format!(" ({detail})"));
    let said = words.drift_words(words.said(&drift.measure), &drift.feature, words.place(&drift.scenario), number(drift.value));
    format!("{said}{detail}")
}

/// Cumulative gains per task.
pub(super) fn gains(report: &Report) -> Section {
    let words = report.words();
    let names: Vec<String> = (0..=10).map(|decile| format!("{} %", decile * 10)).collect();
    let mut charts = Vec::new();
    let mut told = Vec::new();
    for task in &report.tasks {
        let mut lines: Vec<Series> = Vec::new();
        for scenario in std::iter::once("*").chain(report.scenarios.iter().map(String::as_str)) {
            let own = report.gains.iter().filter(|gain| gain.task == task.name && gain.scenario == scenario);
            let mut points = vec![(0, 0.0, None)];
            points.extend(own.filter_map(|gain| Some((gain.decile as usize, gain.cumulative_share? * 100.0, None))));
            if points.len() > 1 {
                lines.push(Series { name: words.place(scenario).to_owned(), points });
            }
        }
        if let Some((_, best, _)) = lines.first().and_then(|line| line.points.get(1)) {
            told.push(words.gains_finding(&task.name, fixed(Some(*best), 0)));
        }
        if !lines.is_empty() {
            charts.push(series(&words.gains_chart(&task.name), &names, &lines));
        }
    }
    let row = |gain: &super::super::content::GainInfo| {
        vec![
            Cell::text(words.place(&gain.scenario)),
            Cell::text(&gain.task),
            Cell::count(u64::from(gain.decile)),
            Cell::figure(Some(gain.rows)),
            Cell::figure(Some(gain.labels)),
            Cell::figure(Some(gain.predicted)),
            Cell::fixed(gain.lift, 2),
            Cell::fixed(gain.cumulative_share, 3),
            Cell::fixed(gain.cumulative_lift, 2),
        ]
    };
    let columns = [
        words.scenario(),
        words.task(),
        words.tenth(),
        words.rows(),
        words.happened(),
        words.predicted(),
        words.lift(),
        words.share_so_far(),
        words.lift_so_far(),
    ];
    Section {
        id: "gains",
        title: words.gains(),
        finding: told.join(" "),
        charts,
        tables: vec![Table {
            caption: words.tenths().into(),
            head: head(columns),
            rows: report.gains.iter().map(row).collect(),
            folded: true,
            ..Table::default()
        }],
        how: words.gains_how(),
    }
}
