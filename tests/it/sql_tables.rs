//! What the tables of `polytask sql` hold, held against the files of the runs and against sales counted by the test itself.
//!
//! In: the small shop, after one night or two. Not here: how a question is asked and refused (`sql`).

use std::collections::BTreeMap;
use std::path::Path;

use arrow::array::AsArray as _;
use arrow::datatypes::{Float64Type, Int64Type};

use crate::shop::{FIRST_DAY, NIGHT, Order, Shop, read};

pub const NEXT: &str = "2026-02-27";
const DAY: i64 = 86_400_000_000;

/// Lines of a question's answer, each cut at its commas; no value of the shop holds one.
#[track_caller]
pub fn lines(shop: &Shop, more: &[&str], sql: &str) -> Vec<Vec<String>> {
    let (out, _) = shop.succeeds(&[&["sql", "queries/shop", "--format", "csv", "-c", sql], more].concat());
    out.lines().skip(1).map(|line| line.split(',').map(str::to_owned).collect()).collect()
}

/// The one value of an answer.
#[track_caller]
pub fn value(shop: &Shop, sql: &str) -> String {
    let found = lines(shop, &[], sql);
    assert!(found.len() == 1 && found[0].len() == 1, "{sql}: {found:?}");
    found[0][0].clone()
}

#[track_caller]
pub fn number(shop: &Shop, sql: &str) -> f64 {
    value(shop, sql).parse().unwrap_or_else(|error| panic!("{sql}: {error}"))
}

/// Sum of a column of numbers of a run's table.
fn sum(run: &Path, table: &str, column: &str) -> (usize, f64) {
    let rows = read(&run.join(format!("{table}.parquet")));
    let values = rows.column_by_name(column).expect("a column").as_primitive::<Float64Type>().clone();
    (rows.num_rows(), values.iter().flatten().sum())
}

#[track_caller]
fn near(found: f64, expected: f64, what: &str) {
    // Sums of a few thousand terms in another order.
    assert!((found - expected).abs() <= 1e-9 * expected.abs().max(1.0), "{what}: {found} instead of {expected}");
}

fn named(run: &Path) -> String {
    run.file_name().expect("a name").to_string_lossy().into_owned()
}

#[test]
fn runs_are_found_on_a_way_that_goes_up() {
    let shop = Shop::new();
    let places = ["--runs", "queries/../elsewhere/runs", "--reports", "queries/../elsewhere/reports"];
    shop.succeeds(&[&["run", "queries/../queries/shop", "--as-of", NIGHT], &places[..]].concat());
    assert!(shop.path().join("elsewhere/runs/CURRENT").is_file());
    let found = lines(&shop, &places[..2], "select count(*) > 0 from scores");
    assert_eq!(found, [["true"]]);
}

