//! What a section is made of: a finding in a sentence, charts, tables, how to read it. Page, CSV and Markdown are views of these.
//!
//! In: values. Out: text as people read it, with the number behind it. Not here: HTML.

use super::format::{count, fixed, number, percent};

/// A block of the report.
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
    /// Name of its CSV file behind the section's; empty where the section has one table.
    pub(super) name: String,
    pub(super) caption: String,
    pub(super) what: String,
    pub(super) head: Vec<String>,
    pub(super) rows: Vec<Vec<Cell>>,
    /// Closed at first: long tables.
    pub(super) folded: bool,
    /// What begins with this table: a heading of its own, and a line in the list of sections.
    pub(super) part: Option<Part>,
}

/// A part of a section.
#[derive(Debug, Clone, Default)]
pub(super) struct Part {
    pub(super) id: String,
    pub(super) title: String,
}

impl Table {
    /// Names of the columns, each aligned as its first cell is.
    pub(super) fn heads(&self) -> Vec<(&str, &'static str)> {
        let class = |at: usize| self.rows.first().and_then(|row| row.get(at)).map_or("t", |cell| cell.class);
        self.head.iter().enumerate().map(|(at, name)| (name.as_str(), class(at))).collect()
    }
}

/// Names of columns as a table takes them.
pub(super) fn head<const N: usize>(names: [&str; N]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// A cell of a table.
#[derive(Debug, Clone, Default)]
pub(super) struct Cell {
    pub(super) text: String,
    /// `n` for numbers, `t` for text, `w` for long text.
    pub(super) class: &'static str,
    /// The number behind the text, with all its digits; `None` where the text says all.
    pub(super) value: Option<f64>,
    /// Its 95 % interval.
    pub(super) range: Option<Range>,
    /// Where the text leads to, relative to the page; empty = nowhere.
    pub(super) link: String,
    /// A small chart of our own making before the text.
    pub(super) chart: String,
}

/// An interval, and how it is read.
#[derive(Debug, Clone)]
pub(super) struct Range {
    pub(super) low: f64,
    pub(super) high: f64,
    pub(super) text: String,
}

impl Cell {
    pub(super) fn text(text: impl Into<String>) -> Self {
        Self { text: text.into(), class: "t", ..Self::default() }
    }

    pub(super) fn long(text: impl Into<String>) -> Self {
        Self { text: text.into(), class: "w", ..Self::default() }
    }

    pub(super) fn number(text: impl Into<String>) -> Self {
        Self { text: text.into(), class: "n", ..Self::default() }
    }

    /// A number as it is read, with the digits that it has.
    fn valued(text: String, value: Option<f64>) -> Self {
        Self { text, class: "n", value, ..Self::default() }
    }

    /// A whole number.
    pub(super) fn count(value: u64) -> Self {
        Self::valued(count(value), Some(value as f64))
    }

    /// A number that may be missing, with three or four digits.
    pub(super) fn figure(value: Option<f64>) -> Self {
        Self::valued(value.map_or_else(|| "–".into(), number), value)
    }

    /// A number that may be missing, with a fixed number of decimals.
    pub(super) fn fixed(value: Option<f64>, digits: usize) -> Self {
        Self::valued(fixed(value, digits), value)
    }

    /// A difference: with its sign.
    pub(super) fn signed(value: f64) -> Self {
        Self::valued(signed(value), Some(value))
    }

    /// A share, as percents.
    pub(super) fn share(value: Option<f64>) -> Self {
        Self::valued(value.map_or_else(|| "–".into(), percent), value)
    }

    /// The same cell with its interval, written as the ends are.
    pub(super) fn within(mut self, ends: Option<(f64, f64)>, text: impl Fn(f64) -> String) -> Self {
        self.range = ends.map(|(low, high)| Range { low, high, text: format!("{} – {}", text(low), text(high)) });
        self
    }
}

/// `+0.0123`.
pub(super) fn signed(value: f64) -> String {
    format!("{value:+.4}").replacen('-', "−", 1)
}
