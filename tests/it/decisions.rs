//! Decision tables of a night: what they see, how they depend on each other, what their checks stop.
//!
//! In: the small shop with decisions of its own. Out: tables, refusals and exit codes. Not here: what the functions that decide compute
//! (`decide`, `table_functions`, `slt`).

use std::fs;

use arrow::array::{AsArray as _, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type};

use crate::shop::{NIGHT, Shop, read, said};
use crate::sql_tables::{NEXT, lines};

/// Four products a channel, three a household at most.
const PICKED: &str = "-- What is shown.\n-- Grain: household x product.\nselect household_id, product_id, channel, value from place((\n    \
    select household_id, product_id, scenario as channel, purchase as value,\n        \
    make_array(scenario, concat('household ', household_id)) as resources, make_array(1.0, 1.0) as amounts\n    \
    from scores order by household_id, product_id\n), (\n    \
    select distinct scenario as resource, 40.0 as at_most, 10.0 as at_least from scores\n    \
    union all select distinct concat('household ', household_id), 3.0, null from scores\n)) where taken order by household_id, product_id\n";
const KINDS: &str = "-- Who is alike, and who was.\n-- Grain: household.\nselect household_id, segment, previous_segment from segments((\n    \
    select household_id, sum(purchase) as purchases, sum(spend) as spend from scores group by household_id\n), \
    'household_id', 2, 4, previous.kinds) order by household_id\n";
/// Reads the two above, though its name comes before theirs.
const ABOUT: &str = "-- How many are shown in each kind, and how good the scores were.\n-- Grain: kind.\nselect kinds.segment, \
    count(picked.product_id) as shown, (select auc(y_purchase, p_purchase) from holdout) as auc, \
    count(distinct kinds.household_id) filter (where kinds.previous_segment is not null) as known\n\
    from kinds left join picked on picked.household_id = kinds.household_id group by kinds.segment order by kinds.segment\n";

fn deciding() -> Shop {
    let shop = Shop::new();
    shop.put("decisions/picked.sql", PICKED);
    shop.put("decisions/kinds.sql", KINDS);
    shop.put("decisions/about.sql", ABOUT);
    declare(&shop, "[decisions.kinds]\nprevious = { household_id = \"int\", segment = \"int\" }\n");
    shop
}

/// Adds a section to job.toml.
fn declare(shop: &Shop, section: &str) {
    let path = shop.job().join("job.toml");
    let text = fs::read_to_string(&path).expect("job.toml");
    fs::write(path, format!("{text}\n{section}")).expect("a writable job");
}

fn decision(shop: &Shop, table: &str) -> RecordBatch {
    read(&shop.current().join(format!("decisions/{table}.parquet")))
}

fn whole(rows: &RecordBatch, column: &str) -> Vec<Option<i64>> {
    let column = rows.column_by_name(column).unwrap_or_else(|| panic!("no {column}"));
    cast(column, &DataType::Int64).expect("a number").as_primitive::<Int64Type>().iter().collect()
}

/// The check and the night both end with `code` and say `message`.
#[track_caller]
fn refused(shop: &Shop, message: &str) {
    for output in [shop.polytask(&["check", "queries/shop"]), shop.night(NIGHT, &[])] {
        assert_eq!(output.status.code(), Some(2), "{}", said(&output));
        assert!(said(&output).contains(message), "no «{message}» in:\n{}", said(&output));
    }
}

/// Sums of the contributions of a candidate, which are its log odds.
const REASONS: &str = "-- Why.\n-- Grain: household x product.\nselect household_id, product_id, count(*) as parts, sum(log_odds) as log_odds\n\
    from score_contributions where task = 'purchase' group by household_id, product_id order by household_id, product_id\n";

