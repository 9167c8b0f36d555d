//! Quality per cell, challengers, calibration, and the choices made on the validation night.

use super::super::block::{Cell, Section, Table, head};
use super::super::charts::{Dumbbell, Heat, dumbbell, heat, reliability};
use super::super::content::{Report, TaskInfo};
use super::super::format::{count, fixed};
use super::super::words::Language;

fn main_metric(task: &TaskInfo) -> &'static str {
    if task.kind == "binary" { "auc" } else { "r2" }
}

fn main_name(words: Language, task: &TaskInfo) -> &'static str {
    if task.kind == "binary" { words.auc() } else { words.r_squared() }
}

fn value(report: &Report, learner: &str, scenario: &str, task: &str, metric: &str) -> Option<f64> {
    report.figure(learner, scenario, task, metric).and_then(|figure| figure.value)
}

/// The scenarios with "all" before them.
fn with_all(report: &Report) -> Vec<String> {
    std::iter::once("*".to_owned()).chain(report.scenarios.iter().cloned()).collect()
}

/// Heat-map and tables of the figures of each cell.
pub(super) fn cells(report: &Report) -> Section {
    let words = report.words();
    let mean = value(report, &report.learner, "*", "*", "auc");
    let tables = [ranking_table(report), threshold_table(report), lists_table(report), amounts_table(report)];
    Section {
        id: "cells",
        title: words.cells(),
        finding: match mean {
            Some(mean) => match report.folds {
                Some(folds) => words.cells_finding_folds(folds, fixed(Some(mean), 3)),
                None => words.cells_finding(&report.holdout, fixed(Some(mean), 3)),
            },
            None => report.folds.map_or_else(|| words.cells_thin(&report.holdout), |folds| words.cells_thin_folds(folds)),
        },
        charts: vec![cell_map(report)],
        tables: tables.into_iter().filter(|table| !table.rows.is_empty()).collect(),
        how: words.cells_how(),
    }
}

fn cell_map(report: &Report) -> String {
    let words = report.words();
    let scenarios = with_all(report);
    let columns: Vec<String> = report.tasks.iter().map(|task| format!("{}\n{}", task.name, main_name(words, task))).collect();
    let box_of = |scenario: &str, task: &TaskInfo| {
        let found = value(report, &report.learner, scenario, &task.name, main_metric(task))?;
        // An AUC of one half is chance; a pale box.
        let shade = if main_metric(task) == "auc" { (found - 0.5) * 2.0 } else { found };
        Some((shade, fixed(Some(found), 3)))
    };
    let cells: Vec<Vec<Option<(f64, String)>>> =
        scenarios.iter().map(|scenario| report.tasks.iter().map(|task| box_of(scenario, task)).collect()).collect();
    heat(&Heat {
        title: words.cells(),
        description: words.cells_about(),
        rows: &scenarios.iter().map(|scenario| words.place(scenario).to_owned()).collect::<Vec<_>>(),
        columns: &columns,
        cells: &cells,
    })
}

/// A column of figures: its name, its metric, its decimals.
type Column = (&'static str, &'static str, usize);

fn ranking_table(report: &Report) -> Table {
    let words = report.words();
    let columns: [Column; 6] = [
        (words.auc(), "auc", 4),
        (words.pr_auc(), "pr_auc", 4),
        (words.log_loss(), "log_loss", 4),
        (words.base_log_loss(), "base_log_loss", 4),
        (words.calibration_error(), "ece", 4),
        (words.predicted_observed(), "predicted_observed", 3),
    ];
    let support = [words.rows(), words.positives(), words.base_rate()];
    table(report, "ranking", words.ranking_table(), Kind::Binary, Some(support), &columns)
}

fn threshold_table(report: &Report) -> Table {
    let words = report.words();
    let columns: [Column; 5] = [
        (words.threshold(), "threshold", 4),
        (words.accuracy(), "accuracy", 3),
        (words.precision(), "precision", 3),
        (words.recall(), "recall", 3),
        (words.f_one(), "f1", 3),
    ];
    Table { folded: true, ..table(report, "threshold", words.threshold_table(), Kind::Binary, None, &columns) }
}

