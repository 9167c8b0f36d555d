//! Statements and their expected rows, in the format that SQL engines share: `slt/*.slt`, asked of the whole program.
//!
//! In: a file of statements, and the small shop. Out: a failure with its file, its line and what differs. Not here: what is expected
//! and why (the files say it), the forms of answers (`sql`), rows, partitions and windows by chance (`sql_functions`).

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};
use sqllogictest::{DB, DBOutput, DefaultColumnType, Runner};

use crate::shop::Shop;
use crate::sql_tables::{NEXT, lines};

const FILES: [&str; 4] = ["functions.slt", "calls.slt", "tables.slt", "decisions.slt"];

/// `polytask sql` on a shop, a statement at a time.
struct Session<'a> {
    shop: &'a Shop,
}

/// What the program said where it failed.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Refused(String);

impl DB for Session<'_> {
    type Error = Refused;
    type ColumnType = DefaultColumnType;

    fn run(&mut self, sql: &str) -> Result<DBOutput<DefaultColumnType>, Refused> {
        let output = self.shop.polytask(&["sql", "queries/shop", "--format", "json", "-c", sql]);
        if !output.status.success() {
            return Err(Refused(String::from_utf8_lossy(&output.stderr).into_owned()));
        }
        let rows: Vec<Map<String, Value>> = serde_json::from_slice(&output.stdout).expect("an array of rows");
        let types = rows.first().into_iter().flat_map(Map::keys).map(|column| kind(&rows, column)).collect();
        Ok(DBOutput::Rows { types, rows: rows.iter().map(|row| row.values().map(text).collect()).collect() })
    }
}

/// The kind of a column: that of its first value; any where all are NULL.
fn kind(rows: &[Map<String, Value>], column: &str) -> DefaultColumnType {
    match rows.iter().filter_map(|row| row.get(column)).find(|value| !value.is_null()) {
        None => DefaultColumnType::Any,
        Some(Value::Number(number)) if number.is_f64() => DefaultColumnType::FloatingPoint,
        Some(Value::Number(_)) => DefaultColumnType::Integer,
        Some(_) => DefaultColumnType::Text,
    }
}

/// A value as it stands in a file; JSON has no NaN, so that there it is NULL.
fn text(value: &Value) -> String {
    match value {
        Value::Null => "NULL".to_owned(),
        Value::String(text) if text.is_empty() => "(empty)".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[expect(clippy::ptr_arg, reason = "the form that the runner takes")]
fn of_one_kind(found: &Vec<DefaultColumnType>, expected: &Vec<DefaultColumnType>) -> bool {
    let fits = |(found, expected): (&DefaultColumnType, &DefaultColumnType)| found == expected || *found == DefaultColumnType::Any;
    // Without rows nothing is known of the columns.
    found.is_empty() || found.len() == expected.len() && found.iter().zip(expected).all(fits)
}

fn file(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/slt").join(name)
}

/// Every statement of a file gives its rows or its error.
#[track_caller]
fn check(shop: &Shop, name: &str) {
    let mut runner = Runner::new(|| async { Ok(Session { shop }) });
    runner.with_column_validator(of_one_kind);
    runner.run_file(file(name)).unwrap_or_else(|error| panic!("{}", error.display(false)));
}

fn after_two_nights() -> Shop {
    let shop = Shop::new();
    shop.published();
    shop.succeeds(&["run", "queries/shop", "--as-of", NEXT]);
    shop
}

#[test]
fn every_function_gives_its_expected_rows() {
    check(&Shop::new(), "functions.slt");
}

#[test]
fn every_call_gives_its_expected_rows() {
    check(&after_two_nights(), "calls.slt");
}

#[test]
fn every_decision_gives_its_expected_rows() {
    check(&Shop::new(), "decisions.slt");
}

#[test]
fn every_table_gives_its_expected_rows() {
    check(&after_two_nights(), "tables.slt");
}

/// The statements of a file, without its comments.
fn statements(name: &str) -> String {
    let text = fs::read_to_string(file(name)).expect("a file of statements");
    text.lines().filter(|line| !line.starts_with('#')).flat_map(|line| [line, "\n"]).collect()
}

/// The names in a text: letters, digits, `_` and the dots between them, and `(` where one is called.
fn names(text: &str) -> BTreeSet<&str> {
    let outer = |c: char| !(c.is_alphanumeric() || ['_', '.', '('].contains(&c));
    text.split(outer).flat_map(|word| word.split_inclusive('(')).collect()
}

#[test]
fn every_function_and_every_table_has_expected_rows() {
    let texts = FILES.map(statements);
    let called: BTreeSet<&str> = texts.iter().flat_map(|text| names(text)).collect();
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/sql-functions.md")).expect("the page of functions");
    let functions: Vec<&str> = page.lines().filter_map(|line| line.strip_prefix("### `")?.split_inclusive('(').next()).collect();
    assert!(functions.len() > 30, "where are the functions? {functions:?}");
    let missing: Vec<&&str> = functions.iter().filter(|name| !called.contains(**name)).collect();
    assert!(missing.is_empty(), "no statement of slt/ calls {missing:?}");

    let shop = Shop::new();
    shop.published();
    let listed = "select concat(table_schema, '.', table_name) from information_schema.tables where table_schema <> 'previous'";
    let tables = lines(&shop, &[], listed).concat();
    assert!(tables.len() > 60, "where are the tables? {tables:?}");
    let asked = names(&texts[2]);
    let missing: Vec<&String> = tables.iter().filter(|table| !asked.contains(table.as_str())).collect();
    assert!(missing.is_empty(), "no statement of slt/tables.slt asks {missing:?}");
}
