//! A heat-map: rows × columns of values, each printed in its box.

use super::super::format::{escape, short};
use super::{rect, svg, text};

/// What a heat-map shows.
pub(crate) struct Heat<'a> {
    pub(crate) title: &'a str,
    pub(crate) description: &'a str,
    pub(crate) rows: &'a [String],
    pub(crate) columns: &'a [String],
    /// `(position 0..1 on the colour scale, text)`; `None` = nothing to show. Shape: `[rows][columns]`.
    pub(crate) cells: &'a [Vec<Option<(f64, String)>>],
}

const ROW: f64 = 26.0;
const COLUMN: f64 = 86.0;
const NAMES: f64 = 190.0;
const HEAD: f64 = 44.0;

/// Draws it. The scale runs from pale to Okabe and Ito's blue; text turns white where the box is dark.
pub(crate) fn heat(of: &Heat<'_>) -> String {
    let mut body = String::new();
    for (column, name) in of.columns.iter().enumerate() {
        // Two lines where a name has two parts.
        let x = NAMES + (column as f64 + 0.5) * COLUMN;
        match name.split_once('\n') {
            Some((above, below)) => {
                body += &text(x, HEAD - 22.0, "middle", "name", &short(above, 13));
                body += &text(x, HEAD - 8.0, "middle", "faint", &short(below, 14));
            }
            None => body += &text(x, HEAD - 10.0, "middle", "name", &short(name, 13)),
        }
    }
    for (row, name) in of.rows.iter().enumerate() {
        let y = HEAD + row as f64 * ROW;
        body += &text(NAMES - 8.0, y + 17.0, "end", "name", &short(name, 28));
        for (column, cell) in of.cells[row].iter().enumerate() {
            let x = NAMES + column as f64 * COLUMN;
            match cell {
                Some((shade, value)) => {
                    body += &rect(x + 1.0, y + 1.0, COLUMN - 2.0, ROW - 2.0, &colour(*shade));
                    let class = if *shade > 0.55 { "light" } else { "dark" };
                    body += &text(x + COLUMN / 2.0, y + 17.0, "middle", class, value);
                }
                None => body += &text(x + COLUMN / 2.0, y + 17.0, "middle", "faint", "–"),
            }
        }
    }
    svg(NAMES + of.columns.len() as f64 * COLUMN + 4.0, HEAD + of.rows.len() as f64 * ROW + 4.0, of.title, of.description, &body)
}

/// The same below its title, where several stand together.
pub(crate) fn titled_heat(of: &Heat<'_>) -> String {
    format!("<p class=\"what\">{}</p>{}", escape(of.title), heat(of))
}

/// From #e8f1f8 (0) to #00507d (1).
fn colour(shade: f64) -> String {
    let shade = shade.clamp(0.0, 1.0);
    let mix = |from: f64, to: f64| (from + (to - from) * shade).round() as u8;
    format!("#{:02x}{:02x}{:02x}", mix(232.0, 0.0), mix(241.0, 80.0), mix(248.0, 125.0))
}
