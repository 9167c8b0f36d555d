//! The page: status, findings, then the sections, in one template.

use askama::Template;

use super::content::Report;
use super::format::{count, fixed};
use super::sections;

/// A block of the report: a finding in a sentence, a chart, a table, how to read it.
#[derive(Debug, Clone, Default)]
pub(super) struct Section {
    pub(super) id: &'static str,
    pub(super) title: &'static str,
    pub(super) finding: String,
    /// SVG of our own making.
    pub(super) charts: Vec<String>,
    pub(super) tables: Vec<Table>,
    pub(super) how: &'static str,
}

/// A table.
#[derive(Debug, Clone, Default)]
pub(super) struct Table {
    pub(super) caption: String,
    pub(super) what: String,
    pub(super) head: Vec<String>,
    pub(super) rows: Vec<Vec<Cell>>,
    /// Closed at first: long tables.
    pub(super) folded: bool,
}

impl Table {
    /// Names of the columns, each aligned as its first cell is.
    fn heads(&self) -> Vec<(&str, &'static str)> {
        let class = |at: usize| self.rows.first().and_then(|row| row.get(at)).map_or("t", |cell| cell.class);
        self.head.iter().enumerate().map(|(at, name)| (name.as_str(), class(at))).collect()
    }
}

/// A cell of a table.
#[derive(Debug, Clone, Default)]
pub(super) struct Cell {
    pub(super) text: String,
    /// `n` for numbers, `t` for text, `w` for long text.
    pub(super) class: &'static str,
}

impl Cell {
    pub(super) fn text(text: impl Into<String>) -> Self {
        Self { text: text.into(), class: "t" }
    }

    pub(super) fn long(text: impl Into<String>) -> Self {
        Self { text: text.into(), class: "w" }
    }

    pub(super) fn number(text: impl Into<String>) -> Self {
        Self { text: text.into(), class: "n" }
    }
}

#[derive(Template)]
#[template(path = "report.html")]
struct Page<'a> {
    report: &'a Report,
    facts: Vec<(String, String)>,
    findings: Vec<String>,
    sections: Vec<Section>,
}

/// The report as one HTML file. The same report gives the same bytes.
///
/// # Errors
/// A sentence when the template cannot be filled.
pub fn html(report: &Report) -> Result<String, String> {
    let sections = sections::all(report).into_iter().filter(|section| !section.charts.is_empty() || !section.tables.is_empty()).collect();
    render(report, facts(report), sections::findings(report), sections)
}

/// The template filled.
pub(super) fn render(
    report: &Report,
    facts: Vec<(String, String)>,
    findings: Vec<String>,
    sections: Vec<Section>,
) -> Result<String, String> {
    Page { report, facts, findings, sections }.render().map_err(|error| error.to_string())
}

/// The line of figures under the title.
fn facts(report: &Report) -> Vec<(String, String)> {
    let rows: u64 = report.scores.iter().map(|score| score.rows).sum();
    let mut facts = vec![
        ("night".to_owned(), report.as_of.clone()),
        ("rows scored".to_owned(), count(rows)),
        ("held-out night".to_owned(), report.holdout.clone()),
        ("learner".to_owned(), report.learner.clone()),
    ];
    for task in &report.tasks {
        let metric = if task.kind == "binary" { "auc" } else { "r2" };
        let value = report.figure(&report.learner, "*", &task.name, metric).and_then(|figure| figure.value);
        let name = if metric == "auc" { "AUC" } else { "R²" };
        facts.push((format!("{name} {}", task.name), fixed(value, 3)));
    }
    facts
}
