//! An effect: mean contribution along the bins of a feature, one line per scenario.

use super::super::format::{escape, number, short};
use super::{COLOURS, at, legend, line, svg, text};

/// A line of a curve chart.
pub(crate) struct Curve {
    pub(crate) name: String,
    /// `(bin, contribution)`.
    pub(crate) points: Vec<(usize, f64)>,
}

const WIDTH: f64 = 230.0;
const HEIGHT: f64 = 120.0;
const LEFT: f64 = 54.0;
const TOP: f64 = 40.0;

/// Draws lines over named bins. The first line is drawn boldest; each ends in its own mark.
pub(crate) fn curve(title: &str, bins: &[String], lines: &[Curve]) -> String {
    let all = || lines.iter().flat_map(|line| line.points.iter().map(|(_, value)| *value));
    let (low, high) = all().fold((0.0_f64, 0.0_f64), |(low, high), value| (low.min(value), high.max(value)));
    let span = (high - low).max(1e-9);
    let x = |bin: usize| LEFT + if bins.len() > 1 { bin as f64 / (bins.len() - 1) as f64 * WIDTH } else { WIDTH / 2.0 };
    let y = |value: f64| TOP + HEIGHT - (value - low) / span * HEIGHT;
    let mut body = text(0.0, 14.0, "start", "name", &short(title, 40));
    body += &legend(LEFT, lines.iter().map(|of| of.name.as_str()));
    body += &line((LEFT, y(0.0)), (LEFT + WIDTH, y(0.0)), "grid");
    body += &line((LEFT, TOP), (LEFT, TOP + HEIGHT), "axis");
    body += &text(LEFT - 6.0, TOP + 9.0, "end", "faint", &number(high));
    body += &text(LEFT - 6.0, TOP + HEIGHT, "end", "faint", &number(low));
    for (which, of) in lines.iter().enumerate().rev() {
        let path: Vec<String> = of.points.iter().map(|(bin, value)| format!("{},{}", at(x(*bin)), at(y(*value)))).collect();
        let width = if which == 0 { "2.5" } else { "1.3" };
        let colour = COLOURS[which % COLOURS.len()];
        body += &format!(
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"{width}\"><title>{}</title></polyline>",
            path.join(" "),
            escape(&of.name)
        );
        for (bin, value) in &of.points {
            body += &format!(
                "<circle cx=\"{}\" cy=\"{}\" r=\"{}\" fill=\"{colour}\"><title>{} {}: {}</title></circle>",
                at(x(*bin)),
                at(y(*value)),
                if which == 0 { "2.6" } else { "1.6" },
                escape(&of.name),
                escape(bins.get(*bin).map_or("", String::as_str)),
                number(*value)
            );
        }
    }
    if let (Some(first), Some(last)) = (bins.first(), bins.last()) {
        body += &text(LEFT, TOP + HEIGHT + 16.0, "start", "faint", &short(first, 18));
        if bins.len() > 1 {
            body += &text(LEFT + WIDTH, TOP + HEIGHT + 16.0, "end", "faint", &short(last, 18));
        }
    }
    svg(LEFT + WIDTH + 14.0, TOP + HEIGHT + 24.0, title, "Mean contribution to the raw output along the values of the feature.", &body)
}
