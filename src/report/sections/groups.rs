//! Correlated features as one, and where the second opinion disagrees.

use super::super::block::{Cell, Section, Table, head};
use super::super::charts::{Ranged, ranged};
use super::super::content::Report;
use super::super::explained::{GroupInfo, PermutedInfo};
use super::super::format::{escape, number};

/// Groups drawn per task.
const GROUPS: usize = 12;

/// Bars of groups, each with its members behind it, and the table of the second opinion.
pub(super) fn groups(report: &Report) -> Section {
    let words = report.words();
    let mut charts = Vec::new();
    for task in &report.tasks {
        let mut own: Vec<&GroupInfo> = report.explained.groups.iter().filter(|row| row.task == task.name && row.value > 0.0).collect();
        own.sort_by(|a, b| b.value.total_cmp(&a.value).then_with(|| a.group.cmp(&b.group)));
        own.truncate(GROUPS);
        // Features that stand alone are drawn above, with their parts.
        if own.iter().all(|group| group.members.len() < 2) {
            continue;
        }
        let drawn: Vec<Ranged> = own.iter().map(|group| bar(name(group), group.value, group.low.zip(group.high))).collect();
        let mut chart = ranged(&words.groups_chart(&task.name), words.groups_about(), &[], &drawn);
        for group in own.iter().filter(|group| group.members.len() > 1) {
            chart.push_str(&members(report, &task.name, group));
        }
        charts.push(chart);
    }
    let flagged = report.explained.permutation.iter().filter(|row| row.disagrees.is_some()).count();
    let joined = report.explained.groups.iter().filter(|group| group.members.len() > 1).map(|group| &group.members);
    let joined: std::collections::BTreeSet<&Vec<String>> = joined.collect();
    let said = match joined.len() {
        0 => words.groups_none().to_owned(),
        groups => words.groups_some(groups),
    };
    let measured = report.explained.permutation.iter().filter(|row| row.metric != "auc").count();
    let tables = if report.explained.permutation.is_empty() { Vec::new() } else { vec![second(report)] };
    let finding = words.groups_finding(said, flagged, measured);
    Section { id: "groups", title: words.groups_title(), finding, charts, tables, how: words.groups_how() }
}

fn bar(name: String, value: f64, ends: Option<(f64, f64)>) -> Ranged {
    Ranged { name, parts: vec![value], value, ends }
}

fn name(group: &GroupInfo) -> String {
    match group.members.len() {
        0 | 1 => group.group.clone(),
        more => format!("{} + {}", group.group, more - 1),
    }
}

fn members(report: &Report, task: &str, group: &GroupInfo) -> String {
    let importance = |feature: &str| report.importance.iter().find(|row| row.task == task && row.scenario == "*" && row.feature == feature);
    let own: Vec<Ranged> = group
        .members
        .iter()
        .filter_map(|feature| importance(feature).map(|row| bar(feature.clone(), row.value, row.low.zip(row.high))))
        .collect();
    let words = report.words();
    let cancelled = group.cancelled.map_or_else(String::new, |cancelled| words.members_cancel(number(cancelled)));
    format!(
        "<details><summary>{}</summary><p class=\"what\">{}{cancelled}</p>{}</details>",
        escape(&words.members_of(name(group))),
        words.members_count(group.members.len()),
        ranged(&words.members_of(name(group)), words.members_about(), &[], &own)
    )
}

fn second(report: &Report) -> Table {
    let words = report.words();
    let mut rows: Vec<&PermutedInfo> =
        report.explained.permutation.iter().filter(|row| row.scenario == "*" || row.disagrees.is_some()).collect();
    rows.sort_by_key(|row| row.disagrees.is_none());
    let importance = |row: &PermutedInfo| {
        let own = report.importance.iter().find(|own| own.task == row.task && own.scenario == row.scenario && own.feature == row.feature);
        own.map(|own| own.value)
    };
    let cells = rows.iter().map(|row| {
        vec![
            Cell::text(row.disagrees.as_ref().map_or("", |disagrees| words.said(disagrees))),
            Cell::text(words.place(&row.scenario)),
            Cell::text(&row.task),
            Cell::text(&row.feature),
            Cell::text(match row.metric.as_str() {
                "auc" => words.drop_of_auc(),
                "log_loss" => words.rise_of_log_loss(),
                _ => words.rise_of_rmse(),
            }),
            Cell::figure(Some(row.value)).within(Some((row.low, row.high)), number),
            Cell::figure(importance(row)),
        ]
    });
    let columns =
        [words.disagrees(), words.scenario(), words.task(), words.feature(), words.measure(), words.value(), words.mean_contribution()];
    Table { caption: words.second_opinion().into(), head: head(columns), rows: cells.collect(), folded: true, ..Table::default() }
}
