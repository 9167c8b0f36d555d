//! A reliability plot: observed shares against predictions, with their intervals and the line of perfect calibration.

use super::super::content::Reliability;
use super::super::format::{escape, number, percent};
use super::super::words::Language;
use super::{COLOURS, at, line, svg, text};

const SIDE: f64 = 190.0;
const LEFT: f64 = 52.0;
const TOP: f64 = 26.0;

/// Draws the bins of one cell.
pub(in crate::report) fn reliability(words: Language, title: &str, bins: &[&Reliability]) -> String {
    let most = bins.iter().map(|bin| bin.high.max(bin.predicted)).fold(0.0, f64::max).max(1e-6);
    let x = |value: f64| LEFT + value / most * SIDE;
    let y = |value: f64| TOP + SIDE - value / most * SIDE;
    let mut body = text(LEFT, 14.0, "start", "name", title);
    body += &line((LEFT, TOP + SIDE), (LEFT + SIDE, TOP + SIDE), "axis");
    body += &line((LEFT, TOP), (LEFT, TOP + SIDE), "axis");
    body += &line((x(0.0), y(0.0)), (x(most), y(most)), "grid");
    body += &text(LEFT + SIDE, TOP + SIDE + 16.0, "end", "faint", &words.reliability_axis(percent(most)));
    body += &text(LEFT - 6.0, TOP + 10.0, "end", "faint", &percent(most));
    body += &text(LEFT - 6.0, TOP + SIDE, "end", "faint", "0");
    for bin in bins {
        body += &format!("<g><title>{}</title>", escape(&words.reliability_bin(number(bin.predicted), number(bin.observed), bin.n)));
        body += &line((x(bin.predicted), y(bin.low)), (x(bin.predicted), y(bin.high)), "bar");
        body += &format!("<circle cx=\"{}\" cy=\"{}\" r=\"3.5\" fill=\"{}\"/></g>", at(x(bin.predicted)), at(y(bin.observed)), COLOURS[0]);
    }
    svg(LEFT + SIDE + 12.0, TOP + SIDE + 24.0, title, words.reliability_about(), &body)
}
