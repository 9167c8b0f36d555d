//! The page of a backtest: how the figures of each cell went from night to night, and what was predicted against what came.
//!
//! In: figures of several nights. Out: one HTML file, by the report's own template.

use super::charts::{Series, series};
use super::content::Report;
use super::format::{fixed, number};
use super::page::{Cell, Section, Table, render};

/// A figure of a night.
#[derive(Debug, Clone, PartialEq)]
pub struct NightFigure {
    /// The night.
    pub as_of: String,
    /// The night that it held out.
    pub holdout: String,
    /// Its run.
    pub run: String,
    /// published or held.
    pub status: String,
    /// Scenario, or `*`.
    pub scenario: String,
    /// Task.
    pub task: String,
    /// `auc`, `ece`, `predicted_total`, …
    pub metric: String,
    /// Its value.
    pub value: f64,
    /// Lower end of its interval.
    pub low: Option<f64>,
    /// Upper end of its interval.
    pub high: Option<f64>,
}

/// The figures of a backtest, to be looked up.
struct Nights<'a> {
    figures: &'a [NightFigure],
    dates: Vec<&'a str>,
    scenarios: Vec<&'a str>,
    tasks: Vec<&'a str>,
}

impl<'a> Nights<'a> {
    fn new(figures: &'a [NightFigure]) -> Self {
        let distinct = |of: fn(&NightFigure) -> &str| {
            let mut seen: Vec<&'a str> = Vec::new();
            for figure in figures {
                if !seen.contains(&of(figure)) {
                    seen.push(of(figure));
                }
            }
            seen
        };
        Self {
            figures,
            dates: distinct(|figure| &figure.as_of),
            scenarios: distinct(|figure| &figure.scenario),
            tasks: distinct(|figure| &figure.task),
        }
    }