#[test]
fn contributions_are_those_of_the_candidates_that_a_decision_names() {
    let shop = deciding();
    // Its name comes before that of the table which says whose.
    shop.put("decisions/because.sql", REASONS);
    shop.published();
    let all = decision(&shop, "because");
    declare(&shop, "[explain]\ncontributions_of = \"picked\"\n");
    shop.succeeds(&["check", "queries/shop"]);
    shop.published();
    let (picked, because) = (decision(&shop, "picked"), decision(&shop, "because"));
    let pairs = |rows: &RecordBatch| -> std::collections::BTreeSet<_> {
        whole(rows, "household_id").into_iter().zip(whole(rows, "product_id")).collect()
    };
    assert_eq!(pairs(&because), pairs(&picked));
    assert!(all.num_rows() > picked.num_rows(), "all candidates are explained where nothing is said");
    let contributions = read(&shop.current().join("score_contributions.parquet"));
    assert_eq!(pairs(&contributions), pairs(&picked), "what nobody asks for is not written");
    // What is said of a candidate does not depend on who else is explained.
    let told = |rows: &RecordBatch| -> std::collections::BTreeMap<_, _> {
        let odds = rows.column_by_name("log_odds").expect("a column").as_primitive::<arrow::datatypes::Float64Type>().clone();
        whole(rows, "household_id").into_iter().zip(whole(rows, "product_id")).zip(odds.iter().collect::<Vec<_>>()).collect()
    };
    let (every, some) = (told(&all), told(&because));
    assert!(some.iter().all(|(pair, odds)| every[pair] == *odds));
}

#[test]
fn contributions_of_a_table_that_cannot_name_candidates_are_refused() {
    let with = |of: &str| {
        let shop = deciding();
        shop.put("decisions/because.sql", REASONS);
        declare(&shop, &format!("[explain]\ncontributions_of = \"{of}\"\n"));
        shop
    };
    refused(&with("pickd"), "there is no decisions/pickd.sql");
    refused(&with("kinds"), "has no column `product_id`, a key");
    refused(&with("because"), "decisions/because.sql");
}

#[test]
fn decisions_see_each_other_the_held_out_rows_and_the_night_before() {
    let shop = deciding();
    shop.succeeds(&["check", "queries/shop"]);
    shop.published();
    let (picked, kinds, about) = (decision(&shop, "picked"), decision(&shop, "kinds"), decision(&shop, "about"));
    let mut of_household = std::collections::BTreeMap::new();
    for household in whole(&picked, "household_id") {
        *of_household.entry(household).or_insert(0) += 1;
    }
    assert!(picked.num_rows() >= 20 && picked.num_rows() <= 80 && of_household.values().all(|shown| *shown <= 3), "{of_household:?}");
    assert!(whole(&kinds, "previous_segment").iter().all(Option::is_none), "there was a night before the first");
    let shown: i64 = whole(&about, "shown").into_iter().flatten().sum();
    assert_eq!(shown, picked.num_rows() as i64);
    assert!(whole(&about, "known").iter().all(|known| *known == Some(0)));
    // The figure of the report, recomputed by a decision.
    let agrees = "select abs(max(about.auc) - max(metrics.value)) < 1e-12 from current.about, current.metrics \
                  where metrics.metric = 'auc' and metrics.scenario = '*' and metrics.task = 'purchase'";
    assert_eq!(lines(&shop, &[], agrees), [["true"]]);

    let before = whole(&kinds, "segment");
    shop.succeeds(&["run", "queries/shop", "--as-of", NEXT]);
    let next = decision(&shop, "kinds");
    assert_eq!(whole(&next, "previous_segment"), before, "of the same forty households");
    // A number that is there again is that of a segment which shares households with the one that had it.
    let now = whole(&next, "segment");
    let again: Vec<_> = before.iter().filter(|then| now.contains(then)).collect();
    assert!(!again.is_empty() && again.iter().all(|name| now.iter().zip(&before).any(|(now, then)| now == then && then == *name)));
}

#[test]
fn a_night_decides_the_same_on_any_number_of_threads() {
    let shop = deciding();
    shop.published();
    let bytes = |table: &str| fs::read(shop.current().join(format!("decisions/{table}.parquet"))).expect("a table");
    let before = ["picked", "kinds", "about"].map(bytes);
    shop.succeeds(&["run", "queries/shop", "--as-of", NIGHT, "--rebuild", "--threads", "1"]);
    assert_eq!(["picked", "kinds", "about"].map(bytes), before);
}

