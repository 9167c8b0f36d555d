//! The generated marketplace: it repeats, it is as large as asked for, what is wrong in it is refused, and a model of it
//! finds what is true.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;
use std::process::Output;
use std::sync::Mutex;

use arrow::array::{AsArray as _, BooleanArray, RecordBatch};
use arrow::datatypes::{DataType, Float64Type};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use polytask::demo::{self, DemoError, Settings, Summary};

fn generate(input: &Path, events: u64, seed: u64, threads: usize) -> Summary {
    demo::generate(&Settings { events, seed, threads }, input, &|_, _| ()).expect("a marketplace")
}

/// The files below a folder, with their bytes.
fn bytes_below(root: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![root.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder").flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
            } else {
                let name = path.strip_prefix(root).expect("below the root").to_string_lossy().into_owned();
                found.insert(name, fs::read(path).expect("a file"));
            }
        }
    }
    found
}

pub(super) fn read(path: &Path) -> RecordBatch {
    let file = fs::File::open(path).expect("a file");
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).expect("parquet").build().expect("a reader");
    let batches: Vec<_> = reader.map(|batch| batch.expect("rows")).collect();
    arrow::compute::concat_batches(&batches[0].schema(), &batches).expect("one schema")
}

pub(super) fn texts(table: &RecordBatch, column: &str) -> Vec<String> {
    let array = arrow::compute::cast(table.column_by_name(column).expect("a column"), &DataType::Utf8).expect("texts");
    array.as_string::<i32>().iter().map(|text| text.expect("a text").to_owned()).collect()
}

pub(super) fn numbers(table: &RecordBatch, column: &str) -> Vec<Option<f64>> {
    let array = arrow::compute::cast(table.column_by_name(column).expect("a column"), &DataType::Float64).expect("numbers");
    array.as_primitive::<Float64Type>().iter().collect()
}

#[test]
fn the_same_seed_gives_the_same_bytes_whatever_the_threads() {
    let folder = tempfile::tempdir().expect("a folder");
    let [one, three, other] = ["one", "three", "other"].map(|name| folder.path().join(name));
    let first = generate(&one, 30_000, 5, 1);
    assert_eq!(first, generate(&three, 30_000, 5, 3));
    assert_eq!(bytes_below(&one), bytes_below(&three));
    generate(&other, 30_000, 6, 3);
    let (own, others) = (bytes_below(&one), bytes_below(&other));
    assert_eq!(own.keys().collect::<Vec<_>>(), others.keys().collect::<Vec<_>>());
    for (name, bytes) in own {
        assert_ne!(bytes, others[&name], "{name} does not depend on the seed");
    }
}

#[test]
fn there_are_as_many_impressions_as_asked_for() {
    for events in [10_000, 54_321] {
        let folder = tempfile::tempdir().expect("a folder");
        let told = Mutex::new(Vec::new());
        let settings = Settings { events, ..Settings::default() };
        let summary =
            demo::generate(&settings, folder.path(), &|done, total| told.lock().expect("a list").push((done, total))).expect("a world");
        let twice = planted(&summary, "impressions", "delivered twice");
        let rows = summary.tables.iter().find(|(table, _)| table == "impressions").expect("impressions").1;
        assert_eq!(rows, events + twice);
        let mut ids = Vec::new();
        for (name, _) in bytes_below(folder.path()).iter().filter(|(name, _)| name.starts_with("impressions/")) {
            ids.extend(numbers(&read(&folder.path().join(name)), "event_id").into_iter().map(|id| id.expect("an id") as u64));
        }
        assert_eq!(ids.len() as u64, rows);
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids, (1..=events).collect::<Vec<_>>());
        let told = told.into_inner().expect("a list");
        assert!(told.is_sorted() && told.last() == Some(&(events, events)), "{told:?}");
    }
}

fn planted(summary: &Summary, table: &str, flaw: &str) -> u64 {
    summary.planted.iter().find(|(known, what, _)| known == table && what == flaw).map_or(0, |(_, _, rows)| *rows)
}

