//! Explanations of a night of the small shop, by the whole program: they add up for every learner, are told in tables and report, are
//! compared with the night before, and can be asked for.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use arrow::array::{AsArray as _, RecordBatch};
use arrow::datatypes::{Float64Type, Int64Type};
use serde_json::Value;

use crate::shop::{NIGHT, Shop, read};

/// A network that a small shop trains in a second.
const NET: &str = "[model]\nkind = \"net\"\n\n[net]\nembedding = 4\nexperts = 2\nexpert_layers = [16, 8]\n\n[train]\nbatch = 128\n\
                   rate = 0.01\nepochs = 4\nwarmup_steps = 5\n\n[gates]\nrequire = []\nagainst_current = false\nscore_psi = 0.0\n\n[encode]";
const FOREST: &str =
    "[model]\nkind = \"forest\"\n\n[forest]\nrows = 500\ntrees = 5\ndepths = [4]\n\n[explain]\nforest_rows = 150\n\n[encode]";
/// The night after [`NIGHT`], a week later.
const NEXT: &str = "2026-02-27";

fn table(run: &Path, name: &str) -> RecordBatch {
    read(&run.join(format!("{name}.parquet")))
}

fn numbers(rows: &RecordBatch, name: &str) -> Vec<Option<f64>> {
    rows.column_by_name(name).unwrap_or_else(|| panic!("no {name}")).as_primitive::<Float64Type>().iter().collect()
}

fn texts(rows: &RecordBatch, name: &str) -> Vec<String> {
    let column = rows.column_by_name(name).unwrap_or_else(|| panic!("no {name}"));
    column.as_string::<i32>().iter().map(|text| text.unwrap_or("").to_owned()).collect()
}

fn counts(rows: &RecordBatch, name: &str) -> Vec<i64> {
    rows.column_by_name(name).unwrap_or_else(|| panic!("no {name}")).as_primitive::<Int64Type>().values().to_vec()
}

fn report(run: &Path) -> Value {
    serde_json::from_slice(&fs::read(run.join("report.json")).expect("a report")).expect("JSON")
}

/// Base + Σ contributions = raw on every written row, and the same by the steps of the waterfalls.
#[track_caller]
fn adds_up(run: &Path) {
    let rows = table(run, "contributions");
    let [value, base, raw] = ["value", "base", "raw"].map(|name| numbers(&rows, name));
    let mut sums: BTreeMap<(i64, String), (f64, f64)> = BTreeMap::new();
    for (at, (row, task)) in counts(&rows, "row").into_iter().zip(texts(&rows, "task")).enumerate() {
        let own = sums.entry((row, task)).or_insert((base[at].expect("a base"), raw[at].expect("a raw output")));
        own.0 += value[at].expect("a contribution");
    }
    assert!(sums.len() > 100, "{}", sums.len());
    assert!(sums.values().all(|(sum, raw)| (sum - raw).abs() < 1e-4), "contributions do not add up");
    let told = table(run, "explained");
    let [base, raw] = ["base", "raw"].map(|name| numbers(&told, name));
    let steps = table(run, "explained_steps");
    let mut lengths: BTreeMap<(i64, String, String), f64> = BTreeMap::new();
    let names = counts(&steps, "row").into_iter().zip(texts(&steps, "task")).zip(texts(&steps, "why"));
    for (((row, task), why), value) in names.zip(numbers(&steps, "value")) {
        *lengths.entry((row, task, why)).or_default() += value.expect("a step");
    }
    assert!(told.num_rows() > 0, "no row is told");
    let names = counts(&told, "row").into_iter().zip(texts(&told, "task")).zip(texts(&told, "why"));
    for (at, ((row, task), why)) in names.enumerate() {
        assert!(sums.contains_key(&(row, task.clone())), "the contributions of row {row} are not written");
        let length = lengths.get(&(row, task, why)).copied().unwrap_or(0.0);
        assert!((base[at].expect("a base") + length - raw[at].expect("a raw output")).abs() < 1e-4, "row {row}");
    }
    let share = report(run)["explained"]["residual_share"].as_f64();
    assert!(share.is_some_and(|share| share < 1e-3), "{share:?}");
}

/// Every figure that is told lies within its interval.
#[track_caller]
fn intervals_hold(rows: &RecordBatch, value: &str) {
    let [value, low, high] = [value, "low", "high"].map(|name| numbers(rows, name));
    let known = (0..value.len()).filter(|at| low[*at].is_some()).count();
    assert!(known > 0, "nothing has an interval");
    for at in 0..value.len() {
        if let (Some(value), Some(low), Some(high)) = (value[at], low[at], high[at]) {
            assert!(low <= high && low - 1e-9 <= value && value <= high + 1e-9, "{low} {value} {high}");
        }
    }
}

