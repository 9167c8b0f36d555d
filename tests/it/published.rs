//! What a published run holds: every figure of the report is in a table, every file in the manifest, and what was saved
//! predicts what was published.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::sync::{Arc, Mutex, Weak};

use arrow::array::{AsArray as _, RecordBatch, StringArray};
use arrow::datatypes::{Date32Type, Float64Type, Int32Type, Int64Type};
use ndarray::Array2;
use polytask::evaluate::calibration::Calibration;
use polytask::features::encode::Encoder;
use polytask::learn::Saved;
use serde_json::Value;

use crate::shop::{FIRST_DAY, NIGHT, Shop, read};

/// A night with a chain of three, a challenger, refused rows, values that are missing and a decision; shared by the tests
/// that run at the same time.
fn night() -> Arc<Shop> {
    static SHARED: Mutex<Weak<Shop>> = Mutex::new(Weak::new());
    let mut shared = SHARED.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    shared.upgrade().unwrap_or_else(|| {
        let made = Arc::new(made());
        *shared = Arc::downgrade(&made);
        made
    })
}

fn made() -> Shop {
    let mut shop = Shop::new();
    shop.orders[0].quantity = 0;
    shop.orders[1].quantity = -3;
    shop.write_data();
    shop.edit("job.toml", "[tasks.spend]", "[tasks.bulk]\nkind = \"binary\"\nafter = \"purchase\"\n\n[tasks.spend]");
    shop.edit(
        "job.toml",
        "[encode]",
        "[model]\nchallengers = [\"forest\"]\n\n[scores]\nunder_every_scenario = true\n\n[forest]\nrows = 500\ntrees = 5\ndepths = [4]\n\n[encode]",
    );
    shop.edit("examples.sql", "sum(amount) as amount", "sum(amount) as amount, sum(quantity) as quantity");
    shop.edit(
        "examples.sql",
        "coalesce(bought.amount, 0)",
        "cast(coalesce(bought.quantity, 0) > 2 as integer) as bulk,\n    coalesce(bought.amount, 0)",
    );
    shop.edit("frame.sql", "    pair.days_since --", "    case when rows.product_id = 3 then null else pair.purchases end as holey, -- purchases, missing for product 3\n    pair.days_since --");
    shop.put("decisions/under.sql", "-- The best place for a product.\n-- Grain: product x place.\nselect product_id, under, avg(purchase) as purchase from scores_under group by product_id, under\n");
    shop.published();
    shop
}

fn texts(rows: &RecordBatch, name: &str) -> StringArray {
    rows.column_by_name(name).unwrap_or_else(|| panic!("no column {name}")).as_string::<i32>().clone()
}

/// A column of numbers, NULL as `None`.
fn numbers(rows: &RecordBatch, name: &str) -> Vec<Option<f64>> {
    rows.column_by_name(name).unwrap_or_else(|| panic!("no column {name}")).as_primitive::<Float64Type>().iter().collect()
}

fn counts(rows: &RecordBatch, name: &str) -> Vec<i64> {
    rows.column_by_name(name).unwrap_or_else(|| panic!("no column {name}")).as_primitive::<Int64Type>().values().to_vec()
}

fn report(shop: &Shop) -> Value {
    serde_json::from_slice(&fs::read(shop.current().join("report.json")).expect("a report")).expect("JSON")
}

fn manifest(shop: &Shop) -> Value {
    serde_json::from_slice(&fs::read(shop.current().join("manifest.json")).expect("a manifest")).expect("JSON")
}

/// Scores of both scenarios: household, product, purchase, bulk, spend, rank.
fn scores(shop: &Shop) -> Vec<(i64, i64, f64, f64, f64, i32)> {
    let mut found = Vec::new();
    for scenario in ["app", "store"] {
        let rows = read(&shop.current().join(format!("scores/scenario={scenario}/part.parquet")));
        let (households, products) = (counts(&rows, "household_id"), counts(&rows, "product_id"));
        let [purchase, bulk, spend] = ["purchase", "bulk", "spend"].map(|task| numbers(&rows, task));
        let ranks = rows.column_by_name("rank").expect("ranks").as_primitive::<Int32Type>().values().to_vec();
        for row in 0..rows.num_rows() {
            let score = |of: &[Option<f64>]| of[row].expect("a score");
            found.push((households[row], products[row], score(&purchase), score(&bulk), score(&spend), ranks[row]));
        }
    }
    found
}

