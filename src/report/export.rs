//! The report beside the page: `report.json`, a summary in Markdown, a CSV file per table.
//!
//! In: [`Report`]. Out: names and bytes, the same for the same report. Text that a spreadsheet would run as a formula is
//! neutralised, numbers are written with all their digits and as they are; text that Markdown would turn into markup is escaped.

use serde::Serialize;

use super::block::{Cell, Section, Table};
use super::content::Report;
use super::findings::findings;
use super::format::disguises;
use super::sections;
use super::standing::standing;

/// A file beside the page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Export {
    /// Its path: `summary.md`, `csv/<table>.csv`.
    pub file: String,
    /// Its bytes.
    pub text: String,
}

/// Rows of a table that the summary shows.
const SUMMARY_ROWS: usize = 12;
/// Columns of a table that the summary shows, at most; a wider one is left to its CSV.
const SUMMARY_COLUMNS: usize = 8;

/// What `report.json` holds beside the values: each section's sentence.
#[derive(Serialize)]
struct Told<'a> {
    #[serde(flatten)]
    report: &'a Report,
    standing: String,
    findings: Vec<String>,
    sections: Vec<Sentence>,
    totals: Totals,
}

/// Sums that the page tells.
#[derive(Serialize)]
struct Totals {
    rows_scored: u64,
    input_rows: u64,
    snapshots: usize,
    input_files: usize,
}

#[derive(Serialize)]
struct Sentence {
    id: &'static str,
    title: &'static str,
    finding: String,
}

/// `report.json`: the values, and the sentences that are made of them.
///
/// # Errors
/// A sentence when a value cannot be written as JSON.
pub fn json(report: &Report) -> Result<String, String> {
    let sections = sections::told(report).into_iter().map(|of| Sentence { id: of.id, title: of.title, finding: of.finding });
    let told = Told {
        report,
        standing: standing(report).sentence,
        findings: findings(report).into_iter().map(|finding| finding.words).collect(),
        sections: sections.collect(),
        totals: Totals {
            rows_scored: report.scores.iter().map(|score| score.rows).sum(),
            input_rows: report.inputs.iter().map(|file| file.rows).sum(),
            snapshots: report.snapshots.len(),
            input_files: report.inputs.len(),
        },
    };
    serde_json::to_string_pretty(&told).map_err(|error| error.to_string())
}

/// The summary and the CSV files.
#[must_use]
pub fn exports(report: &Report) -> Vec<Export> {
    let sections = sections::told(report);
    let mut files = vec![Export { file: "summary.md".into(), text: summary(report, &sections) }];
    for section in &sections {
        for (at, table) in section.tables.iter().enumerate() {
            files.push(Export { file: csv_file(section, at), text: csv(table) });
        }
    }
    files
}

/// The CSV file of a section's table.
fn csv_file(section: &Section, at: usize) -> String {
    let table = &section.tables[at];
    let name: String = table.name.chars().map(|c| if c.is_ascii_alphanumeric() || c == '_' { c } else { '-' }).collect();
    let taken = section.tables[..at].iter().any(|other| other.name == table.name);
    match (name.is_empty(), taken) {
        (true, false) => format!("csv/{}.csv", section.id),
        (true, true) => format!("csv/{}-{}.csv", section.id, at + 1),
        (false, false) => format!("csv/{}-{name}.csv", section.id),
        (false, true) => format!("csv/{}-{name}-{}.csv", section.id, at + 1),
    }
}

