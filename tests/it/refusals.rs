//! Bad input, each with its own message and exit code, nothing published.

use std::fs;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, StringArray};

use crate::shop::{NIGHT, Shop, write_parquet};

/// Runs the night and checks that it ends with `code`, says `message` and `hint`, and publishes nothing.
#[track_caller]
fn refused(shop: &Shop, code: i32, message: &str) {
    refused_on(shop, NIGHT, code, message);
}

#[track_caller]
fn refused_on(shop: &Shop, as_of: &str, code: i32, message: &str) {
    let output = shop.night(as_of, &[]);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{errors}");
    assert!(errors.contains(message), "no «{message}» in:\n{errors}");
    assert!(errors.contains("hint: "), "no hint in:\n{errors}");
    assert!(!shop.runs().join("CURRENT").exists(), "something was published");
    let left = fs::read_dir(shop.runs()).map(|entries| entries.flatten().map(|entry| entry.file_name()).collect::<Vec<_>>());
    let strays = left.unwrap_or_default().into_iter().filter(|name| name.to_string_lossy().starts_with("20")).count();
    assert_eq!(strays, 0, "a run folder was left behind");
}

#[test]
fn a_missing_file_is_named() {
    let shop = Shop::new();
    fs::remove_file(shop.input().join("orders.parquet")).expect("a file");
    refused(&shop, 3, "source `orders`: there is no");
}

#[test]
fn a_truncated_file_is_named() {
    let shop = Shop::new();
    let path = shop.input().join("orders.parquet");
    let bytes = fs::read(&path).expect("a file");
    fs::write(&path, &bytes[..bytes.len() / 2]).expect("a file");
    refused(&shop, 3, "source `orders`: `orders.parquet` cannot be read as Parquet");
}

#[test]
fn a_dropped_column_is_named() {
    let shop = Shop::new();
    write_parquet(&shop.input().join("orders.parquet"), vec![("household_id", Arc::new(Int64Array::from(vec![1])) as ArrayRef)]);
    refused(&shop, 3, "source `orders`: `orders.parquet` has no column `sold_at`");
}

#[test]
fn a_retyped_column_is_named() {
    let shop = Shop::new();
    write_parquet(&shop.input().join("orders.parquet"), vec![("household_id", Arc::new(StringArray::from(vec!["1"])) as ArrayRef)]);
    refused(&shop, 3, "column `household_id` is Utf8, not int");
}

#[test]
fn an_empty_source_is_named() {
    let mut shop = Shop::new();
    shop.orders.clear();
    shop.write_data();
    refused(&shop, 3, "source `orders` has 0 rows");
}

#[test]
fn too_little_history_names_the_first_night_that_has_enough() {
    let shop = Shop::new();
    refused_on(&shop, "2026-01-20", 3, "the oldest snapshot 2025-12-23 needs 1 day of history, but the data begins on 2026-01-01");
}

#[test]
fn a_night_long_after_the_data_is_refused() {
    let shop = Shop::new();
    refused_on(&shop, "2026-06-01", 3, "the newest event before 2026-06-01 is of 2026-03-01");
}

#[test]
fn a_misspelt_key_is_named_with_its_line() {
    let shop = Shop::new();
    shop.edit("job.toml", "horizon =", "horizont =");
    refused(&shop, 2, "job.toml:19: unknown field `horizont`");
}

#[test]
fn a_failed_check_prints_the_offending_rows() {
    let shop = Shop::new();
    shop.edit("checks/orders__amount_is_positive.sql", "amount < 0", "amount > 30 and sold_at < $as_of");
    refused(&shop, 3, "check `orders__amount_is_positive` found");
}

#[test]
fn an_sql_error_names_its_file_in_each_kind_of_query() {
    for file in [
        "clean/orders.sql",
        "features/pair.sql",
        "candidates.sql",
        "examples.sql",
        "frame.sql",
        "checks/orders__amount_is_positive.sql",
        "decisions/top_products.sql",
        "explore/by_channel.sql",
    ] {
        let shop = Shop::new();
        shop.edit(file, "select", "selekt");
        refused(&shop, 2, &format!("{file}: "));
    }
}