#[test]
fn what_was_generated_is_recognised_and_not_written_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let first = generate(folder.path(), 10_000, 7, 2);
    let truth = folder.path().join("truth.parquet");
    let written = |path: &Path| fs::metadata(path).expect("a file").modified().expect("a time");
    let when = written(&truth);
    assert_eq!(first, generate(folder.path(), 10_000, 7, 2));
    assert_eq!(when, written(&truth));
    // A file that is not whole is noticed, and so are other settings.
    let whole = bytes_below(folder.path());
    fs::write(folder.path().join("users.parquet"), b"half").expect("a file");
    generate(folder.path(), 10_000, 7, 2);
    assert_eq!(whole, bytes_below(folder.path()));
    generate(folder.path(), 10_000, 8, 2);
    assert_ne!(whole, bytes_below(folder.path()));
    generate(folder.path(), 10_000, 7, 2);
    assert_eq!(whole, bytes_below(folder.path()));
}

#[test]
fn a_generation_that_was_killed_is_made_up_for() {
    let folder = tempfile::tempdir().expect("a folder");
    generate(folder.path(), 10_000, 7, 2);
    let whole = bytes_below(folder.path());
    // Killed while it wrote aside, and while it put things in place.
    fs::create_dir(folder.path().join(".generating-dead")).expect("a folder");
    fs::write(folder.path().join(".generating-dead/users.parquet"), b"half").expect("a file");
    fs::remove_dir_all(folder.path().join("impressions")).expect("a folder");
    let note = fs::read_to_string(folder.path().join("generated.json")).expect("a note");
    fs::write(folder.path().join("generated.json"), note.replace("\"complete\": true", "\"complete\": false")).expect("a note");
    generate(folder.path(), 10_000, 7, 2);
    assert_eq!(whole, bytes_below(folder.path()));
}

#[test]
fn data_of_others_is_left_alone() {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join("users.parquet"), b"mine").expect("a file");
    let refused = demo::generate(&Settings { events: 10_000, ..Settings::default() }, folder.path(), &|_, _| ());
    assert!(matches!(refused, Err(DemoError::Foreign { ref found, .. }) if found == "users.parquet"), "{refused:?}");
    assert_eq!(fs::read(folder.path().join("users.parquet")).expect("a file"), b"mine");
}

#[test]
fn what_follows_a_purchase_has_its_planted_drivers() {
    let folder = tempfile::tempdir().expect("a folder");
    let summary = generate(folder.path(), 200_000, 7, 2);
    let table = |name: &str| read(&folder.path().join(format!("{name}.parquet")));
    let ids = |table: &RecordBatch, column: &str| -> Vec<i64> {
        numbers(table, column).into_iter().map(|id| id.expect("an id") as i64).collect()
    };
    let (orders, returns, truth) = (table("orders"), table("returns"), table("shop_truth"));
    assert!(summary.tables.iter().any(|(name, rows)| name == "orders" && *rows == orders.num_rows() as u64));
    let abusive: BTreeSet<i64> = texts(&truth, "what")
        .iter()
        .zip(numbers(&truth, "id"))
        .filter(|(what, _)| *what == "abusive user")
        .filter_map(|(_, id)| id.map(|id| id as i64))
        .collect();
    let (buyers, events) = (ids(&orders, "user_id"), ids(&orders, "event_id"));
    let returned: BTreeSet<i64> = ids(&returns, "event_id").into_iter().collect();
    let ordered: BTreeSet<i64> = events.iter().copied().collect();
    assert!(returned.iter().all(|event| ordered.contains(event)), "a return without an order");
    let late: BTreeSet<i64> = ids(&table("deliveries"), "event_id")
        .into_iter()
        .zip(ids(&table("deliveries"), "days_late"))
        .filter_map(|(event, days)| (days > 0).then_some(event))
        .collect();
    // Share of the orders that went back, of those for which something holds and of the others.
    let share = |holds: &dyn Fn(usize) -> bool| {
        let own: Vec<usize> = (0..events.len()).filter(|at| holds(*at)).collect();
        own.iter().filter(|at| returned.contains(&events[**at])).count() as f64 / own.len() as f64
    };
    let of_abusive = share(&|at| abusive.contains(&buyers[at]));
    let of_others = share(&|at| !abusive.contains(&buyers[at]));
    let (of_late, in_time) = (
        share(&|at| !abusive.contains(&buyers[at]) && late.contains(&events[at])),
        share(&|at| !abusive.contains(&buyers[at]) && !late.contains(&events[at])),
    );
    println!("returned: abusive {of_abusive:.3}, others {of_others:.3}; late {of_late:.3}, in time {in_time:.3}");
    assert!(of_abusive > 0.4 && (0.02..0.08).contains(&of_others), "{of_abusive} {of_others}");
    assert!(of_late > 1.3 * in_time, "{of_late} {in_time}");
    // Stores differ in what they sell as the areas say, and nothing lies there in negative numbers.
    let stores = texts(&orders, "store");
    let sold = |store: &str| stores.iter().filter(|own| *own == store).count();
    assert!(sold("harbour") > sold("mill") && sold("mill") > sold("hill") && sold("hill") > 0);
    assert!(numbers(&table("stock"), "on_hand").iter().all(|pieces| pieces.is_some_and(|pieces| pieces >= 0.0)));
}

