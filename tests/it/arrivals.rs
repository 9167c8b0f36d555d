//! What has arrived, held against what the job expects and against the run before: new, gone and retyped columns, missing days,
//! old deliveries, history written anew.

use std::fs;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use serde_json::Value;

use crate::shop::{NIGHT, Shop, read, write_orders, write_parquet};
use crate::sources::partition;

const NEXT: &str = "2026-02-27";

/// Writes the sales anew with other columns.
fn rewrite(shop: &Shop, change: impl Fn(&str, &ArrayRef) -> Option<ArrayRef>) {
    let path = shop.input().join("orders.parquet");
    let rows: RecordBatch = read(&path);
    let schema = rows.schema();
    let columns = schema.fields().iter().zip(rows.columns());
    let mut columns: Vec<(&str, ArrayRef)> =
        columns.filter_map(|(field, array)| Some((field.name().as_str(), change(field.name(), array)?))).collect();
    if let Some(added) = change("added", &(Arc::new(Int64Array::from(vec![1; rows.num_rows()])) as ArrayRef)) {
        columns.push(("added", added));
    }
    write_parquet(&path, columns);
}

fn kept(name: &str, array: &ArrayRef) -> Option<ArrayRef> {
    (name != "added").then(|| Arc::clone(array))
}

#[track_caller]
fn refused(shop: &Shop, as_of: &str, message: &str) {
    let before = fs::read_to_string(shop.runs().join("CURRENT")).ok();
    let output = shop.night(as_of, &[]);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{errors}");
    assert!(errors.contains(message) && errors.contains("hint: "), "no «{message}» in:\n{errors}");
    assert_eq!(before, fs::read_to_string(shop.runs().join("CURRENT")).ok());
}

fn warnings(shop: &Shop, file: &str) -> Vec<String> {
    let told: Value = serde_json::from_slice(&fs::read(shop.current().join(file)).expect("a file")).expect("JSON");
    told["warnings"].as_array().expect("warnings").iter().filter_map(Value::as_str).map(str::to_owned).collect()
}

#[test]
fn a_new_column_is_a_warning_in_log_report_and_run_json() {
    let shop = Shop::new();
    shop.published();
    let first = fs::read_to_string(shop.runs().join("CURRENT")).expect("a run");
    assert!(warnings(&shop, "run.json").is_empty());
    rewrite(&shop, |_, array| Some(Arc::clone(array)));
    let (_, errors) = shop.succeeds(&["run", "queries/shop", "--as-of", NEXT]);
    let warning = format!("source `orders`: column `added` (Int64) is new since run {}", first.trim());
    assert!(errors.contains(&format!("warning: {warning}")), "{errors}");
    assert_eq!((warnings(&shop, "run.json"), warnings(&shop, "report.json")), (vec![warning.clone()], vec![warning]));
    let html = fs::read_to_string(shop.current().join("report.html")).expect("a report");
    assert!(html.contains("is new since run"));
}

#[test]
fn a_column_that_is_gone_stops_the_night() {
    let shop = Shop::new();
    shop.published();
    shop.edit("clean/orders.sql", "    loaded_at,\n", "    sold_at as loaded_at,\n");
    rewrite(&shop, |name, array| if name == "loaded_at" { None } else { kept(name, array) });
    refused(&shop, NEXT, "source `orders`: `orders.parquet` has no column `loaded_at`, which run 2026-02-20-");
    shop.edit("job.toml", "path = \"orders.parquet\"", "path = \"orders.parquet\"\nmay_change = [\"loaded_at\"]");
    let (_, errors) = shop.succeeds(&["run", "queries/shop", "--as-of", NEXT]);
    assert!(errors.contains("warning: source `orders`: column `loaded_at` is gone since run"), "{errors}");
}

#[test]
fn a_column_of_another_type_stops_the_night() {
    let shop = Shop::new();
    shop.published();
    let halved = |array: &ArrayRef| cast(array, &DataType::Float32).expect("a cast");
    rewrite(&shop, |name, array| if name == "amount" { Some(halved(array)) } else { kept(name, array) });
    refused(&shop, NEXT, "source `orders`: `orders.parquet`: column `amount` is Float32, and was Float64 in run 2026-02-20-");
    let plan = shop.polytask(&["plan", "queries/shop", "--as-of", NEXT]);
    assert_eq!(plan.status.code(), Some(3), "a plan says so before the night");
}

#[test]
fn a_missing_day_and_an_old_delivery_stop_the_night() {
    let shop = Shop::new();
    partition(&shop);
    shop.edit("job.toml", "path = \"orders\"", "path = \"orders\"\nfresh = \"2 days\"\ncomplete = \"14 days\"");
    let hole = shop.input().join("orders/day=2026-02-10");
    let aside = shop.path().join("aside");
    fs::rename(&hole, &aside).expect("a folder");
    refused(&shop, NIGHT, "source `orders`: there is no partition `day=2026-02-10`");
    fs::rename(&aside, &hole).expect("a folder");
    shop.published();
    // The data ends on 2026-03-01.
    refused(&shop, "2026-03-05", "source `orders`: its newest partition before 2026-03-05 is 2026-03-01, older than 2 days");
}

#[test]
fn a_clean_table_can_be_too_old() {
    let shop = Shop::new();
    shop.edit("job.toml", "available = \"loaded_at\"", "available = \"loaded_at\"\nfresh = \"1 day\"");
    shop.published();
    refused(&shop, "2026-03-04", "table `orders`: its newest row before 2026-03-04 is of 2026-03-01, older than 1 day");
}

#[test]
fn an_age_needs_a_partition_of_days() {
    let shop = Shop::new();
    shop.edit("job.toml", "path = \"orders.parquet\"", "path = \"orders.parquet\"\nfresh = \"2 days\"");
    let output = shop.night(NIGHT, &[]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("`sources.orders.fresh`: needs a partition of type \"date\""));
}

/// Late rows within the lookback are data like any other; history that is written anew is worth a word. Both are read again, and
/// exactly the snapshots that see them are made again (`incremental`).
#[test]
fn history_written_anew_is_told_and_late_rows_are_not() {
    let shop = Shop::new();
    partition(&shop);
    shop.edit("job.toml", "path = \"orders\"", "path = \"orders\"\nlookback = \"10 days\"");
    shop.published();
    let change = |day: &str| {
        let path = shop.input().join(format!("orders/day={day}/part.parquet"));
        let own: Vec<_> = shop.orders.iter().filter(|order| order.household == 3).take(4).cloned().collect();
        write_orders(&path, &own);
    };
    change("2026-02-18");
    let (_, quiet) = shop.succeeds(&["run", "queries/shop", "--as-of", "2026-02-21"]);
    assert!(!quiet.contains("changed since run"), "{quiet}");
    change("2026-01-20");
    let (_, told) = shop.succeeds(&["run", "queries/shop", "--as-of", "2026-02-22"]);
    assert!(told.contains("warning: source `orders`: 1 file(s) of days before 2026-02-12 changed since run 2026-02-21-"), "{told}");
    assert!(told.contains("`day=2026-01-20/part.parquet`"), "{told}");
}