#[test]
fn an_unknown_column_names_its_file_in_each_kind_of_query() {
    for (file, from) in [
        ("clean/orders.sql", "amount,"),
        ("features/pair.sql", "sum(amount)"),
        ("candidates.sql", "select household_id,"),
        ("examples.sql", "sum(amount)"),
        ("frame.sql", "pair.purchases,"),
        ("checks/orders__amount_is_positive.sql", "amount < 0"),
        ("decisions/top_products.sql", "rank <= 3"),
    ] {
        let shop = Shop::new();
        shop.edit(
            file,
            from,
            &from
                .replace("amount", "no_such")
                .replace("household_id", "no_such")
                .replace("purchases", "no_such")
                .replace("rank", "no_such"),
        );
        refused(&shop, 2, &format!("{file}: "));
    }
}

#[test]
fn a_feature_cannot_see_the_outcome() {
    let shop = Shop::new();
    shop.edit("features/pair.sql", "from orders", "from outcome.orders");
    refused(&shop, 2, "features/pair.sql: `outcome.orders` cannot be seen here: the outcome window lies in the future");
}

#[test]
fn an_unknown_table_is_named() {
    let shop = Shop::new();
    shop.edit("features/pair.sql", "from orders", "from ordres");
    refused(&shop, 2, "features/pair.sql: there is no table `ordres`");
}

#[test]
fn a_cycle_is_named() {
    let shop = Shop::new();
    shop.put("features/a.sql", "-- A.\nselect * from b\n");
    shop.put("features/b.sql", "-- B.\nselect * from a\n");
    refused(&shop, 2, "these queries need each other: features/a.sql → features/b.sql");
}

#[test]
fn a_missing_key_column_is_named() {
    let shop = Shop::new();
    shop.edit("candidates.sql", "select household_id,", "select household_id as household,");
    refused(&shop, 2, "candidates.sql: it yields no column `household_id` (key)");
}

#[test]
fn a_duplicated_key_is_named() {
    let shop = Shop::new();
    shop.edit("features/pair.sql", "select\n", "select distinct\n");
    shop.put("candidates.sql", "-- Every sale.\nselect household_id, product_id, channel from orders\n");
    refused(&shop, 3, "two rows have the same keys on");
}

#[test]
fn a_scenario_of_the_wrong_type_is_named() {
    let shop = Shop::new();
    shop.edit("candidates.sql", "last_value(channel order by sold_at, channel) as channel", "1 as channel");
    refused(&shop, 2, "column `channel` (scenario) is Int64, not text");
}

#[test]
fn a_label_of_the_wrong_type_is_named() {
    let shop = Shop::new();
    shop.edit("examples.sql", "cast(bought.amount is not null as integer)", "'yes'");
    refused(&shop, 2, "examples.sql: column `purchase` (label of task purchase) is");
}

#[test]
fn a_label_outside_its_values_is_named() {
    let shop = Shop::new();
    shop.edit("examples.sql", "cast(bought.amount is not null as integer)", "2");
    refused(&shop, 3, "label `y_purchase` is 2");
}

#[test]
fn a_frame_that_repeats_rows_is_refused() {
    let shop = Shop::new();
    shop.edit("frame.sql", "left join products on products.product_id = rows.product_id", "left join products on true");
    refused(&shop, 3, "frame.sql does not return each row of `rows` once");
}

#[test]
fn a_frame_that_loses_rows_is_refused() {
    let shop = Shop::new();
    shop.edit(
        "frame.sql",
        "left join products on products.product_id = rows.product_id\n",
        "left join products on products.product_id = rows.product_id\nwhere rows.product_id <> 3\n",
    );
    refused(&shop, 3, "it lost the row");
}

