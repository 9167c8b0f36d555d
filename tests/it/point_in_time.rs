//! Point in time: a row of the future changes nothing of the past.

use std::collections::BTreeMap;
use std::fs;

use crate::shop::{FIRST_DAY, NIGHT, Order, Shop};

const DAY: i64 = 86_400_000_000;

/// The bytes of each file of the training frame.
#[track_caller]
fn frame(shop: &Shop) -> BTreeMap<String, Vec<u8>> {
    let output = shop.polytask(&["frame", "queries/shop", "--as-of", NIGHT, "--out", "frame"]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let files = fs::read_dir(shop.path().join("frame")).expect("a folder").flatten();
    files.map(|file| (file.file_name().to_string_lossy().into_owned(), fs::read(file.path()).expect("a file"))).collect()
}

fn order(sold_at: i64, loaded_at: i64) -> Order {
    Order { household: 3, product: 4, channel: "app", sold_at, loaded_at, quantity: 50, amount: 999.0 }
}

#[test]
fn an_event_after_the_as_of_date_does_not_change_its_features() {
    let mut shop = Shop::new();
    let before = frame(&shop);
    // 2026-02-20 is 50 days after the first day: the event lies at its first instant, which the night does not know.
    shop.orders.push(order((FIRST_DAY + 50) * DAY, (FIRST_DAY + 50) * DAY));
    shop.write_data();
    assert_eq!(before, frame(&shop));
}

#[test]
fn an_event_that_arrived_after_the_as_of_date_does_not_change_its_features() {
    let mut shop = Shop::new();
    let before = frame(&shop);
    shop.orders.push(order((FIRST_DAY + 20) * DAY, (FIRST_DAY + 50) * DAY));
    shop.write_data();
    assert_eq!(before, frame(&shop));
}

#[test]
fn an_event_of_the_past_changes_the_snapshots_after_it_and_no_other() {
    let mut shop = Shop::new();
    let before = frame(&shop);
    // Snapshots: 2026-01-23, 01-30, 02-06 (learned from) and 02-13 (held out); the event is of 2026-02-08.
    shop.orders.push(order((FIRST_DAY + 38) * DAY, (FIRST_DAY + 38) * DAY));
    shop.write_data();
    let after = frame(&shop);
    let changed: Vec<_> = before.iter().filter(|(name, bytes)| after[*name] != **bytes).map(|(name, _)| name.as_str()).collect();
    // The snapshot of 02-06 sees it in its outcome window, that of 02-13 in its past.
    assert_eq!(changed, ["as_of=2026-02-06.parquet", "as_of=2026-02-13.parquet"]);
}

#[test]
fn the_frame_has_its_splits() {
    let shop = Shop::new();
    let names: Vec<_> = frame(&shop).into_keys().collect();
    assert_eq!(names, ["as_of=2026-01-23.parquet", "as_of=2026-01-30.parquet", "as_of=2026-02-06.parquet", "as_of=2026-02-13.parquet"]);
}
