//! Results as text and files: table, CSV, TSV, JSON, NDJSON, Markdown, Parquet.
//!
//! In: record batches. Out: bytes into any sink. Tables and Markdown need their widths first and hold what they show; the
//! other formats stream. Terminals and files are not known here.

use std::io::Write;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, SchemaRef};
use arrow::error::ArrowError;
use arrow::json::WriterBuilder;
use arrow::json::writer::{JsonArray, LineDelimited, Writer as JsonWriter};
use arrow::util::display::{ArrayFormatter, FormatOptions};
use parquet::arrow::ArrowWriter;
use unicode_width::UnicodeWidthStr as _;

/// Rows that a table shows; the rest is counted. Other formats have no limit.
pub const SHOWN_ROWS: usize = 10_000;
/// Characters of a cell that a table shows.
const SHOWN_CHARS: usize = 200;

/// A form of a result.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// Lines and columns for people.
    Table,
    /// Comma-separated values with a header; NULL is empty.
    Csv,
    /// Tab-separated values with a header; tab, newline and backslash are escaped.
    Tsv,
    /// One array of objects.
    Json,
    /// An object a line.
    Ndjson,
    /// A table for a page.
    Markdown,
    /// Arrow's types, compressed.
    Parquet,
}

impl Format {
    /// Every format and its name.
    pub const ALL: [(&'static str, Self); 7] = [
        ("table", Self::Table),
        ("csv", Self::Csv),
        ("tsv", Self::Tsv),
        ("json", Self::Json),
        ("ndjson", Self::Ndjson),
        ("markdown", Self::Markdown),
        ("parquet", Self::Parquet),
    ];

    /// The format of a name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.iter().find(|(known, _)| *known == name).map(|(_, format)| *format)
    }
}

impl Format {
    /// The format of files whose name ends so.
    #[must_use]
    pub fn of_ending(ending: &str) -> Option<Self> {
        match ending {
            "txt" => Some(Self::Table),
            "md" => Some(Self::Markdown),
            "jsonl" => Some(Self::Ndjson),
            "table" => None,
            other => Self::named(other),
        }
    }
}

impl Format {
    /// Whether it is written row by row, however many there are.
    #[must_use]
    pub fn streams(self) -> bool {
        !matches!(self, Self::Table | Self::Markdown)
    }

    /// What a browser is told that it is.
    #[must_use]
    pub fn media_type(self) -> &'static str {
        match self {
            Self::Table => "text/plain; charset=utf-8",
            Self::Csv => "text/csv; charset=utf-8",
            Self::Tsv => "text/tab-separated-values; charset=utf-8",
            Self::Json => "application/json",
            Self::Ndjson => "application/x-ndjson",
            Self::Markdown => "text/markdown; charset=utf-8",
            Self::Parquet => "application/vnd.apache.parquet",
        }
    }
}

/// Where a result goes.
pub type Sink = Box<dyn Write + Send>;

enum Form {
    /// Table and Markdown: batches until they are laid out.
    Held(Vec<RecordBatch>, Sink),
    Separated(char, Sink),
    Json(JsonWriter<Sink, JsonArray>),
    Ndjson(JsonWriter<Sink, LineDelimited>),
    Parquet(Box<ArrowWriter<Sink>>),
}

/// A result being written.
pub struct ResultWriter {
    format: Format,
    schema: SchemaRef,
    form: Form,
    rows: usize,
}

fn failed(error: &dyn std::fmt::Display) -> std::io::Error {
    std::io::Error::other(error.to_string())
}

/// The sink's own error where there is one: a full disk is told as such.
fn arrow_failed(error: ArrowError) -> std::io::Error {
    match error {
        ArrowError::IoError(_, error) => error,
        other => failed(&other),
    }
}

