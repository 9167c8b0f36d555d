//! Incremental nights: only what is new is made, and what changed is made again with all that depends on it, no more.
//!
//! The frame of a night has four labelled snapshots, and a snapshot four tables here: two features, its rows, its frame.

use std::fs;

use crate::shop::{FIRST_DAY, Order, Shop};

const DAY: i64 = 86_400_000_000;

/// A shop with a second feature table and a first frame in its cache.
fn framed() -> Shop {
    let shop = Shop::new();
    shop.put(
        "features/product.sql",
        "-- Sales of a product. Grain: product.\nselect product_id, count(*) as sales from orders group by product_id\n",
    );
    shop.edit("frame.sql", "    pair.days_since --", "    product.sales, -- sales of the product\n    pair.days_since --");
    shop.edit("frame.sql", "left join products on", "left join product on product.product_id = rows.product_id\nleft join products on");
    let said = shop.framed(&[]);
    assert!(said.contains("4 snapshots: 16 tables built, 0 found in the cache"), "{said}");
    shop
}

/// Makes the frame again; clean tables named in `clean` are built, the other is found, and so many snapshot tables are built.
#[track_caller]
fn rebuilds(shop: &Shop, clean: &[&str], built: usize) {
    let said = shop.framed(&[]);
    for table in ["orders", "products"] {
        let how = if clean.contains(&table) { "(built)" } else { "(cached)" };
        let line = said.lines().find(|line| line.contains(&format!("clean {table}: "))).unwrap_or_else(|| panic!("{said}"));
        assert!(line.ends_with(how), "{line}");
    }
    let expected = format!("4 snapshots: {built} tables built, {} found in the cache", 16 - built);
    assert!(said.contains(&expected), "not «{expected}» in:\n{said}");
}

fn order(shop: &Shop, day: i64) -> Order {
    Order { household: 7, sold_at: (FIRST_DAY + day) * DAY + 1, loaded_at: (FIRST_DAY + day) * DAY + 2, ..shop.orders[0].clone() }
}

#[test]
fn nothing_is_made_twice() {
    rebuilds(&framed(), &[], 0);
}

#[test]
fn a_changed_feature_is_made_again_with_the_frames_and_nothing_else() {
    let shop = framed();
    shop.edit("features/pair.sql", "sum(amount) as spend", "sum(amount) + 0.0 as spend");
    rebuilds(&shop, &[], 4 + 4);
}

#[test]
fn a_feature_of_a_feature_is_made_again_with_it() {
    let shop = framed();
    shop.edit("features/product.sql", "count(*) as sales from orders", "sum(purchases) as sales from pair");
    rebuilds(&shop, &[], 4 + 4);
    shop.edit("features/pair.sql", "sum(amount) as spend", "sum(amount) + 0.0 as spend");
    rebuilds(&shop, &[], 4 + 4 + 4);
}

#[test]
fn a_changed_frame_makes_the_frames_again() {
    let shop = framed();
    shop.edit("frame.sql", "pair.spend as past_spend", "pair.spend / 2 as past_spend");
    rebuilds(&shop, &[], 4);
}

#[test]
fn changed_examples_make_rows_and_frames_again() {
    let shop = framed();
    shop.edit("examples.sql", "coalesce(bought.amount, 0)", "coalesce(bought.amount, 0.0)");
    rebuilds(&shop, &[], 4 + 4);
}

#[test]
fn changed_candidates_make_the_examples_again_that_are_made_of_them() {
    let shop = framed();
    shop.edit("candidates.sql", "group by", "where product_id <> 3\ngroup by");
    rebuilds(&shop, &[], 4 + 4);
}

#[test]
fn a_clean_table_with_the_same_rows_leaves_the_snapshots_alone() {
    let shop = framed();
    shop.edit("clean/products.sql", "-- Products.", "-- All products.");
    rebuilds(&shop, &["products"], 0);
}

#[test]
fn a_static_table_with_other_rows_makes_what_reads_it_again() {
    let shop = framed();
    shop.edit("clean/products.sql", "select product_id, category", "select product_id, upper(category) as category");
    rebuilds(&shop, &["products"], 4);
}

#[test]
fn a_delivery_makes_the_snapshots_again_that_see_it() {
    let mut shop = framed();
    // The newest snapshot, 2026-02-13 (day 43), sees day 45 in its outcome: its rows and frame.
    shop.orders.push(order(&shop, 45));
    shop.write_data();
    rebuilds(&shop, &["orders"], 2);
    // It sees day 40 in its past, and the snapshot before it in its outcome.
    shop.orders.push(order(&shop, 40));
    shop.write_data();
    rebuilds(&shop, &["orders"], 4 + 2);
    // No snapshot of this frame sees day 55.
    shop.orders.push(order(&shop, 55));
    shop.write_data();
    rebuilds(&shop, &["orders"], 0);
}

#[test]
fn a_file_written_again_with_the_same_bytes_is_no_delivery() {
    let shop = framed();
    shop.write_data();
    rebuilds(&shop, &[], 0);
}

#[test]
fn another_number_of_snapshots_makes_the_new_ones_only() {
    let shop = framed();
    shop.edit("job.toml", "count = 4", "count = 5");
    let said = shop.framed(&[]);
    assert!(said.contains("5 snapshots: 4 tables built, 16 found in the cache"), "{said}");
}

#[test]
fn a_parameter_makes_again_what_is_bound_to_it() {
    let shop = framed();
    shop.edit("job.toml", "[sources.orders]", "[params]\nfloor = 1\n\n[sources.orders]");
    shop.edit("clean/products.sql", "from raw.products", "from raw.products where product_id >= $floor - 1");
    shop.framed(&[]);
    shop.edit("job.toml", "floor = 1", "floor = 2");
    let said = shop.framed(&[]);
    assert!(said.contains("clean products: 11 rows (built)"), "{said}");
}

#[test]
fn rebuild_ignores_the_cache() {
    let shop = framed();
    let before = shop.frame();
    let said = shop.framed(&["--rebuild"]);
    assert!(said.contains("4 snapshots: 16 tables built, 0 found in the cache"), "{said}");
    assert!(!said.contains("(cached)"), "{said}");
    assert_eq!(before, shop.frame());
}

#[test]
fn a_half_made_entry_of_a_dead_night_is_not_used() {
    let shop = Shop::new();
    let stray = shop.runs().join("cache/clean/.making-abc");
    fs::create_dir_all(&stray).expect("a folder");
    fs::write(stray.join("table.parquet"), "half").expect("a file");
    let said = shop.framed(&[]);
    assert!(said.contains("clean orders: ") && !said.contains("(cached)"), "{said}");
}
