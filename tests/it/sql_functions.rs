//! The functions of `sql::functions`: equal to scikit-learn, `SciPy` and the night's own report; whatever the order of the rows, their
//! partitions and their windows; with NULL, NaN, one class and no rows defined.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{Array as _, ArrayRef, AsArray as _, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow::compute::concat_batches;
use arrow::datatypes::{Float64Type, UInt64Type};
use datafusion::datasource::MemTable;
use datafusion::error::DataFusionError;
use datafusion::prelude::{ParquetReadOptions, SessionConfig, SessionContext};
use proptest::prelude::*;
use serde_json::Value;

use crate::shop::{Shop, read};

/// Sums of a few hundred terms in another order differ by less.
const TOLERANCE: f64 = 1e-9;

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("a runtime")
}

/// A session with every function that works on so many partitions.
fn session(partitions: usize) -> SessionContext {
    // Small batches, so that states travel.
    let config = SessionConfig::new().with_target_partitions(partitions).with_information_schema(true).with_batch_size(64);
    let context = SessionContext::new_with_config(config);
    polytask::sql::functions::register(&context);
    context
}

fn batch(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(name, column)| (name, column, true))).expect("columns")
}

/// Registers rows as table `t`, cut into pieces over the partitions.
fn with_rows(partitions: usize, rows: &RecordBatch) -> SessionContext {
    let context = session(partitions);
    let each = rows.num_rows().div_ceil(partitions).max(1);
    let piece = |at: usize| {
        let from = (at * each).min(rows.num_rows());
        vec![rows.slice(from, each.min(rows.num_rows() - from))]
    };
    let table = MemTable::try_new(rows.schema(), (0..partitions).map(piece).collect()).expect("a table");
    context.register_table("t", Arc::new(table)).expect("a free name");
    context
}

fn query(context: &SessionContext, sql: &str) -> Result<RecordBatch, DataFusionError> {
    runtime().block_on(async {
        let frame = context.sql(sql).await?;
        let schema = Arc::new(frame.schema().as_arrow().clone());
        let batches = frame.collect().await?;
        Ok(concat_batches(batches.first().map_or(&schema, |first| first.schema_ref()), &batches)?)
    })
}

#[track_caller]
fn rows(context: &SessionContext, sql: &str) -> RecordBatch {
    query(context, sql).unwrap_or_else(|error| panic!("{sql}: {error}"))
}

/// The one number that a query gives.
#[track_caller]
fn number(context: &SessionContext, sql: &str) -> Option<f64> {
    numbers(context, sql)[0]
}

/// The numbers of the first column.
#[track_caller]
fn numbers(context: &SessionContext, sql: &str) -> Vec<Option<f64>> {
    rows(context, sql).column(0).as_primitive::<Float64Type>().iter().collect()
}

#[track_caller]
fn near(found: Option<f64>, expected: Option<f64>, tolerance: f64, what: &str) {
    match (found, expected) {
        (None, None) => {}
        (Some(found), Some(expected)) => {
            assert!((found - expected).abs() <= tolerance * expected.abs().max(1.0), "{what}: {found} instead of {expected}");
        }
        _ => panic!("{what}: {found:?} instead of {expected:?}"),
    }
}

fn refused(context: &SessionContext, sql: &str, says: &str) {
    let error = query(context, sql).expect_err(sql).to_string();
    assert!(error.contains(says), "{sql}: {error}");
}

fn floats(values: &Value) -> ArrayRef {
    Arc::new(values.as_array().expect("a list").iter().map(Value::as_f64).collect::<Float64Array>())
}

fn fixture(text: &str) -> Value {
    serde_json::from_str(text).expect("a fixture")
}