fn lists_table(report: &Report) -> Table {
    let words = report.words();
    let columns: [Column; 5] = [
        (words.gauc(), "gauc", 4),
        (words.ndcg_at_k(), "ndcg_at_k", 3),
        (words.recall_at_k(), "recall_at_k", 3),
        (words.hit_at_k(), "hit_at_k", 3),
        (words.mrr(), "mrr", 3),
    ];
    Table { folded: true, ..table(report, "lists", words.lists_table(), Kind::Binary, None, &columns) }
}

fn amounts_table(report: &Report) -> Table {
    let words = report.words();
    let columns: [Column; 6] = [
        (words.rmse(), "rmse", 4),
        (words.base_rmse(), "base_rmse", 4),
        (words.mae(), "mae", 4),
        (words.r_squared(), "r2", 4),
        (words.gini(), "gini", 4),
        (words.predicted_observed(), "predicted_observed", 4),
    ];
    let support = [words.rows(), words.above_zero(), words.mean()];
    table(report, "amounts", words.amounts_table(), Kind::Amount, Some(support), &columns)
}

/// Tasks that share a table.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Binary,
    Amount,
}

/// A row per cell: its support where it is asked for, then a figure per column with its interval.
fn table(report: &Report, name: &str, caption: &str, kind: Kind, support: Option<[&str; 3]>, columns: &[Column]) -> Table {
    let words = report.words();
    let mut names = head([words.scenario(), words.task()]);
    names.extend(support.iter().flatten().chain(columns.iter().map(|(name, ..)| name)).map(|name| (*name).to_owned()));
    let mut rows = Vec::new();
    for task in report.tasks.iter().filter(|task| (task.kind == "binary") == (kind == Kind::Binary)) {
        for scenario in with_all(report) {
            let Some(base) = report.figure(&report.learner, &scenario, &task.name, "base_rate") else { continue };
            let mut row = vec![Cell::text(words.place(&scenario)), Cell::text(&task.name)];
            if support.is_some() {
                row.extend([Cell::count(base.n), Cell::count(base.positives)]);
                row.push(base.note.as_ref().map_or_else(|| Cell::fixed(base.value, 4), |note| Cell::text(words.said(note))));
            }
            row.extend(columns.iter().map(|(_, metric, digits)| ranged(report, &scenario, &task.name, metric, *digits)));
            rows.push(row);
        }
    }
    Table { name: name.into(), caption: caption.into(), what: words.ranges().into(), head: names, rows, ..Table::default() }
}

/// A figure with its interval.
fn ranged(report: &Report, scenario: &str, task: &str, metric: &str, digits: usize) -> Cell {
    let figure = report.figure(&report.learner, scenario, task, metric);
    let ends = figure.and_then(|figure| figure.value.and(figure.low.zip(figure.high)));
    Cell::fixed(figure.and_then(|figure| figure.value), digits).within(ends, |end| fixed(Some(end), digits))
}

/// The published learner beside its challengers.
pub(super) fn challengers(report: &Report) -> Section {
    let words = report.words();
    let learners = report.learners();
    if learners.len() < 2 {
        return Section::default();
    }
    let mut drawn = Vec::new();
    let mut rows = Vec::new();
    for task in &report.tasks {
        for scenario in with_all(report) {
            let of = |learner: &&str| value(report, learner, &scenario, &task.name, main_metric(task));
            let values: Vec<Option<f64>> = learners.iter().map(of).collect();
            let mut row = vec![Cell::text(&task.name), Cell::text(words.place(&scenario)), Cell::text(main_name(words, task))];
            row.extend(values.iter().map(|value| Cell::fixed(*value, 4)));
            rows.push(row);
            if task.kind == "binary" {
                drawn.push((format!("{} · {}", task.name, words.place(&scenario)), values));
            }
        }
    }
    let mut columns = head([words.task(), words.scenario(), words.metric()]);
    columns.extend(learners.iter().map(|learner| (*learner).to_owned()));
    Section {
        id: "challengers",
        title: words.challengers(),
        finding: challengers_finding(report, &learners),
        charts: vec![dumbbell(&Dumbbell {
            title: words.challengers_chart(),
            description: words.challengers_about(),
            legend: &learners,
            rows: &drawn,
        })],
        tables: vec![Table { caption: words.challengers_table().into(), head: columns, rows, folded: true, ..Table::default() }],
        how: words.challengers_how(),
    }
}