impl ResultWriter {
    /// Begins a result.
    ///
    /// # Errors
    /// The sink's.
    pub fn new(format: Format, schema: SchemaRef, mut sink: Sink) -> std::io::Result<Self> {
        let json = || WriterBuilder::new().with_explicit_nulls(true);
        let form = match format {
            Format::Table | Format::Markdown => Form::Held(Vec::new(), sink),
            Format::Csv | Format::Tsv => {
                let separator = if format == Format::Csv { ',' } else { '\t' };
                let names: Vec<String> = schema.fields().iter().map(|field| cell(&harmless(field.name()), separator)).collect();
                writeln!(sink, "{}", names.join(&separator.to_string()))?;
                Form::Separated(separator, sink)
            }
            Format::Json => Form::Json(json().build(sink)),
            Format::Ndjson => Form::Ndjson(json().build(sink)),
            Format::Parquet => {
                Form::Parquet(Box::new(ArrowWriter::try_new(sink, SchemaRef::clone(&schema), None).map_err(|error| failed(&error))?))
            }
        };
        Ok(Self { format, schema, form, rows: 0 })
    }

    /// Adds rows.
    ///
    /// # Errors
    /// The sink's, or that of a value that has no text.
    pub fn write(&mut self, batch: &RecordBatch) -> std::io::Result<()> {
        let before = self.rows;
        self.rows += batch.num_rows();
        match &mut self.form {
            Form::Held(batches, _) => {
                let left = SHOWN_ROWS.saturating_sub(before).min(batch.num_rows());
                if left > 0 {
                    batches.push(batch.slice(0, left));
                }
                Ok(())
            }
            Form::Separated(separator, sink) => separated(batch, *separator, sink),
            Form::Json(writer) => writer.write(batch).map_err(arrow_failed),
            Form::Ndjson(writer) => writer.write(batch).map_err(arrow_failed),
            Form::Parquet(writer) => writer.write(batch).map_err(|error| failed(&error)),
        }
    }

    /// Ends the result; returns the number of rows.
    ///
    /// # Errors
    /// As [`ResultWriter::write`].
    pub fn finish(self) -> std::io::Result<usize> {
        match self.form {
            Form::Held(batches, mut sink) => {
                let text = if self.format == Format::Table { table(&self.schema, &batches)? } else { markdown(&self.schema, &batches)? };
                sink.write_all(text.as_bytes())?;
                sink.flush()?;
            }
            Form::Separated(_, mut sink) => sink.flush()?,
            Form::Json(mut writer) => {
                writer.finish().map_err(arrow_failed)?;
                let mut sink = writer.into_inner();
                writeln!(sink)?;
                sink.flush()?;
            }
            Form::Ndjson(mut writer) => {
                writer.finish().map_err(arrow_failed)?;
                writer.into_inner().flush()?;
            }
            Form::Parquet(writer) => writer.into_inner().map_err(|error| failed(&error))?.flush()?,
        }
        Ok(self.rows)
    }
}

/// Whether cells of a type stand at the right of their column.
#[must_use]
pub fn is_number(data_type: &DataType) -> bool {
    data_type.is_numeric()
}

fn is_text(data_type: &DataType) -> bool {
    match data_type {
        DataType::Dictionary(_, values) => is_text(values),
        other => matches!(other, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View),
    }
}

fn formatters(batch: &RecordBatch) -> std::io::Result<Vec<ArrayFormatter<'_>>> {
    let options = FormatOptions::new().with_display_error(true);
    batch.columns().iter().map(|array| ArrayFormatter::try_new(array, &options).map_err(arrow_failed)).collect()
}

/// Text that a spreadsheet would run as a formula gets an apostrophe before it.
fn harmless(text: &str) -> String {
    if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{text}") } else { text.to_owned() }
}

/// A cell of a separated line.
fn cell(text: &str, separator: char) -> String {
    if separator == '\t' {
        return text.replace('\\', "\\\\").replace('\t', "\\t").replace('\n', "\\n").replace('\r', "\\r");
    }
    if text.contains([separator, '"', '\n', '\r']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.to_owned() }
}