    fn get(&self, date: &str, scenario: &str, task: &str, metric: &str) -> Option<&'a NightFigure> {
        self.figures
            .iter()
            .find(|figure| figure.as_of == date && figure.scenario == scenario && figure.task == task && figure.metric == metric)
    }

    /// One chart per task: a line per scenario, the total's interval as a band.
    fn charts(&self, metric: &str, name: &str) -> Vec<String> {
        let names: Vec<String> = self.dates.iter().map(|date| (*date).to_owned()).collect();
        let chart = |task: &&str| {
            let line = |scenario: &&str| {
                let points = self.dates.iter().enumerate().filter_map(|(at, date)| {
                    let figure = self.get(date, scenario, task, metric)?;
                    let band = if *scenario == "*" { figure.low.zip(figure.high) } else { None };
                    Some((at, figure.value, band))
                });
                Series { name: if *scenario == "*" { "all".to_owned() } else { (*scenario).to_owned() }, points: points.collect() }
            };
            let lines: Vec<Series> = self.scenarios.iter().map(line).filter(|line| !line.points.is_empty()).collect();
            (!lines.is_empty()).then(|| series(&format!("{name} of {task}"), &names, &lines))
        };
        self.tasks.iter().filter_map(chart).collect()
    }

    fn table(&self, metric: &str, caption: &str) -> Table {
        let mut head = vec!["scenario".to_owned(), "task".to_owned()];
        head.extend(self.dates.iter().map(|date| (*date).to_owned()));
        let mut rows = Vec::new();
        for task in &self.tasks {
            for scenario in &self.scenarios {
                let values: Vec<Option<f64>> =
                    self.dates.iter().map(|date| self.get(date, scenario, task, metric).map(|figure| figure.value)).collect();
                if values.iter().any(Option::is_some) {
                    let mut row = vec![Cell::text(if *scenario == "*" { "all" } else { scenario }), Cell::text(*task)];
                    row.extend(values.into_iter().map(|value| Cell::number(fixed(value, 4))));
                    rows.push(row);
                }
            }
        }
        Table { caption: caption.to_owned(), head, rows, folded: true, ..Table::default() }
    }

    fn section(&self, id: &'static str, title: &'static str, metrics: &[(&str, &str)], how: &'static str) -> Section {
        let charts: Vec<String> = metrics.iter().flat_map(|(metric, name)| self.charts(metric, name)).collect();
        let tables = metrics.iter().map(|(metric, name)| self.table(metric, name)).filter(|table| !table.rows.is_empty()).collect();
        Section { id, title, finding: self.finding(metrics[0]), charts, tables, how }
    }

    /// First against last night, over all scenarios.
    fn finding(&self, (metric, name): (&str, &str)) -> String {
        let (Some(first), Some(last)) = (self.dates.first(), self.dates.last()) else { return String::new() };
        let told = self.tasks.iter().filter_map(|task| {
            let value = |date: &str| self.get(date, "*", task, metric).map(|figure| figure.value);
            Some(format!("{task} {} → {}", fixed(Some(value(first)?), 4), fixed(Some(value(last)?), 4)))
        });
        let told: Vec<String> = told.collect();
        if told.is_empty() { String::new() } else { format!("{name}, first and last night: {}.", told.join(", ")) }
    }

    /// What was predicted against what came, night by night.
    fn totals(&self) -> Section {
        let mut rows = Vec::new();
        for task in &self.tasks {
            for scenario in &self.scenarios {
                for date in &self.dates {
                    let total = |metric: &str| self.get(date, scenario, task, metric).map(|figure| figure.value);
                    let (Some(realised), Some(predicted)) = (total("realised_total"), total("predicted_total")) else { continue };
                    rows.push(vec![
                        Cell::text(*date),
                        Cell::text(if *scenario == "*" { "all" } else { scenario }),
                        Cell::text(*task),
                        Cell::number(number(predicted)),
                        Cell::number(number(realised)),
                        Cell::number(fixed((realised > 0.0).then(|| predicted / realised), 3)),
                    ]);
                }
            }
        }
        let head = ["night", "scenario", "task", "predicted", "realised", "pred. / real."];
        Section {
            id: "totals",
            title: "Predicted and realised totals",
            finding: self.finding(("predicted_observed", "Predicted / observed")),
            charts: self.charts("predicted_observed", "Predicted / observed"),
            tables: vec![Table {
                caption: "Totals of each night's held-out rows".into(),
                head: head.iter().map(|name| (*name).to_owned()).collect(),
                rows,
                folded: true,
                ..Table::default()
            }],
            how: "Sums over the rows of the night that each run held out: what the scores said would happen, and what happened. A ratio above 1 was too high.",
        }
    }
}

/// The page.
///
/// # Errors
/// A sentence when the template cannot be filled.
pub fn backtest(title: &str, span: &str, figures: &[NightFigure]) -> Result<String, String> {
    let nights = Nights::new(figures);
    let held = nights.dates.iter().filter(|date| figures.iter().any(|figure| figure.as_of == **date && figure.status == "held")).count();
    let report = Report {
        title: format!("{title}: backtest"),
        as_of: span.to_owned(),
        status: format!("{} nights, {held} of them held by their gates.", nights.dates.len()),
        ..Report::default()
    };
    let sections = vec![
        nights.section(
            "ranking",
            "Ranking",
            &[("auc", "AUC"), ("r2", "R²")],
            "Each night learned from its own past only; its figure is that of the night it held out. The band is the 95 % interval of the total.",
        ),
        nights.section(
            "calibration",
            "Calibration",
            &[("ece", "Calibration error")],
            "Mean distance between predicted and observed shares over ten bins of equal size; 0 is perfect.",
        ),
        nights.totals(),
        nights.section("loss", "Loss", &[("log_loss", "Log loss"), ("rmse", "RMSE")], "Lower is better."),
    ];
    let sections = sections.into_iter().filter(|section| !section.charts.is_empty() || !section.tables.is_empty()).collect();
    let facts = vec![("nights".to_owned(), nights.dates.len().to_string()), ("span".to_owned(), span.to_owned())];
    render(&report, facts, Vec::new(), sections)
}
