//! A whole night on the small shop: what it publishes, that it repeats, that its figures can be recomputed.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use arrow::array::{AsArray as _, RecordBatch};
use arrow::datatypes::{Float64Type, Int64Type};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use polytask::evaluate::metrics;

use crate::shop::{NIGHT, Shop};

/// Runs a night that must succeed; returns its stdout.
#[track_caller]
fn published(shop: &Shop, more: &[&str]) -> String {
    let output = shop.night(NIGHT, more);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Every file of the published run that does not hold times, with its bytes.
fn bytes_of(run: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![run.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder").flatten() {
            let path = entry.path();
            let name = path.strip_prefix(run).expect("below the run").to_string_lossy().into_owned();
            if path.is_dir() {
                folders.push(path);
            } else if name != "run.json" && name != "metrics.prom" {
                found.insert(name, fs::read(path).expect("a file"));
            }
        }
    }
    found
}

fn read(path: &Path) -> RecordBatch {
    let file = fs::File::open(path).expect("a file");
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).expect("parquet").with_batch_size(1 << 20).build().expect("a reader");
    let batches: Vec<_> = reader.map(|batch| batch.expect("rows")).collect();
    arrow::compute::concat_batches(&batches[0].schema(), &batches).expect("one schema")
}

#[test]
fn a_night_publishes_scores_decisions_tables_and_a_report() {
    let shop = Shop::new();
    let said = published(&shop, &[]);
    assert!(said.contains("published 2026-02-20-"), "{said}");
    let files = bytes_of(&shop.current());
    for name in [
        "manifest.json",
        "metrics.parquet",
        "calibration.parquet",
        "importance.parquet",
        "contributions.parquet",
        "effects.parquet",
        "group_importance.parquet",
        "permutation.parquet",
        "importance_change.parquet",
        "importance_agreement.parquet",
        "importance_history.parquet",
        "curves.parquet",
        "inside.parquet",
        "faithfulness.parquet",
        "explained.parquet",
        "explained_steps.parquet",
        "training.parquet",
        "quality.parquet",
        "holdout/holdout.parquet",
        "scores/scenario=app/part.parquet",
        "scores/scenario=store/part.parquet",
        "decisions/top_products.parquet",
        "model/model.json",
        "model/model.safetensors",
        "model/encoder.json",
        "model/calibration.json",
        "report.json",
        "report.html",
    ] {
        assert!(files.contains_key(name), "{name} is missing");
    }
    assert!(shop.path().join("reports/shop/latest.html").is_file());
    assert!(shop.path().join("reports/shop/2026-02-20.html").is_file());
    let left = fs::read_dir(shop.runs())
        .expect("runs")
        .flatten()
        .filter(|entry| entry.file_name().to_string_lossy().starts_with(".staging"))
        .count();
    assert_eq!(left, 0, "a staging folder was left behind");
}

#[test]
fn the_same_night_again_is_a_no_op_that_says_so() {
    let shop = Shop::new();
    published(&shop, &[]);
    let before = bytes_of(&shop.current());
    assert!(published(&shop, &[]).starts_with("nothing to do: "));
    assert_eq!(before, bytes_of(&shop.current()));
}

#[test]
fn one_thread_and_two_give_the_same_bytes() {
    let shop = Shop::new();
    shop.edit(
        "job.toml",
        "[encode]",
        "[model]\nchallengers = [\"forest\"]\n\n[scores]\nunder_every_scenario = true\n\n[forest]\nrows = 500\ntrees = 5\n\n[encode]",
    );
    published(&shop, &["--threads", "2"]);
    let said = published(&shop, &["--threads", "1", "--rebuild"]);
    assert!(said.starts_with("made again: "), "{said}");
    let two = bytes_of(&shop.current());
    let other = Shop::new();
    other.put("job.toml", &fs::read_to_string(shop.job().join("job.toml")).expect("a job"));
    published(&other, &["--threads", "1"]);
    assert_eq!(two, bytes_of(&other.current()));
}

/// A network that trains long enough to be interrupted.
const NET: &str = "[model]\nkind = \"net\"\n\n[net]\nembedding = 4\nexperts = 2\nexpert_layers = [16, 8]\n\n\
                   [train]\nepochs = 40\npatience = 40\nwarm_start = true\n\n[encode]";

/// Starts the night and waits until its log says `line`.
#[track_caller]
fn begun(shop: &Shop, line: &str) -> Child {
    let mut night = Command::new(assert_cmd::cargo::cargo_bin("polytask"))
        .current_dir(shop.path())
        .args(["run", "queries/shop", "--as-of", NIGHT])
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program");
    let log = BufReader::new(night.stderr.take().expect("a log"));
    assert!(log.lines().any(|found| found.expect("a line").contains(line)), "the night ended before `{line}`");
    night
}

