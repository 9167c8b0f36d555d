//! What the model relies on, and how.

use super::super::charts::{Bar, Curve, Heat, bars, curve, heat};
use super::super::content::{ImportanceInfo, Report};
use super::super::format::{number, short};
use super::super::page::{Cell, Section, Table};

/// Curves shown per task.
const CURVES: usize = 4;

fn of_task<'a>(report: &'a Report, task: &str, scenario: &str) -> Vec<&'a ImportanceInfo> {
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
        let top: Vec<Bar> = of_task(report, &task.name, "*")
            .into_iter()
            .take(report.top_features)
            .filter(|row| row.value > 0.0)
            .map(|row| Bar { name: row.feature.clone(), parts: vec![row.shared, row.scenario_part, row.task_part], value: row.value })
            .collect();
        let title = format!("What {} relies on", task.name);
        charts.push(
            bars(
                &title,
                "Mean size of each feature's contribution, split into shared, scenario and task parts.",
                &["shared", "scenario", "task"],
                &top,
            )
            .replacen("<desc>", &format!("<desc>{}: ", super::super::format::escape(&task.name)), 1),
        );
    }
    charts.push(cell_map(report));
    let lead = report.tasks.first().and_then(|task| Some((task, of_task(report, &task.name, "*").first().copied()?)));
    let finding = lead.map_or_else(String::new, |(task, row)| {
        format!(
            "For {} the model relies most on {}. Contributions add up to the raw output within {}.",
            task.name,
            row.feature,
            report.residual.map_or_else(|| "–".into(), number)
        )
    });
    Section {
        id: "importance",
        title: "What the model relies on",
        finding,
        charts,
        tables: vec![table(report)],
        how: "One chart per task, in the order of the tasks. A bar is the mean size of the feature's exact contribution to the raw output on the held-out night; its colours share it between what all scenarios and tasks have in common, what belongs to the scenario and what belongs to the task. The map shows each feature's share within its cell. To rely on a feature is not to be caused by it; a chained task is explained given that the task before it happened.",
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
                Cell::number(number(row.shared)),
                Cell::number(number(row.scenario_part)),
                Cell::number(number(row.task_part)),
                Cell::text(direction),
                Cell::long(definition),
            ]);
        }
    }
    let head = ["task", "feature", "mean |contribution|", "shared", "scenario", "task", "with its value", "definition"];
    Table {
        caption: "Leading features of each task".into(),
        head: head.iter().map(|name| (*name).to_owned()).collect(),
        rows,
        folded: true,
        ..Table::default()
    }
}

/// Curves of the leading features of each task.
pub(super) fn effects(report: &Report) -> Section {
    let mut charts = Vec::new();
    for task in &report.tasks {
        let mut features: Vec<&str> = Vec::new();
        for effect in report.effects.iter().filter(|effect| effect.task == task.name) {
            if !features.contains(&effect.feature.as_str()) {
                features.push(&effect.feature);
            }
        }
        for feature in features.into_iter().take(CURVES) {
            charts.push(one(report, &task.name, feature));
        }
    }
    Section {
        id: "effects",
        title: "Effects",
        finding: format!("How the leading {CURVES} features of each task move its raw output."),
        charts,
        tables: Vec::new(),
        how: "The mean contribution of the rows in each bin: training quantiles of a number, entries of a category. The bold line is all scenarios. Above the grey line a value raises the prediction, below it lowers it. The bins of more features are in effects.parquet.",
    }
}

fn one(report: &Report, task: &str, feature: &str) -> String {
    let own = || report.effects.iter().filter(move |effect| effect.task == task && effect.feature == feature);
    let mut bins: Vec<String> = Vec::new();
    for effect in own().filter(|effect| effect.scenario == "*") {
        bins.push(effect.label.clone());
    }
    let lines: Vec<Curve> = std::iter::once("*".to_owned())
        .chain(report.scenarios.iter().take(5).cloned())
        .map(|scenario| {
            let points = own()
                .filter(|effect| effect.scenario == scenario)
                .filter_map(|effect| Some((bins.iter().position(|bin| *bin == effect.label)?, effect.contribution)))
                .collect();
            Curve { name: if scenario == "*" { "all".into() } else { scenario }, points }
        })
        .collect();
    curve(&format!("{task} · {feature}"), &bins, &lines)
}