#[test]
fn every_candidate_is_scored_once_with_the_columns_that_others_rely_on() {
    let shop = night();
    let rows = read(&shop.current().join("scores/scenario=app/part.parquet"));
    let schema = rows.schema();
    let columns: Vec<&str> = schema.fields().iter().map(|field| field.name().as_str()).collect();
    assert_eq!(columns, ["household_id", "product_id", "as_of", "purchase", "bulk", "spend", "rank", "run"]);
    let days = rows.column_by_name("as_of").expect("dates").as_primitive::<Date32Type>();
    assert!(days.iter().all(|day| day == Some(FIRST_DAY as i32 + 50)));
    let run = shop.current().file_name().expect("a name").to_string_lossy().into_owned();
    assert!(texts(&rows, "run").iter().all(|own| own == Some(run.as_str())));
    let scores = scores(&shop);
    let pairs: BTreeSet<(i64, i64)> = scores.iter().map(|score| (score.0, score.1)).collect();
    assert_eq!(pairs.len(), scores.len(), "a pair has one place");
    let night = (FIRST_DAY + 50) * 86_400_000_000;
    let bought: BTreeSet<(i64, i64)> = shop
        .orders
        .iter()
        .filter(|order| order.sold_at < night && order.loaded_at < night && order.quantity > 0)
        .map(|order| (order.household, order.product))
        .collect();
    assert_eq!(pairs, bought, "candidates are the pairs bought before");
}

#[test]
fn ranks_run_from_the_best_within_a_household_over_all_places() {
    let mut households: BTreeMap<i64, Vec<(i32, f64)>> = BTreeMap::new();
    for (household, _, purchase, .., rank) in scores(&night()) {
        households.entry(household).or_default().push((rank, purchase));
    }
    for (household, mut ranked) in households {
        ranked.sort_by_key(|(rank, _)| *rank);
        assert!(ranked.iter().map(|(rank, _)| *rank).eq(1..=ranked.len() as i32), "household {household}: {ranked:?}");
        assert!(ranked.is_sorted_by(|a, b| a.1 >= b.1), "household {household}: {ranked:?}");
    }
}

#[test]
fn a_conversion_is_never_published_above_its_click() {
    let scores = scores(&night());
    for (household, product, purchase, bulk, spend, _) in &scores {
        assert!((0.0..=1.0).contains(purchase) && (0.0..=*purchase).contains(bulk), "{household} × {product}: {purchase} {bulk}");
        assert!(spend.is_finite() && *spend >= 0.0, "{household} × {product}: {spend}");
    }
    let rows = read(&night().current().join("holdout/holdout.parquet"));
    for column in ["", "__forest"] {
        let [purchase, bulk] = ["purchase", "bulk"].map(|task| numbers(&rows, &format!("p_{task}{column}")));
        assert!(purchase.iter().zip(&bulk).all(|(click, buy)| buy <= click));
    }
    let [purchase, bulk] = ["y_purchase", "y_bulk"].map(|label| numbers(&rows, label));
    assert!(purchase.iter().zip(&bulk).all(|(click, buy)| buy <= click), "labels stand over the entire space");
}

#[test]
fn decisions_are_what_their_query_says_of_the_scores() {
    let shop = night();
    let rows = read(&shop.current().join("decisions/top_products.parquet"));
    let (households, products) = (counts(&rows, "household_id"), counts(&rows, "product_id"));
    let decided: Vec<(i64, i64)> = households.into_iter().zip(products).collect();
    let mut best: Vec<(i64, i32, i64)> =
        scores(&shop).into_iter().filter(|score| score.5 <= 3).map(|score| (score.0, score.5, score.1)).collect();
    best.sort_unstable();
    assert_eq!(decided, best.into_iter().map(|(household, _, product)| (household, product)).collect::<Vec<_>>());
    assert!(texts(&rows, "scenario").iter().all(|scenario| matches!(scenario, Some("app" | "store"))));
    let under = read(&shop.current().join("decisions/under.parquet"));
    assert_eq!(under.num_rows(), 12 * 2, "each product in each place");
}