#[test]
fn metrics_equal_scikit_learns() {
    let fixture = fixture(include_str!("../fixtures/sklearn/metrics.json"));
    let mut compared = 0;
    for case in fixture["cases"].as_array().expect("cases").iter().filter(|case| case["kind"] == "binary") {
        let weighted = !case["weights"].is_null();
        let mut columns = vec![("y", floats(&case["labels"])), ("p", floats(&case["predictions"]))];
        if weighted {
            columns.push(("w", floats(&case["weights"])));
        }
        let context = with_rows(3, &batch(columns));
        for metric in ["auc", "pr_auc", "log_loss", "brier"] {
            let sql = format!("select {metric}(y, p{}) from t", if weighted { ", w" } else { "" });
            near(number(&context, &sql), case["figures"][metric].as_f64(), TOLERANCE, &format!("{sql} of {}", case["name"]));
            compared += 1;
        }
    }
    for curve in fixture["reliability"].as_array().expect("curves") {
        let context = with_rows(2, &batch(vec![("y", floats(&curve["labels"])), ("p", floats(&curve["predictions"]))]));
        near(number(&context, "select ece(y, p) from t"), curve["ece"].as_f64(), TOLERANCE, "ece");
        near(number(&context, "select ece(y, p, 10) from t"), curve["ece"].as_f64(), TOLERANCE, "ece in ten bins");
        compared += 1;
    }
    assert_eq!(compared, 8 * 4 + 1);
}

#[test]
fn rankings_equal_scikit_learns() {
    let fixture = fixture(include_str!("../fixtures/sklearn/lists.json"));
    for case in fixture["lists"].as_array().expect("lists") {
        let entity = Arc::new(case["entity"].as_array().expect("a list").iter().map(Value::as_i64).collect::<Int64Array>());
        let columns = vec![("y", floats(&case["labels"])), ("p", floats(&case["predictions"])), ("e", entity as ArrayRef)];
        let context = with_rows(2, &batch(columns));
        near(number(&context, "select gauc(y, p, e) from t"), case["figures"]["gauc"].as_f64(), TOLERANCE, "gauc");
        let sql = format!("select ndcg_at(y, p, concat('household ', e), {}) from t", case["k"]);
        near(number(&context, &sql), case["figures"]["ndcg"].as_f64(), TOLERANCE, &sql);
    }
    for case in fixture["ranked"].as_array().expect("rankings") {
        let weight = if case["weights"].is_null() { vec![] } else { vec![("w", floats(&case["weights"]))] };
        let sql = if weight.is_empty() { "select lift_at(y, p, 0.1) from t" } else { "select lift_at(y, p, 0.1, w) from t" };
        let columns = vec![("y", floats(&case["labels"])), ("p", floats(&case["predictions"]))];
        near(number(&with_rows(2, &batch([columns, weight].concat())), sql), case["lift"].as_f64(), TOLERANCE, sql);
    }
}

/// The columns of `tests/fixtures/scipy/association.json`.
fn association() -> (RecordBatch, Value) {
    let fixture = fixture(include_str!("../fixtures/scipy/association.json"));
    let columns = &fixture["columns"];
    let text = columns["text"].as_array().expect("a list").iter().map(Value::as_str).collect::<StringArray>();
    let second = columns["second"].as_array().expect("a list").iter().map(Value::as_bool).collect::<BooleanArray>();
    let mut all = vec![("text", Arc::new(text) as ArrayRef), ("second", Arc::new(second))];
    all.extend(["number", "few", "label", "moved"].map(|name| (name, floats(&columns[name]))));
    (batch(all), fixture)
}

#[test]
fn association_and_drift_equal_scipys() {
    let (table, fixture) = association();
    let figures = fixture["figures"].as_object().expect("figures");
    assert_eq!(figures.len(), 22);
    for (call, expected) in figures {
        for partitions in [1, 4] {
            let context = with_rows(partitions, &table);
            near(number(&context, &format!("select {call} from t")), expected.as_f64(), TOLERANCE, call);
        }
    }
}

