//! Hostile names in data: a value is a value, whatever it looks like. It leaves no folder, opens no tag, ends no string.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray as _, Int64Array, StringArray};

use crate::shop::{Shop, read, write_parquet};

const UP: &str = "../../x";
const QUOTED: &str = "it's \"so\", 100%/2";
const SCRIPT: &str = "<script>alert(1)</script>";

/// A shop whose places, categories and reasons are hostile.
fn hostile() -> Shop {
    let mut shop = Shop::new();
    for order in &mut shop.orders {
        order.channel = [UP, QUOTED, SCRIPT][(order.household + order.product) as usize % 3];
    }
    shop.orders[5].quantity = 0;
    shop.write_data();
    let names = [SCRIPT, "'; drop table orders; --", "\u{202e}gnp.exe"];
    let categories: ArrayRef = Arc::new((0..12).map(|product| Some(names[product % 3])).collect::<StringArray>());
    let products: ArrayRef = Arc::new((0..12).collect::<Int64Array>());
    write_parquet(&shop.input().join("products.parquet"), vec![("product_id", products), ("category", categories)]);
    shop.edit("clean/orders.sql", "'no quantity'", "'<img src=x onerror=alert(2)>'");
    shop.edit("job.toml", "A small shop", "Shop <b>& Sons</b> {{ 7 * 7 }}");
    shop.put("decisions/by_place.sql", "-- Rows by place, <i>all</i>.\n-- Grain: place.\nselect scenario, count(*) as rows from scores group by scenario order by scenario\n");
    shop
}

/// Every file and folder below a place.
fn below(folder: &Path) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut waiting = vec![folder.to_path_buf()];
    while let Some(here) = waiting.pop() {
        for entry in fs::read_dir(here).expect("a folder").flatten() {
            let path = entry.path();
            found.insert(path.strip_prefix(folder).expect("below").to_string_lossy().into_owned());
            if path.is_dir() {
                waiting.push(path);
            }
        }
    }
    found
}

#[test]
fn hostile_values_stay_values_in_files_tables_and_report() {
    let shop = hostile();
    shop.published();
    let folders: Vec<String> = below(&shop.current().join("scores")).into_iter().filter(|name| !name.ends_with(".parquet")).collect();
    assert_eq!(
        folders,
        ["scenario=%2E%2E%2F%2E%2E%2Fx", "scenario=%3Cscript%3Ealert%281%29%3C%2Fscript%3E", "scenario=it%27s%20%22so%22%2C%20100%25%2F2"]
    );
    assert!(!below(shop.path()).iter().any(|name| Path::new(name).file_name().is_some_and(|name| name == "x")), "a value left its folder");

    // Decisions read the folders and see the values.
    let rows = read(&shop.current().join("decisions/by_place.parquet"));
    let places: Vec<&str> = rows.column_by_name("scenario").expect("places").as_string::<i32>().iter().flatten().collect();
    assert_eq!(places, [UP, SCRIPT, QUOTED]);
    let holdout = read(&shop.current().join("holdout/holdout.parquet"));
    let held: BTreeSet<&str> = holdout.column_by_name("scenario").expect("places").as_string::<i32>().iter().flatten().collect();
    assert_eq!(held, BTreeSet::from([UP, SCRIPT, QUOTED]));

    let json: serde_json::Value = serde_json::from_slice(&fs::read(shop.current().join("report.json")).expect("a report")).expect("JSON");
    assert_eq!(json["scenarios"], serde_json::json!([UP, SCRIPT, QUOTED]));
    assert_eq!(json["refused"][0]["reason"], "<img src=x onerror=alert(2)>");

    let html = fs::read_to_string(shop.current().join("report.html")).expect("a report");
    for tag in ["<script>alert", "<img", "<b>&", "<i>", "\u{202e}"] {
        assert!(!html.contains(tag), "the report holds {tag}");
    }
    for shown in ["&#60;script&#62;alert(1)", "Shop &#60;b&#62;&#38; Sons&#60;/b&#62; {{ 7 * 7 }}"] {
        assert!(html.contains(shown), "the report does not show {shown}");
    }
}

#[test]
fn a_later_night_reads_hostile_names_back() {
    let shop = hostile();
    shop.published();
    let (said, _) = shop.succeeds(&["run", "queries/shop", "--as-of", "2026-02-27"]);
    assert!(said.contains("published 2026-02-27-"), "{said}");
    let (listed, _) = shop.succeeds(&["runs", "queries/shop"]);
    assert!(listed.contains("* 2026-02-27") && listed.contains("  2026-02-20"), "{listed}");
}

#[test]
fn a_scenario_is_a_safe_name_of_a_folder() {
    let folder = polytask::publish::scores::scenario_folder;
    assert_eq!(folder("home"), "scores/scenario=home");
    assert_eq!(folder("Ladentür"), "scores/scenario=Ladent%C3%BCr");
    assert_eq!(folder("v1.2_a-b"), "scores/scenario=v1.2_a-b");
    assert_eq!(folder("."), "scores/scenario=%2E");
    assert_eq!(folder(".."), "scores/scenario=%2E%2E");
    assert_eq!(folder("a=b"), "scores/scenario=a%3Db");
    assert_eq!(folder("a\0b\nc"), "scores/scenario=a%00b%0Ac");
}

#[test]
fn a_parameter_is_a_value_and_no_sql() {
    let shop = Shop::new();
    shop.edit("job.toml", "[sources.orders]", "[params]\nplace = \"app' or 1 = 1 --\"\n\n[sources.orders]");
    shop.edit("clean/orders.sql", "from raw.orders", "from raw.orders\nwhere channel = $place");
    let output = shop.night(crate::shop::NIGHT, &[]);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{errors}");
    assert!(errors.contains("table `orders` has 0 rows after cleaning"), "{errors}");
}