#[test]
fn an_unknown_parameter_is_named() {
    let shop = Shop::new();
    shop.edit("features/pair.sql", "$as_of - interval", "$as_off - interval");
    refused(&shop, 2, "features/pair.sql: `$as_off` is not a parameter");
}

#[test]
fn a_statement_that_is_no_select_is_refused() {
    let shop = Shop::new();
    shop.put("features/pair.sql", "-- Writes.\ncopy (select 1) to 'x.parquet'\n");
    refused(&shop, 2, "features/pair.sql: it holds no SELECT");
}

#[test]
fn a_feature_cannot_see_raw_rows() {
    let shop = Shop::new();
    shop.edit("features/pair.sql", "from orders", "from raw.orders");
    refused(&shop, 2, "features/pair.sql: `raw.orders` cannot be seen here");
}

#[test]
fn a_static_table_has_no_outcome() {
    let shop = Shop::new();
    shop.edit("examples.sql", "from outcome.orders", "from outcome.products");
    refused(&shop, 2, "examples.sql: `outcome.products` cannot be seen here: the table declares no `time`");
}

#[test]
fn a_decision_sees_scores_and_no_candidates() {
    let shop = Shop::new();
    shop.edit("decisions/top_products.sql", "from scores", "from candidates");
    refused(&shop, 2, "decisions/top_products.sql: there is no table `candidates`");
}

#[test]
fn a_decision_on_a_column_that_the_scores_lack_is_refused_before_the_night() {
    for (table, column) in [("scores", "under"), ("scores_under", "rank"), ("scores_under", "run")] {
        let shop = Shop::new();
        shop.edit("job.toml", "[encode]", "[scores]\nunder_every_scenario = true\n\n[encode]");
        shop.put("decisions/odd.sql", &format!("-- Odd. Grain: row.\nselect {column} from {table}\n"));
        refused(&shop, 2, "decisions/odd.sql: ");
        let errors = shop.night(NIGHT, &[]).stderr;
        assert!(!String::from_utf8_lossy(&errors).contains("] learn"), "{table}.{column}");
    }
}

#[test]
fn a_table_name_that_is_taken_is_named() {
    for (file, message) in [
        ("features/orders.sql", "there are two tables `orders`: clean/orders.sql and features/orders.sql"),
        ("features/scores.sql", "`scores` in `features/scores.sql` is a table of polytask's own"),
        ("clean/rows.sql", "`rows` in `clean/rows.sql` is a table of polytask's own"),
        ("clean/candidates.sql", "`candidates` in `clean/candidates.sql` is a table of polytask's own"),
    ] {
        let shop = Shop::new();
        shop.put(file, "-- Again. Grain: product.\nselect product_id, category from products\n");
        refused(&shop, 2, message);
    }
}

#[test]
fn names_of_keys_and_tasks_are_their_own() {
    for (from, to, message) in [
        ("keys = [\"household_id\", \"product_id\"]", "keys = [\"product_id\", \"product_id\"]", "`job.keys`: names `product_id` twice"),
        ("[tasks.purchase]", "[tasks.product_id]", "`tasks.product_id`: is the name of a key"),
        ("[tasks.purchase]", "[tasks.scenario]", "`tasks.scenario`: is not a task name"),
        ("keys = [\"household_id\"", "keys = [\"scenario\"", "`job.keys`: `scenario` is a column that polytask adds itself"),
    ] {
        let shop = Shop::new();
        shop.edit("job.toml", from, to);
        shop.edit("job.toml", "after = \"purchase\"\n", "");
        refused(&shop, 2, message);
    }
}

#[test]
fn a_feature_with_a_name_that_polytask_gives_is_refused() {
    for (column, role) in [("y_purchase", "kept for labels"), ("as_of", "polytask adds"), ("split", "polytask adds")] {
        let shop = Shop::new();
        shop.edit("frame.sql", "pair.spend as past_spend", &format!("pair.spend as {column}"));
        refused(&shop, 2, &format!("frame.sql: column `{column}` (feature) is a name"));
        let errors = shop.night(NIGHT, &[]).stderr;
        assert!(String::from_utf8_lossy(&errors).contains(role));
    }
}