fn challengers_finding(report: &Report, learners: &[&str]) -> String {
    let words = report.words();
    let mean = |learner: &str| value(report, learner, "*", "*", "auc");
    let other = learners[1..].iter().filter_map(|learner| Some((mean(learner)?, *learner))).max_by(|a, b| a.0.total_cmp(&b.0));
    let (Some(own), Some((theirs, name))) = (mean(learners[0]), other) else { return words.challengers_incomparable().into() };
    let [mine, them] = [own, theirs].map(|value| fixed(Some(value), 4));
    if theirs > own { words.challenger_better(name, learners[0], them, mine) } else { words.challenger_none(learners[0], mine, name, them) }
}

/// Small multiples of reliability.
pub(super) fn calibration(report: &Report) -> Section {
    let words = report.words();
    let mut charts = Vec::new();
    let mut rows = Vec::new();
    let mut worst: Option<(f64, String)> = None;
    for task in report.tasks.iter().filter(|task| task.kind == "binary") {
        for scenario in with_all(report) {
            let name = format!("{} · {}", task.name, words.place(&scenario));
            if let Some(ece) = value(report, &report.learner, &scenario, &task.name, "ece")
                && scenario != "*"
                && worst.as_ref().is_none_or(|(most, _)| ece > *most)
            {
                worst = Some((ece, name.clone()));
            }
            let supported = value(report, &report.learner, &scenario, &task.name, "auc").is_some();
            let bins: Vec<_> = report.reliability.iter().filter(|bin| bin.task == task.name && bin.scenario == scenario).collect();
            if supported && !bins.is_empty() {
                charts.push(reliability(words, &name, &bins));
            }
            rows.extend(bins.into_iter().map(|bin| {
                vec![
                    Cell::text(words.place(&scenario)),
                    Cell::text(&task.name),
                    Cell::count(u64::from(bin.bin)),
                    Cell::count(bin.n),
                    Cell::fixed(Some(bin.predicted), 4),
                    Cell::fixed(Some(bin.observed), 4).within(Some((bin.low, bin.high)), |end| fixed(Some(end), 4)),
                ]
            }));
        }
    }
    Section {
        id: "calibration",
        title: words.calibration(),
        finding: worst.map_or_else(|| words.calibration_none().into(), |(ece, name)| words.calibration_finding(fixed(Some(ece), 4), name)),
        charts,
        tables: vec![Table {
            caption: words.calibration_table().into(),
            what: words.ranges_wilson().into(),
            head: head([words.scenario(), words.task(), words.bin(), words.rows(), words.predicted(), words.observed()]),
            rows,
            folded: true,
            ..Table::default()
        }],
        how: words.calibration_how(),
    }
}

/// What was tried on the validation night.
pub(super) fn choices(report: &Report) -> Section {
    let words = report.words();
    let trials = report.training.iter().map(|trial| {
        vec![
            Cell::text(&trial.learner),
            Cell::long(&trial.setting),
            Cell::fixed(Some(trial.loss), 5),
            Cell::text(if trial.chosen { words.chosen() } else { "–" }),
        ]
    });
    let snapshots = report
        .snapshots
        .iter()
        .map(|snapshot| vec![Cell::text(&snapshot.as_of), Cell::text(words.said(&snapshot.split)), Cell::count(snapshot.rows)]);
    let learned = || report.snapshots.iter().filter(|snapshot| ["train", "gap", "valid", "folds"].contains(&snapshot.split.as_str()));
    let rows: u64 = learned().map(|snapshot| snapshot.rows).sum();
    Section {
        id: "choices",
        title: words.choices(),
        finding: words.choices_finding(count(rows), learned().count()),
        charts: Vec::new(),
        tables: vec![
            Table {
                name: "snapshots".into(),
                caption: words.snapshots().into(),
                head: head([words.as_of(), words.used_for(), words.rows()]),
                rows: snapshots.collect(),
                ..Table::default()
            },
            Table {
                name: "tried".into(),
                caption: words.tried().into(),
                head: head([words.learner(), words.setting(), words.loss(), words.choice()]),
                rows: trials.collect(),
                folded: true,
                ..Table::default()
            },
        ],
        how: if report.folds.is_some() { words.choices_how_folds() } else { words.choices_how() },
    }
}