#[test]
fn the_embedded_job_is_the_one_of_the_repository() {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("queries/marketplace");
    let folder = tempfile::tempdir().expect("a folder");
    let target = folder.path().join("queries/marketplace");
    demo::job::write(&target).expect("a job");
    assert_eq!(bytes_below(&repository), bytes_below(&target));
    let service = folder.path().join("queries/service");
    demo::job::write_service(&service).expect("a job");
    assert_eq!(bytes_below(&repository.with_file_name("service")), bytes_below(&service));
    // Again it changes nothing; a file that somebody edited is not overwritten.
    demo::job::write(&target).expect("the same job");
    fs::write(target.join("frame.sql"), "-- mine\nselect 1").expect("a file");
    assert!(matches!(demo::job::write(&target), Err(DemoError::JobFile(_))));
}

fn polytask(folder: &Path, args: &[&str]) -> Output {
    let output = assert_cmd::Command::cargo_bin("polytask").expect("the binary").current_dir(folder).args(args).output().expect("an exit");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    output
}

const EVENTS: u64 = 80_000;

#[test]
fn a_small_demo_night_refuses_what_is_wrong_and_finds_what_is_true() {
    let folder = tempfile::tempdir().expect("a folder");
    // The network and the linear model: their importance is compared with the truth. No forest and a small ledger: they take longer
    // than all the rest.
    let job = folder.path().join("queries/marketplace");
    demo::job::write(&job).expect("a job");
    let text = fs::read_to_string(job.join("job.toml")).expect("a job");
    let fewer = text.replace("challengers = [\"linear\", \"forest\"]", "challengers = [\"linear\"]").replace("rows = 10000", "rows = 1000");
    // Few orders wait in a small shop: more of them are worth a look where it costs less.
    let fewer = fewer.replace("review_cost = 1.5", "review_cost = 0.3");
    assert_ne!(text, fewer);
    fs::write(job.join("job.toml"), fewer).expect("a job");
    polytask(folder.path(), &["demo", "--events", &EVENTS.to_string()]);
    let runs = folder.path().join("data/marketplace/runs");
    let run = runs.join(fs::read_to_string(runs.join("CURRENT")).expect("a published run").trim());
    let input = folder.path().join("data/marketplace/input");
    let summary = generate(&input, EVENTS, Settings::default().seed, 1);

    refuses_exactly_what_was_planted(&run, &summary);
    let truth = read(&input.join("truth.parquet"));
    let importance = read(&run.join("importance.parquet"));
    for learner in ["net", "linear"] {
        println!("{learner}:");
        let own = of_learner(&importance, learner);
        finds_the_true_order(&own, &truth);
        finds_the_true_order_of_every_cell(&own, &truth);
        tells_what_is_specific_from_what_is_shared(&own, &truth);
    }
    is_better_than_chance(&read(&run.join("metrics.parquet")));
    let service = folder.path().join("data/service/runs");
    let service = service.join(fs::read_to_string(service.join("CURRENT")).expect("a published run").trim());
    super::applications::decide_what_is_right(&run, &service, &input);
    polytask(folder.path(), &["frame", "queries/marketplace", "--as-of", &summary.suggested_as_of.to_string(), "--out", "frame"]);
    knows_the_columns_of_the_frame(&folder.path().join("frame"), &truth);
}

/// The rows of a learner.
fn of_learner(table: &RecordBatch, learner: &str) -> RecordBatch {
    let own: BooleanArray = texts(table, "learner").iter().map(|name| Some(name == learner)).collect();
    arrow::compute::filter_record_batch(table, &own).expect("the rows of a learner")
}