#[test]
fn weights_of_evidence_are_a_list_of_classes() {
    let (table, fixture) = association();
    let context = with_rows(3, &table);
    let found =
        rows(&context, "select e['value'] as value, e['woe'] as woe, e['rows'] as n from (select unnest(woe(text, label)) as e from t)");
    let names: Vec<Option<&str>> = found.column(0).as_string::<i32>().iter().collect();
    assert_eq!(names, [Some("black"), Some("blue"), Some("green"), Some("red"), None]);
    for (row, name) in names.iter().enumerate() {
        let expected = fixture["woe"][name.unwrap_or("~")].as_f64();
        near(Some(found.column(1).as_primitive::<Float64Type>().value(row)), expected, TOLERANCE, "woe");
    }
    assert_eq!(found.column(2).as_primitive::<UInt64Type>().values().iter().sum::<u64>(), 240);
    let bins =
        rows(&context, "select e['low'] as low, e['high'] as high, e['rows'] as n from (select unnest(woe(number, label)) as e from t)");
    let ends = |at: usize| bins.column(at).as_primitive::<Float64Type>().iter().collect::<Vec<_>>();
    let (low, high) = (ends(0), ends(1));
    assert_eq!((low.len(), low[0], high[9], low[10], high[10]), (11, None, None, None, None), "ten bins, then what is missing");
    assert!((0..9).all(|at| high[at] == low[at + 1] && high[at].is_some()));
    let parts = number(&context, "select sum(e['information']) from (select unnest(woe(number, label)) as e from t)");
    near(parts, number(&context, "select information_value(number, label) from t"), 1e-12, "information");
}

/// `metrics.parquet` of a run: value, low and high by scenario, task and metric.
fn stated(run: &Path) -> BTreeMap<(String, String, String), [Option<f64>; 3]> {
    let table = read(&run.join("metrics.parquet"));
    let text = |name: &str| table.column_by_name(name).expect(name).as_string::<i32>().clone();
    let figure = |name: &str| table.column_by_name(name).expect(name).as_primitive::<Float64Type>().clone();
    let (learner, scenario, task, metric) = (text("learner"), text("scenario"), text("task"), text("metric"));
    let figures = ["value", "low", "high"].map(figure);
    let own = |row: &usize| learner.value(*row) == learner.value(0);
    let at = |row: usize| figures.each_ref().map(|column| column.is_valid(row).then(|| column.value(row)));
    let key = |row: usize| (scenario.value(row).to_owned(), task.value(row).to_owned(), metric.value(row).to_owned());
    (0..table.num_rows()).filter(own).map(|row| (key(row), at(row))).collect()
}

#[test]
fn the_report_s_figures_are_those_of_sql_over_the_held_out_rows() {
    let shop = Shop::new();
    shop.published();
    let run = shop.current();
    let context = session(2);
    let path = run.join("holdout/holdout.parquet");
    runtime()
        .block_on(context.register_parquet("holdout", path.to_str().expect("a path"), ParquetReadOptions::default()))
        .expect("the held-out rows");
    let keys = rows(&context, "select * from holdout limit 0").schema();
    let household = keys.fields().iter().find(|field| field.name().contains("household")).expect("the entity").name().clone();
    let calls = [
        ("auc", "auc(Y, P)".to_owned()),
        ("pr_auc", "pr_auc(Y, P)".to_owned()),
        ("log_loss", "log_loss(Y, P)".to_owned()),
        ("brier", "brier(Y, P)".to_owned()),
        ("ece", "ece(Y, P)".to_owned()),
        ("lift", "lift_at(Y, P, 0.1)".to_owned()),
        ("gauc", format!("gauc(Y, P, {household})")),
        ("ndcg_at_k", format!("ndcg_at(Y, P, {household}, K)")),
        ("predicted_observed", "predicted_observed(Y, P)".to_owned()),
        ("base_rate", "avg(Y)".to_owned()),
    ];
    let stated = stated(&run);
    let (mut compared, mut intervals) = (BTreeMap::new(), 0);
    for ((scenario, task, metric), [value, low, high]) in &stated {
        let Some((_, call)) = calls.iter().find(|(name, _)| name == metric) else { continue };
        let Some(value) = value.filter(|_| task != "*") else { continue };
        let k = stated.get(&(scenario.clone(), task.clone(), "top_k".to_owned())).and_then(|own| own[0]).unwrap_or(1.0);
        let fill = |call: &str| call.replace('Y', &format!("y_{task}")).replace('P', &format!("p_{task}")).replace('K', &k.to_string());
        let cell = if scenario == "*" { String::new() } else { format!(" where scenario = '{scenario}'") };
        let found = number(&context, &format!("select {} from holdout{cell}", fill(call)));
        near(found, Some(value), 1e-12, &format!("{metric} of {task} in {scenario}"));
        *compared.entry(metric.as_str()).or_insert(0) += 1;
        if scenario == "*" && ["auc", "log_loss", "brier", "ece", "gauc", "ndcg_at_k"].contains(&metric.as_str()) && low.is_some() {
            let k = if metric == "ndcg_at_k" { format!("{k}, ") } else { String::new() };
            let (name, draws) = (metric.trim_end_matches("_k"), resamples(&shop));
            let sql = fill(&format!("{name}_ci(Y, P, {household}, {k}{draws}, 7)"));
            for (end, expected) in [("low", low), ("high", high)] {
                near(number(&context, &format!("select {sql}['{end}'] from holdout")), *expected, 1e-12, &format!("{end} of {metric}"));
            }
            intervals += 1;
        }
    }
    assert_eq!(compared.len(), calls.len(), "{compared:?}");
    assert!(intervals >= 6, "{intervals}");
}

