//! Horizontal bars of stacked parts, each bar with its value.

use super::super::format::{escape, number, short};
use super::{line, parts_legend, stacked, svg, text};

/// One bar.
pub(crate) struct Bar {
    pub(crate) name: String,
    /// Sizes of the parts, in the order of the legend.
    pub(crate) parts: Vec<f64>,
    /// What is printed beside it.
    pub(crate) value: f64,
}

const ROW: f64 = 22.0;
const NAMES: f64 = 236.0;
const WIDTH: f64 = 350.0;
const HEAD: f64 = 30.0;

/// Draws bars; `legend` names the parts. The parts of a bar share its length in proportion: the length is the value.
pub(crate) fn bars(title: &str, description: &str, legend: &[&str], of: &[Bar]) -> String {
    let most = of.iter().map(|bar| bar.value).fold(0.0, f64::max).max(f64::MIN_POSITIVE);
    let mut body = parts_legend(NAMES, 8.0, legend);
    for (row, bar) in of.iter().enumerate() {
        let y = HEAD + row as f64 * ROW;
        body += &format!("<g><title>{}: {}</title>", escape(&bar.name), number(bar.value));
        body += &text(NAMES - 8.0, y + 15.0, "end", "name", &short(&bar.name, 30));
        let length = bar.value / most * WIDTH;
        body += &stacked(NAMES, y + 4.0, (length, ROW - 8.0), &bar.parts);
        body += &text(NAMES + length + 6.0, y + 15.0, "start", "dark", &number(bar.value));
        body += "</g>";
    }
    let height = HEAD + of.len() as f64 * ROW + 6.0;
    body += &line((NAMES, HEAD), (NAMES, height - 6.0), "axis");
    svg(NAMES + WIDTH + 60.0, height, title, description, &body)
}