/// Refused rows by table and reason are those that were planted.
fn refuses_exactly_what_was_planted(run: &Path, summary: &Summary) {
    let report: serde_json::Value = serde_json::from_slice(&fs::read(run.join("report.json")).expect("a report")).expect("json");
    let refused = report["refused"].as_array().expect("a list");
    let mut found = BTreeMap::new();
    for row in refused {
        let [table, reason] = ["table", "reason"].map(|key| row[key].as_str().expect("a text").to_owned());
        found.insert((table, reason), row["rows"].as_u64().expect("a count"));
    }
    // What cleaning repairs or waits for is not refused.
    let repaired = ["arrived late", "scenario misspelt", "region misspelt", "category misspelt", "no brand", "no usable price"];
    let expected: BTreeMap<_, _> = summary
        .planted
        .iter()
        .filter(|(_, flaw, _)| !repaired.contains(&flaw.as_str()))
        .map(|(table, flaw, rows)| ((table.clone(), flaw.clone()), *rows))
        .collect();
    assert!(expected.len() >= 9, "{expected:?}");
    assert_eq!(found, expected);
    for flaw in repaired {
        assert!(summary.planted.iter().any(|(_, what, rows)| what == flaw && *rows > 0), "{flaw}");
    }
}

/// Per task, the features in the order of their importance are in the order of their true effects.
fn finds_the_true_order(importance: &RecordBatch, truth: &RecordBatch) {
    let mut effects: BTreeMap<(String, String), f64> = BTreeMap::new();
    for ((task, feature), value) in texts(truth, "task").into_iter().zip(texts(truth, "feature")).zip(numbers(truth, "value")) {
        *effects.entry((task, feature)).or_default() += value.expect("a number").abs();
    }
    let rows = texts(importance, "scenario").into_iter().zip(texts(importance, "task")).zip(texts(importance, "feature"));
    let mut found: BTreeMap<(String, String), f64> = BTreeMap::new();
    for (((scenario, task), feature), value) in rows.zip(numbers(importance, "value")) {
        if scenario == "*" && feature != "scenario" {
            found.insert((task, feature), value.expect("a number"));
        }
    }
    // What drives returns stands in `shop_truth.parquet`.
    found.retain(|(task, feature), _| task != "returned" && feature != "return_share");
    assert!(found.keys().eq(effects.keys()), "the truth is about other features than the frame has");
    for task in ["click", "cart", "purchase", "spend"] {
        let of = |table: &BTreeMap<(String, String), f64>| -> Vec<f64> {
            table.iter().filter(|((known, _), _)| known == task).map(|(_, value)| *value).collect()
        };
        let agreement = spearman(&of(&found), &of(&effects));
        println!("{task}: rank correlation {agreement:.3}");
        assert!(agreement >= 0.8, "{task}: rank correlation {agreement}");
    }
}

type Cell = (String, String, String);

/// A column by scenario, task and feature.
fn by_cell(table: &RecordBatch, column: &str) -> BTreeMap<Cell, f64> {
    let names = texts(table, "scenario").into_iter().zip(texts(table, "task")).zip(texts(table, "feature"));
    let values = numbers(table, column).into_iter().map(|value| value.expect("a number"));
    names.zip(values).map(|(((scenario, task), feature), value)| ((scenario, task, feature), value)).collect()
}

/// In single cells, which have a tenth of the rows and less, the order still agrees, and the three strongest are among the first six.
fn finds_the_true_order_of_every_cell(importance: &RecordBatch, truth: &RecordBatch) {
    let (found, effects) = (by_cell(importance, "value"), by_cell(truth, "value"));
    for scenario in ["home", "search", "category", "cart"] {
        for task in ["click", "cart", "purchase"] {
            let of = |table: &BTreeMap<Cell, f64>| -> BTreeMap<String, f64> {
                let own = table.iter().filter(|((place, what, feature), _)| place == scenario && what == task && feature != "scenario");
                own.map(|((.., feature), value)| (feature.clone(), value.abs())).collect()
            };
            let (mut own, real) = (of(&found), of(&effects));
            own.remove("return_share");
            let agreement = spearman(&own.values().copied().collect::<Vec<_>>(), &real.values().copied().collect::<Vec<_>>());
            let first = |table: &BTreeMap<String, f64>, most: usize| {
                let mut order: Vec<(&String, &f64)> = table.iter().collect();
                order.sort_by(|a, b| b.1.total_cmp(a.1));
                order.into_iter().take(most).map(|(feature, _)| feature.clone()).collect::<Vec<_>>()
            };
            let leading = first(&own, 6);
            let hits = first(&real, 3).iter().filter(|feature| leading.contains(feature)).count();
            println!("{scenario} {task}: rank correlation {agreement:.3}, {hits} of 3 strongest found");
            assert!(agreement >= 0.7 && hits >= 2, "{scenario} {task}: rank correlation {agreement}, {hits} of 3");
        }
    }
}

