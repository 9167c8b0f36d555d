//! Dumbbells: a few values per row on one scale, joined by a line.

use super::super::format::{escape, fixed, short};
use super::{COLOURS, at, line, svg, text};

/// What a dumbbell chart shows.
pub(crate) struct Dumbbell<'a> {
    pub(crate) title: &'a str,
    pub(crate) description: &'a str,
    /// Names of the values, in the order of `rows`' values.
    pub(crate) legend: &'a [&'a str],
    pub(crate) rows: &'a [(String, Vec<Option<f64>>)],
}

const ROW: f64 = 26.0;
const NAMES: f64 = 220.0;
const WIDTH: f64 = 380.0;
const HEAD: f64 = 34.0;

/// Draws it. Each value has a shape of its own: circle, square, diamond.
pub(crate) fn dumbbell(of: &Dumbbell<'_>) -> String {
    let values = || of.rows.iter().flat_map(|(_, values)| values.iter().flatten().copied());
    let (low, high) = values().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)));
    let room = ((high - low) * 0.08).max(0.01);
    let (low, high) = (low - room, high + room);
    let place = |value: f64| NAMES + (value - low) / (high - low) * WIDTH;
    let mut body = String::new();
    let mut x = NAMES;
    for (which, name) in of.legend.iter().enumerate() {
        body += &mark(which, x + 5.0, 13.0);
        body += &text(x + 15.0, 17.0, "start", "faint", name);
        x += 34.0 + 7.0 * name.len() as f64;
    }
    for (row, (name, values)) in of.rows.iter().enumerate() {
        let y = HEAD + (row as f64 + 0.5) * ROW;
        body += &text(NAMES - 10.0, y + 4.0, "end", "name", &short(name, 32));
        body += &line((NAMES, y), (NAMES + WIDTH, y), "grid");
        let known: Vec<f64> = values.iter().flatten().copied().collect();
        if let (Some(first), Some(last)) = (known.iter().copied().reduce(f64::min), known.iter().copied().reduce(f64::max)) {
            body += &line((place(first), y), (place(last), y), "bar");
            body += &text(NAMES + WIDTH + 8.0, y + 4.0, "start", "dark", &fixed(values.first().copied().flatten(), 3));
        }
        for (which, value) in values.iter().enumerate() {
            if let Some(value) = value {
                body += &format!(
                    "<g><title>{} {}: {}</title>{}</g>",
                    escape(name),
                    escape(of.legend[which]),
                    fixed(Some(*value), 4),
                    mark(which, place(*value), y)
                );
            }
        }
    }
    svg(NAMES + WIDTH + 60.0, HEAD + of.rows.len() as f64 * ROW + 6.0, of.title, of.description, &body)
}

fn mark(which: usize, x: f64, y: f64) -> String {
    let colour = COLOURS[which % COLOURS.len()];
    match which % 3 {
        0 => format!("<circle cx=\"{}\" cy=\"{}\" r=\"5\" fill=\"{colour}\"/>", at(x), at(y)),
        1 => format!("<rect x=\"{}\" y=\"{}\" width=\"8\" height=\"8\" fill=\"{colour}\"/>", at(x - 4.0), at(y - 4.0)),
        _ => format!("<path d=\"M{} {}l5 5l-5 5l-5 -5z\" fill=\"{colour}\"/>", at(x), at(y - 5.0)),
    }
}