#[test]
fn a_key_without_a_value_is_named() {
    let shop = Shop::new();
    shop.edit("candidates.sql", "select household_id,", "select nullif(household_id, 3) as household_id,");
    shop.edit("candidates.sql", "group by household_id", "group by nullif(household_id, 3)");
    refused(&shop, 3, "column `household_id` is NULL in a row of");
}

#[test]
fn a_scenario_without_a_value_is_named() {
    let shop = Shop::new();
    shop.edit(
        "candidates.sql",
        "last_value(channel order by sold_at, channel)",
        "nullif(last_value(channel order by sold_at, channel), 'app')",
    );
    refused(&shop, 3, "column `channel` is NULL in a row of");
}

#[test]
fn a_key_of_the_wrong_type_is_named() {
    let shop = Shop::new();
    shop.edit("candidates.sql", "select household_id,", "select cast(household_id as double) as household_id,");
    refused(&shop, 2, "column `household_id` (key) is Float64, not an integer, text, a date or a timestamp");
}

#[test]
fn a_missing_label_column_is_named() {
    let shop = Shop::new();
    shop.edit("examples.sql", "as purchase", "as bought");
    refused(&shop, 2, "examples.sql: it yields no column `purchase` (label of task purchase)");
}

#[test]
fn a_negative_amount_on_a_log_scale_is_named() {
    let shop = Shop::new();
    shop.edit("examples.sql", "coalesce(bought.amount, 0)", "coalesce(bought.amount, -1)");
    refused(&shop, 3, "label `y_spend` is -1");
}

#[test]
fn a_negative_weight_is_named() {
    let shop = Shop::new();
    shop.edit("job.toml", "kind = \"binary\"", "kind = \"binary\"\nweight = \"trust\"");
    shop.edit("examples.sql", "as purchase", "as purchase,\n    -2 as trust");
    refused(&shop, 3, "label `w_purchase` is -2");
}

#[test]
fn a_task_without_a_single_label_is_named() {
    let shop = Shop::new();
    shop.edit("examples.sql", "cast(bought.amount is not null as integer)", "cast(null as integer)");
    refused(&shop, 3, "failed to learn: no row teaches task `purchase`");
}

#[test]
fn an_infinite_feature_is_named_with_the_way_to_guard_it() {
    let shop = Shop::new();
    shop.edit("frame.sql", "pair.spend as past_spend", "pair.spend / 0.0 as past_spend");
    refused(&shop, 3, "frame.sql: column `past_spend` holds an infinite value");
    let errors = shop.night(NIGHT, &[]).stderr;
    assert!(String::from_utf8_lossy(&errors).contains("nullif"), "the hint does not help");
}

#[test]
fn a_feature_without_a_role_is_named() {
    let shop = Shop::new();
    shop.edit("features/pair.sql", "sum(amount) as spend", "max(sold_at) as spend");
    refused(&shop, 2, "frame.sql: column `past_spend` is Timestamp");
}

#[test]
fn a_feature_that_the_job_names_and_the_frame_lacks_is_named() {
    let shop = Shop::new();
    shop.edit("job.toml", "categorical = [\"category\"", "categorical = [\"colour\"");
    refused(&shop, 2, "frame.sql yields no column `colour`, which job.toml names as categorical");
}

#[test]
fn a_table_of_which_every_row_is_refused_is_named() {
    let shop = Shop::new();
    shop.edit("clean/orders.sql", "when quantity <= 0 then", "when quantity < 1000 then");
    refused(&shop, 3, "table `orders` has 0 rows after cleaning");
}