#[test]
fn under_its_own_scenario_a_row_has_its_own_score() {
    let shop = night();
    let under = read(&shop.current().join("scores_under/part.parquet"));
    let (own, other) = (texts(&under, "scenario"), texts(&under, "under"));
    let (households, products, purchase) = (counts(&under, "household_id"), counts(&under, "product_id"), numbers(&under, "purchase"));
    let of: BTreeMap<(i64, i64), f64> = scores(&shop).into_iter().map(|score| ((score.0, score.1), score.2)).collect();
    assert_eq!(under.num_rows(), of.len() * 2);
    let (mut same, mut differ) = (0, 0);
    for row in 0..under.num_rows() {
        let score = of[&(households[row], products[row])];
        if own.value(row) == other.value(row) {
            assert_eq!(purchase[row], Some(score));
            same += 1;
        } else {
            differ += usize::from(purchase[row] != Some(score));
        }
    }
    assert_eq!(same, of.len());
    assert!(differ > 0, "the scenario changes no score");
}

#[test]
fn the_manifest_lists_every_file_with_its_own_hash() {
    let shop = night();
    let manifest = manifest(&shop);
    let listed: BTreeMap<&str, &Value> =
        manifest["files"].as_array().expect("files").iter().map(|file| (file["file"].as_str().expect("a name"), file)).collect();
    let mut found = BTreeSet::new();
    let mut folders: Vec<PathBuf> = vec![shop.current()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder").flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let name = path.strip_prefix(shop.current()).expect("below").to_string_lossy().into_owned();
            if ["manifest.json", "run.json", "metrics.prom"].contains(&name.as_str()) {
                continue;
            }
            let entry = listed.get(name.as_str()).unwrap_or_else(|| panic!("{name} is not in the manifest"));
            assert_eq!(entry["bytes"], fs::metadata(&path).expect("a file").len(), "{name}");
            if name.ends_with(".parquet") {
                assert_eq!(entry["rows"], read(&path).num_rows(), "{name}");
            }
            found.insert(name);
        }
    }
    assert!(found.iter().map(String::as_str).eq(listed.keys().copied()), "the manifest lists files that are not there");
    // sha256sum knows nothing of us.
    let lines: Vec<String> = listed.iter().map(|(name, file)| format!("{}  {name}\n", file["sha256"].as_str().expect("a hash"))).collect();
    let list = lines.concat();
    let sums = shop.path().join("sums");
    fs::write(&sums, list).expect("a file");
    let check = Command::new("sha256sum").arg("--check").arg("--quiet").arg(&sums).current_dir(shop.current()).output();
    let check = check.expect("sha256sum");
    assert!(check.status.success(), "{}", String::from_utf8_lossy(&check.stdout));
}

#[test]
fn the_manifest_says_what_went_in() {
    let shop = night();
    let manifest = manifest(&shop);
    assert_eq!((&manifest["as_of"], &manifest["holdout"], &manifest["learner"]), (&NIGHT.into(), &"2026-02-13".into(), &"linear".into()));
    let inputs: Vec<&str> = manifest["inputs"].as_array().expect("inputs").iter().filter_map(|input| input["source"].as_str()).collect();
    assert_eq!(inputs, ["orders", "products"]);
    assert_eq!(manifest["inputs"][0]["files"][0]["rows"], shop.orders.len());
    let splits: Vec<String> = manifest["snapshots"]
        .as_array()
        .expect("snapshots")
        .iter()
        .map(|snapshot| format!("{} {}", snapshot["as_of"].as_str().unwrap_or(""), snapshot["split"].as_str().unwrap_or("")))
        .collect();
    assert_eq!(splits, ["2026-01-23 train", "2026-01-30 train", "2026-02-06 valid", "2026-02-13 holdout", "2026-02-20 tonight"]);
    let queries = manifest["queries"].as_object().expect("queries");
    assert!(queries.contains_key("job.toml") && queries.contains_key("frame.sql") && queries.contains_key("decisions/under.sql"));
    assert!(!queries.keys().any(|query| query.starts_with("explore/")), "an exploration decides nothing");
}

