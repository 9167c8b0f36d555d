//! The index of a job's nights: which were published, which held, how their figures went, and where each report is.
//!
//! In: past nights, in any order. Out: one HTML file. A held night has its own sign and word, so that colour is never the only one.

use super::block::{Cell, Section, Table, head};
use super::charts::spark;
use super::format::fixed;
use super::page::{Top, render};
use super::standing::{Standing, marked};
use super::words::Language;

/// A figure of a cell.
#[derive(Debug, Clone, PartialEq)]
pub struct CellFigure {
    /// Scenario, or `*`.
    pub scenario: String,
    /// Task.
    pub task: String,
    /// `auc` or `r2`.
    pub metric: String,
    /// Its value.
    pub value: f64,
}

/// A past night.
#[derive(Debug, Clone, PartialEq)]
pub struct PastNight {
    /// Its date.
    pub as_of: String,
    /// Its run.
    pub run: String,
    /// `published`, `held` or `by hand`.
    pub status: String,
    /// Whether readers follow it.
    pub current: bool,
    /// Its report, as a link relative to the page.
    pub report: Option<String>,
    /// The main figure of each cell.
    pub figures: Vec<CellFigure>,
}

/// The page, in the language of a code.
///
/// # Errors
/// A sentence when the template cannot be filled.
pub fn history(language: &str, title: &str, nights: &[PastNight]) -> Result<String, String> {
    let words = Language::of(language);
    let mut newest: Vec<&PastNight> = nights.iter().collect();
    newest.sort_by(|a, b| (&b.as_of, &b.run).cmp(&(&a.as_of, &a.run)));
    let held = newest.iter().filter(|night| night.status == "held").count();
    let current = newest.iter().find(|night| night.current);
    let (class, sign) = current.map_or(("held", "■"), |night| marked(&night.status));
    let sentence = current.map_or_else(|| words.history_nothing().to_owned(), |night| words.history_current(&night.as_of));
    let top = Top { title: words.history_title(title), standing: Standing { class, sign, sentence }, ..Top::default() };
    let nights = Section {
        id: "nights",
        title: words.nights(),
        finding: words.history_finding(newest.len(), held),
        tables: vec![night_table(words, &newest)],
        how: words.nights_about(),
        ..Section::default()
    };
    let cells = Section {
        id: "figures",
        title: words.figures_over_nights(),
        tables: vec![course_table(words, &newest)],
        how: words.figures_over_nights_about(),
        ..Section::default()
    };
    let told: Vec<Section> =
        [nights, cells].into_iter().filter(|section| section.tables.iter().any(|table| !table.rows.is_empty())).collect();
    render(words, &top, &told)
}

/// A row per night: when, how it ended, where its report is, its figures over all scenarios.
fn night_table(words: Language, nights: &[&PastNight]) -> Table {
    let mut tasks: Vec<(&str, &str)> = Vec::new();
    for figure in nights.iter().flat_map(|night| &night.figures).filter(|figure| figure.scenario == "*") {
        let key = (figure.task.as_str(), figure.metric.as_str());
        if !tasks.contains(&key) {
            tasks.push(key);
        }
    }
    let mut columns = head([words.night(), words.status_word(), words.report_word(), words.run()]);
    columns.extend(tasks.iter().map(|(task, metric)| words.metric_of(metric_name(words, metric), task)));
    let row = |night: &&PastNight| {
        let (_, sign) = marked(&night.status);
        let word = match night.status.as_str() {
            "held" => words.word_held(),
            "by hand" => words.word_by_hand(),
            _ => words.word_published(),
        };
        let current = if night.current { format!(" · {}", words.current()) } else { String::new() };
        let mut row = vec![
            Cell::text(&night.as_of),
            Cell::text(format!("{sign} {word}{current}")),
            match &night.report {
                Some(link) => Cell { link: link.clone(), ..Cell::text(words.report_word()) },
                None => Cell::text(words.no_report()),
            },
            Cell::text(&night.run),
        ];
        row.extend(tasks.iter().map(|key| Cell::fixed(night.figure("*", key.0, key.1), 4)));
        row
    };
    Table { caption: words.nights().into(), head: columns, rows: nights.iter().map(row).collect(), ..Table::default() }
}

/// A row per cell: how its figure went, oldest night first, and where it is now.
fn course_table(words: Language, nights: &[&PastNight]) -> Table {
    let mut cells: Vec<(&str, &str, &str)> = Vec::new();
    for figure in nights.iter().flat_map(|night| &night.figures) {
        let key = (figure.task.as_str(), figure.scenario.as_str(), figure.metric.as_str());
        if !cells.contains(&key) {
            cells.push(key);
        }
    }
    let row = |(task, scenario, metric): &(&str, &str, &str)| {
        let oldest_first = nights.iter().rev().filter_map(|night| Some((night.figure(scenario, task, metric)?, night.status == "held")));
        let points: Vec<(f64, bool)> = oldest_first.collect();
        let [first, last] = [points.first(), points.last()].map(|point| point.map(|(value, _)| *value));
        let (name, place) = (metric_name(words, metric), words.place(scenario));
        let title = words.course_of(place, task, name, fixed(first, 4), fixed(last, 4));
        vec![
            Cell::text(*task),
            Cell::text(place),
            Cell::text(name),
            Cell { chart: spark(&title, &points), ..Cell::text("") },
            Cell::fixed(last, 4),
        ]
    };
    Table {
        caption: words.figures_over_nights().into(),
        head: head([words.task(), words.scenario(), words.metric(), words.course(), words.latest()]),
        rows: cells.iter().map(row).collect(),
        ..Table::default()
    }
}

fn metric_name(words: Language, metric: &str) -> &'static str {
    if metric == "auc" { words.auc() } else { words.r_squared() }
}

impl PastNight {
    fn figure(&self, scenario: &str, task: &str, metric: &str) -> Option<f64> {
        let of = |figure: &&CellFigure| figure.scenario == scenario && figure.task == task && figure.metric == metric;
        self.figures.iter().find(of).map(|figure| figure.value)
    }
}
