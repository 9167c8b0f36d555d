//! The page of a backtest: how the figures of each cell went from night to night, and what was predicted against what came.
//!
//! In: figures of several nights. Out: one HTML file, by the report's own template.

use super::block::{Cell, Section, Table, head};
use super::charts::{Series, series};
use super::format::fixed;
use super::page::{Top, render};
use super::standing::Standing;
use super::words::Language;

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
    words: Language,
    figures: &'a [NightFigure],
    dates: Vec<&'a str>,
    scenarios: Vec<&'a str>,
    tasks: Vec<&'a str>,
}

impl<'a> Nights<'a> {
    fn new(words: Language, figures: &'a [NightFigure]) -> Self {
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
            words,
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
        let words = self.words;
        let names: Vec<String> = self.dates.iter().map(|date| (*date).to_owned()).collect();
        let chart = |task: &&str| {
            let line = |scenario: &&str| {
                let points = self.dates.iter().enumerate().filter_map(|(at, date)| {
                    let figure = self.get(date, scenario, task, metric)?;
                    let band = if *scenario == "*" { figure.low.zip(figure.high) } else { None };
                    Some((at, figure.value, band))
                });
                Series { name: words.place(scenario).to_owned(), points: points.collect() }
            };
            let lines: Vec<Series> = self.scenarios.iter().map(line).filter(|line| !line.points.is_empty()).collect();
            (!lines.is_empty()).then(|| series(&words.metric_of(name, task), &names, &lines))
        };
        self.tasks.iter().filter_map(chart).collect()
    }

    fn table(&self, metric: &str, caption: &str) -> Table {
        let words = self.words;
        let mut columns = head([words.scenario(), words.task()]);
        columns.extend(self.dates.iter().map(|date| (*date).to_owned()));
        let mut rows = Vec::new();
        for task in &self.tasks {
            for scenario in &self.scenarios {
                let values: Vec<Option<f64>> =
                    self.dates.iter().map(|date| self.get(date, scenario, task, metric).map(|figure| figure.value)).collect();
                if values.iter().any(Option::is_some) {
                    let mut row = vec![Cell::text(words.place(scenario)), Cell::text(*task)];
                    row.extend(values.into_iter().map(|value| Cell::fixed(value, 4)));
                    rows.push(row);
                }
            }
        }
        Table { caption: caption.to_owned(), head: columns, rows, folded: true, ..Table::default() }
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
            Some(self.words.then_and_last(task, fixed(Some(value(first)?), 4), fixed(Some(value(last)?), 4)))
        });
        let told: Vec<String> = told.collect();
        if told.is_empty() { String::new() } else { self.words.first_and_last(name, told.join(", ")) }
    }

    /// What was predicted against what came, night by night.
    fn totals(&self) -> Section {
        let words = self.words;
        let mut rows = Vec::new();
        for task in &self.tasks {
            for scenario in &self.scenarios {
                for date in &self.dates {
                    let total = |metric: &str| self.get(date, scenario, task, metric).map(|figure| figure.value);
                    let (Some(realised), Some(predicted)) = (total("realised_total"), total("predicted_total")) else { continue };
                    rows.push(vec![
                        Cell::text(*date),
                        Cell::text(words.place(scenario)),
                        Cell::text(*task),
                        Cell::figure(Some(predicted)),
                        Cell::figure(Some(realised)),
                        Cell::fixed((realised > 0.0).then(|| predicted / realised), 3),
                    ]);
                }
            }
        }
        let ratio = words.predicted_observed();
        Section {
            id: "totals",
            title: words.totals(),
            finding: self.finding(("predicted_observed", ratio)),
            charts: self.charts("predicted_observed", ratio),
            tables: vec![Table {
                caption: words.totals_table().into(),
                head: head([
                    words.night(),
                    words.scenario(),
                    words.task(),
                    words.predicted(),
                    words.realised(),
                    words.predicted_realised(),
                ]),
                rows,
                folded: true,
                ..Table::default()
            }],
            how: words.totals_how(),
        }
    }
}

/// The page, in the language of a code.
///
/// # Errors
/// A sentence when the template cannot be filled.
pub fn backtest(language: &str, title: &str, span: &str, figures: &[NightFigure]) -> Result<String, String> {
    let words = Language::of(language);
    let nights = Nights::new(words, figures);
    let held = nights.dates.iter().filter(|date| figures.iter().any(|figure| figure.as_of == **date && figure.status == "held")).count();
    let top = Top {
        title: words.backtest_title(title),
        as_of: span.to_owned(),
        standing: Standing { class: "", sign: "", sentence: words.backtest_status(nights.dates.len(), held) },
        facts: vec![(words.nights().to_owned(), nights.dates.len().to_string()), (words.span().to_owned(), span.to_owned())],
        ..Top::default()
    };
    let sections = [
        nights.section("ranking", words.ranking(), &[("auc", words.auc()), ("r2", words.r_squared())], words.ranking_how()),
        nights.section("calibration", words.calibration(), &[("ece", words.calibration_error())], words.backtest_calibration_how()),
        nights.totals(),
        nights.section("loss", words.loss_title(), &[("log_loss", words.log_loss()), ("rmse", words.rmse())], words.loss_how()),
    ];
    let told: Vec<Section> = sections.into_iter().filter(|section| !section.charts.is_empty() || !section.tables.is_empty()).collect();
    render(words, &top, &told)
}
