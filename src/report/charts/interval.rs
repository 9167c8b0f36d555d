//! Values with their intervals on one scale, against a line of no difference.

use super::super::format::{escape, short};
use super::{COLOURS, at, line, svg, text};

/// A value and its interval.
pub(crate) struct Spread {
    pub(crate) name: String,
    pub(crate) value: f64,
    pub(crate) low: f64,
    pub(crate) high: f64,
    /// What is printed beside it.
    pub(crate) label: String,
    /// Which colour and shape: 0 neutral, 1 good, 2 bad.
    pub(crate) kind: usize,
}

const ROW: f64 = 22.0;
const NAMES: f64 = 240.0;
const WIDTH: f64 = 320.0;
const HEAD: f64 = 28.0;
/// Of neutral, good and bad, as in [`COLOURS`].
const KINDS: [usize; 3] = [0, 2, 3];

/// Draws them. A neutral value is a circle, a good one a triangle that points up, a bad one a triangle that points down.
pub(crate) fn intervals(title: &str, description: &str, of: &[Spread]) -> String {
    let ends = || of.iter().flat_map(|spread| [spread.low, spread.high, 0.0]);
    let (low, high) = ends().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), end| (low.min(end), high.max(end)));
    let room = ((high - low) * 0.05).max(1e-6);
    let (low, high) = (low - room, high + room);
    let place = |value: f64| NAMES + (value - low) / (high - low) * WIDTH;
    let height = HEAD + of.len() as f64 * ROW + 6.0;
    let mut body = text(0.0, 14.0, "start", "name", &short(title, 90));
    body += &line((place(0.0), HEAD), (place(0.0), height - 6.0), "axis");
    for (row, spread) in of.iter().enumerate() {
        let y = HEAD + (row as f64 + 0.5) * ROW;
        let colour = COLOURS[KINDS[spread.kind.min(2)]];
        let (x, from, to) = (place(spread.value), place(spread.low), place(spread.high));
        body += &format!("<g><title>{}: {}</title>", escape(&spread.name), escape(&spread.label));
        body += &text(NAMES - 10.0, y + 4.0, "end", "name", &short(&spread.name, 36));
        body += &format!(
            "<line x1=\"{}\" y1=\"{y}\" x2=\"{}\" y2=\"{y}\" stroke=\"{colour}\" stroke-width=\"2\"/>",
            at(from),
            at(to),
            y = at(y)
        );
        body += &match spread.kind {
            1 => triangle(x, y, 5.0, colour),
            2 => triangle(x, y, -5.0, colour),
            _ => format!("<circle cx=\"{}\" cy=\"{}\" r=\"4\" fill=\"{colour}\"/>", at(x), at(y)),
        };
        body += &text(NAMES + WIDTH + 8.0, y + 4.0, "start", "dark", &spread.label);
        body += "</g>";
    }
    svg(NAMES + WIDTH + 150.0, height, title, description, &body)
}

/// Points up for a size above 0.
fn triangle(x: f64, y: f64, size: f64, colour: &str) -> String {
    let wide = size.abs();
    format!(
        "<path d=\"M{} {}L{} {}L{} {}Z\" fill=\"{colour}\"/>",
        at(x - wide),
        at(y + size),
        at(x + wide),
        at(y + size),
        at(x),
        at(y - size)
    )
}