#[test]
fn everything_that_two_nights_left_is_a_table() {
    let shop = Shop::new();
    shop.published();
    let first = shop.current();
    shop.succeeds(&["run", "queries/shop", "--as-of", NEXT]);
    let second = shop.current();
    let (old, new) = (named(&first), named(&second));

    let all =
        lines(&shop, &[], "select table_schema, table_name from information_schema.tables where table_schema <> 'information_schema'");
    let has = |schema: &str, table: &str| all.iter().any(|row| row[0] == schema && row[1] == table);
    for table in
        ["scores", "holdout", "metrics", "importance", "contributions", "transfer", "drift", "quality", "training", "gates", "top_products"]
    {
        assert!(["current", "previous", "runs"].iter().all(|schema| has(schema, table)), "{table}: {all:?}");
    }
    for (schema, table) in
        [("raw", "orders"), ("public", "orders"), ("features", "pair"), ("outcome", "orders"), ("snapshots", "frame"), ("runs", "runs")]
    {
        assert!(has(schema, table), "{schema}.{table}: {all:?}");
    }
    // Each that is listed can be read, and has the columns that are listed.
    let counted: Vec<String> =
        all.iter().map(|row| format!("select count(*) as n, '{0}.{1}' as name from \"{0}\".\"{1}\"", row[0], row[1])).collect();
    let counted = lines(&shop, &[], &counted.join(" union all "));
    assert_eq!(counted.len(), all.len());
    let count = |name: &str| counted.iter().find(|row| row[1] == name).map_or(-1, |row| row[0].parse::<i64>().expect("a count"));
    let described = lines(&shop, &[], "select distinct table_schema, table_name from information_schema.columns");
    assert_eq!(described.len(), all.len(), "information_schema.columns leaves a table out");

    for (table, column) in [("metrics", "value"), ("importance", "value"), ("quality", "value"), ("contributions", "value")] {
        let ((n_old, sum_old), (n_new, sum_new)) = (sum(&first, table, column), sum(&second, table, column));
        assert_eq!((count(&format!("previous.{table}")), count(&format!("current.{table}"))), (n_old as i64, n_new as i64), "{table}");
        assert_eq!(count(&format!("runs.{table}")), (n_old + n_new) as i64, "{table}");
        near(number(&shop, &format!("select sum({column}) from runs.{table} where run = '{new}'")), sum_new, table);
        near(number(&shop, &format!("select sum({column}) from runs.{table} where as_of = date '{NIGHT}'")), sum_old, table);
    }
    let runs = lines(&shop, &[], "select run, as_of, status, current, compared_with from runs.runs order by as_of");
    assert_eq!(runs, [[&old, NIGHT, "published", "false", ""], [&new, NEXT, "published", "true", &old]]);
    assert_eq!(lines(&shop, &[], "select distinct run from previous.scores"), [[old.clone()]]);

    // Scores have their scenario in their folder's name.
    let mut scored = 0;
    for scenario in ["app", "store"] {
        let rows = read(&second.join(format!("scores/scenario={scenario}/part.parquet")));
        let purchase: f64 = rows.column_by_name("purchase").expect("a task").as_primitive::<Float64Type>().iter().flatten().sum();
        let found = lines(&shop, &[], &format!("select count(*), sum(purchase) from current.scores where scenario = '{scenario}'"));
        assert_eq!(found[0][0], rows.num_rows().to_string());
        near(found[0][1].parse().expect("a sum"), purchase, scenario);
        scored += rows.num_rows();
    }
    assert_eq!((count("current.scores"), count("public.scores")), (scored as i64, scored as i64));

    // Another run is what `current` means, by how its id begins.
    let earlier = lines(&shop, &["--run", NIGHT], "select distinct run, cast(as_of as text) from current.metrics");
    assert_eq!(earlier, [[old.as_str(), NIGHT]]);
    let output = shop.polytask(&["sql", "queries/shop", "--run", "2026-02-2", "-c", "select 1"]);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{errors}");
    assert!(errors.contains(&old) && errors.contains(&new), "both begin so: {errors}");
}