#[test]
fn a_check_of_decisions_stops_the_night() {
    let shop = deciding();
    shop.put(
        "checks/decisions/picked__has_three.sql",
        "-- Three at most.\nselect household_id, count(*) as shown from picked group by household_id having count(*) > 3\n",
    );
    shop.published();
    let run = shop.current();
    shop.put(
        "checks/decisions/picked__has_one.sql",
        "-- One at most.\nselect household_id, count(*) as shown from picked group by household_id having count(*) > 1 order by household_id\n",
    );
    let output = shop.night(NEXT, &[]);
    assert_eq!(output.status.code(), Some(3), "{}", said(&output));
    assert!(said(&output).contains("check `decisions/picked__has_one` found"), "{}", said(&output));
    assert!(said(&output).contains("checks/decisions/picked__has_one.sql; nothing was published"), "{}", said(&output));
    assert_eq!(shop.current(), run, "the run before stays");
}

#[test]
fn decisions_that_need_each_other_are_named() {
    let shop = deciding();
    shop.put("decisions/kinds.sql", "-- Kinds.\nselect household_id, 1 as segment, shown from about cross join picked\n");
    refused(&shop, "these queries need each other: decisions/about.sql → decisions/kinds.sql");
    shop.put("decisions/kinds.sql", "-- Kinds.\nselect household_id, segment from kinds\n");
    refused(&shop, "decisions/kinds.sql → decisions/kinds.sql");
}

#[test]
fn mistakes_in_decisions_are_found_before_the_night() {
    let shop = deciding();
    shop.put("decisions/kinds.sql", "-- Kinds.\nselect household_id, segment from previous.picked\n");
    refused(&shop, "decisions/kinds.sql: `previous.picked` cannot be seen here: job.toml does not say");
    shop.put("decisions/kinds.sql", "-- Kinds.\nselect household_id, segment from previous.kind\n");
    refused(&shop, "there is no table `previous.kind`");
    shop.put(
        "decisions/kinds.sql",
        "-- Kinds.\nselect 1 as segment, 1 as household_id, 1 as previous_segment from place(scores, scores)\n",
    );
    refused(&shop, "decisions/kinds.sql: place: no column `value` in the options");
    shop.put("decisions/kinds.sql", "-- Kinds.\nselect 1 as segment from place((select purchase as value from sccores), scores)\n");
    refused(&shop, "decisions/kinds.sql: there is no table `sccores`");
    shop.put("decisions/kinds.sql", KINDS);
    shop.put("checks/decisions/kind__is_one.sql", "-- One.\nselect * from kinds\n");
    refused(&shop, "there is no decisions/kind.sql");
}

#[test]
fn what_cannot_be_decided_tonight_ends_the_night() {
    let shop = deciding();
    shop.edit("decisions/picked.sql", "10.0 as at_least", "30.0 as at_least");
    shop.edit("decisions/picked.sql", "40.0 as at_most", "2000.0 as at_most");
    shop.edit("decisions/picked.sql", "3.0, null", "1.0, null");
    let output = shop.night(NIGHT, &[]);
    assert_eq!(output.status.code(), Some(3), "{}", said(&output));
    assert!(said(&output).contains("decisions/picked.sql: place: "), "{}", said(&output));
    assert!(said(&output).contains("hint: lower"), "{}", said(&output));
    assert!(!shop.runs().join("CURRENT").exists());
}

#[test]
fn a_column_of_the_night_before_has_the_type_that_is_declared() {
    let shop = deciding();
    shop.published();
    // Tonight's table has texts where the job says int: the night after that cannot read it.
    shop.edit(
        "decisions/kinds.sql",
        "select household_id, segment, previous_segment",
        "select household_id, cast(segment as varchar) as segment, previous_segment",
    );
    shop.succeeds(&["run", "queries/shop", "--as-of", NEXT]);
    let output = shop.night("2026-03-01", &[]);
    assert_eq!(output.status.code(), Some(3), "{}", said(&output));
    assert!(said(&output).contains("previous.kinds: column `segment` of 2026-02-27"), "{}", said(&output));
    assert!(said(&output).contains("not int"), "{}", said(&output));
    assert!(said(&output).contains("hint: change `decisions.kinds.previous`"), "{}", said(&output));
}

#[test]
fn a_declared_table_must_be_a_decision() {
    let shop = deciding();
    declare(&shop, "[decisions.nothing]\nprevious = { a = \"int\" }\n");
    refused(&shop, "`decisions.nothing`: there is no decisions/nothing.sql");
}