#[test]
fn a_night_killed_while_its_network_trains_goes_on_to_the_same_bytes() {
    let (undisturbed, killed) = (Shop::new(), Shop::new());
    for shop in [&undisturbed, &killed] {
        shop.edit("job.toml", "[encode]", NET);
    }
    published(&undisturbed, &[]);
    for line in ["pass 3: validation loss", "refit, pass 1"] {
        let mut night = begun(&killed, line);
        night.kill().expect("a running night");
        night.wait().expect("an exit");
        assert!(!killed.runs().join("CURRENT").exists(), "a killed night was published");
    }
    let output = killed.night(NIGHT, &[]);
    let log = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && log.contains("net: goes on after mmoe × star, pass 40"), "{log}");
    assert!(!log.contains("pass 3: validation loss"), "a pass was made again\n{log}");
    assert_eq!(bytes_of(&undisturbed.current()), bytes_of(&killed.current()));
    assert_eq!(fs::read_dir(killed.runs().join("cache/checkpoints")).expect("a folder").count(), 0, "checkpoints were left behind");
}

#[cfg(unix)]
#[test]
fn a_night_that_is_asked_to_stop_says_so_and_publishes_nothing() {
    let shop = Shop::new();
    shop.edit("job.toml", "[encode]", NET);
    let night = begun(&shop, "pass 1: validation loss");
    let sent = Command::new("kill").args(["-TERM", &night.id().to_string()]).status().expect("kill");
    assert!(sent.success());
    let output = night.wait_with_output().expect("an exit");
    assert_eq!(output.status.code(), Some(143));
    assert!(!shop.runs().join("CURRENT").exists());
    published(&shop, &[]);
}

#[test]
fn what_a_dead_night_left_half_made_is_swept() {
    let shop = Shop::new();
    let folders = ["cache/features/.making-dead", "cache/spill/dead", ".staging-dead", ".removed-dead"];
    let left = folders.map(|name| shop.runs().join(name));
    for folder in &left {
        fs::create_dir_all(folder).expect("a folder");
        fs::write(folder.join("table.parquet"), "half").expect("a file");
    }
    let switch = shop.runs().join(".writing-dead");
    fs::write(&switch, "half").expect("a file");
    published(&shop, &[]);
    assert!(left.iter().all(|folder| !folder.exists()));
    assert!(!switch.exists());
}

