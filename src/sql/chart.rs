//! Charts of a result: bars, a line, a histogram.
//!
//! In: record batches. Out: the points of a chart, and text for a terminal. Drawings for a page are `report`'s.

use arrow::array::{AsArray as _, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type, Schema};
use unicode_width::UnicodeWidthStr as _;

use super::format::texts;

/// A kind of chart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Chart {
    /// A bar for each row: the first column that is no number names it, the first number is its length.
    Bar,
    /// The rows from left to right: the last number over them.
    Line,
    /// How often the values of the first number fall into each of twenty bins.
    Histogram,
}

/// What a chart shows.
#[derive(Debug, Clone, PartialEq)]
pub struct Points {
    /// The column of the values.
    pub column: String,
    /// A name and a value each: a row of the result, or a bin.
    pub values: Vec<(String, Option<f64>)>,
    /// Values that fall into no bin.
    pub missing: usize,
}

/// Bars that are drawn; the rest is counted.
const BARS: usize = 60;
/// Lines of a line chart.
const HEIGHT: usize = 12;
/// Bins of a histogram.
const BINS: usize = 20;
const EIGHTHS: [char; 8] = ['▏', '▎', '▍', '▌', '▋', '▊', '▉', '█'];

impl Chart {
    /// The chart of a name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "bar" => Some(Self::Bar),
            "line" => Some(Self::Line),
            "hist" | "histogram" => Some(Self::Histogram),
            _ => None,
        }
    }

    /// The chart that suits a result of so many rows, if one does.
    #[must_use]
    pub fn fitting(schema: &Schema, rows: usize) -> Option<Self> {
        let types = || schema.fields().iter().map(|field| field.data_type());
        let (names, numbers) = (types().filter(|of| !of.is_numeric()).count(), types().filter(|of| of.is_numeric()).count());
        // Where rows have several names or many numbers, a chart of one of them says little.
        if rows < 2 || names > 1 || !(1..=2).contains(&numbers) {
            return None;
        }
        match types().any(DataType::is_temporal) {
            true => Some(Self::Line),
            false if names == 1 => (rows <= BARS).then_some(Self::Bar),
            false => (numbers == 1 && rows > BARS).then_some(Self::Histogram),
        }
    }

    /// What it shows.
    ///
    /// # Errors
    /// A sentence when the result has no number to draw.
    pub fn points(self, batches: &[RecordBatch]) -> Result<Points, String> {
        let schema = batches.first().map(RecordBatch::schema).ok_or("there are no rows to draw")?;
        let at = number(&schema, self == Self::Line)?;
        let (column, values) = (schema.field(at).name().clone(), numbers(batches, at)?);
        Ok(match self {
            Self::Bar | Self::Line => Points { column, values: labels(batches, &schema)?.into_iter().zip(values).collect(), missing: 0 },
            Self::Histogram => {
                let missing = values.iter().filter(|value| value.is_none()).count();
                Points { column, values: bins(&values)?, missing }
            }
        })
    }

    /// Draws it, `width` characters wide.
    ///
    /// # Errors
    /// As [`Chart::points`].
    pub fn draw(self, batches: &[RecordBatch], width: usize) -> Result<String, String> {
        let points = self.points(batches)?;
        let width = width.clamp(40, 200);
        let (labels, values): (Vec<String>, Vec<Option<f64>>) = points.values.into_iter().unzip();
        if self == Self::Line {
            return line(&labels, &values, width);
        }
        let mut text = bars(&labels, &values, width);
        if points.missing > 0 {
            text.push_str(&format!("NULL {}\n", points.missing));
        }
        Ok(text)
    }
}

/// Position of the first number, or of the last.
fn number(schema: &Schema, last: bool) -> Result<usize, String> {
    let mut found = (0..schema.fields().len()).filter(|at| schema.field(*at).data_type().is_numeric());
    let at = if last { found.next_back() } else { found.next() };
    at.ok_or_else(|| "the result has no column of numbers".to_owned())
}

fn numbers(batches: &[RecordBatch], at: usize) -> Result<Vec<Option<f64>>, String> {
    let mut values = Vec::new();
    for batch in batches {
        let array = cast(batch.column(at), &DataType::Float64).map_err(|error| error.to_string())?;
        values.extend(array.as_primitive::<Float64Type>().iter().map(|value| value.filter(|value| value.is_finite())));
    }
    Ok(values)
}

