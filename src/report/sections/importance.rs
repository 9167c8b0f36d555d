//! What the model relies on, and how.

use super::super::charts::{Heat, Ranged, heat, ranged};
use super::super::content::{ImportanceInfo, Report};
use super::super::format::{maybe, number, short};
use super::super::page::{Cell, Section, Table};

/// Importance of a cell, the largest first; equal ones by name.
pub(super) fn of_task<'a>(report: &'a Report, task: &str, scenario: &str) -> Vec<&'a ImportanceInfo> {
    let mut rows: Vec<_> = report.importance.iter().filter(|row| row.task == task && row.scenario == scenario).collect();
    rows.sort_by(|a, b| b.value.total_cmp(&a.value).then_with(|| a.feature.cmp(&b.feature)));
    rows
}

/// Bars per task, and a heat-map of the leading features in every cell.
pub(super) fn importance(report: &Report) -> Section {
    if report.importance.is_empty() {
        return Section::default();
    }
    let mut charts = Vec::new();
    for task in &report.tasks {
        let top: Vec<Ranged> = of_task(report, &task.name, "*")
            .into_iter()
            .take(report.top_features)
            .filter(|row| row.value > 0.0)
            .map(|row| Ranged {
                name: row.feature.clone(),
                parts: vec![row.shared, row.scenario_part, row.task_part],
                value: row.value,
                ends: row.low.zip(row.high),
            })
            .collect();
        let description = format!(
            "{}: mean size of each feature's contribution, split into shared, scenario and task parts, with a 95 % interval.",
            task.name
        );
        charts.push(ranged(&format!("What {} relies on", task.name), &description, &["shared", "scenario", "task"], &top));
    }
    charts.push(cell_map(report));
    let lead = report.tasks.first().and_then(|task| Some((task, of_task(report, &task.name, "*").first().copied()?)));
    let finding = lead.map_or_else(String::new, |(task, row)| {
        format!(
            "For {} the model relies most on {}. Contributions add up to the raw output within {}.",
            task.name,
            row.feature,
            maybe(report.residual)
        )
    });
    Section {
        id: "importance",
        title: "What the model relies on",
        finding,
        charts,
        tables: vec![table(report)],
        how: "One chart per task, in the order of the tasks. A bar is the mean size of the feature's exact contribution to the raw output on the held-out night, its whisker the 95 % interval had other entities come (the noise of learning is not in it); its colours share it between what all scenarios and tasks have in common, what belongs to the scenario and what belongs to the task. The map shows each feature's share within its cell. To rely on a feature is not to be caused by it; a chained task is explained given that the task before it happened.",
    }
}

fn cell_map(report: &Report) -> String {
    let cells: Vec<(String, String)> =
        report.tasks.iter().flat_map(|task| report.scenarios.iter().map(move |scenario| (task.name.clone(), scenario.clone()))).collect();
    let share = |task: &str, scenario: &str, feature: &str| {
        let rows: Vec<_> = report.importance.iter().filter(|row| row.task == task && row.scenario == scenario).collect();
        let sum: f64 = rows.iter().map(|row| row.value).sum();
        rows.iter().find(|row| row.feature == feature).filter(|_| sum > 0.0).map(|row| row.value / sum)
    };
    let mut features: Vec<String> = Vec::new();
    for task in &report.tasks {
        for row in of_task(report, &task.name, "*").into_iter().take(8) {
            if !features.contains(&row.feature) && row.value > 0.0 {
                features.push(row.feature.clone());
            }
        }
    }
    features.truncate(20);
    let columns: Vec<String> = cells.iter().map(|(task, scenario)| format!("{}\n{}", short(task, 12), short(scenario, 13))).collect();
    let values: Vec<Vec<Option<(f64, String)>>> = features
        .iter()
        .map(|feature| {
            cells
                .iter()
                .map(|(task, scenario)| {
                    share(task, scenario, feature).map(|share| ((share * 4.0).min(1.0), format!("{:.1} %", share * 100.0)))
                })
                .collect()
        })
        .collect();
    heat(&Heat {
        title: "Share of each feature in every cell",
        description: "The feature's mean |contribution| as a share of all features' in the same scenario and task.",
        rows: &features,
        columns: &columns,
        cells: &values,
    })
}

fn table(report: &Report) -> Table {
    let mut rows = Vec::new();
    for task in &report.tasks {
        for row in of_task(report, &task.name, "*").into_iter().take(report.top_features) {
            let definition = report
                .features
                .iter()
                .find(|feature| feature.name == row.feature)
                .and_then(|feature| feature.definition.clone())
                .unwrap_or_default();
            let direction = match row.direction {
                Some(direction) if direction > 0.3 => "rises",
                Some(direction) if direction < -0.3 => "falls",
                Some(_) => "mixed",
                None => "",
            };
            rows.push(vec![
                Cell::text(&task.name),
                Cell::text(&row.feature),
                Cell::number(number(row.value)),
                Cell::number(maybe(row.low)),
                Cell::number(maybe(row.high)),
                Cell::number(number(row.shared)),
                Cell::number(number(row.scenario_part)),
                Cell::number(number(row.task_part)),
                Cell::number(maybe(row.permutation)),
                Cell::text(direction),
                Cell::long(definition),
            ]);
        }
    }
    let head = [
        "task",
        "feature",
        "mean |contribution|",
        "from",
        "to",
        "shared",
        "scenario",
        "task",
        "by permutation",
        "with its value",
        "definition",
    ];
    Table {
        caption: "Leading features of each task".into(),
        head: head.iter().map(|name| (*name).to_owned()).collect(),
        rows,
        folded: true,
        ..Table::default()
    }
}
