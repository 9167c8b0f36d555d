//! Figures from night to night: a line per scenario, with a band where there is an interval.

use super::super::format::{escape, number, short};
use super::{COLOURS, at, legend, line, svg, text};

/// A line.
pub(crate) struct Series {
    pub(crate) name: String,
    pub(crate) points: Vec<Point>,
}

/// `(night, value, interval)`.
pub(crate) type Point = (usize, f64, Option<(f64, f64)>);

const WIDTH: f64 = 300.0;
const HEIGHT: f64 = 130.0;
const LEFT: f64 = 60.0;
const TOP: f64 = 40.0;

/// Draws lines over named nights. The first is drawn boldest.
pub(crate) fn series(title: &str, nights: &[String], lines: &[Series]) -> String {
    let ends = || {
        lines.iter().flat_map(|line| &line.points).flat_map(|(_, value, band)| {
            let (low, high) = band.unwrap_or((*value, *value));
            [*value, low, high]
        })
    };
    let (low, high) = ends().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), value| (low.min(value), high.max(value)));
    let span = (high - low).max(1e-9);
    let x = |night: usize| LEFT + if nights.len() > 1 { night as f64 / (nights.len() - 1) as f64 * WIDTH } else { WIDTH / 2.0 };
    let y = |value: f64| TOP + HEIGHT - (value - low) / span * HEIGHT;
    let mut body = text(0.0, 14.0, "start", "name", &short(title, 48));
    body += &legend(LEFT, lines.iter().map(|of| of.name.as_str()));
    body += &line((LEFT, TOP), (LEFT, TOP + HEIGHT), "axis");
    body += &line((LEFT, TOP + HEIGHT), (LEFT + WIDTH, TOP + HEIGHT), "grid");
    body += &text(LEFT - 6.0, TOP + 9.0, "end", "faint", &number(high));
    body += &text(LEFT - 6.0, TOP + HEIGHT, "end", "faint", &number(low));
    for (which, of) in lines.iter().enumerate().rev() {
        let colour = COLOURS[which % COLOURS.len()];
        let banded: Vec<(usize, f64, f64)> =
            of.points.iter().filter_map(|(night, _, band)| band.map(|(low, high)| (*night, low, high))).collect();
        if banded.len() > 1 {
            let upper = banded.iter().map(|(night, _, high)| format!("{},{}", at(x(*night)), at(y(*high))));
            let lower = banded.iter().rev().map(|(night, low, _)| format!("{},{}", at(x(*night)), at(y(*low))));
            let outline: Vec<String> = upper.chain(lower).collect();
            body += &format!("<polygon points=\"{}\" fill=\"{colour}\" fill-opacity=\"0.15\"/>", outline.join(" "));
        }
        let path: Vec<String> = of.points.iter().map(|(night, value, _)| format!("{},{}", at(x(*night)), at(y(*value)))).collect();
        let width = if which == 0 { "2.5" } else { "1.3" };
        body += &format!("<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"{width}\"/>", path.join(" "));
        for (night, value, _) in &of.points {
            body += &format!(
                "<circle cx=\"{}\" cy=\"{}\" r=\"{}\" fill=\"{colour}\"><title>{} {}: {}</title></circle>",
                at(x(*night)),
                at(y(*value)),
                if which == 0 { "2.8" } else { "1.8" },
                escape(&of.name),
                escape(nights.get(*night).map_or("", String::as_str)),
                number(*value)
            );
        }
    }
    if let (Some(first), Some(last)) = (nights.first(), nights.last()) {
        body += &text(LEFT, TOP + HEIGHT + 16.0, "start", "faint", first);
        if nights.len() > 1 {
            body += &text(LEFT + WIDTH, TOP + HEIGHT + 16.0, "end", "faint", last);
        }
    }
    let names: Vec<&str> = lines.iter().map(|of| of.name.as_str()).collect();
    svg(LEFT + WIDTH + 20.0, TOP + HEIGHT + 24.0, title, &names.join(", "), &body)
}