#[test]
fn a_reason_that_is_no_text_is_named() {
    let shop = Shop::new();
    shop.edit("clean/orders.sql", "then 'no quantity' end", "then 17 end");
    refused(&shop, 2, "clean/orders.sql: column `refused` is Int64, not text");
}

#[test]
fn a_time_column_that_is_missing_or_no_time_is_named() {
    let shop = Shop::new();
    shop.edit("job.toml", "time = \"sold_at\"", "time = \"sold\"");
    refused(&shop, 2, "clean/orders.sql: it yields no column `sold`");
    let shop = Shop::new();
    shop.edit("job.toml", "time = \"sold_at\"", "time = \"quantity\"");
    refused(&shop, 2, "clean/orders.sql: column `quantity` is Int64, not a timestamp or a date");
}

#[test]
fn a_value_that_a_query_cannot_take_is_refused_at_run_time() {
    let shop = Shop::new();
    shop.edit("clean/orders.sql", "    quantity,\n", "    cast(channel as integer) as quantity,\n");
    refused(&shop, 3, "clean/orders.sql: ");
}

#[test]
fn a_file_in_a_place_of_its_own_is_named() {
    let shop = Shop::new();
    shop.put("feature/pair.sql", "-- Where is the s?\nselect 1\n");
    refused(&shop, 2, "`feature` is not a place for a query");
    let shop = Shop::new();
    shop.put("checks/sane.sql", "-- Sane.\nselect * from orders where false\n");
    refused(&shop, 2, "`checks/sane.sql`: a check is named <table>__<rule>.sql");
    let shop = Shop::new();
    shop.put("features/Pair.sql", "-- Pair.\nselect 1\n");
    refused(&shop, 2, "`Pair` in `features/Pair.sql` is not a table name");
}

#[test]
fn a_query_that_does_not_say_what_it_yields_is_named() {
    let shop = Shop::new();
    shop.put("clean/products.sql", "select product_id, category from raw.products\n");
    refused(&shop, 2, "`clean/products.sql` does not open with a comment");
}

#[test]
fn a_job_without_a_frame_is_refused() {
    let shop = Shop::new();
    fs::remove_file(shop.job().join("frame.sql")).expect("a file");
    refused(&shop, 2, "the job has no `frame.sql`");
}

#[test]
fn a_value_outside_its_domain_is_named_with_its_key() {
    for (from, to, message) in [
        ("[job]", "[job]\ntimezone = \"Mars/Olympus\"", "`job.timezone`: `Mars/Olympus` is not an IANA zone"),
        ("every = \"7 days\"", "every = \"a week\"", "`snapshots.every`: `a week` is not a length of time"),
        ("horizon = \"7 days\"", "horizon = \"0 days\"", "`snapshots.horizon`: is 0 days"),
        ("count = 4", "count = \"four\"", "job.toml:18: invalid type: string \"four\""),
        ("kind = \"binary\"", "kind = \"binary\"\nthreshold = 1.5", "`tasks.purchase.threshold`: 1.5 is not a probability"),
        ("kind = \"binary\"", "kind = \"binary\"\nthreshold = \"best\"", "`tasks.purchase.threshold`: `best` is no rule"),
        ("transform = \"log1p\"", "threshold = 0.5", "`tasks.spend.threshold`: is for binary tasks"),
        ("[encode]", "[linear]\nl1_ratio = 2\n\n[encode]", "`linear.l1_ratio` = 2 is outside 0 to 1"),
        ("[encode]", "[model]\nkind = \"oracle\"\n\n[encode]", "unknown variant `oracle`"),
        ("time = \"sold_at\"", "time = \"sold_at\"\nknown_ahead = \"-1 days\"", "`tables.orders.known_ahead`: `-1 days` is not between"),
        ("[tables.orders]", "[tables.order]", "`tables.order`: there is no clean/order.sql"),
    ] {
        let shop = Shop::new();
        shop.edit("job.toml", from, to);
        refused(&shop, 2, message);
    }
}