/// A table as CSV (RFC 4180). A column with intervals becomes three.
fn csv(table: &Table) -> String {
    let columns = table.head.len();
    let ranged: Vec<bool> =
        (0..columns).map(|at| table.rows.iter().any(|row| row.get(at).is_some_and(|cell| cell.range.is_some()))).collect();
    let mut lines = Vec::with_capacity(table.rows.len() + 1);
    let mut names = Vec::new();
    for (name, ranged) in table.head.iter().zip(&ranged) {
        names.push(quoted(&neutral(name)));
        if *ranged {
            names.extend(["low", "high"].map(|end| quoted(&neutral(&format!("{name} {end}")))));
        }
    }
    lines.push(names.join(","));
    for row in &table.rows {
        let mut values = Vec::new();
        for (cell, ranged) in row.iter().zip(&ranged) {
            values.push(csv_cell(cell));
            if *ranged {
                let ends = cell.range.as_ref().map(|range| [range.low, range.high]);
                values.extend(ends.map_or([String::new(), String::new()], |ends| ends.map(|end| end.to_string())));
            }
        }
        lines.push(values.join(","));
    }
    lines.join("\r\n") + "\r\n"
}

/// A number as it is, everything else as inert text.
fn csv_cell(cell: &Cell) -> String {
    if let Some(value) = cell.value.filter(|value| value.is_finite()) {
        return value.to_string();
    }
    if cell.class == "n" {
        if cell.text == "–" {
            return String::new();
        }
        let plain = cell.text.replace('−', "-").replace(',', "");
        if plain.parse::<f64>().is_ok_and(f64::is_finite) {
            return plain;
        }
    }
    quoted(&neutral(&cell.text))
}

/// Text that no spreadsheet takes for a formula.
fn neutral(text: &str) -> String {
    let first = text.trim_start_matches([' ', '\u{feff}']).chars().next();
    if first.is_some_and(|c| ['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠', '|', '%'].contains(&c)) {
        format!("'{text}")
    } else {
        text.to_owned()
    }
}

fn quoted(text: &str) -> String {
    if text.contains([',', '"', '\n', '\r', ';', '\t', '\'']) { format!("\"{}\"", text.replace('"', "\"\"")) } else { text.to_owned() }
}

fn summary(report: &Report, sections: &[Section]) -> String {
    let words = report.words();
    let mut text = format!("# {}\n\n{}\n", plain(&report.title), plain(&standing(report).sentence));
    let found = findings(report);
    if !found.is_empty() {
        text += &format!("\n{}\n\n", words.first_look());
        for (at, finding) in found.iter().enumerate() {
            text += &format!("{}. {}\n", at + 1, plain(&finding.words));
        }
    }
    for section in sections {
        text += &format!("\n## {}\n\n{}\n", plain(section.title), plain(&section.finding));
        for (at, table) in section.tables.iter().enumerate() {
            let file = csv_file(section, at);
            if table.folded || table.head.len() > SUMMARY_COLUMNS {
                text += &format!("\n{}: `{file}`\n", plain(&table.caption));
                continue;
            }
            text += &format!("\n### {}\n\n{}", plain(&table.caption), markdown(table));
            if table.rows.len() > SUMMARY_ROWS {
                text += &format!("\n{} `{file}`\n", plain(&words.cut_rows(SUMMARY_ROWS, table.rows.len())));
            }
        }
    }
    text
}

fn markdown(table: &Table) -> String {
    let line = |cells: Vec<String>| format!("| {} |\n", cells.join(" | "));
    let mut text = line(table.head.iter().map(|name| plain(name)).collect());
    text += &line(table.heads().iter().map(|(_, class)| if *class == "n" { "---:".into() } else { "---".into() }).collect());
    for row in table.rows.iter().take(SUMMARY_ROWS) {
        let cell = |cell: &Cell| match &cell.range {
            Some(range) => format!("{} ({})", plain(&cell.text), plain(&range.text)),
            None => plain(&cell.text),
        };
        text += &line(row.iter().map(cell).collect());
    }
    text
}

