//! Quality per cell, challengers, calibration, and the choices made on the validation night.

use super::super::charts::{Dumbbell, Heat, dumbbell, heat, reliability};
use super::super::content::{Report, TaskInfo};
use super::super::format::{count, fixed, number};
use super::super::page::{Cell, Section, Table};
use super::place;

fn main_metric(task: &TaskInfo) -> &'static str {
    if task.kind == "binary" { "auc" } else { "r2" }
}

fn value(report: &Report, learner: &str, scenario: &str, task: &str, metric: &str) -> Option<f64> {
    report.figure(learner, scenario, task, metric).and_then(|figure| figure.value)
}

/// The scenarios with "all" before them.
fn with_all(report: &Report) -> Vec<String> {
    std::iter::once("*".to_owned()).chain(report.scenarios.iter().cloned()).collect()
}

/// Heat-map and table of the figures of each cell.
pub(super) fn cells(report: &Report) -> Section {
    let learner = report.learner.as_str();
    let scenarios = with_all(report);
    let columns: Vec<String> =
        report.tasks.iter().map(|task| format!("{}\n{}", task.name, if main_metric(task) == "auc" { "AUC" } else { "R²" })).collect();
    let cells: Vec<Vec<Option<(f64, String)>>> = scenarios
        .iter()
        .map(|scenario| {
            let of = |task: &TaskInfo| {
                let found = value(report, learner, scenario, &task.name, main_metric(task))?;
                // An AUC of one half is chance; a pale box.
                let shade = if main_metric(task) == "auc" { (found - 0.5) * 2.0 } else { found };
                Some((shade, fixed(Some(found), 3)))
            };
            report.tasks.iter().map(of).collect()
        })
        .collect();
    let names: Vec<String> = scenarios.iter().map(|scenario| place(scenario).to_owned()).collect();
    let chart = heat(&Heat {
        title: "Quality per cell",
        description: "AUC of binary tasks and R² of regressions by scenario and task on the held-out night.",
        rows: &names,
        columns: &columns,
        cells: &cells,
    });
    let mean = value(report, learner, "*", "*", "auc");
    let finding = match mean {
        Some(mean) => format!("On the held-out night {} the mean AUC over the cells is {}.", report.holdout, fixed(Some(mean), 3)),
        None => format!("On the held-out night {} no cell has enough support for an AUC.", report.holdout),
    };
    Section {
        id: "cells",
        title: "Quality per cell",
        finding,
        charts: vec![chart],
        tables: vec![binary_table(report), regression_table(report)].into_iter().filter(|table| !table.rows.is_empty()).collect(),
        how: "Each box is one scenario × task on a night that the model never learned from. An AUC of 0.5 is chance, 1 is perfect order; an R² of 0 is no better than the mean. Predicted / observed compares totals: above 1 is too high. GAUC ranks within an entity; NDCG, recall and hit rate look at the k rows of an entity with the highest predictions. A chained task counts over all rows: where the task before it did not happen, it did not happen either.",
    }
}

fn binary_table(report: &Report) -> Table {
    let metrics = [
        ("AUC", "auc", 4),
        ("PR-AUC", "pr_auc", 4),
        ("log loss", "log_loss", 4),
        ("log loss of the base rate", "base_log_loss", 4),
        ("ECE", "ece", 4),
        ("pred. / obs.", "predicted_observed", 3),
        ("threshold", "threshold", 4),
        ("accuracy", "accuracy", 3),
        ("precision", "precision", 3),
        ("recall", "recall", 3),
        ("F1", "f1", 3),
        ("GAUC", "gauc", 4),
        ("NDCG@k", "ndcg_at_k", 3),
        ("recall@k", "recall_at_k", 3),
        ("hit@k", "hit_at_k", 3),
        ("MRR", "mrr", 3),
    ];
    let mut head: Vec<String> = ["scenario", "task", "rows", "positives", "base rate"].iter().map(|name| (*name).to_owned()).collect();
    head.extend(metrics.iter().map(|(name, ..)| (*name).to_owned()));
    let rows = rows(report, Kind::Binary, |scenario, task| {
        metrics.iter().map(|(_, metric, digits)| Cell::number(ranged(report, scenario, task, metric, *digits))).collect()
    });
    Table { caption: "Binary tasks: every figure".into(), what: RANGES.into(), head, rows, ..Table::default() }
}

