//! A waterfall: from the average row's raw output to this row's, step by step.

use super::super::format::{escape, number, short};
use super::super::words::Language;
use super::{COLOURS, line, rect, svg, text};

/// A step.
pub(crate) struct Fall {
    pub(crate) label: String,
    pub(crate) value: f64,
    pub(crate) from: f64,
    pub(crate) to: f64,
}

const ROW: f64 = 20.0;
const NAMES: f64 = 200.0;
const WIDTH: f64 = 140.0;
const HEAD: f64 = 26.0;

/// Draws it. What raises is blue with `+`, what lowers vermilion with `−`.
pub(crate) fn waterfall(words: Language, title: &str, base: f64, steps: &[Fall]) -> String {
    let ends = || steps.iter().flat_map(|step| [step.from, step.to]).chain([base]);
    let (low, high) = ends().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), end| (low.min(end), high.max(end)));
    let span = (high - low).max(1e-9);
    let place = |value: f64| NAMES + (value - low) / span * WIDTH;
    let raw = steps.last().map_or(base, |step| step.to);
    let mut body = text(0.0, 14.0, "start", "name", &short(title, 60));
    let mut row_at = 0.0;
    let mut row = |body: &mut String, label: &str, from: f64, to: f64, colour: &str, told: &str| {
        let y = HEAD + row_at * ROW;
        row_at += 1.0;
        *body += &format!("<g><title>{}: {told}</title>", escape(label));
        *body += &text(NAMES - 10.0, y + 14.0, "end", "name", &short(label, 29));
        let (left, right) = (place(from.min(to)), place(from.max(to)));
        *body += &rect(left, y + 4.0, (right - left).max(1.5), ROW - 8.0, colour);
        *body += &text(NAMES + WIDTH + 8.0, y + 14.0, "start", "dark", told);
        *body += &line((place(to), y + 4.0), (place(to), y + ROW + 4.0), "grid");
        *body += "</g>";
    };
    row(&mut body, words.average_row(), base, base, "#56636f", &number(base));
    for step in steps {
        let colour = if step.value < 0.0 { COLOURS[3] } else { COLOURS[0] };
        let sign = if step.value < 0.0 { "" } else { "+" };
        row(&mut body, &step.label, step.from, step.to, colour, &format!("{sign}{}", number(step.value)));
    }
    row(&mut body, words.this_row(), raw, raw, "#56636f", &number(raw));
    let height = HEAD + (steps.len() as f64 + 2.0) * ROW + 8.0;
    svg(NAMES + WIDTH + 62.0, height, title, words.waterfall_about(), &body)
}