/// What the rows are called: by the columns that are no numbers, else by their position.
fn labels(batches: &[RecordBatch], schema: &Schema) -> Result<Vec<String>, String> {
    let named: Vec<usize> = (0..schema.fields().len()).filter(|at| !schema.field(*at).data_type().is_numeric()).collect();
    let mut rows = Vec::new();
    for batch in batches {
        let own = batch.project(&named).map_err(|error| error.to_string())?;
        if named.is_empty() {
            rows.extend((0..batch.num_rows()).map(|_| String::new()));
        } else {
            rows.extend(texts(&[own]).map_err(|error| error.to_string())?.into_iter().map(|cells| cells.join(" ")));
        }
    }
    if named.is_empty() {
        rows.iter_mut().enumerate().for_each(|(at, row)| *row = (at + 1).to_string());
    }
    Ok(rows)
}

fn shown(value: f64) -> String {
    let text = format!("{value:.4}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

fn bars(labels: &[String], values: &[Option<f64>], width: usize) -> String {
    let drawn = labels.len().min(BARS);
    let cut = |label: &String| if label.width() > 30 { label.chars().take(29).chain(['…']).collect() } else { label.clone() };
    let names: Vec<String> = labels[..drawn].iter().map(cut).collect();
    let figures: Vec<String> = values[..drawn].iter().map(|value| value.map_or_else(|| "NULL".to_owned(), shown)).collect();
    let wide = |texts: &[String]| texts.iter().map(|text| text.width()).max().unwrap_or(0);
    let (named, counted) = (wide(&names), wide(&figures));
    let room = width.saturating_sub(named + counted + 3).max(10);
    let most = values.iter().flatten().fold(0.0_f64, |most, value| most.max(value.abs()));
    let mut text = String::new();
    for (at, name) in names.iter().enumerate() {
        let share = values[at].map_or(0.0, |value| if most > 0.0 { value.abs() / most } else { 0.0 });
        let eighths = (share * room as f64 * 8.0).round() as usize;
        let mut bar = "█".repeat(eighths / 8);
        if !eighths.is_multiple_of(8) {
            bar.push(EIGHTHS[eighths % 8 - 1]);
        }
        // A bar has a length only: the sign stands in the figure.
        let space = |text: &str, wide: usize| " ".repeat(wide.saturating_sub(text.width()));
        text.push_str(&format!("{name}{} {}{} {bar}\n", space(name, named), space(&figures[at], counted), figures[at]));
    }
    if labels.len() > drawn {
        text.push_str(&format!("… and {} rows more\n", labels.len() - drawn));
    }
    text
}

fn bounds(values: &[Option<f64>]) -> Result<(f64, f64), String> {
    let range = values.iter().flatten().fold(None, |range: Option<(f64, f64)>, value| {
        Some(range.map_or((*value, *value), |(low, high)| (low.min(*value), high.max(*value))))
    });
    range.ok_or_else(|| "all values are NULL".to_owned())
}

fn line(labels: &[String], values: &[Option<f64>], width: usize) -> Result<String, String> {
    let (low, high) = bounds(values)?;
    let scale = [shown(high), shown(low)];
    let wide = scale.iter().map(|text| text.width()).max().unwrap_or(0);
    let room = width.saturating_sub(wide + 3).min(values.len()).max(1);
    let mut cells = vec![vec![' '; room]; HEIGHT];
    for (at, value) in values.iter().enumerate() {
        let Some(value) = value else { continue };
        let column = if values.len() > 1 { at * (room - 1) / (values.len() - 1) } else { 0 };
        let share = if high > low { (value - low) / (high - low) } else { 0.5 };
        cells[HEIGHT - 1 - (share * (HEIGHT - 1) as f64).round() as usize][column] = '●';
    }
    let mut text = String::new();
    for (at, row) in cells.iter().enumerate() {
        let mark = if at == 0 {
            &scale[0]
        } else if at == HEIGHT - 1 {
            &scale[1]
        } else {
            ""
        };
        text.push_str(&format!("{}{mark} │{}\n", " ".repeat(wide.saturating_sub(mark.width())), row.iter().collect::<String>().trim_end()));
    }
    text.push_str(&format!("{} └{}\n", " ".repeat(wide), "─".repeat(room)));
    if let (Some(first), Some(last)) = (labels.first(), labels.last()) {
        text.push_str(&format!("{}  {first} … {last}\n", " ".repeat(wide)));
    }
    Ok(text)
}

/// How many values fall into each of twenty bins of equal width; a bin is named by where it begins.
fn bins(values: &[Option<f64>]) -> Result<Vec<(String, Option<f64>)>, String> {
    let (low, high) = bounds(values)?;
    let mut counts = vec![0_u64; if high > low { BINS } else { 1 }];
    let step = (high - low) / counts.len() as f64;
    for value in values.iter().flatten() {
        let bin = if step > 0.0 { ((value - low) / step) as usize } else { 0 };
        let last = counts.len() - 1;
        counts[bin.min(last)] += 1;
    }
    Ok(counts.into_iter().enumerate().map(|(bin, count)| (shown(low + step * bin as f64), Some(count as f64))).collect())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, Float64Array, StringArray};

    use super::*;

    fn batch(values: Vec<Option<f64>>) -> RecordBatch {
        let names: Vec<String> = (0..values.len()).map(|at| format!("row {at}")).collect();
        let columns: [(&str, ArrayRef); 2] =
            [("name", Arc::new(StringArray::from(names))), ("value", Arc::new(Float64Array::from(values)))];
        RecordBatch::try_from_iter(columns).unwrap_or_else(|error| panic!("{error}"))
    }

    #[test]
    fn a_bar_is_as_long_as_its_share_of_the_longest() {
        let drawn = Chart::Bar.draw(&[batch(vec![Some(1.0), Some(0.5), None])], 42);
        let expect = format!("row 0    1 {0}{0}\nrow 1  0.5 {0}\nrow 2 NULL \n", "█".repeat(15));
        assert_eq!(drawn.map(|text| text.replace('▏', "")), Ok(expect));
    }

    #[test]
    fn every_value_falls_into_a_bin() {
        let drawn =
            Chart::Histogram.draw(&[batch((0..100).map(|at| Some(f64::from(at))).collect())], 60).unwrap_or_else(|error| panic!("{error}"));
        let counted: f64 = drawn.lines().filter_map(|line| line.split_whitespace().nth(1)?.parse::<f64>().ok()).sum();
        assert!((counted - 100.0).abs() < f64::EPSILON, "{drawn}");
    }

    #[test]
    fn the_ends_of_a_line_are_its_extremes() {
        let drawn = Chart::Line.draw(&[batch(vec![Some(0.0), Some(5.0), Some(10.0)])], 60).unwrap_or_else(|error| panic!("{error}"));
        let lines: Vec<&str> = drawn.lines().collect();
        assert!(lines[0].starts_with("10 │") && lines[0].ends_with('●'), "{drawn}");
        assert!(lines[HEIGHT - 1].starts_with(" 0 │●"), "{drawn}");
    }

    #[test]
    fn a_result_has_the_chart_that_suits_it() {
        let named = batch(vec![Some(1.0), Some(2.0)]).schema();
        assert_eq!(Chart::fitting(&named, 2), Some(Chart::Bar));
        assert_eq!(Chart::fitting(&named, 1), None);
        assert_eq!(Chart::fitting(&named, 1000), None);
        let fields: Vec<_> = ["a", "b"].iter().map(|name| arrow::datatypes::Field::new(*name, DataType::Utf8, true)).collect();
        let many = Schema::new([fields, named.fields().iter().map(|field| field.as_ref().clone()).collect()].concat());
        assert_eq!(Chart::fitting(&many, 10), None);
        let dated = Schema::new(vec![
            arrow::datatypes::Field::new("day", DataType::Date32, true),
            arrow::datatypes::Field::new("value", DataType::Float64, true),
        ]);
        assert_eq!(Chart::fitting(&dated, 1000), Some(Chart::Line));
        let number = named.project(&[1]).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(Chart::fitting(&number, 1000), Some(Chart::Histogram));
        assert_eq!(Chart::fitting(&named.project(&[0]).unwrap_or_else(|error| panic!("{error}")), 10), None);
    }

    #[test]
    fn without_numbers_there_is_nothing_to_draw() {
        assert!(Chart::Bar.draw(&[], 60).is_err());
        assert!(Chart::Line.draw(&[batch(vec![None])], 60).is_err());
    }
}