fn regression_table(report: &Report) -> Table {
    let metrics = [
        ("RMSE", "rmse"),
        ("RMSE of the mean", "base_rmse"),
        ("MAE", "mae"),
        ("R²", "r2"),
        ("Gini", "gini"),
        ("pred. / obs.", "predicted_observed"),
    ];
    let mut head: Vec<String> = ["scenario", "task", "rows", "above 0", "mean"].iter().map(|name| (*name).to_owned()).collect();
    head.extend(metrics.iter().map(|(name, _)| (*name).to_owned()));
    let rows = rows(report, Kind::Amount, |scenario, task| {
        metrics.iter().map(|(_, metric)| Cell::number(ranged(report, scenario, task, metric, 4))).collect()
    });
    Table { caption: "Amounts: every figure".into(), what: RANGES.into(), head, rows, ..Table::default() }
}

/// What the brackets of a table of figures hold.
const RANGES: &str = "In brackets the 95 % interval, by resampling entities.";

/// A figure with its interval behind it.
fn ranged(report: &Report, scenario: &str, task: &str, metric: &str, digits: usize) -> String {
    let Some(figure) = report.figure(&report.learner, scenario, task, metric) else { return fixed(None, digits) };
    let value = fixed(figure.value, digits);
    match (figure.value, figure.low, figure.high) {
        (Some(_), Some(low), Some(high)) => format!("{value} [{}, {}]", fixed(Some(low), digits), fixed(Some(high), digits)),
        _ => value,
    }
}

/// Tasks that share a table.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Binary,
    Amount,
}

fn rows(report: &Report, kind: Kind, figures: impl Fn(&str, &str) -> Vec<Cell>) -> Vec<Vec<Cell>> {
    let mut rows = Vec::new();
    for task in report.tasks.iter().filter(|task| (task.kind == "binary") == (kind == Kind::Binary)) {
        for scenario in with_all(report) {
            let Some(base) = report.figure(&report.learner, &scenario, &task.name, "base_rate") else { continue };
            let mut row = vec![
                Cell::text(place(&scenario)),
                Cell::text(&task.name),
                Cell::number(count(base.n)),
                Cell::number(count(base.positives)),
            ];
            match &base.note {
                Some(note) => row.push(Cell::text(note)),
                None => row.push(Cell::number(fixed(base.value, 4))),
            }
            row.extend(figures(&scenario, &task.name));
            rows.push(row);
        }
    }
    rows
}

/// The published learner beside its challengers.
pub(super) fn challengers(report: &Report) -> Section {
    let learners = report.learners();
    if learners.len() < 2 {
        return Section::default();
    }
    let mut drawn = Vec::new();
    let mut rows = Vec::new();
    for task in &report.tasks {
        for scenario in with_all(report) {
            let values: Vec<Option<f64>> =
                learners.iter().map(|learner| value(report, learner, &scenario, &task.name, main_metric(task))).collect();
            let mut row = vec![Cell::text(&task.name), Cell::text(place(&scenario)), Cell::text(main_metric(task))];
            row.extend(values.iter().map(|value| Cell::number(fixed(*value, 4))));
            rows.push(row);
            if task.kind == "binary" {
                drawn.push((format!("{} · {}", task.name, place(&scenario)), values));
            }
        }
    }
    let best = |learner: &str| value(report, learner, "*", "*", "auc");
    let finding = match (
        best(learners[0]),
        learners[1..].iter().filter_map(|learner| Some((best(learner)?, *learner))).max_by(|a, b| a.0.total_cmp(&b.0)),
    ) {
        (Some(own), Some((other, name))) if other > own => format!(
            "{name} ranks better than the published {} on average: mean AUC {} against {}.",
            learners[0],
            fixed(Some(other), 4),
            fixed(Some(own), 4)
        ),
        (Some(own), Some((other, name))) => format!(
            "No challenger ranks better on average: mean AUC {} for {}, {} for {name}.",
            fixed(Some(own), 4),
            learners[0],
            fixed(Some(other), 4)
        ),
        _ => "There is no cell on which the learners can be compared.".into(),
    };
    let mut head: Vec<String> = vec!["task".into(), "scenario".into(), "metric".into()];
    head.extend(learners.iter().map(|learner| (*learner).to_owned()));
    Section {
        id: "challengers",
        title: "Challengers",
        finding,
        charts: vec![dumbbell(&Dumbbell {
            title: "AUC of each learner",
            description: "AUC per cell on the held-out night, one mark per learner.",
            legend: &learners,
            rows: &drawn,
        })],
        tables: vec![Table { caption: "Every learner in every cell".into(), head, rows, folded: true, ..Table::default() }],
        how: "All learners saw the same rows and were measured on the same held-out night. The first mark is the learner whose scores are published; its value stands at the right.",
    }
}