#[test]
fn the_frames_of_a_run_are_those_that_polytask_frame_writes() {
    let shop = Shop::new();
    shop.published();
    let labelled = "select cast(as_of as text), split, count(*), sum(purchases), sum(y_spend) from snapshots.frame where split <> 'tonight' group by 1, 2 order by 1";
    let found = lines(&shop, &[], labelled);
    shop.framed(&[]);
    let mut expected = Vec::new();
    for file in std::fs::read_dir(shop.path().join("frame")).expect("a folder").flatten() {
        let rows = read(&file.path());
        let text =
            |name: &str| arrow::compute::cast(rows.column_by_name(name).expect(name), &arrow::datatypes::DataType::Utf8).expect("a text");
        let (date, split) = (text("as_of"), text("split"));
        let purchases: i64 = rows.column_by_name("purchases").expect("a feature").as_primitive::<Int64Type>().iter().flatten().sum();
        let spend: f64 = rows.column_by_name("y_spend").expect("a label").as_primitive::<Float64Type>().iter().flatten().sum();
        expected.push((
            date.as_string::<i32>().value(0).to_owned(),
            split.as_string::<i32>().value(0).to_owned(),
            rows.num_rows(),
            purchases,
            spend,
        ));
    }
    expected.sort_by(|a, b| a.0.cmp(&b.0));
    assert_eq!((expected.len(), found.len()), (4, 4), "{found:?}");
    for (found, (date, split, rows, purchases, spend)) in found.iter().zip(&expected) {
        assert_eq!(found[..4], [date.clone(), split.clone(), rows.to_string(), purchases.to_string()]);
        near(found[4].parse().expect("a sum"), *spend, date);
    }
    let comments = lines(
        &shop,
        &[],
        "select column_name, comment from information_schema.columns where table_schema = 'snapshots' and comment is not null order by column_name",
    );
    let comments: BTreeMap<&str, &str> = comments.iter().map(|row| (row[0].as_str(), row[1].as_str())).collect();
    assert_eq!(comments.get("purchases_14d"), Some(&"purchases in the last 14 days"));
    assert_eq!(comments.get("y_purchase"), Some(&"label of purchase: what happened"));
    assert!(comments.contains_key("split"), "{comments:?}");
}

/// Lines of receipts that a night at the start of a day of 2026 may know.
fn known(shop: &Shop, day_of_year: i64) -> Vec<&Order> {
    let midnight = (FIRST_DAY + day_of_year - 1) * DAY;
    shop.orders.iter().filter(|order| order.sold_at < midnight && order.loaded_at < midnight).collect()
}

#[test]
fn features_of_any_date_know_that_dates_past_and_nothing_else() {
    let shop = Shop::new();
    let count = |more: &[&str], table: &str| {
        let found = lines(&shop, more, &format!("select sum(purchases), count(*) from {table}"));
        (found[0][0].parse::<usize>().expect("a sum"), found[0][1].parse::<usize>().expect("a count"))
    };
    let expected = |day_of_year| {
        let known = known(&shop, day_of_year);
        let pairs: std::collections::BTreeSet<(i64, i64)> = known.iter().map(|order| (order.household, order.product)).collect();
        (known.len(), pairs.len())
    };
    // Before any night: from the sources.
    assert_eq!(count(&["--as-of", "2026-01-15"], "features.pair"), expected(15));
    assert_eq!(count(&["--as-of", "2026-01-15"], "pair"), expected(15));
    assert_eq!(count(&["--as-of", "2026-01-15"], "\"features@2026-02-10\".pair"), expected(41));
    shop.published();
    // After it: from its cache where it has the date, from the sources where it does not.
    assert_eq!(count(&[], "features.pair"), expected(51), "the current run's own date");
    assert_eq!(count(&["--as-of", "2026-02-13"], "features.pair"), expected(44), "a snapshot of the run");
    assert_eq!(count(&["--as-of", "2026-02-14"], "features.pair"), expected(45), "no snapshot of the run");
    // One query sees two dates side by side.
    let both = "select sum(now.purchases - coalesce(then.purchases, 0)) from \"features@2026-02-20\".pair as now \
                left join \"features@2026-02-13\".pair as then using (household_id, product_id)";
    assert_eq!(value(&shop, both), (expected(51).0 - expected(44).0).to_string());
    // The outcome window begins where the features end. What arrived after it had closed is not in it.
    let from = (FIRST_DAY + 43) * DAY;
    let window = shop.orders.iter().filter(|order| (from..from + 7 * DAY).contains(&order.sold_at) && order.loaded_at < from + 7 * DAY);
    let outcome = lines(&shop, &["--as-of", "2026-02-13"], "select count(*) from outcome.orders");
    assert_eq!(outcome, [[window.count().to_string()]]);
    // Candidates are rows too: every pair bought before.
    assert_eq!(number(&shop, "select count(*) from candidates") as usize, expected(51).1);
}