fn separated(batch: &RecordBatch, separator: char, sink: &mut Sink) -> std::io::Result<()> {
    let cells = formatters(batch)?;
    let texts: Vec<bool> = batch.schema().fields().iter().map(|field| is_text(field.data_type())).collect();
    let mut line = String::new();
    for row in 0..batch.num_rows() {
        line.clear();
        for (at, formatter) in cells.iter().enumerate() {
            if at > 0 {
                line.push(separator);
            }
            if batch.column(at).is_null(row) {
                continue;
            }
            let text = formatter.value(row).to_string();
            // A number may begin with a minus; a text that does may be a formula.
            line.push_str(&cell(&if texts[at] { harmless(&text) } else { text }, separator));
        }
        writeln!(sink, "{line}")?;
    }
    Ok(())
}

/// Texts of a result, a vector a row; line breaks are shown as `↵`.
///
/// # Errors
/// That of a value that has no text.
pub fn texts(batches: &[RecordBatch]) -> std::io::Result<Vec<Vec<String>>> {
    let mut rows = Vec::new();
    for batch in batches {
        let cells = formatters(batch)?;
        for row in 0..batch.num_rows() {
            let text = |(at, formatter): (usize, &ArrayFormatter<'_>)| {
                if batch.column(at).is_null(row) { "NULL".to_owned() } else { visible(&formatter.value(row).to_string()) }
            };
            rows.push(cells.iter().enumerate().map(text).collect());
        }
    }
    Ok(rows)
}

/// A text without what would move a terminal's cursor, cut where it is long.
fn visible(text: &str) -> String {
    let clean = |c: char| match c {
        '\n' => '↵',
        c if c.is_control() => '\u{fffd}',
        c => c,
    };
    let shown: String = text.chars().take(SHOWN_CHARS).map(clean).collect();
    if text.chars().count() > SHOWN_CHARS { format!("{shown}…") } else { shown }
}

fn names(schema: &SchemaRef) -> Vec<String> {
    schema.fields().iter().map(|field| visible(field.name())).collect()
}

fn widths(heads: &[String], rows: &[Vec<String>]) -> Vec<usize> {
    let wide = |at: usize| rows.iter().map(|row| row[at].width()).max().unwrap_or(0);
    heads.iter().enumerate().map(|(at, head)| head.width().max(wide(at))).collect()
}

fn padded(text: &str, width: usize, right: bool) -> String {
    let space = " ".repeat(width.saturating_sub(text.width()));
    if right { format!("{space}{text}") } else { format!("{text}{space}") }
}

/// A table for a terminal.
///
/// # Errors
/// That of a value that has no text.
pub fn table(schema: &SchemaRef, batches: &[RecordBatch]) -> std::io::Result<String> {
    let (heads, rows) = (names(schema), texts(batches)?);
    if heads.is_empty() {
        return Ok(String::new());
    }
    let widths = widths(&heads, &rows);
    let right: Vec<bool> = schema.fields().iter().map(|field| is_number(field.data_type())).collect();
    let line = |cells: &[String]| {
        let cells = cells.iter().enumerate().map(|(at, cell)| padded(cell, widths[at], right[at]));
        format!("{}\n", format!(" {}", cells.collect::<Vec<_>>().join(" | ")).trim_end_matches(' '))
    };
    let rule: Vec<String> = widths.iter().map(|width| "-".repeat(width + 2)).collect();
    let mut text = line(&heads);
    text.push_str(&format!("{}\n", rule.join("+")));
    for row in &rows {
        text.push_str(&line(row));
    }
    Ok(text)
}