/// Text that Markdown takes for text: no markup, no HTML, no link. What means nothing where it stands is left as it is.
fn plain(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for (at, c) in text.char_indices() {
        let (before, after) = (&text[..at], &text[at + c.len_utf8()..]);
        let begins = before.trim().is_empty();
        match c {
            '&' if after.starts_with(|c: char| c.is_alphanumeric() || c == '#') => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            // Within a word it marks nothing.
            '_' if before.ends_with(char::is_alphanumeric) && after.starts_with(char::is_alphanumeric) => escaped.push('_'),
            '\\' | '`' | '*' | '_' | '[' | ']' | '#' | '|' | '~' | '@' | '$' => escaped.extend(['\\', c]),
            // A list, a line below a heading.
            '-' | '+' | '=' if begins => escaped.extend(['\\', c]),
            // After what may be a scheme: addresses would be made links of.
            ':' if before.ends_with(char::is_alphanumeric) && after.starts_with(|c: char| !c.is_whitespace() && !c.is_ascii_digit()) => {
                escaped.push_str("\\:");
            }
            c if c.is_whitespace() => escaped.push(' '),
            c if c.is_control() || disguises(c) => escaped.push('\u{fffd}'),
            c => escaped.push(c),
        }
    }
    // A host is made a link of too, whatever its letters' size.
    let mut whole = String::with_capacity(escaped.len());
    for c in escaped.chars() {
        if c == '.' && ends_so(&whole, "www") {
            whole.push('\\');
        }
        whole.push(c);
    }
    whole
}

/// Whether a text ends in a word, whatever the size of its letters.
fn ends_so(text: &str, word: &str) -> bool {
    text.len().checked_sub(word.len()).and_then(|at| text.get(at..)).is_some_and(|end| end.eq_ignore_ascii_case(word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formulas_are_text_and_numbers_stay_numbers() {
        for hostile in ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", " =1", "＝1"] {
            let cell = csv_cell(&Cell::text(hostile));
            assert!(cell.trim_start_matches('"').starts_with('\''), "{hostile:?} → {cell}");
        }
        assert_eq!(csv_cell(&Cell::signed(-0.5)), "-0.5");
        assert_eq!(csv_cell(&Cell::number("−1,234.5")), "-1234.5");
        assert_eq!(csv_cell(&Cell::number("-7")), "-7");
        assert_eq!(csv_cell(&Cell::number("–")), "");
        assert_eq!(csv_cell(&Cell::fixed(Some(0.123_456_789), 3)), "0.123456789");
        assert_eq!(csv_cell(&Cell::text("a \"b\", c")), "\"a \"\"b\"\", c\"");
    }

    #[test]
    fn a_column_with_intervals_becomes_three() {
        let cell = Cell::fixed(Some(0.5), 1).within(Some((0.25, 0.75)), |end| end.to_string());
        let table = Table { head: vec!["=a".into()], rows: vec![vec![cell], vec![Cell::fixed(None, 1)]], ..Table::default() };
        assert_eq!(csv(&table), "\"'=a\",\"'=a low\",\"'=a high\"\r\n0.5,0.25,0.75\r\n,,\r\n");
    }

    #[test]
    fn markdown_is_only_text() {
        let hostile = "<script>alert(1)</script> [a](javascript:alert(1)) ![x](y) `c` **b** https://evil.example www.evil.example a|b\n# c";
        let text = plain(hostile);
        for never in ["<", "](j", "![", "https:", "www.", "\n", " #"] {
            assert!(!text.contains(never) || never == "](j" && text.contains("\\](j"), "{never} in {text}");
        }
        for (hostile, safe) in [("mailto:a@b.c", "mailto\\:a\\@b.c"), ("WWW.evil", "WWW\\.evil"), ("# a", "\\# a"), ("- a", "\\- a")] {
            assert_eq!(plain(hostile), safe);
        }
    }

    #[test]
    fn what_means_nothing_to_markdown_stays_as_it_is() {
        for text in ["Held: 2 of 7", "discount_purchase of home", "a & b", "12:30", "fell by -0.1!", "run 2026-02-20"] {
            assert_eq!(plain(text), text);
        }
    }
}