/// Resamples of the shop's job, or of jobs that do not say.
fn resamples(shop: &Shop) -> String {
    let job = std::fs::read_to_string(shop.job().join("job.toml")).expect("a job");
    let own = job.lines().find_map(|line| line.strip_prefix("resamples = "));
    own.unwrap_or("1000").trim().to_owned()
}

fn small() -> RecordBatch {
    let y: Float64Array = vec![Some(1.0), Some(0.0), None, Some(1.0), Some(0.0), Some(0.0)].into();
    let p: Float64Array = vec![Some(0.9), Some(0.2), Some(0.5), None, Some(0.95), Some(0.1)].into();
    let odd: Float64Array = vec![Some(f64::NAN), Some(0.2), Some(0.5), Some(0.5), Some(0.5), Some(0.1)].into();
    let e: StringArray = vec![Some("a"), Some("a"), Some("a"), Some("b"), Some("b"), None].into();
    batch(vec![("y", Arc::new(y)), ("p", Arc::new(p)), ("odd", Arc::new(odd)), ("e", Arc::new(e))])
}

#[test]
fn rows_with_null_are_left_out_and_nan_has_no_figure() {
    let context = with_rows(1, &small());
    // Left: 1 at .9, and 0 at .2, .95, .1.
    near(number(&context, "select auc(y, p) from t"), Some(2.0 / 3.0), 1e-15, "auc");
    near(number(&context, "select auc(y > 0.5, p) from t"), Some(2.0 / 3.0), 1e-15, "auc of a truth value");
    near(number(&context, "select brier(y, p) from t"), Some((0.01 + 0.04 + 0.9025 + 0.01) / 4.0), 1e-15, "brier");
    near(number(&context, "select gauc(y, p, e) from t"), Some(1.0), 1e-15, "the row without entity is left out");
    for call in ["auc(y, odd)", "log_loss(y, odd)", "ece(y, odd)", "ks_stat(y, odd)", "gauc(y, odd, e)", "auc_ci(y, odd, e)['value']"] {
        assert_eq!(number(&context, &format!("select {call} from t")), None, "{call}");
        assert!(number(&context, &format!("select {call} from t where not isnan(odd)")).is_some(), "{call} without NaN");
    }
    for call in ["spearman(y, odd)", "wasserstein(odd, y > 0)", "ks_test(odd, y > 0)['p']"] {
        assert_eq!(number(&context, &format!("select {call} from t")), None, "{call}");
    }
    assert_eq!(number(&context, "select auc(y, p, -1.0) from t"), None, "a weight below 0");
    assert_eq!(number(&context, "select brier(y, p, -1.0) from t"), None, "a weight below 0");
    assert_eq!(number(&context, "select auc(y, p, null) from t"), None, "no row has a weight");
}

