//! What the model relies on tonight and did not in the run before.

use super::super::block::{Cell, Section, Table, head};
use super::super::charts::{Heat, Series, series, titled_heat};
use super::super::content::Report;
use super::super::explained::ImportanceChangeInfo;
use super::super::format::fixed;
use super::importance::of_task;

/// Features whose history is drawn, per task.
const LINES: usize = 4;
/// Changes that are listed.
const LISTED: usize = 60;

/// Changes of importance beyond chance, how much of each ranking holds, and the nights before.
pub(super) fn since(report: &Report) -> Section {
    let (Some(before), false) = (&report.compared_with, report.explained.agreements.is_empty()) else { return Section::default() };
    let words = report.words();
    let mut charts = vec![agreement(report)];
    charts.extend(report.tasks.iter().filter_map(|task| history(report, &task.name)));
    Section {
        id: "importance-since",
        title: words.importance_since(),
        finding: finding(report, before),
        charts,
        tables: if report.explained.changes.is_empty() { Vec::new() } else { vec![changes(report)] },
        how: words.importance_since_how(),
    }
}

fn finding(report: &Report, before: &str) -> String {
    let words = report.words();
    let of = |what: &str| report.explained.changes.iter().filter(|change| change.what == what).count();
    let lowest = report.explained.agreements.iter().filter_map(|row| Some((row.ndcg?, row))).min_by(|a, b| a.0.total_cmp(&b.0));
    let cell =
        lowest.map_or_else(String::new, |(ndcg, row)| words.ranking_moved(&row.task, words.place(&row.scenario), fixed(Some(ndcg), 3)));
    let all = words.importance_since_finding(before, of("rose"), of("fell"), report.explained.compared, of("new"), of("gone"));
    format!("{all}{cell}")
}

fn agreement(report: &Report) -> String {
    let scenarios: Vec<&str> = std::iter::once("*").chain(report.scenarios.iter().map(String::as_str)).collect();
    let rows: Vec<String> = scenarios.iter().map(|name| report.words().place(name).to_owned()).collect();
    let columns: Vec<String> = report.tasks.iter().map(|task| task.name.clone()).collect();
    let value = |scenario: &str, task: &str| {
        let found = report.explained.agreements.iter().find(|row| row.scenario == scenario && row.task == task);
        found.and_then(|row| row.ndcg).map(|ndcg| (((ndcg - 0.5) * 2.0).clamp(0.0, 1.0), fixed(Some(ndcg), 3)))
    };
    let cells: Vec<Vec<Option<(f64, String)>>> =
        scenarios.iter().map(|scenario| report.tasks.iter().map(|task| value(scenario, &task.name)).collect()).collect();
    titled_heat(&Heat {
        title: report.words().agreement_chart(),
        description: report.words().agreement_about(),
        rows: &rows,
        columns: &columns,
        cells: &cells,
    })
}

/// Importance of tonight's leading features over the nights; `None` with fewer than two nights.
fn history(report: &Report, task: &str) -> Option<String> {
    let past = || report.explained.history.iter().filter(move |row| row.task == task);
    let mut nights: Vec<String> = Vec::new();
    for row in past() {
        if !nights.contains(&row.as_of) {
            nights.push(row.as_of.clone());
        }
    }
    // A night that ran twice, each time beside another run, is one point: the later of them.
    nights.retain(|night| *night != report.as_of);
    nights.push(report.as_of.clone());
    let lines: Vec<Series> = of_task(report, task, "*")
        .into_iter()
        .filter(|row| row.value > 0.0)
        .take(LINES)
        .map(|row| {
            let at = |night: &String| past().rfind(|past| past.feature == row.feature && past.as_of == *night);
            let before = nights.iter().enumerate().take(nights.len() - 1);
            let mut points: Vec<_> = before.filter_map(|(place, night)| Some((place, at(night)?.value, None))).collect();
            points.push((nights.len() - 1, row.value, row.low.zip(row.high)));
            Series { name: row.feature.clone(), points }
        })
        .collect();
    (nights.len() > 1).then(|| series(&report.words().importance_nights(task), &nights, &lines))
}

fn changes(report: &Report) -> Table {
    let words = report.words();
    let mut rows: Vec<&ImportanceChangeInfo> = report.explained.changes.iter().collect();
    let size = |row: &ImportanceChangeInfo| row.z.map_or(f64::INFINITY, f64::abs);
    rows.sort_by(|a, b| size(b).total_cmp(&size(a)));
    let rank = |rank: Option<usize>| rank.map_or_else(|| Cell::number("–"), |rank| Cell::count(rank as u64));
    let cells = rows.into_iter().take(LISTED).map(|row| {
        vec![
            Cell::text(words.said(&row.what)),
            Cell::text(words.place(&row.scenario)),
            Cell::text(&row.task),
            Cell::text(&row.feature),
            Cell::figure(row.then),
            Cell::figure(row.now),
            rank(row.rank_then),
            rank(row.rank_now),
            Cell::fixed(row.z, 1),
        ]
    });
    let columns = [
        words.change(),
        words.scenario(),
        words.task(),
        words.feature(),
        words.then(),
        words.now(),
        words.rank_then(),
        words.rank_now(),
        words.standard_errors(),
    ];
    Table { caption: words.importance_changes().into(), head: head(columns), rows: cells.collect(), folded: true, ..Table::default() }
}
