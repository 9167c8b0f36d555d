//! Functions of `polytask sql` that score and explain rows by a run's model, held against what the run published; runs side by side.
//!
//! In: the small shop, after one night or two. Not here: functions of values (`sql_functions`), tables (`sql_tables`).

use crate::shop::Shop;
use crate::sql::wrong;
use crate::sql_tables::{NEXT, lines, number, value};

const TONIGHT: &str = "(select * from snapshots.frame where split = 'tonight')";

#[test]
fn rows_are_scored_as_the_night_scores_them() {
    let shop = Shop::new();
    shop.published();
    let rows: usize = value(&shop, "select count(*) from current.scores").parse().expect("a count");
    assert!(rows > 100, "{rows} rows");
    let apart = format!(
        "select count(*), max(abs(own.p_purchase - scores.purchase)), max(abs(own.p_spend - scores.spend))
         from score({TONIGHT}) as own
         inner join current.scores on scores.household_id = own.household_id and scores.product_id = own.product_id
             and scores.scenario = own.channel"
    );
    let found = &lines(&shop, &[], &apart)[0];
    assert_eq!(found[0], rows.to_string());
    assert_eq!((found[1].as_str(), found[2].as_str()), ("0.0", "0.0"), "scores of the same rows are apart");
    // The held-out night too, by the name of a table, inside of EXPLAIN, of a CTE and of a copy.
    let held = "with own as (select * from score(snapshots.frame) where split = 'holdout')
                select max(abs(own.p_purchase - holdout.p_purchase)) from own
                inner join current.holdout on holdout.household_id = own.household_id and holdout.product_id = own.product_id
                    and holdout.scenario = own.channel";
    assert_eq!(value(&shop, held), "0.0");
    assert!(!lines(&shop, &[], &format!("explain select avg(p_spend) from score({TONIGHT})")).is_empty());
    let file = shop.path().join("scored.csv");
    let copy = format!("copy (select p_purchase from score({TONIGHT})) to '{}' stored as csv", file.display());
    shop.succeeds(&["sql", "queries/shop", "--write", "-c", &copy]);
    assert_eq!(std::fs::read_to_string(&file).expect("a copy").lines().count(), rows + 1);
}

#[test]
fn rows_are_scored_under_a_scenario_as_if_they_were_served_there() {
    let shop = Shop::new();
    shop.published();
    let scenarios: Vec<String> =
        lines(&shop, &[], "select distinct scenario from current.scores order by 1").into_iter().map(|row| row[0].clone()).collect();
    let [first, second] = scenarios.as_slice() else { panic!("two scenarios: {scenarios:?}") };
    let under = |scenario: &str, of: &str| {
        format!(
            "select max(abs(a.p_purchase - b.p_purchase)) from score_under({TONIGHT}, '{scenario}') as a
             inner join score({TONIGHT}) as b using (household_id, product_id, channel) where a.under = '{scenario}' and a.channel = '{of}'"
        )
    };
    assert_eq!(value(&shop, &under(first, first)), "0.0", "a row under its own scenario is the row");
    assert!(number(&shop, &under(second, first)) > 1e-4, "another scenario changes nothing");
    // The same as rows that say that they are served there.
    let changed = format!(
        "select max(abs(a.p_spend - b.p_spend)) from score_under({TONIGHT}, '{second}') as a
         inner join score((select * replace ('{second}' as channel) from snapshots.frame where split = 'tonight' and channel = '{first}')) as b
         on a.household_id = b.household_id and a.product_id = b.product_id and a.channel = '{first}'"
    );
    assert_eq!(value(&shop, &changed), "0.0");
    wrong(
        &shop,
        &["-c", &format!("select * from score_under({TONIGHT}, 'moon')")],
        2,
        &["`moon` is no scenario of the model", first, second],
    );
}

#[test]
fn contributions_of_rows_add_up_to_what_is_scored() {
    let shop = Shop::new();
    shop.published();
    let some = "(select * from snapshots.frame where split = 'tonight' order by household_id, product_id, channel limit 5)";
    let sums = lines(
        &shop,
        &[],
        &format!(
            "select task, count(*), max(residual), max(abs(total - raw)) from (
                 select household_id, product_id, channel, task, max(residual) as residual, max(raw) as raw,
                        max(base) + sum(contribution) as total
                 from explain({some}) group by household_id, product_id, channel, task) group by task order by task"
        ),
    );
    assert_eq!(sums.len(), 2, "two tasks: {sums:?}");
    for row in &sums {
        let [residual, apart] = [2, 3].map(|at| row[at].parse::<f64>().expect("a number"));
        assert!(row[1] == "5" && residual < 1e-4 && (apart - residual).abs() < 1e-9, "{row:?}");
    }
    let parts = format!("select max(abs(contribution - shared - scenario_part - task_part)) from explain({some})");
    assert!(number(&shop, &parts) < 1e-5);
    // Every feature of the model, and the scenario.
    let features = value(&shop, &format!("select count(distinct feature) from explain({some})"));
    assert_eq!(features, value(&shop, "select count(distinct feature) from current.importance"));
    // `polytask explain` says the same of the same row.
    let first = &lines(&shop, &[], &format!("select household_id, product_id, channel from {some} limit 1"))[0];
    let key = format!("household_id={},product_id={}", first[0], first[1]);
    let (told, _) =
        shop.succeeds(&["explain", "queries/shop", "--key", &key, "--scenario", &first[2], "--task", "purchase", "--format", "json"]);
    let told: serde_json::Value = serde_json::from_str(&told).expect("JSON");
    let tonight = told.as_array().expect("accounts").iter().find(|one| one["night"].as_str().is_some_and(|night| night.contains("scored")));
    let raw = tonight.expect("tonight's row")["raw"].as_f64().expect("a raw output");
    let sql = format!(
        "select distinct raw from explain((select * from snapshots.frame where split = 'tonight' and household_id = {} and product_id = {}
         and channel = '{}')) where task = 'purchase'",
        first[0], first[1], first[2]
    );
    assert!((number(&shop, &sql) - raw).abs() < 1e-6);
    let many = "select count(contribution) from explain((select own.* from snapshots.frame as own cross join generate_series(1, 1000)))";
    wrong(&shop, &["-c", many], 3, &["at most 1000 rows", "LIMIT"]);
}