/// Small multiples of reliability.
pub(super) fn calibration(report: &Report) -> Section {
    let mut charts = Vec::new();
    let mut worst: Option<(f64, String)> = None;
    for task in report.tasks.iter().filter(|task| task.kind == "binary") {
        for scenario in with_all(report) {
            let name = format!("{} · {}", task.name, place(&scenario));
            if let Some(ece) = value(report, &report.learner, &scenario, &task.name, "ece")
                && scenario != "*"
                && worst.as_ref().is_none_or(|(most, _)| ece > *most)
            {
                worst = Some((ece, name.clone()));
            }
            let supported = value(report, &report.learner, &scenario, &task.name, "auc").is_some();
            let bins: Vec<_> = report.reliability.iter().filter(|bin| bin.task == task.name && bin.scenario == scenario).collect();
            if supported && !bins.is_empty() {
                charts.push(reliability(&name, &bins));
            }
        }
    }
    let finding = worst.map_or_else(
        || "No cell has enough support to judge its calibration.".into(),
        |(ece, name)| format!("The largest calibration error of a cell is {} ({name}).", fixed(Some(ece), 4)),
    );
    Section {
        id: "calibration",
        title: "Calibration",
        finding,
        charts,
        tables: Vec::new(),
        how: "Ten bins of equal size by prediction. A point on the line means that as many positives happened as were predicted; the upright is the 95 % interval of the observed share. The bins are in calibration.parquet.",
    }
}

/// What was tried on the validation night.
pub(super) fn choices(report: &Report) -> Section {
    let rows: Vec<Vec<Cell>> = report
        .training
        .iter()
        .map(|trial| {
            vec![
                Cell::text(&trial.learner),
                Cell::long(&trial.setting),
                Cell::number(fixed(Some(trial.loss), 5)),
                Cell::text(if trial.chosen { "chosen" } else { "" }),
            ]
        })
        .collect();
    let snapshots: Vec<Vec<Cell>> = report
        .snapshots
        .iter()
        .map(|snapshot| vec![Cell::text(&snapshot.as_of), Cell::text(&snapshot.split), Cell::number(count(snapshot.rows))])
        .collect();
    let learned: u64 = report
        .snapshots
        .iter()
        .filter(|snapshot| ["train", "gap", "valid"].contains(&snapshot.split.as_str()))
        .map(|snapshot| snapshot.rows)
        .sum();
    Section {
        id: "choices",
        title: "Snapshots and choices",
        finding: format!(
            "The published model learned from {} rows of {} snapshots.",
            number(learned as f64),
            report.snapshots.iter().filter(|snapshot| ["train", "gap", "valid"].contains(&snapshot.split.as_str())).count()
        ),
        charts: Vec::new(),
        tables: vec![
            Table {
                caption: "Snapshots".into(),
                head: vec!["as of".into(), "use".into(), "rows".into()],
                rows: snapshots,
                ..Table::default()
            },
            Table {
                caption: "What was tried on the validation night".into(),
                head: vec!["learner".into(), "setting".into(), "loss".into(), String::new()],
                rows,
                folded: true,
                ..Table::default()
            },
        ],
        how: "Choices are made on the validation night, which lies as far from its training snapshots as tonight lies from the newest labelled one; then the model is fitted again on train, gap and valid. The loss is the mean over the cells of 1 − R² on the learner's own scale.",
    }
}