/// Features whose true effect differs much between scenarios have the larger scenario parts.
fn tells_what_is_specific_from_what_is_shared(importance: &RecordBatch, truth: &RecordBatch) {
    let specific = |table: &RecordBatch| -> BTreeMap<String, f64> {
        let mut sums: BTreeMap<String, f64> = BTreeMap::new();
        for ((scenario, task, feature), part) in by_cell(table, "scenario_part") {
            if scenario != "*" && task == "click" && feature != "scenario" {
                *sums.entry(feature).or_default() += part.abs();
            }
        }
        sums
    };
    let (found, real) = (specific(importance), specific(truth));
    let mut order: Vec<(&String, &f64)> = real.iter().collect();
    order.sort_by(|a, b| b.1.total_cmp(a.1));
    let mean = |features: &[(&String, &f64)]| features.iter().map(|(feature, _)| found[*feature]).sum::<f64>() / features.len() as f64;
    let (most, least) = (mean(&order[..4]), mean(&order[order.len() - 8..]));
    println!("scenario parts: planted as specific {most:.4}, as shared {least:.4}");
    assert!(most > 2.0 * least, "{most} {least}");
}

/// Correlation of ranks, ties at their mean rank.
fn spearman(a: &[f64], b: &[f64]) -> f64 {
    let ranks = |values: &[f64]| -> Vec<f64> {
        let rank = |value: &f64| {
            let below = values.iter().filter(|other| *other < value).count();
            let equal = values.iter().filter(|other| other.total_cmp(value).is_eq()).count();
            below as f64 + (equal as f64 - 1.0) / 2.0
        };
        values.iter().map(rank).collect()
    };
    let (a, b) = (ranks(a), ranks(b));
    let mean = (a.len() as f64 - 1.0) / 2.0;
    let product = |x: &[f64], y: &[f64]| x.iter().zip(y).map(|(x, y)| (x - mean) * (y - mean)).sum::<f64>();
    product(&a, &b) / (product(&a, &a) * product(&b, &b)).sqrt()
}

/// In every cell that has figures, the published learner ranks rows clearly better than chance.
fn is_better_than_chance(metrics: &RecordBatch) {
    let rows =
        texts(metrics, "learner").into_iter().zip(texts(metrics, "scenario")).zip(texts(metrics, "task")).zip(texts(metrics, "metric"));
    let mut cells = 0;
    for ((((learner, scenario), task), metric), value) in rows.zip(numbers(metrics, "value")) {
        let Some(value) = value else { continue };
        if learner == "net" && metric == "auc" {
            cells += 1;
            assert!(value > 0.6, "{scenario} {task}: AUC {value}");
        }
    }
    assert!(cells >= 12, "{cells} cells have an AUC");
}

/// Numeric columns spread in the frame as the world says they do: `frame.sql` computes what the world acted on.
fn knows_the_columns_of_the_frame(frame: &Path, truth: &RecordBatch) {
    let mut expected: BTreeMap<String, f64> = BTreeMap::new();
    for (feature, std) in texts(truth, "feature").into_iter().zip(numbers(truth, "std")) {
        if let Some(std) = std {
            expected.insert(feature, std);
        }
    }
    let snapshots: Vec<RecordBatch> = fs::read_dir(frame).expect("a folder").flatten().map(|entry| read(&entry.path())).collect();
    assert_eq!(snapshots.len(), 7);
    for (feature, expected) in expected {
        let values: Vec<f64> = snapshots.iter().flat_map(|snapshot| numbers(snapshot, &feature)).flatten().collect();
        let mean = values.iter().sum::<f64>() / values.len() as f64;
        let std = (values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / values.len() as f64).sqrt();
        // Late and refused rows take a little from counts; 6 % is three times what they do.
        assert!((std / expected - 1.0).abs() < 0.06, "{feature}: standard deviation {std}, in the world {expected}");
    }
}