#[test]
fn runs_are_put_side_by_side() {
    let shop = Shop::new();
    shop.published();
    shop.succeeds(&["run", "queries/shop", "--as-of", NEXT]);
    let apart = "select count(*), max(abs(own.a - a.value)), max(abs(own.b - b.value)), max(abs(own.change - (b.value - a.value)))
                 from compare_runs('2026-02-2', '2026-02-27') as own";
    wrong(&shop, &["-c", apart], 2, &["2026-02-2"]);
    let ids = lines(&shop, &[], "select run from runs.runs order by run");
    let [a, b] = [&ids[0][0], &ids[1][0]];
    let found = lines(
        &shop,
        &[],
        &format!(
            "select count(*), max(abs(own.a - a.value)), max(abs(own.b - b.value)), max(abs(own.change - (b.value - a.value)))
             from compare_runs('{a}', '{}') as own
             inner join runs.metrics as a on a.run = '{a}' and a.scenario = own.scenario and a.task = own.task and a.metric = own.metric
             inner join runs.metrics as b on b.run = '{b}' and b.scenario = own.scenario and b.task = own.task and b.metric = own.metric
             inner join runs.runs on runs.run = a.run and runs.learner = a.learner and runs.learner = b.learner",
            &b[..12]
        ),
    );
    assert!(found[0][0].parse::<u32>().expect("a count") > 20, "{found:?}");
    assert!(found[0][1..].iter().all(|value| value == "0.0"), "{found:?}");
    let ranks = lines(&shop, &[], "select rank, value from importance() where scenario = '*' and task = 'purchase' order by rank");
    let values: Vec<f64> = ranks.iter().map(|row| row[1].parse().expect("a value")).collect();
    assert!(values.len() > 3 && values.is_sorted_by(|a, b| a >= b), "{ranks:?}");
    assert!(ranks.iter().enumerate().all(|(at, row)| row[0] == (at + 1).to_string()), "{ranks:?}");
}

#[test]
fn a_call_that_does_not_fit_says_what_it_wants() {
    let shop = Shop::new();
    wrong(&shop, &["-c", "select * from score((select 1 as n))"], 2, &["nothing is published yet"]);
    shop.published();
    wrong(&shop, &["-c", "select * from score((select household_id from snapshots.frame))"], 2, &["has no column", "snapshots.frame"]);
    wrong(&shop, &["-c", "select * from score()"], 2, &["takes 1 argument", "score((query))"]);
    wrong(&shop, &["-c", "select * from score((select * from snapshots.fram))"], 2, &["snapshots.fram"]);
    wrong(&shop, &["-c", "select * from score('drop table orders')"], 2, &["refused"]);
    wrong(&shop, &["-c", "select * from score('copy orders to ''x.csv''')"], 2, &["refused"]);
    wrong(&shop, &["-c", "select * from score('select * from \"/etc/passwd\"')"], 2, &["/etc/passwd"]);
    wrong(&shop, &["-c", "select * from score((select * from '/etc/passwd'))"], 2, &["/etc/passwd"]);
    let (listed, _) = shop.succeeds(&["sql", "queries/shop", "-c", "\\df score"]);
    assert!(listed.contains("score((query))") && listed.contains("score_under((query), 'scenario')"), "{listed}");
}