#[test]
fn training_does_not_begin_from_a_network_whose_labels_reach_into_the_validation_night() {
    let shop = Shop::new();
    shop.edit("job.toml", "horizon = \"7 days\"", "horizon = \"14 days\"");
    let net = format!("[gates]\nagainst_current = false\nscore_psi = 0.0\n\n{NET}");
    shop.edit("job.toml", "[encode]", &net.replace("epochs = 40", "epochs = 2"));
    let mut begun_from = Vec::new();
    // What the first night learned last, 01-23, was still open on the second night's validation night, 01-30, and closed on
    // the third's, 02-06.
    for night in [NIGHT, "2026-02-27", "2026-03-06"] {
        let output = shop.night(night, &[]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let run = shop.current();
        let manifest: serde_json::Value = serde_json::from_slice(&fs::read(run.join("manifest.json")).expect("a manifest")).expect("json");
        begun_from
            .push((run.file_name().map(|name| name.to_string_lossy().into_owned()), manifest["warm_start"].as_str().map(str::to_owned)));
    }
    assert_eq!(begun_from[0].1, None);
    assert_eq!(begun_from[1].1, None);
    assert_eq!(begun_from[2].1, begun_from[0].0);
}

#[test]
fn the_next_night_begins_from_the_network_of_one_that_had_not_seen_its_validation_night() {
    let shop = Shop::new();
    shop.edit("job.toml", "[encode]", NET);
    published(&shop, &[]);
    let first = shop.current();
    let model = |run: &Path| fs::read(run.join("model/model.safetensors")).expect("a model");
    let manifest = |run: &Path| -> serde_json::Value {
        serde_json::from_slice(&fs::read(run.join("manifest.json")).expect("a manifest")).expect("json")
    };
    assert_eq!(manifest(&first)["warm_start"], serde_json::Value::Null, "there was no earlier night");
    // Snapshots are a week apart: what the first night learned ends before the validation night of the one after next.
    let later = "2026-02-27";
    let output = shop.night(later, &[]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let second = shop.current();
    assert_eq!(manifest(&second)["warm_start"].as_str(), first.file_name().and_then(|name| name.to_str()));
    let again = shop.night(later, &["--rebuild"]);
    assert!(String::from_utf8_lossy(&again.stdout).starts_with("made again: "), "{}", String::from_utf8_lossy(&again.stderr));
    let cold = Shop::new();
    cold.edit("job.toml", "[encode]", NET);
    assert!(cold.night(later, &[]).status.success());
    assert_ne!(model(&second), model(&cold.current()), "the earlier night made no difference");
}

#[test]
fn the_figures_can_be_recomputed_from_the_held_out_rows() {
    let shop = Shop::new();
    published(&shop, &[]);
    let rows = read(&shop.current().join("holdout/holdout.parquet"));
    let number = |name: &str| rows.column_by_name(name).expect("a column").as_primitive::<Float64Type>().values().to_vec();
    let (labels, predictions) = (number("y_purchase"), number("p_purchase"));
    let table = read(&shop.current().join("metrics.parquet"));
    let text = |name: &str| table.column_by_name(name).expect("a column").as_string::<i32>().clone();
    let (scenario, task, metric) = (text("scenario"), text("task"), text("metric"));
    let at = (0..table.num_rows())
        .find(|row| (scenario.value(*row), task.value(*row), metric.value(*row)) == ("*", "purchase", "auc"))
        .expect("a figure");
    let found = table.column_by_name("value").expect("values").as_primitive::<Float64Type>().value(at);
    let auc = metrics::auc(&labels, &predictions).expect("two classes");
    assert!((found - auc).abs() < 1e-12, "{found} {auc}");
    assert!(auc > 0.6, "favourites are bought again and again: AUC {auc}");
    let n = table.column_by_name("n").expect("n").as_primitive::<Int64Type>().value(at);
    assert_eq!(n as usize, labels.len());
}

#[test]
fn a_chained_score_is_never_above_its_parents() {
    let shop = Shop::new();
    published(&shop, &[]);
    for scenario in ["app", "store"] {
        let rows = read(&shop.current().join(format!("scores/scenario={scenario}/part.parquet")));
        let purchase = rows.column_by_name("purchase").expect("a column").as_primitive::<Float64Type>();
        assert!(purchase.values().iter().all(|p| (0.0..=1.0).contains(p)));
        let ranks = rows.column_by_name("rank").expect("a column").as_primitive::<arrow::datatypes::Int32Type>();
        assert!(ranks.values().iter().all(|rank| *rank >= 1));
    }
}

#[test]
fn a_second_night_builds_only_what_is_new() {
    let shop = Shop::new();
    published(&shop, &[]);
    let output = shop.night("2026-02-27", &[]);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    assert!(errors.contains("clean orders: ") && errors.contains("(cached)"), "{errors}");
    // Of five snapshots two are new: the newest labelled one and tonight's. Each is a feature table, its rows and its frame; the
    // newest labelled one was scored the last time, so its feature table is there already.
    assert!(errors.contains("5 snapshots: 5 tables built, 10 found in the cache"), "{errors}");
}

#[test]
fn an_earlier_night_does_not_displace_a_later_one() {
    let shop = Shop::new();
    assert!(shop.night("2026-02-27", &[]).status.success());
    let later = shop.current();
    let said = published(&shop, &[]);
    assert!(said.contains("CURRENT stays with a later night"), "{said}");
    assert_eq!(later, shop.current());
    let listed = shop.polytask(&["runs", "queries/shop"]);
    let listed = String::from_utf8_lossy(&listed.stdout).into_owned();
    assert!(listed.contains("* 2026-02-27") && listed.contains("  2026-02-20"), "{listed}");
}

#[test]
fn refused_rows_are_kept_with_their_reason() {
    let mut shop = Shop::new();
    shop.orders[0].quantity = 0;
    shop.orders[1].quantity = -3;
    shop.write_data();
    published(&shop, &[]);
    let rows = read(&shop.current().join("refused/orders.parquet"));
    assert_eq!(rows.num_rows(), 2);
    let report = fs::read_to_string(shop.current().join("report.json")).expect("a report");
    assert!(report.contains("no quantity"));
}

#[test]
fn another_run_at_work_is_told_who_holds_the_lock() {
    let shop = Shop::new();
    fs::create_dir_all(shop.runs()).expect("a folder");
    let held = fs::File::create(shop.runs().join("LOCK")).expect("a file");
    held.lock().expect("a lock");
    let output = shop.night(NIGHT, &[]);
    assert_eq!(output.status.code(), Some(75));
    assert!(String::from_utf8_lossy(&output.stderr).contains("another run of `shop` holds the lock"));
}

#[test]
fn check_says_what_it_found_without_running_the_night() {
    let shop = Shop::new();
    let output = shop.polytask(&["check", "queries/shop"]);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(said.contains("shop: configuration, queries and sources are sound"), "{said}");
    assert!(said.contains("table orders: 7 columns, point-in-time by sold_at"), "{said}");
    assert!(!shop.runs().join("CURRENT").exists());
}
