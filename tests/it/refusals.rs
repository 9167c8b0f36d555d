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