/// What was saved, applied to the frame that `polytask frame` writes, gives the published predictions to the bit.
#[test]
fn the_saved_model_predicts_what_was_published() {
    let shop = made();
    shop.framed(&[]);
    let folder = shop.current();
    let file = |name: &str| fs::read(folder.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
    let encoder = Encoder::from_json(&file("model/encoder.json")).expect("an encoder");
    let frame = read(&shop.path().join("frame/as_of=2026-02-13.parquet"));
    let encoded = encoder.encode(&frame, FIRST_DAY as i32 + 43).expect("rows");
    let holdout = read(&folder.join("holdout/holdout.parquet"));
    for (place, suffix) in [("model", ""), ("model/forest", "__forest")] {
        let saved = Saved {
            json: String::from_utf8(file(&format!("{place}/model.json"))).expect("text"),
            tensors: file(&format!("{place}/model.safetensors")),
        };
        let model = polytask::learn::load(&saved).unwrap_or_else(|error| panic!("{error}"));
        let calibration: Calibration = serde_json::from_slice(&file(&format!("{place}/calibration.json"))).expect("a calibration");
        let block = encoded.block();
        let mut raw = Array2::zeros((block.rows(), 3));
        model.raw(&block, raw.view_mut()).expect("outputs");
        let columns: Vec<Vec<f32>> = (0..3).map(|task| raw.column(task).to_vec()).collect();
        let predicted = calibration.apply(&columns, block.scenario);
        for (task, predicted) in ["purchase", "bulk", "spend"].into_iter().zip(predicted) {
            let published: Vec<f64> = numbers(&holdout, &format!("p_{task}{suffix}")).into_iter().flatten().collect();
            assert!(published == predicted, "{task} of {place}");
        }
    }
}

/// The rows that a report shows: bins of fewer than ten rows are left out.
fn shown(rows: &RecordBatch) -> RecordBatch {
    if rows.schema().index_of("feature").is_err() || rows.schema().index_of("n").is_err() {
        return rows.clone();
    }
    let large: arrow::array::BooleanArray = counts(rows, "n").into_iter().map(|n| Some(n >= 10)).collect();
    arrow::compute::filter_record_batch(rows, &large).expect("rows")
}

#[test]
fn the_report_and_the_tables_hold_the_same_figures() {
    let shop = night();
    let report = report(&shop);
    let run = shop.current();
    let same = |table: &str, list: &str, texts_of: &[&str], numbers_of: &[&str]| {
        let rows = shown(&read(&run.join(format!("{table}.parquet"))));
        let told = report[list].as_array().unwrap_or_else(|| panic!("no {list}"));
        // Challengers' importance stands in the table alone, after the published learner's.
        let rows = if table == "importance" {
            let others = (0..rows.num_rows()).filter(|row| texts(&rows, "learner").value(*row) != report["learner"]).count();
            rows.slice(0, rows.num_rows() - others)
        } else {
            rows
        };
        assert_eq!(told.len(), rows.num_rows(), "{table}");
        for name in texts_of {
            let column = texts(&rows, name);
            assert!(told.iter().zip(column.iter()).all(|(told, value)| told[*name].as_str() == value), "{table}.{name}");
        }
        for name in numbers_of {
            for (told, value) in told.iter().zip(numbers(&rows, name)) {
                // Decimals of a double, read back: within one unit of its last place.
                let near = match (told[*name].as_f64(), value) {
                    (Some(told), Some(value)) => (told - value).abs() <= f64::EPSILON * value.abs(),
                    (None, None) => true,
                    _ => false,
                };
                assert!(near, "{table}.{name}: {} {value:?}", told[*name]);
            }
        }
    };
    same("metrics", "figures", &["learner", "scenario", "task", "metric", "note"], &["value"]);
    same("calibration", "reliability", &["scenario", "task"], &["predicted", "observed", "low", "high"]);
    same("training", "training", &["learner", "setting"], &[]);
    let losses = numbers(&read(&run.join("training.parquet")), "value");
    let told = report["training"].as_array().expect("trials").iter().map(|trial| trial["loss"].as_f64());
    assert!(told.zip(losses).all(|(told, value)| told.is_some() && told == value), "training.value");
    same(
        "importance",
        "importance",
        &["scenario", "task", "feature"],
        &["value", "low", "high", "shared", "scenario_part", "task_part", "permutation", "direction"],
    );
    same("effects", "effects", &["scenario", "task", "feature", "label"], &["contribution"]);
    same("quality", "quality", &["scenario", "dimension", "measure", "subject"], &["value"]);
    let scored: u64 = report["scores"].as_array().expect("scores").iter().filter_map(|score| score["rows"].as_u64()).sum();
    assert_eq!(scored as usize, scores(&shop).len());
    let n = scores(&shop).len() as f64;
    let means: f64 = report["scores"]
        .as_array()
        .expect("scores")
        .iter()
        .map(|score| score["means"][0].as_f64().unwrap_or(0.0) * score["rows"].as_f64().unwrap_or(0.0))
        .sum();
    let own: f64 = scores(&shop).iter().map(|score| score.2).sum();
    assert!((means - own).abs() < 1e-9 * n, "{means} {own}");
}

#[test]
fn refused_rows_lie_beside_the_run_with_reasons_and_counts() {
    let shop = night();
    let rows = read(&shop.current().join("refused/orders.parquet"));
    assert_eq!(counts(&rows, "quantity"), [0, -3]);
    assert!(texts(&rows, "refused").iter().all(|reason| reason == Some("no quantity")));
    let report = report(&shop);
    assert_eq!(report["refused"], serde_json::json!([{"table": "orders", "reason": "no quantity", "rows": 2}]));
    let orders = report["tables"].as_array().expect("tables").iter().find(|table| table["name"] == "orders").expect("orders");
    assert_eq!((&orders["rows"], &orders["refused"]), (&(shop.orders.len() - 2).into(), &2.into()));
}

#[test]
fn quality_measures_completeness_consistency_and_diversity_of_every_scenario() {
    let shop = night();
    let rows = read(&shop.current().join("quality.parquet"));
    let [scenario, dimension, measure, subject] = ["scenario", "dimension", "measure", "subject"].map(|name| texts(&rows, name));
    let values = numbers(&rows, "value");
    let find = |wanted: [&str; 4]| {
        let at = (0..rows.num_rows())
            .find(|row| [scenario.value(*row), dimension.value(*row), measure.value(*row), subject.value(*row)] == wanted);
        at.and_then(|at| values[at]).unwrap_or_else(|| panic!("no {wanted:?}"))
    };
    for place in ["*", "app", "store"] {
        for (dimension, measure) in [
            ("completeness", "values present"),
            ("consistency", "categories known"),
            ("consistency", "values within training range"),
            ("diversity", "features that inform"),
        ] {
            let value = find([place, dimension, measure, ""]);
            assert!((0.0..=1.0).contains(&value), "{place} {measure}: {value}");
        }
        assert!(find([place, "diversity", "effective entities", ""]) > 1.0);
    }
    // `holey` is missing for product 3 and nowhere else.
    let scores = scores(&shop);
    let others = scores.iter().filter(|score| score.1 != 3).count() as f64;
    assert!((find(["*", "completeness", "values present", "holey"]) - others / scores.len() as f64).abs() < 1e-12);
    assert!((find(["*", "completeness", "values present", "purchases"]) - 1.0).abs() < 1e-12);
    let all = shop.orders.len() as f64;
    assert!((find(["*", "completeness", "records kept", "orders"]) - (all - 2.0) / all).abs() < 1e-12);
    assert!((find(["*", "completeness", "days present of the last 28", "orders"]) - 1.0).abs() < 1e-12);
    assert!((find(["*", "diversity", "scenarios present", ""]) - 1.0).abs() < 1e-12);
    let households: BTreeSet<i64> = scores.iter().map(|score| score.0).collect();
    assert!((find(["*", "diversity", "entities", ""]) - households.len() as f64).abs() < 1e-12);
    assert!(find(["app", "consistency", "distance to all rows", "product_id"]) > 0.0);
    assert!((find(["*", "consistency", "labels that contradict their chain", "bulk"])).abs() < 1e-12);
    assert!(values.iter().all(Option::is_some), "a measure is no number");
}

#[test]
fn contributions_of_the_held_out_rows_add_up() {
    let rows = read(&night().current().join("contributions.parquet"));
    let [value, base, raw] = ["value", "base", "raw"].map(|name| numbers(&rows, name));
    let positions = counts(&rows, "row");
    let task = texts(&rows, "task");
    let mut sums: BTreeMap<(i64, &str), (f64, f64)> = BTreeMap::new();
    for row in 0..rows.num_rows() {
        let own = sums.entry((positions[row], task.value(row))).or_insert((base[row].unwrap_or(f64::NAN), raw[row].unwrap_or(f64::NAN)));
        own.0 += value[row].unwrap_or(f64::NAN);
    }
    assert!(sums.len() > 100, "{}", sums.len());
    for (at, (sum, raw)) in sums {
        assert!((sum - raw).abs() < 1e-4, "{at:?}: {sum} {raw}");
    }
    assert!(report(&night())["residual"].as_f64().is_some_and(|residual| residual < 1e-4));
}

#[test]
fn the_report_needs_no_network_and_no_script() {
    let shop = night();
    let html = fs::read_to_string(shop.path().join("reports/shop/latest.html")).expect("a report");
    assert_eq!(html, fs::read_to_string(shop.current().join("report.html")).expect("a report"));
    // Base64 may hold two slashes.
    let (before, after) = html.split_once("<meta http-equiv=").expect("a policy");
    let lower = format!("{before}{}", after.split_once('>').expect("a policy").1).to_lowercase();
    for forbidden in
        ["http:", "https:", "//", "<script ", "javascript:", "onload", "onclick", "<iframe", "<link", "<img", "@import", "url(", "src="]
    {
        assert!(!lower.contains(forbidden), "the report holds {forbidden}");
    }
    assert!(html.contains("default-src 'none'"), "the page does not forbid the network");
    assert!(!html.contains("unsafe-inline") && !lower.contains(" style=\""), "the page allows more than its own style");
    assert!(html.len() < 1_500_000, "{} bytes", html.len());
    for needed in ["lang=\"en\"", "<title>", "<main", "<nav", "role=\"img\"", "<desc>", "scope=\"col\""] {
        assert!(html.contains(needed), "the report lacks {needed}");
    }
    for told in
        ["purchases in the last 14 days", "no quantity", "Three products for each household.", "orders__amount_is_positive", "2026-02-13"]
    {
        assert!(html.contains(told), "the report does not tell {told}");
    }
    // Every opened element is closed, as far as a count can say.
    for element in ["section", "table", "svg", "details", "g", "tr", "div", "ul", "dl", "main", "nav"] {
        let opened = html.matches(&format!("<{element}>")).count() + html.matches(&format!("<{element} ")).count();
        assert_eq!(opened, html.matches(&format!("</{element}>")).count(), "<{element}>");
    }
}

#[test]
fn numbers_of_the_report_have_no_digits_of_rounding() {
    let shop = night();
    let effects = report(&shop)["effects"].clone();
    for effect in effects.as_array().expect("effects") {
        let label = effect["label"].as_str().expect("a label");
        // The shortest decimals of an f32 have at most nine digits.
        let longest = label.split(|c: char| !(c.is_ascii_digit() || c == '.')).map(str::len).max().unwrap_or(0);
        assert!(longest <= 12, "a bin is called «{label}»");
    }
}

#[test]
fn times_stand_in_their_own_files() {
    let shop = night();
    let told: Value = serde_json::from_slice(&fs::read(shop.current().join("run.json")).expect("a file")).expect("JSON");
    assert!(told["seconds"].as_f64().is_some_and(|seconds| seconds > 0.0));
    assert_eq!(told["candidates"], scores(&shop).len());
    let prom = fs::read_to_string(shop.current().join("metrics.prom")).expect("a file");
    for line in prom.lines().filter(|line| !line.starts_with('#')) {
        let (name, value) = line.rsplit_once(' ').expect("a value");
        assert!(name.starts_with("polytask_") && name.contains("{job=\"shop\"") && value.parse::<f64>().is_ok(), "{line}");
    }
    assert!(prom.contains("polytask_figure{job=\"shop\",figure=\"purchase auc\"}"), "{prom}");
}

#[test]
fn a_job_of_one_scenario_and_one_task_is_a_job() {
    let shop = Shop::new();
    shop.edit("candidates.sql", "last_value(channel order by sold_at, channel)", "'shop'");
    shop.edit("job.toml", "[tasks.spend]\nkind = \"regression\"\ntransform = \"log1p\"\nafter = \"purchase\"\n", "");
    shop.published();
    assert!(shop.current().join("scores/scenario=shop/part.parquet").is_file());
}

#[test]
fn a_scenario_that_appears_tonight_is_scored_and_told_of() {
    let shop = Shop::new();
    // Until last week there was no kiosk.
    shop.edit(
        "candidates.sql",
        "last_value(channel order by sold_at, channel)",
        "case when household_id = 1 and $as_of_date > date '2026-02-15' then 'kiosk' else last_value(channel order by sold_at, channel) end",
    );
    shop.published();
    let rows = read(&shop.current().join("scores/scenario=kiosk/part.parquet"));
    assert!(rows.num_rows() > 0 && numbers(&rows, "purchase").iter().all(Option::is_some));
    let quality = report(&shop)["quality"].clone();
    let known = quality.as_array().expect("quality").iter().find(|row| row["measure"] == "scenario known").expect("a measure");
    assert!(known["value"].as_f64().is_some_and(|value| value < 1.0));
}

#[test]
fn a_run_made_again_is_recognised_whatever_its_figures() {
    use polytask::publish::staging::Placed;
    use polytask::publish::{Home, Manifest, Staging};

    let folder = tempfile::tempdir().expect("a folder");
    let place = |name: &str| folder.path().join(name);
    let home = Home { job: "shop".into(), input: place("input"), runs: place("runs"), cache: place("cache"), reports: place("reports") };
    let figures: BTreeMap<String, f64> =
        (1..400).map(|at| (format!("figure {at:03}"), (f64::from(at) * 0.618_033_988_749_895).fract() / 3.0)).collect();
    let stage = |text: &str| {
        let staging = Staging::start(&home).unwrap_or_else(|error| panic!("{error}"));
        staging.write("report.json", text.as_bytes()).unwrap_or_else(|error| panic!("{error}"));
        let manifest = Manifest {
            run: "2026-02-20-abc".into(),
            job: "shop".into(),
            as_of: NIGHT.into(),
            holdout: "2026-02-13".into(),
            learner: "linear".into(),
            seed: 7,
            fingerprint: "abc".into(),
            night: "abc".into(),
            compared_with: None,
            status: "published".into(),
            held_by: Vec::new(),
            row_counts: Vec::new(),
            scenario_rows: Vec::new(),
            stand_ins: Vec::new(),
            warm_start: None,
            versions: BTreeMap::new(),
            inputs: Vec::new(),
            queries: BTreeMap::new(),
            snapshots: Vec::new(),
            figures: figures.clone(),
            files: staging.audit().unwrap_or_else(|error| panic!("{error}")),
        };
        let bytes = manifest.to_json().unwrap_or_else(|error| panic!("{error}"));
        staging.write("manifest.json", &bytes).unwrap_or_else(|error| panic!("{error}"));
        staging.place_as(&home, &manifest)
    };
    assert_eq!(stage("one").unwrap_or_else(|error| panic!("{error}")), Placed::New);
    assert_eq!(stage("one").unwrap_or_else(|error| panic!("{error}")), Placed::SameBytes);
    let error = stage("two").expect_err("other bytes");
    assert!(error.to_string().contains("`report.json` has other bytes than before"), "{error}");
}
