//! Correlated features as one, and where the second opinion disagrees.

use super::super::charts::{Ranged, ranged};
use super::super::content::Report;
use super::super::explained::{GroupInfo, PermutedInfo};
use super::super::format::{escape, maybe, number};
use super::super::page::{Cell, Section, Table};
use super::place;

/// Groups drawn per task.
const GROUPS: usize = 12;

/// Bars of groups, each with its members behind it, and the table of the second opinion.
pub(super) fn groups(report: &Report) -> Section {
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
        let title = format!("What {} relies on, correlated features as one", task.name);
        let mut chart = ranged(&title, "Mean size of what the members contribute together, with a 95 % interval.", &[], &drawn);
        for group in own.iter().filter(|group| group.members.len() > 1) {
            chart.push_str(&members(report, &task.name, group));
        }
        charts.push(chart);
    }
    let flagged = report.explained.permutation.iter().filter(|row| row.disagrees.is_some()).count();
    let joined = report.explained.groups.iter().filter(|group| group.members.len() > 1).map(|group| &group.members);
    let joined: std::collections::BTreeSet<&Vec<String>> = joined.collect();
    let said = match joined.len() {
        0 => "No features say nearly the same".to_owned(),
        groups => format!("{groups} groups of features say nearly the same"),
    };
    let measured = report.explained.permutation.iter().filter(|row| row.metric != "auc").count();
    let tables = if report.explained.permutation.is_empty() { Vec::new() } else { vec![second(report)] };
    Section {
        id: "groups",
        title: "Groups and the second opinion",
        finding: format!("{said}; contributions and permutation disagree on {flagged} of {measured} figures."),
        charts,
        tables,
        how: "Two features that say the same share what the model relies on, in halves or by chance: their group holds all of it. Groups are features whose ranks go together (|Spearman| 0.7 and more on average, or as much between categories). Open a group to see its members. The second opinion deals a feature's values anew among the rows of a scenario and measures how much worse the calibrated predictions are: a drop of AUC, a rise of log loss or of the error of an amount; of a chained task on rows where the task before it happened, as for contributions. “Relied on, not needed”: the model moves its output by the feature and is as good without it, because another says the same or what it moves is noise. “Needed, little moved”: much depends on small moves.",
    }
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
    let title = format!("Members of {}", name(group));
    let cancelled = group
        .cancelled
        .map_or_else(String::new, |cancelled| format!(" Their own importances add up to {} times that of the group.", number(cancelled)));
    format!(
        "<details><summary>{}</summary><p class=\"what\">{} features.{cancelled}</p>{}</details>",
        escape(&title),
        group.members.len(),
        ranged(&title, "Mean size of each member's own contribution, with a 95 % interval.", &[], &own)
    )
}

fn second(report: &Report) -> Table {
    let mut rows: Vec<&PermutedInfo> =
        report.explained.permutation.iter().filter(|row| row.scenario == "*" || row.disagrees.is_some()).collect();
    rows.sort_by_key(|row| row.disagrees.is_none());
    let importance = |row: &PermutedInfo| {
        let own = report.importance.iter().find(|own| own.task == row.task && own.scenario == row.scenario && own.feature == row.feature);
        own.map(|own| own.value)
    };
    let cells = rows.iter().map(|row| {
        vec![
            Cell::text(row.disagrees.clone().unwrap_or_default()),
            Cell::text(place(&row.scenario)),
            Cell::text(&row.task),
            Cell::text(&row.feature),
            Cell::text(match row.metric.as_str() {
                "auc" => "drop of AUC",
                "log_loss" => "rise of log loss",
                _ => "rise of RMSE",
            }),
            Cell::number(number(row.value)),
            Cell::number(number(row.low)),
            Cell::number(number(row.high)),
            Cell::number(maybe(importance(row))),
        ]
    });
    let head = ["disagrees", "scenario", "task", "feature", "measure", "value", "from", "to", "mean |contribution|"];
    Table {
        caption: "The second opinion, disagreements first".into(),
        head: head.iter().map(|name| (*name).to_owned()).collect(),
        rows: cells.collect(),
        folded: true,
        ..Table::default()
    }
}
