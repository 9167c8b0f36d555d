//! Charts as SVG text of our own: byte-stable, printable, readable without colour.
//!
//! In: names and numbers. Out: `<svg>` with a title and a description. Colours are those of Okabe and Ito and are never the
//! only sign: values stand beside them.

mod bars;
mod dumbbell;
mod effect;
mod heat;
mod interval;
mod ranged;
mod reliability;
mod series;
mod spark;
mod waterfall;

pub(super) use bars::{Bar, bars};
pub(super) use dumbbell::{Dumbbell, dumbbell};
pub(super) use effect::{EffectChart, EffectLine, effect};
pub(super) use heat::{Heat, heat, titled_heat};
pub(super) use interval::{Spread, intervals};
pub(super) use ranged::{Ranged, ranged};
pub(super) use reliability::reliability;
pub(super) use series::{Series, series};
pub(super) use spark::spark;
pub(super) use waterfall::{Fall, waterfall};

use super::format::{escape, short};

/// Okabe and Ito's colours: blue, orange, green, vermilion, purple, sky.
pub(super) const COLOURS: [&str; 6] = ["#0072b2", "#e69f00", "#009e73", "#d55e00", "#cc79a7", "#56b4e9"];

/// A chart's frame: scales to the width of its box, never wider than drawn.
fn svg(width: f64, height: f64, title: &str, description: &str, body: &str) -> String {
    format!(
        "<svg role=\"img\" width=\"{w}\" viewBox=\"0 0 {w} {h}\"><title>{t}</title><desc>{d}</desc>{body}</svg>",
        w = at(width),
        h = at(height),
        t = escape(title),
        d = escape(description)
    )
}

/// A coordinate: one decimal is finer than a pixel.
fn at(value: f64) -> String {
    let text = format!("{value:.1}");
    text.strip_suffix(".0").map_or(text.clone(), str::to_owned)
}

/// Text at a place; `anchor` is `start`, `middle` or `end`.
fn text(x: f64, y: f64, anchor: &str, class: &str, content: &str) -> String {
    format!("<text x=\"{}\" y=\"{}\" text-anchor=\"{anchor}\" class=\"{class}\">{}</text>", at(x), at(y), escape(content))
}

/// A filled box.
fn rect(x: f64, y: f64, width: f64, height: f64, fill: &str) -> String {
    format!("<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" fill=\"{fill}\"/>", at(x), at(y), at(width.max(0.0)), at(height.max(0.0)))
}

/// A line of a class.
fn line(from: (f64, f64), to: (f64, f64), class: &str) -> String {
    format!("<line x1=\"{}\" y1=\"{}\" x2=\"{}\" y2=\"{}\" class=\"{class}\"/>", at(from.0), at(from.1), at(to.0), at(to.1))
}

/// Names of lines beside their colours, in a row below the title.
fn legend<'a>(left: f64, names: impl Iterator<Item = &'a str>) -> String {
    let (mut body, mut x) = (String::new(), left);
    for (which, name) in names.enumerate() {
        body += &format!("<rect x=\"{}\" y=\"22\" width=\"8\" height=\"8\" fill=\"{}\"/>", at(x), COLOURS[which % COLOURS.len()]);
        body += &text(x + 11.0, 30.0, "start", "faint", &short(name, 10));
        x += 22.0 + 6.0 * name.chars().count().min(10) as f64;
    }
    body
}

/// Names of the parts of stacked bars beside their colours, in a row whose boxes begin at `(x, y)`.
fn parts_legend(mut x: f64, y: f64, names: &[&str]) -> String {
    let mut body = String::new();
    for (which, name) in names.iter().enumerate() {
        body += &rect(x, y, 10.0, 10.0, COLOURS[which % COLOURS.len()]);
        body += &text(x + 14.0, y + 9.0, "start", "faint", name);
        x += 30.0 + 7.0 * name.chars().count() as f64;
    }
    body
}

/// A bar whose parts share its length in proportion, from `(x, y)`.
fn stacked(mut x: f64, y: f64, (length, height): (f64, f64), parts: &[f64]) -> String {
    let sum: f64 = parts.iter().sum::<f64>().max(f64::MIN_POSITIVE);
    let mut body = String::new();
    for (which, part) in parts.iter().enumerate() {
        let width = part / sum * length;
        body += &rect(x, y, width, height, COLOURS[which % COLOURS.len()]);
        x += width;
    }
    body
}
