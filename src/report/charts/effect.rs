//! An effect curve: a line with its band over the points of a feature, partial dependence dashed, scenarios thin, and how many rows lie
//! where.

use super::super::format::{escape, number, percent, short};
use super::super::words::Language;
use super::series::Point;
use super::{COLOURS, at, line, svg, text};

/// A line of the chart.
pub(crate) struct EffectLine {
    pub(crate) name: String,
    pub(crate) points: Vec<Point>,
}

/// What an effect chart shows.
pub(crate) struct EffectChart<'a> {
    pub(crate) title: &'a str,
    /// A line below the title: what the effect is worth in what is published.
    pub(crate) note: &'a str,
    /// Names of the points, in order.
    pub(crate) points: &'a [String],
    /// How many points, from the first, belong together as those of a number: they are joined by lines. Categories are not, and neither
    /// is what is missing.
    pub(crate) joined: usize,
    /// The first line is all scenarios, with its band.
    pub(crate) lines: &'a [EffectLine],
    /// Partial dependence over all scenarios: `(point, effect)`.
    pub(crate) partial: &'a [(usize, f64)],
    /// Share of the rows at each point.
    pub(crate) shares: &'a [f64],
}

const WIDTH: f64 = 250.0;
const HEIGHT: f64 = 120.0;
const ROWS: f64 = 24.0;
const LEFT: f64 = 58.0;
const TOP: f64 = 64.0;
/// Dashes tell lines apart without colour.
const DASHES: [&str; 6] = ["", "6 2", "2 2", "8 3 2 3", "1 3", "10 2"];

/// Draws it.
pub(crate) fn effect(words: Language, of: &EffectChart<'_>) -> String {
    let ends = || {
        let lines = of.lines.iter().flat_map(|line| &line.points);
        lines
            .flat_map(|(_, value, band)| {
                let (low, high) = band.unwrap_or((*value, *value));
                [*value, low, high]
            })
            .chain(of.partial.iter().map(|(_, value)| *value))
    };
    let (low, high) = ends().fold((0.0_f64, 0.0_f64), |(low, high), value| (low.min(value), high.max(value)));
    let span = (high - low).max(1e-9);
    let last = of.points.len().saturating_sub(1).max(1) as f64;
    let x = |point: usize| LEFT + if of.points.len() > 1 { point as f64 / last * WIDTH } else { WIDTH / 2.0 };
    let y = |value: f64| TOP + HEIGHT - (value - low) / span * HEIGHT;
    let mut body = text(0.0, 14.0, "start", "name", &short(of.title, 46));
    body += &text(0.0, 30.0, "start", "faint", &short(of.note, 60));
    body += &names(of.lines);
    body += &line((LEFT, y(0.0)), (LEFT + WIDTH, y(0.0)), "grid");
    body += &line((LEFT, TOP), (LEFT, TOP + HEIGHT), "axis");
    body += &text(LEFT - 6.0, TOP + 9.0, "end", "faint", &number(high));
    body += &text(LEFT - 6.0, TOP + HEIGHT, "end", "faint", &number(low));
    body += &rows(words, of, &x);
    let place = |(point, value): (usize, f64)| format!("{},{}", at(x(point)), at(y(value)));
    if of.joined > 1 && of.partial.len() > 1 {
        let path: Vec<String> = of.partial.iter().copied().map(place).collect();
        body += &format!(
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"1.6\" stroke-dasharray=\"3 3\"><title>{}</title></polyline>",
            path.join(" "),
            COLOURS[3],
            words.partial_dependence()
        );
    }
    for (which, own) in of.lines.iter().enumerate().rev() {
        body += &drawn(of, which, own, &x, &y);
    }
    let foot = TOP + HEIGHT + ROWS + 16.0;
    if let (Some(first), Some(last)) = (of.points.first(), of.points.last()) {
        body += &text(LEFT, foot, "start", "faint", &short(first, 19));
        if of.points.len() > 1 {
            body += &text(LEFT + WIDTH, foot, "end", "faint", &short(last, 19));
        }
    }
    svg(LEFT + WIDTH + 16.0, foot + 8.0, of.title, words.effect_about(), &body)
}

