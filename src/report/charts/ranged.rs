//! Horizontal bars of stacked parts, each with its interval drawn over it and its value beside it.

use super::super::format::{escape, number, short};
use super::{at, line, parts_legend, stacked, svg, text};

/// One bar with its interval.
pub(crate) struct Ranged {
    pub(crate) name: String,
    /// Sizes of the parts, in the order of the legend.
    pub(crate) parts: Vec<f64>,
    pub(crate) value: f64,
    /// Ends of its 95 % interval, where it has one.
    pub(crate) ends: Option<(f64, f64)>,
}

const ROW: f64 = 22.0;
const NAMES: f64 = 236.0;
const WIDTH: f64 = 340.0;
const HEAD: f64 = 48.0;

/// Draws them under a title. The parts of a bar share its length in proportion: the length is the value, the whisker its interval.
pub(crate) fn ranged(title: &str, description: &str, legend: &[&str], of: &[Ranged]) -> String {
    let furthest = |bar: &Ranged| bar.ends.map_or(bar.value, |(_, high)| high.max(bar.value));
    let most = of.iter().map(furthest).fold(0.0, f64::max).max(f64::MIN_POSITIVE);
    let place = |value: f64| NAMES + value.max(0.0) / most * WIDTH;
    let mut body = text(0.0, 14.0, "start", "name", &short(title, 80));
    body += &parts_legend(NAMES, 26.0, legend);
    for (row, bar) in of.iter().enumerate() {
        let (y, middle) = (HEAD + row as f64 * ROW, HEAD + (row as f64 + 0.5) * ROW);
        let interval = bar.ends.map_or_else(String::new, |(low, high)| format!(" ({} – {})", number(low), number(high)));
        body += &format!("<g><title>{}: {}{interval}</title>", escape(&bar.name), number(bar.value));
        body += &text(NAMES - 8.0, y + 15.0, "end", "name", &short(&bar.name, 30));
        body += &stacked(NAMES, y + 4.0, (place(bar.value) - NAMES, ROW - 8.0), &bar.parts);
        if let Some((low, high)) = bar.ends {
            body += &whisker(place(low), place(high), middle);
        }
        body += &text(place(furthest(bar)) + 8.0, y + 15.0, "start", "dark", &number(bar.value));
        body += "</g>";
    }
    let height = HEAD + of.len() as f64 * ROW + 6.0;
    body += &line((NAMES, HEAD), (NAMES, height - 6.0), "axis");
    svg(NAMES + WIDTH + 70.0, height, title, description, &body)
}

/// Dark within a pale edge, so that it stands out on every colour and on the page.
fn whisker(from: f64, to: f64, y: f64) -> String {
    let (from, to, above, below) = (at(from), at(to), at(y - 4.0), at(y + 4.0));
    let path = format!("M{from} {above}V{below}M{from} {y}H{to}M{to} {above}V{below}", y = at(y));
    format!(
        "<path d=\"{path}\" fill=\"none\" stroke=\"#fff\" stroke-width=\"3.4\"/><path d=\"{path}\" fill=\"none\" stroke=\"#1b2733\" stroke-width=\"1.4\"/>"
    )
}