/// A table for a page.
fn markdown(schema: &SchemaRef, batches: &[RecordBatch]) -> std::io::Result<String> {
    let escape = |cells: Vec<String>| cells.into_iter().map(|cell| cell.replace('|', "\\|")).collect::<Vec<_>>();
    let heads = escape(names(schema));
    let rows: Vec<Vec<String>> = texts(batches)?.into_iter().map(escape).collect();
    let rule = schema.fields().iter().map(|field| if is_number(field.data_type()) { "---:" } else { "---" });
    let mut text = format!("| {} |\n| {} |\n", heads.join(" | "), rule.collect::<Vec<_>>().join(" | "));
    for row in &rows {
        text.push_str(&format!("| {} |\n", row.join(" | ")));
    }
    Ok(text)
}

/// A block a row, a line a column: for rows that are wider than the terminal.
///
/// # Errors
/// As [`table`].
pub fn expanded(schema: &SchemaRef, batches: &[RecordBatch]) -> std::io::Result<String> {
    let heads = names(schema);
    let wide = heads.iter().map(|head| head.width()).max().unwrap_or(0);
    let mut text = String::new();
    for (at, row) in texts(batches)?.iter().enumerate() {
        text.push_str(&format!("-[ row {} ]{}\n", at + 1, "-".repeat(wide.saturating_sub(6).max(3))));
        for (head, cell) in heads.iter().zip(row) {
            text.push_str(&format!("{} | {cell}\n", padded(head, wide, false)));
        }
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use arrow::array::{ArrayRef, Float64Array, Int64Array, StringArray};

    use super::*;

    #[derive(Clone, Default)]
    struct Bytes(Arc<Mutex<Vec<u8>>>);

    impl Write for Bytes {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner).extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn batch() -> RecordBatch {
        let columns: [(&str, ArrayRef); 3] = [
            ("name", Arc::new(StringArray::from(vec![Some("=1+1"), Some("a,\"b\""), None]))),
            ("n", Arc::new(Int64Array::from(vec![Some(-1), None, Some(20)]))),
            ("share", Arc::new(Float64Array::from(vec![Some(-0.5), Some(0.1), None]))),
        ];
        RecordBatch::try_from_iter(columns).unwrap_or_else(|error| panic!("{error}"))
    }

    #[track_caller]
    fn check(format: Format, expect: &str) {
        let (batch, bytes) = (batch(), Bytes::default());
        let mut writer = ResultWriter::new(format, batch.schema(), Box::new(bytes.clone())).unwrap_or_else(|error| panic!("{error}"));
        writer.write(&batch).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(writer.finish().ok(), Some(3));
        let bytes = bytes.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner).clone();
        assert_eq!(String::from_utf8(bytes).as_deref(), Ok(expect));
    }

    #[test]
    fn formulas_in_texts_are_neutralised_and_numbers_are_not() {
        check(Format::Csv, "name,n,share\n'=1+1,-1,-0.5\n\"a,\"\"b\"\"\",,0.1\n,20,\n");
        check(Format::Tsv, "name\tn\tshare\n'=1+1\t-1\t-0.5\na,\"b\"\t\t0.1\n\t20\t\n");
    }

    #[test]
    fn tables_line_up_and_pages_are_tables() {
        check(
            Format::Table,
            " name  |    n | share\n-------+------+-------\n =1+1  |   -1 |  -0.5\n a,\"b\" | NULL |   0.1\n NULL  |   20 |  NULL\n",
        );
        check(
            Format::Markdown,
            "| name | n | share |\n| --- | ---: | ---: |\n| =1+1 | -1 | -0.5 |\n| a,\"b\" | NULL | 0.1 |\n| NULL | 20 | NULL |\n",
        );
    }

    #[test]
    fn json_keeps_types_and_nulls() {
        let lines = "{\"name\":\"=1+1\",\"n\":-1,\"share\":-0.5}\n{\"name\":\"a,\\\"b\\\"\",\"n\":null,\"share\":0.1}\n{\"name\":null,\"n\":20,\"share\":null}\n";
        check(Format::Ndjson, lines);
        check(Format::Json, &format!("[{}]\n", lines.trim_end().replace('\n', ",")));
    }
}
