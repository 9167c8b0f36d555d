//! The page that asks in SQL: a question, its answer as table and chart, and what there is to ask of.
//!
//! In: [`Desk`], plain values. Out: one HTML page without network, in the style of the report. Running the question is `serve`'s.

use askama::Template;

use super::charts::{Bar, Series, Spread, bars, intervals, series};
use super::csp;
use super::format::{disguises, number};
use super::page::{SCRIPT, STYLE};
use super::words::Language;

/// Style of this page beside that of every page.
const OWN_STYLE: &str = include_str!("templates/desk.css");
/// Ctrl+Enter.
const OWN_SCRIPT: &str = include_str!("templates/desk.js");

/// What the page shows.
#[derive(Debug, Clone, Default)]
pub struct Desk {
    /// Code of the language.
    pub language: String,
    /// The job's title.
    pub title: String,
    /// The run that `current` means, and the date of features, where there is a run.
    pub current: Option<(String, String)>,
    /// The question.
    pub sql: String,
    /// The chart that is asked for: `auto`, `bar`, `line`, `hist` or `none`.
    pub chart: String,
    /// What became of it; `None` where nothing was asked.
    pub outcome: Option<Outcome>,
    /// Saved questions: name, what it answers, link.
    pub saved: Vec<(String, String, String)>,
    /// Schemas and their tables, each with a link that looks into it.
    pub tables: Vec<(String, Vec<(String, String)>)>,
    /// The newest nights: date, status in a word, link to the report.
    pub nights: Vec<(String, String, String)>,
    /// Link to the index of reports, where there is one.
    pub index: Option<String>,
}

/// An answer, or why there is none.
#[derive(Debug, Clone)]
pub enum Outcome {
    /// Why there is none, and what mends it.
    Failed {
        /// Several lines, with the place of a mistake.
        message: String,
        /// What mends it.
        hint: Option<String>,
    },
    /// Rows.
    Answer(Answer),
}

/// Rows of an answer.
#[derive(Debug, Clone, Default)]
pub struct Answer {
    /// Columns, and whether they hold numbers.
    pub columns: Vec<(String, bool)>,
    /// Rows that are shown.
    pub rows: Vec<Vec<String>>,
    /// Whether there are more.
    pub more: bool,
    /// Time that it took, in seconds.
    pub seconds: f64,
    /// The chart, where one suits.
    pub picture: Option<Picture>,
    /// Forms that it can be downloaded in: name, link.
    pub downloads: Vec<(String, String)>,
}

/// A chart's kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Drawn {
    /// A bar for each.
    Bars,
    /// From left to right.
    Line,
}

/// A chart.
#[derive(Debug, Clone)]
pub struct Picture {
    /// Its kind.
    pub drawn: Drawn,
    /// The column of the values.
    pub column: String,
    /// Names and values.
    pub values: Vec<(String, Option<f64>)>,
    /// Values that it leaves out.
    pub missing: usize,
}

/// Bars that are drawn.
const BARS: usize = 60;

#[derive(Template)]
#[template(path = "desk.html")]
struct Page<'a> {
    words: Language,
    desk: &'a Desk,
    /// The chart as SVG.
    svg: String,
    charts: [(&'static str, &'static str); 5],
    policy: &'a str,
    style: &'a str,
    script: &'a str,
}

impl Answer {
    fn shown_seconds(&self) -> String {
        format!("{:.2}", self.seconds)
    }
}

/// The page.
///
/// # Errors
/// A sentence when the template cannot be filled.
pub fn desk(desk: &Desk) -> Result<String, String> {
    let words = Language::of(&desk.language);
    let (style, script) = (format!("{}{}", STYLE.trim(), OWN_STYLE.trim()), format!("{}\n{}", SCRIPT.trim(), OWN_SCRIPT.trim()));
    let policy = csp::policy(&style, &script, "'self'");
    let svg = match &desk.outcome {
        Some(Outcome::Answer(Answer { picture: Some(picture), .. })) => draw(words, picture),
        _ => String::new(),
    };
    let charts = [
        ("auto", words.chart_auto()),
        ("bar", words.chart_bar()),
        ("line", words.chart_line()),
        ("hist", words.chart_hist()),
        ("none", words.chart_none()),
    ];
    let page = Page { words, desk, svg, charts, policy: &policy, style: &style, script: &script }.render();
    Ok(page.map_err(|error| error.to_string())?.replace(disguises, "\u{fffd}"))
}

fn draw(words: Language, picture: &Picture) -> String {
    let title = words.chart_rows(&picture.column);
    let known = || picture.values.iter().filter_map(|(name, value)| Some((name, (*value)?)));
    match picture.drawn {
        Drawn::Line => {
            let names: Vec<String> = picture.values.iter().map(|(name, _)| name.clone()).collect();
            let points = picture.values.iter().enumerate().filter_map(|(at, (_, value))| Some((at, (*value)?, None))).collect();
            series(&title, &names, &[Series { name: picture.column.clone(), points }])
        }
        // A bar has a length only: where there are signs, places on a scale.
        Drawn::Bars if known().any(|(_, value)| value < 0.0) => {
            let spread = |(name, value): (&String, f64)| Spread {
                name: name.clone(),
                value,
                low: value,
                high: value,
                label: number(value),
                kind: 0,
            };
            intervals(&title, "", &known().take(BARS).map(spread).collect::<Vec<_>>())
        }
        Drawn::Bars => {
            let bar = |(name, value): (&String, f64)| Bar { name: name.clone(), parts: vec![value], value };
            bars(&title, "", &[], &known().take(BARS).map(bar).collect::<Vec<_>>())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answered(rows: Vec<Vec<String>>, picture: Option<Picture>) -> Desk {
        let columns = vec![("name".to_owned(), false), ("n<b>".to_owned(), true)];
        let answer =
            Answer { columns, rows, seconds: 0.1234, picture, downloads: vec![("csv".into(), "/answer.csv?sql=x".into())], more: false };
        Desk {
            title: "Shop".into(),
            sql: "select '<script>'".into(),
            chart: "auto".into(),
            outcome: Some(Outcome::Answer(answer)),
            ..Desk::default()
        }
    }

    #[test]
    fn what_is_asked_and_answered_is_text_and_no_markup() {
        let page = desk(&answered(vec![vec!["<img src=x>".into(), "1".into()]], None)).unwrap_or_else(|error| panic!("{error}"));
        assert!(page.contains("select &#39;&#60;script&#62;&#39;") || page.contains("select &#x27;&lt;script&gt;&#x27;"), "{page}");
        assert!(!page.contains("<img") && !page.contains("n<b>"), "{page}");
        assert!(page.contains("form-action 'self'"));
    }

    #[test]
    fn bars_with_signs_are_places_on_a_scale() {
        let picture = |values: [f64; 2]| {
            let values = values.iter().map(|value| ("a".to_owned(), Some(*value))).collect();
            draw(Language::of("en"), &Picture { drawn: Drawn::Bars, column: "n".into(), values, missing: 0 })
        };
        assert!(picture([1.0, 2.0]).contains("<rect"));
        assert!(picture([-1.0, 2.0]).contains("<circle") && !picture([-1.0, 2.0]).contains("<rect"));
    }
}