#[test]
fn a_night_of_the_network_is_explained_and_the_next_is_compared_with_it() {
    let shop = Shop::new();
    shop.edit("job.toml", "[encode]", NET);
    shop.published();
    let first = shop.current();
    adds_up(&first);
    intervals_hold(&table(&first, "importance"), "value");
    intervals_hold(&table(&first, "group_importance"), "value");
    let permuted = table(&first, "permutation");
    assert!(texts(&permuted, "metric").iter().any(|metric| metric == "auc") && permuted.num_rows() > 4);
    let importance = table(&first, "importance");
    assert!(numbers(&importance, "permutation").iter().any(Option::is_some), "`permutation` is empty");
    assert!(table(&first, "curves").num_rows() > 20);
    let inside = table(&first, "inside");
    let shares: f64 = texts(&inside, "measure")
        .iter()
        .zip(texts(&inside, "scenario"))
        .zip(numbers(&inside, "value"))
        .filter(|((measure, scenario), _)| *measure == "gate share" && scenario == "*")
        .filter_map(|(_, value)| value)
        .sum();
    // Two tasks, each with a gate whose shares add up to 1.
    assert!((shares - 2.0).abs() < 1e-5, "{shares}");
    let faithful = table(&first, "faithfulness");
    let (own, random) = (numbers(&faithful, "deletion"), numbers(&faithful, "random_deletion"));
    assert!(own.iter().zip(&random).all(|(own, random)| own < random), "deletion {own:?}, at random {random:?}");
    assert_eq!((table(&first, "importance_change").num_rows(), table(&first, "importance_history").num_rows()), (0, 0));

    shop.succeeds(&["run", "queries/shop", "--as-of", NEXT]);
    let second = shop.current();
    assert_ne!(first, second, "the next night was not published");
    let change = table(&second, "importance_change");
    assert!(texts(&change, "what").iter().all(|what| ["rose", "fell", "as before", "no interval"].contains(&what.as_str())));
    let agreement = numbers(&table(&second, "importance_agreement"), "ndcg");
    assert!(agreement.iter().flatten().all(|ndcg| *ndcg > 0.0 && *ndcg <= 1.0 + 1e-9) && !agreement.is_empty());
    let history = table(&second, "importance_history");
    assert!(texts(&history, "as_of").iter().all(|night| night == NIGHT) && history.num_rows() > 0);
    let html = fs::read_to_string(second.join("report.html")).expect("a report");
    for told in ["id=\"since\"", "id=\"groups\"", "id=\"effects\"", "id=\"inside\"", "id=\"faithful\"", "id=\"rows\"", "Happened:"] {
        assert!(html.contains(told), "the report does not hold {told}");
    }
}

#[test]
fn a_published_forest_is_explained_too() {
    let shop = Shop::new();
    shop.edit("job.toml", "[encode]", FOREST);
    shop.published();
    adds_up(&shop.current());
    let importance = table(&shop.current(), "importance");
    assert!(numbers(&importance, "value").iter().flatten().any(|value| *value > 0.0));
}

#[test]
fn any_row_of_a_run_can_be_asked_for() {
    let shop = Shop::new();
    shop.published();
    let told = table(&shop.current(), "explained");
    let keys: Vec<String> = {
        let job: toml::Table = toml::from_str(&fs::read_to_string(shop.current().join("job.toml")).expect("a job")).expect("TOML");
        job["job"]["keys"].as_array().expect("keys").iter().map(|key| key.as_str().expect("a key").to_owned()).collect()
    };
    let value = |key: &str| {
        let column = arrow::compute::cast(told.column_by_name(key).expect("a key"), &arrow::datatypes::DataType::Utf8).expect("texts");
        column.as_string::<i32>().value(0).to_owned()
    };
    let asked = keys.iter().map(|key| format!("{key}={}", value(key))).collect::<Vec<_>>().join(",");
    let (words, _) = shop.succeeds(&["explain", "queries/shop", "--key", &asked]);
    assert!(words.contains("average row") && words.contains("this row") && words.contains("purchase is"), "{words}");
    let (json, _) = shop.succeeds(&["explain", "queries/shop", "--key", &asked, "--task", "purchase", "--format", "json"]);
    let accounts: Vec<Value> = serde_json::from_str(&json).expect("JSON");
    let night = accounts.iter().filter(|account| account["night"].as_str().is_some_and(|night| night.starts_with("held-out"))).count();
    assert!(night > 0, "the held-out row is not among {}", accounts.len());
    for account in &accounts {
        let sum: f64 = account["reasons"].as_array().expect("reasons").iter().filter_map(|reason| reason["contribution"].as_f64()).sum();
        let gap = account["base"].as_f64().expect("a base") + sum - account["raw"].as_f64().expect("a raw output");
        assert!(gap.abs() < 1e-4 && account["residual"].as_f64().is_some_and(|residual| residual < 1e-4), "{account}");
    }
    let scenario = told.column_by_name("scenario").expect("a scenario").as_string::<i32>().value(0);
    let other = if scenario == "app" { "store" } else { "app" };
    let output = shop.polytask(&["explain", "queries/shop", "--key", &asked, "--scenario", other]);
    let words = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(words.contains(&format!("in the scenario `{other}`")) && words.contains(&format!("hint: it is in {scenario} (")), "{words}");
    for (args, said) in [
        (vec!["--key", "colour=red"], "is no key of the job"),
        (vec!["--key", "household_id=none"], "has no row with"),
        (vec!["--run", "none", "--key", "household_id=1"], "none"),
    ] {
        let output = shop.polytask(&[&["explain", "queries/shop"], args.as_slice()].concat());
        let words = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.code() == Some(2) && words.contains(said) && words.contains("hint"), "{words}");
    }
}