#[test]
fn one_class_and_no_rows_have_the_figures_that_need_none() {
    let context = with_rows(1, &small());
    for (call, one_class) in [
        ("auc(y, p)", false),
        ("ks_stat(y, p)", false),
        ("pr_auc(y, p)", false),
        ("lift_at(y, p, 0.5)", false),
        ("predicted_observed(y, p)", false),
        ("log_loss(y, p)", true),
        ("brier(y, p)", true),
        ("ece(y, p)", true),
        ("mutual_information(p, y)", true),
        ("information_value(p, y)", false),
        ("cramers_v(p, y)", false),
        ("entropy(y)", true),
        ("psi(p, y)", false),
        ("js_divergence(p, y)", false),
        ("wasserstein(p, y)", false),
        ("ks_test(p, y)['statistic']", false),
    ] {
        assert_eq!(number(&context, &format!("select {call} from t where y = 0")).is_some(), one_class, "{call} of negatives");
        assert_eq!(number(&context, &format!("select {call} from t where false")), None, "{call} of no rows");
    }
    assert_eq!(rows(&context, "select woe(p, y) from t where y = 0").column(0).null_count(), 1);
    let empty = rows(&context, "select c['n'] as n, c['value'] as v from (select auc_ci(y, p, e) as c from t where false)");
    assert_eq!((empty.column(0).as_primitive::<UInt64Type>().value(0), empty.column(1).null_count()), (0, 1));
}

#[test]
fn what_does_not_fit_is_refused_in_words() {
    let context = with_rows(1, &small());
    refused(&context, "select auc(distinct y, p) from t", "leave DISTINCT away");
    refused(&context, "select brier(distinct y, p) from t", "leave DISTINCT away");
    refused(&context, "select auc(y) from t", "auc(label, score[, weight])");
    refused(&context, "select auc(e, p) from t", "`label` cannot be of type");
    refused(&context, "select ece(y, p, cast(p * 10 as int)) from t", "`bins`: it has to be one number for all rows");
    refused(&context, "select ece(y, p, 0) from t", "`bins`: 0 is not a whole number from 1 to 10000");
    refused(&context, "select lift_at(y, p, 1.5) from t", "`share`: 1.5 is not a number");
    refused(&context, "select ndcg_at(y, p, e, 2.5) from t", "`k`: 2.5 is not a whole number");
}

#[test]
fn every_function_is_documented_where_it_is_registered_and_on_its_page() {
    let context = session(1);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/sql-functions.md");
    let page = polytask::sql::functions::page();
    if std::env::var_os("POLYTASK_WRITE_DOCS").is_some() {
        std::fs::write(&path, &page).expect("a writable page");
    }
    let written = std::fs::read_to_string(&path).expect("docs/sql-functions.md");
    assert!(written == page, "docs/sql-functions.md is out of date: this test writes it where POLYTASK_WRITE_DOCS is set");
    let known = rows(&context, "select routine_name, description, syntax_example from information_schema.routines");
    let text = |at: usize| arrow::compute::cast(known.column(at), &arrow::datatypes::DataType::Utf8).expect("texts");
    let (names, about, syntax) = (text(0), text(1), text(2));
    let (names, about, syntax) = (names.as_string::<i32>(), about.as_string::<i32>(), syntax.as_string::<i32>());
    for name in ["auc", "ndcg_at_ci", "woe", "psi", "log_loss"] {
        let row = (0..names.len())
            .find(|row| names.value(*row) == name)
            .unwrap_or_else(|| panic!("{name} is not in information_schema.routines"));
        assert!(about.value(row).contains("NULL") && syntax.value(row).starts_with(&format!("{name}(")), "{name}");
        assert!(page.contains(syntax.value(row)), "{name}");
    }
}