#[test]
fn columns_are_summed_up_as_plain_sql_sums_them_up() {
    let shop = Shop::new();
    let orders = "(select household_id, channel, amount, sold_at, nullif(quantity, 2) as quantity from orders)";
    let one = |of: &str, column: &str| value(&shop, &format!("select {of} from summarize({orders}) where column = '{column}'"));
    let plain = |of: &str| value(&shop, &format!("select {of} from {orders}"));
    for column in ["household_id", "channel", "amount", "sold_at", "quantity"] {
        let counts = format!("concat_ws(' ', count(*), count(*) - count({column}), count(distinct {column}))");
        assert_eq!(one("concat_ws(' ', rows, nulls, \"distinct\")", column), plain(&counts), "{column}");
        assert_eq!(
            one("\"min\" = cast((select min({column}) from orders) as varchar)".replace("{column}", column).as_str(), column),
            "true",
            "{column}"
        );
    }
    for column in ["amount", "quantity"] {
        for (own, of) in [
            ("mean", format!("avg({column})")),
            ("standard_deviation", format!("stddev_pop({column})")),
            ("median", format!("percentile_cont({column}, 0.5)")),
            ("p95", format!("percentile_cont({column}, 0.95)")),
        ] {
            let [a, b]: [f64; 2] = [one(own, column), plain(&of)].map(|text| text.parse().expect("a number"));
            assert!((a - b).abs() < 1e-9 * a.abs().max(1.0), "{own} of {column}: {a} is not {b}");
        }
    }
    let most = value(&shop, "select channel || ' (' || count(*) || ')' from orders group by channel order by count(*) desc limit 1");
    assert!(one("split_part(top_values, ',', 1)", "channel") == most, "{most}");
    assert_eq!(one("coalesce(cast(median as varchar), 'none')", "sold_at"), "none");
    assert!(one("\"max\"", "sold_at").starts_with("2026-03-01T"), "an instant is told as one");
    let order = lines(&shop, &[], &format!("select column from summarize({orders})"));
    assert_eq!(order.concat(), ["household_id", "channel", "amount", "sold_at", "quantity"]);

    shop.published();
    shop.succeeds(&["run", "queries/shop", "--as-of", NEXT]);
    let frame = |of: &str, column: &str| number(&shop, &format!("select {of} from summarize(snapshots.frame) where column = '{column}'"));
    for column in ["days_since", "category"] {
        let told = number(&shop, &format!("select mutual_information({column}, y_purchase) from snapshots.frame"));
        assert!((frame("mi_y_purchase", column) - told).abs() < 1e-12 && told > 0.0, "{column}");
        let drift =
            number(&shop, &format!("select value from current.drift where scenario = '*' and measure = 'psi' and feature = '{column}'"));
        assert!((frame("drift", column) - drift).abs() < 1e-12, "{column}");
    }
    assert_eq!(value(&shop, "select count(*) from summarize((select * from snapshots.frame limit 0)) where mean is null"), {
        value(&shop, "select count(*) from summarize(snapshots.frame)")
    });
    wrong(&shop, &["-c", "select * from summarize()"], 2, &["takes 1 argument", "summarize((query))"]);
}

#[test]
fn a_row_that_is_put_together_is_predicted_as_the_night_scores_it() {
    let shop = Shop::new();
    wrong(&shop, &["-c", "select predict('purchase', channel) from orders"], 2, &["nothing is published yet"]);
    shop.published();
    let features = "channel, product_id, category, purchases, purchases_14d, past_spend, days_since";
    let same = format!(
        "select max(abs(own.predicted - scores.spend)) from (select household_id, product_id, channel,
             predict('spend', {features}) as predicted from snapshots.frame as frame where split = 'tonight') as own
         inner join current.scores on scores.household_id = own.household_id and scores.product_id = own.product_id
             and scores.scenario = own.channel"
    );
    assert_eq!(value(&shop, &same), "0.0", "every feature by its column");
    assert_eq!(value(&shop, &same.replace("predict('spend', channel", "Predict('spend', frame.channel")), "0.0");
    let named = "named_struct('channel', channel, 'days_since', days_since + 0, 'product_id', product_id, 'category', category,
                 'purchases', purchases, 'purchases_14d', purchases_14d, 'past_spend', past_spend)";
    assert_eq!(value(&shop, &same.replace(features, named)), "0.0", "values under other names");
    let missing = "select max(abs(predict('purchase', channel, days_since) - p_purchase)) from
                   score((select * replace (cast(null as bigint) as product_id, null as category, null as purchases, null as purchases_14d,
                                            null as past_spend) from snapshots.frame where split = 'tonight'))";
    assert_eq!(value(&shop, missing), "0.0", "what is not given is missing");
    assert_eq!(lines(&shop, &[], "select predict('purchase', channel) > 0 from (select 'app' as channel)").concat(), ["true"]);
    for (call, says) in [
        ("predict('purchas', channel)", "the model has no task `purchas`: purchase, spend"),
        ("predict('purchase', channel, day_since)", "day_since"),
        ("predict('purchase', channel, household_id as day)", "error"),
        ("predict('purchase', days_since)", "needs the scenario: give it the column `channel`"),
        ("predict('purchase', channel, days_since + 1)", "named_struct("),
        ("predict('purchase')", "predict('task', feature, …)"),
        ("predict('purchase', named_struct('channel', channel, 'days_sinc', 1))", "did you mean days_since?"),
    ] {
        let output = crate::sql::sql(&shop, &["-c", &format!("select {call} from snapshots.frame")]);
        assert_eq!(output.status.code(), Some(2), "{call}: {}", crate::shop::said(&output));
        assert!(crate::shop::said(&output).contains(says), "{call}: {}", crate::shop::said(&output));
    }
}