#[test]
fn figures_by_sql_are_the_run_s_own() {
    let shop = Shop::new();
    shop.published();
    let compared = lines(
        &shop,
        &[],
        "with own as (
             select scenario, auc(y_purchase, p_purchase) as auc, log_loss(y_purchase, p_purchase) as log_loss, count(*) as n
             from current.holdout group by scenario
             union all
             select '*', auc(y_purchase, p_purchase), log_loss(y_purchase, p_purchase), count(*) from current.holdout
         )
         select own.scenario, metrics.metric, metrics.value, case metrics.metric when 'auc' then own.auc else own.log_loss end, metrics.n, own.n
         from current.metrics
         inner join own on own.scenario = metrics.scenario
         inner join runs.runs on runs.run = metrics.run and runs.learner = metrics.learner
         where metrics.task = 'purchase' and metrics.metric in ('auc', 'log_loss')
         order by 1, 2",
    );
    assert_eq!(compared.len(), 6, "two figures of two scenarios and of all: {compared:?}");
    for row in &compared {
        let (stated, found): (f64, f64) = (row[2].parse().expect("a figure"), row[3].parse().expect("a figure"));
        assert!((stated - found).abs() <= 1e-12, "{row:?}");
        assert_eq!(row[4], row[5], "{row:?}");
    }
}

#[test]
fn every_saved_query_of_the_shop_has_an_answer() {
    let shop = Shop::new();
    shop.published();
    let (out, _) = shop.succeeds(&["sql", "queries/shop", "--format", "csv", "@by_channel"]);
    let mut found: Vec<&str> = out.lines().filter_map(|line| line.split(',').next()).collect();
    found.sort_unstable();
    assert_eq!(found, ["app", "scenario", "store"]);
}

#[test]
fn the_shell_s_own_commands_work_in_a_script_too() {
    let shop = Shop::new();
    let check = |commands: &str, says: &[&str]| {
        let (out, errors) = shop.succeeds(&["sql", "queries/shop", "--as-of", NIGHT, "-c", commands]);
        for part in says {
            assert!(out.contains(part) || errors.contains(part), "{commands}: no «{part}» in\n{out}{errors}");
        }
    };
    check("\\dt features", &[" schema   | table | what\n", " features | pair  | Past purchases of a pair. Grain: household x product.\n"]);
    check("\\d raw.products", &[" column     | type  | meaning\n", " product_id | Int64 |"]);
    check(
        "\\d features.pair",
        &[" spend         | Float64 | spend so far\n", " purchases_14d | Int64   | purchases in the last 14 days\n"],
    );
    check("\\df ndcg", &["ndcg_at(label, score, entity, k)  (aggregate)\n    Mean over entities", "\nndcg_at_ci("]);
    check("\\saved", &[" @by_channel | Mean score by channel.\n"]);
    check("\\x\nselect 1 as a, 'b' as long_name;", &["-[ row 1 ]---\na         | 1\nlong_name | b\n(1 row)\n"]);
    check("\\format markdown\nselect 1 as a;", &["| a |\n| ---: |\n| 1 |\n"]);
    check("\\timing\nselect 1 as a;", &["timing is on", " s\n"]);
    let sales = "select category, count(*) as lines from raw.orders inner join raw.products using (product_id) group by category order by category;";
    check(&format!("{sales}\n\\chart bar"), &["bread ", "████"]);
    check("select value as a from generate_series(1, 100);\n\\chart hist", &["████"]);
    check("select value, value * value as square from generate_series(1, 30);\n\\chart line", &["●", "900"]);
    check("\\o kept.csv\n\\format csv\nselect 1 as a;\n\\o\nselect 2 as a;", &["kept.csv: 1 rows", "a\n2\n"]);
    assert_eq!(std::fs::read_to_string(shop.path().join("kept.csv")).expect("a file"), "a\n1\n");
    let output = shop.polytask(&["sql", "queries/shop", "-c", "\\fly"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8_lossy(&output.stderr).contains("there is no command `\\fly`"));
}