fn names(lines: &[EffectLine]) -> String {
    let (mut body, mut x) = (String::new(), 0.0);
    for (which, own) in lines.iter().enumerate() {
        body += &format!(
            "<line x1=\"{}\" y1=\"44\" x2=\"{}\" y2=\"44\" stroke=\"{}\" stroke-width=\"{}\" stroke-dasharray=\"{}\"/>",
            at(x),
            at(x + 16.0),
            colour(which),
            if which == 0 { "3" } else { "1.6" },
            DASHES[which % DASHES.len()]
        );
        body += &text(x + 19.0, 48.0, "start", "faint", &short(&own.name, 9));
        x += 27.0 + 6.2 * own.name.chars().count().min(9) as f64;
    }
    body
}

/// Vermilion is that of partial dependence.
fn colour(which: usize) -> &'static str {
    const OWN: [usize; 5] = [0, 2, 1, 4, 5];
    COLOURS[OWN[which % OWN.len()]]
}

/// How many rows lie at each point, as bars below the curve.
fn rows(words: Language, of: &EffectChart<'_>, x: &dyn Fn(usize) -> f64) -> String {
    let most = of.shares.iter().copied().fold(0.0, f64::max).max(f64::MIN_POSITIVE);
    let wide = (WIDTH / of.points.len().max(1) as f64 * 0.7).clamp(1.0, 14.0);
    let floor = TOP + HEIGHT + ROWS;
    let mut body = String::new();
    for (point, share) in of.shares.iter().enumerate() {
        let height = share / most * (ROWS - 6.0);
        // Rows of a number's point lie between it and the one before.
        let back = if point > 0 && point < of.joined { WIDTH / of.points.len().saturating_sub(1).max(1) as f64 / 2.0 } else { 0.0 };
        body += &format!(
            "<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" class=\"bar\" fill=\"#8a97a3\" stroke=\"none\"><title>{}</title></rect>",
            at(x(point) - wide / 2.0 - back),
            at(floor - height),
            at(wide),
            at(height),
            escape(&words.share_of_rows(of.points.get(point).map_or("", String::as_str), percent(*share)))
        );
    }
    body
}

fn drawn(of: &EffectChart<'_>, which: usize, own: &EffectLine, x: &dyn Fn(usize) -> f64, y: &dyn Fn(f64) -> f64) -> String {
    let colour = colour(which);
    let mut body = String::new();
    let banded: Vec<(usize, f64, f64)> =
        own.points.iter().filter_map(|(point, _, band)| band.map(|(low, high)| (*point, low, high))).collect();
    let banded: Vec<(usize, f64, f64)> = banded.into_iter().filter(|(point, ..)| *point < of.joined).collect();
    if which == 0 && banded.len() > 1 {
        let upper = banded.iter().map(|(point, _, high)| format!("{},{}", at(x(*point)), at(y(*high))));
        let lower = banded.iter().rev().map(|(point, low, _)| format!("{},{}", at(x(*point)), at(y(*low))));
        let outline: Vec<String> = upper.chain(lower).collect();
        body += &format!("<polygon points=\"{}\" fill=\"{colour}\" fill-opacity=\"0.18\"/>", outline.join(" "));
    }
    let line = own.points.iter().filter(|(point, ..)| *point < of.joined);
    let path: Vec<String> = line.map(|(point, value, _)| format!("{},{}", at(x(*point)), at(y(*value)))).collect();
    if path.len() > 1 {
        body += &format!(
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"{}\" stroke-dasharray=\"{}\"><title>{}</title></polyline>",
            path.join(" "),
            if which == 0 { "2.6" } else { "1.3" },
            DASHES[which % DASHES.len()],
            escape(&own.name)
        );
    }
    for (point, value, band) in &own.points {
        if let Some((low, high)) = band.filter(|_| which == 0 && *point >= of.joined) {
            body += &format!(
                "<line x1=\"{x}\" y1=\"{}\" x2=\"{x}\" y2=\"{}\" stroke=\"{colour}\" stroke-width=\"2\"/>",
                at(y(low)),
                at(y(high)),
                x = at(x(*point))
            );
        }
        if which == 0 || *point >= of.joined {
            body += &format!(
                "<circle cx=\"{}\" cy=\"{}\" r=\"{}\" fill=\"{colour}\"><title>{} {}: {}</title></circle>",
                at(x(*point)),
                at(y(*value)),
                if which == 0 { "2.8" } else { "1.8" },
                escape(&own.name),
                escape(of.points.get(*point).map_or("", String::as_str)),
                number(*value)
            );
        }
    }
    body
}
