//! The page: status, findings, then the sections, in one template; cut to a size that a mail takes.
//!
//! In: [`Report`], or the blocks of another page. Out: HTML. The same values give the same bytes.

use askama::Template;

pub(super) use super::block::{Cell, Section, Table};
use super::content::Report;
use super::csp;
use super::findings::{Finding, findings};
use super::format::{count, disguises, fixed};
use super::sections;
use super::standing::{Standing, standing};
use super::words::Language;

/// The style of every page.
pub(super) const STYLE: &str = include_str!("templates/style.css");
/// The script of every page: sorts and filters tables, and is needed for nothing else.
pub(super) const SCRIPT: &str = include_str!("templates/tables.js");
/// Bytes of a page, at most; below the 1.5 MB that is promised.
const MOST_BYTES: usize = 1_400_000;
/// What is cut, step by step, from a page that is larger: rows of a table, charts of a section, characters of a cell.
const CUTS: [(usize, usize, usize); 6] =
    [(usize::MAX, usize::MAX, 4000), (400, 60, 1000), (150, 30, 400), (60, 16, 200), (25, 8, 100), (10, 4, 60)];

/// What stands above the sections of a page.
#[derive(Debug, Clone, Default)]
pub(super) struct Top {
    pub(super) title: String,
    pub(super) as_of: String,
    pub(super) standing: Standing,
    pub(super) facts: Vec<(String, String)>,
    pub(super) findings: Vec<Finding>,
    /// Whether a page without findings says so.
    pub(super) looks_for_findings: bool,
}

#[derive(Template)]
#[template(path = "report.html")]
struct Page<'a> {
    words: Language,
    top: &'a Top,
    sections: &'a [Shown<'a>],
    policy: &'a str,
    style: &'a str,
    script: &'a str,
}

/// A section as the page shows it.
struct Shown<'a> {
    section: &'a Section,
    charts: Vec<Drawn<'a>>,
    tables: Vec<Listed<'a>>,
    /// Says how many charts are not drawn.
    cut: String,
}

/// A chart with its name and a class for its width.
struct Drawn<'a> {
    svg: &'a str,
    title: &'a str,
    width: &'static str,
}

/// A table, or its first rows.
struct Listed<'a> {
    table: &'a Table,
    rows: Vec<Vec<(&'a Cell, String)>>,
    /// Says how many rows are not listed.
    cut: String,
    width: &'static str,
    /// Below the heading of a part.
    within: bool,
}

/// The report as one HTML file.
///
/// # Errors
/// A sentence when the template cannot be filled.
pub fn html(report: &Report) -> Result<String, String> {
    let words = report.words();
    let top = Top {
        title: report.title.clone(),
        as_of: report.as_of.clone(),
        standing: standing(report),
        facts: facts(report),
        findings: findings(report),
        looks_for_findings: true,
    };
    render(words, &top, &sections::told(report))
}

/// The template filled, with as much as fits.
pub(super) fn render(words: Language, top: &Top, sections: &[Section]) -> Result<String, String> {
    let (style, script) = (STYLE.trim(), SCRIPT.trim());
    let policy = csp::policy(style, script, "'none'");
    let mut page = String::new();
    for (rows, charts, characters) in CUTS {
        let shown: Vec<Shown<'_>> = sections.iter().map(|section| show(words, section, rows, charts, characters)).collect();
        let filled = Page { words, top, sections: &shown, policy: &policy, style, script }.render();
        // The template escapes what is markup; characters that disguise text are none to it.
        page = filled.map_err(|error| error.to_string())?.replace(disguises, "\u{fffd}");
        if page.len() <= MOST_BYTES {
            break;
        }
    }
    Ok(page)
}

fn show(words: Language, section: &Section, rows: usize, charts: usize, characters: usize) -> Shown<'_> {
    let list = |table: &'_ Table| table.rows.len().min(rows);
    let cell = |cell: &Cell| super::format::short(&cell.text, characters);
    let first_part = section.tables.iter().position(|table| table.part.is_some()).unwrap_or(usize::MAX);
    let tables = section.tables.iter().enumerate().map(|(at, table)| Listed {
        within: at >= first_part,
        table,
        rows: table.rows.iter().take(rows).map(|row| row.iter().map(|of| (of, cell(of))).collect()).collect(),
        cut: if list(table) < table.rows.len() { words.cut_rows(list(table), table.rows.len()) } else { String::new() },
        width: match table.head.len() {
            0..=8 => "few",
            9..=11 => "many",
            _ => "most",
        },
    });
    let drawn = section.charts.len().min(charts);
    Shown {
        section,
        charts: section.charts.iter().take(charts).map(|svg| draw(svg)).collect(),
        tables: tables.collect(),
        cut: if drawn < section.charts.len() { words.cut_charts(drawn, section.charts.len()) } else { String::new() },
    }
}

/// The name of a chart stands in its title, its width in its frame: both are of our own making.
fn draw(svg: &str) -> Drawn<'_> {
    let between = |from: &str, to: &str| svg.split_once(from).and_then(|(_, rest)| rest.split_once(to)).map_or("", |(inner, _)| inner);
    let wide = between("width=\"", "\"").parse::<f64>().unwrap_or(0.0);
    let width = if wide <= 420.0 {
        "small"
    } else if wide <= 760.0 {
        "middle"
    } else {
        "large"
    };
    Drawn { svg, title: between("<title>", "</title>"), width }
}

/// The line of figures under the title.
fn facts(report: &Report) -> Vec<(String, String)> {
    let words = report.words();
    let rows: u64 = report.scores.iter().map(|score| score.rows).sum();
    let mut facts = vec![
        (words.night().to_owned(), report.as_of.clone()),
        (words.rows_scored().to_owned(), count(rows)),
        match report.folds {
            Some(folds) => (words.measured_on().to_owned(), words.out_of_fold(folds)),
            None => (words.held_out_night().to_owned(), report.holdout.clone()),
        },
        (words.learner().to_owned(), report.learner.clone()),
    ];
    for task in &report.tasks {
        let (metric, name) = if task.kind == "binary" { ("auc", words.auc()) } else { ("r2", words.r_squared()) };
        let value = report.figure(&report.learner, "*", &task.name, metric).and_then(|figure| figure.value);
        facts.push((format!("{name} {}", task.name), fixed(value, 3)));
    }
    facts
}
