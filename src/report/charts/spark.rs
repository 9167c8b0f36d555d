//! A sparkline: how one figure went, small enough for a row of a table.

use super::super::format::escape;
use super::{COLOURS, at};

const WIDTH: f64 = 150.0;
const HEIGHT: f64 = 30.0;
const EDGE: f64 = 5.0;

/// Draws values from left to right; a night that was held is a hollow square, any other a dot.
pub(crate) fn spark(title: &str, points: &[(f64, bool)]) -> String {
    let ends = points.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), (value, _)| (low.min(*value), high.max(*value)));
    let span = (ends.1 - ends.0).max(1e-9);
    let last = points.len().saturating_sub(1).max(1) as f64;
    let x = |night: usize| EDGE + night as f64 / last * (WIDTH - 2.0 * EDGE);
    let y = |value: f64| HEIGHT - EDGE - (value - ends.0) / span * (HEIGHT - 2.0 * EDGE);
    let path: Vec<String> = points.iter().enumerate().map(|(night, (value, _))| format!("{},{}", at(x(night)), at(y(*value)))).collect();
    let mut body = format!("<polyline points=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"1.5\"/>", path.join(" "), COLOURS[0]);
    for (night, (value, held)) in points.iter().enumerate() {
        let (x, y) = (x(night), y(*value));
        body += &if *held {
            let (left, top) = (at(x - 3.0), at(y - 3.0));
            format!(
                "<rect x=\"{left}\" y=\"{top}\" width=\"6\" height=\"6\" class=\"hollow\" stroke=\"{}\" stroke-width=\"1.5\"/>",
                COLOURS[3]
            )
        } else if night + 1 == points.len() {
            format!("<circle cx=\"{}\" cy=\"{}\" r=\"3\" fill=\"{}\"/>", at(x), at(y), COLOURS[0])
        } else {
            String::new()
        };
    }
    format!(
        "<svg role=\"img\" width=\"{w}\" height=\"{h}\" viewBox=\"0 0 {w} {h}\"><title>{t}</title>{body}</svg>",
        w = at(WIDTH),
        h = at(HEIGHT),
        t = escape(title)
    )
}
