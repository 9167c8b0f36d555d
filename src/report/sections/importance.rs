//! What the model relies on, and how.

use super::super::block::{Cell, Section, Table, head};
use super::super::charts::{Heat, Ranged, heat, ranged};
use super::super::content::{ImportanceInfo, Report};
use super::super::format::{maybe, number, short};

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
    let words = report.words();
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
        let legend = [words.shared(), words.scenario(), words.task()];
        charts.push(ranged(&words.relies_task(&task.name), &words.relies_about(&task.name), &legend, &top));
    }
    charts.push(cell_map(report));
    let lead = report.tasks.first().and_then(|task| Some((task, of_task(report, &task.name, "*").first().copied()?)));
    let finding = lead.map_or_else(String::new, |(task, row)| words.relies_finding(&task.name, &row.feature, maybe(report.residual)));
    Section { id: "importance", title: words.relies(), finding, charts, tables: vec![table(report)], how: words.relies_how() }
}

fn cell_map(report: &Report) -> String {
    let cells: Vec<(String, String)> =
        report.tasks.iter().flat_map(|task| report.scenarios.iter().map(move |scenario| (task.name.clone(), scenario.clone()))).collect();
    let percent = |task: &str, scenario: &str, feature: &str| {
        let own = |row: &&ImportanceInfo| row.task == task && row.scenario == scenario && row.feature == feature;
        report.importance.iter().find(own).map(|row| row.percent)
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
                    percent(task, scenario, feature).map(|percent| ((percent / 25.0).min(1.0), format!("{percent:.1} %")))
                })
                .collect()
        })
        .collect();
    heat(&Heat {
        title: report.words().relies_map(),
        description: report.words().relies_map_about(),
        rows: &features,
        columns: &columns,
        cells: &values,
    })
}

fn table(report: &Report) -> Table {
    let words = report.words();
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
                Some(direction) if direction > 0.3 => words.rises(),
                Some(direction) if direction < -0.3 => words.falls(),
                Some(_) => words.mixed(),
                None => "",
            };
            rows.push(vec![
                Cell::text(&task.name),
                Cell::text(&row.feature),
                Cell::figure(Some(row.value)).within(row.low.zip(row.high), number),
                Cell::figure(Some(row.shared)),
                Cell::figure(Some(row.scenario_part)),
                Cell::figure(Some(row.task_part)),
                Cell::figure(row.permutation),
                Cell::text(direction),
                Cell::long(definition),
            ]);
        }
    }
    let columns = [
        words.task(),
        words.feature(),
        words.mean_contribution(),
        words.shared(),
        words.scenario(),
        words.task(),
        words.by_permutation(),
        words.with_its_value(),
        words.definition(),
    ];
    Table { caption: words.leading_features().into(), head: head(columns), rows, folded: true, ..Table::default() }
}