/// Labels and scores with ties and NULL, weights, a group, an entity.
fn table() -> impl Strategy<Value = RecordBatch> {
    let row = (prop::option::weighted(0.9, prop::bool::ANY), prop::option::weighted(0.9, 0_u32..12), 0_u32..4, 0_i64..3, 0_i64..6);
    prop::collection::vec(row, 1..90).prop_map(|rows| {
        let y: Float64Array = rows.iter().map(|row| row.0.map(|label| f64::from(u8::from(label)))).collect();
        let p: Float64Array = rows.iter().map(|row| row.1.map(|score| f64::from(score) / 12.0)).collect();
        let w: Float64Array = rows.iter().map(|row| Some(f64::from(row.2))).collect();
        let g: Int64Array = rows.iter().map(|row| Some(row.3)).collect();
        let e: Int64Array = rows.iter().map(|row| Some(row.4)).collect();
        let at: Int64Array = (0..rows.len() as i64).map(Some).collect();
        batch(vec![
            ("y", Arc::new(y)),
            ("p", Arc::new(p)),
            ("w", Arc::new(w)),
            ("g", Arc::new(g)),
            ("e", Arc::new(e)),
            ("at", Arc::new(at)),
        ])
    })
}

const CALLS: [&str; 18] = [
    "auc(y, p)",
    "auc(y, p, w)",
    "pr_auc(y, p, w)",
    "log_loss(y, p, w)",
    "brier(y, p)",
    "ece(y, p, 4)",
    "predicted_observed(y, p, w)",
    "ks_stat(y, p)",
    "lift_at(y, p, 0.3)",
    "gauc(y, p, e)",
    "ndcg_at(y, p, e, 2)",
    "mutual_information(p, y, 4)",
    "cramers_v(p, concat('e', e))",
    "entropy(concat('e', e))",
    "spearman(p, w)",
    "psi(p, y, 4)",
    "js_divergence(concat('e', e), y)",
    "wasserstein(p, y)",
];

/// Largest relative difference of the same figure by another road: sums of a hundred terms in another order.
const ROADS: f64 = 1e-12;

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(24) })]

    #[test]
    fn partitions_and_the_order_of_rows_do_not_matter(table in table()) {
        let list = CALLS.iter().enumerate().map(|(at, call)| format!("{call} as c{at}")).collect::<Vec<_>>().join(", ");
        let sql = format!("select {list} from t group by g order by g");
        let plain = rows(&with_rows(1, &table), &sql);
        let sorted = rows(&with_rows(1, &table), "select * from t order by p desc, y, at desc");
        for other in [rows(&with_rows(4, &table), &sql), rows(&with_rows(3, &sorted), &sql)] {
            for (at, call) in CALLS.iter().enumerate() {
                let values = |batch: &RecordBatch| batch.column(at).as_primitive::<Float64Type>().iter().collect::<Vec<_>>();
                for (found, expected) in values(&other).into_iter().zip(values(&plain)) {
                    near(found, expected, ROADS, call);
                }
            }
        }
        // One group alone, without GROUP BY, and by FILTER.
        for (at, call) in CALLS.iter().enumerate() {
            let first = rows(&with_rows(1, &table), "select min(g) from t").column(0).as_primitive::<arrow::datatypes::Int64Type>().value(0);
            let expected = plain.column(at).as_primitive::<Float64Type>().iter().next().expect("a group");
            let context = with_rows(2, &table);
            near(number(&context, &format!("select {call} from t where g = {first}")), expected, ROADS, call);
            near(number(&context, &format!("select {call} filter (where g = {first}) from t")), expected, ROADS, call);
        }
    }

    #[test]
    fn a_sliding_window_has_the_figures_of_its_rows(table in table()) {
        let context = with_rows(2, &table);
        let last = table.num_rows() as i64 - 1;
        for call in ["auc(y, p)", "log_loss(y, p, w)", "gauc(y, p, e)", "entropy(concat('e', e))", "predicted_observed(y, p)"] {
            let sql = format!("select {call} over (order by at rows between 7 preceding and 2 preceding) from t order by at");
            let found = numbers(&context, &sql);
            for at in [0, last / 2, last] {
                let expected = number(&context, &format!("select {call} from t where at between {} and {}", at - 7, at - 2));
                near(found[at as usize], expected, ROADS, call);
            }
        }
    }
}
