//! Point in time: a row of the future changes nothing of the past.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray as _, Date32Array, Int64Array, TimestampMicrosecondArray};
use arrow::datatypes::Int64Type;

use crate::shop::{FIRST_DAY, Order, Shop, read, write_parquet};

const DAY: i64 = 86_400_000_000;

/// The bytes of each file of the training frame.
#[track_caller]
fn frame(shop: &Shop) -> BTreeMap<String, Vec<u8>> {
    shop.frame()
}

/// Dates of the snapshots whose frames differ.
fn changed(before: &BTreeMap<String, Vec<u8>>, after: &BTreeMap<String, Vec<u8>>) -> Vec<String> {
    assert!(before.keys().eq(after.keys()));
    let differ = before.iter().filter(|(name, bytes)| after[*name] != **bytes);
    differ.map(|(name, _)| name.replace("as_of=", "").replace(".parquet", "")).collect()
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
    // The snapshot of 02-06 sees it in its outcome window, that of 02-13 in its past.
    assert_eq!(changed(&before, &after), ["2026-02-06", "2026-02-13"]);
}

#[test]
fn the_frame_has_its_splits() {
    let shop = Shop::new();
    let names: Vec<_> = frame(&shop).into_keys().collect();
    assert_eq!(names, ["as_of=2026-01-23.parquet", "as_of=2026-01-30.parquet", "as_of=2026-02-06.parquet", "as_of=2026-02-13.parquet"]);
}

#[test]
fn a_row_on_either_side_of_midnight_belongs_to_its_side() {
    let mut shop = Shop::new();
    let before = frame(&shop);
    // 2026-02-13 is day 43: its first instant is no longer the past of that snapshot but the end of the one before it.
    shop.orders.push(order((FIRST_DAY + 43) * DAY, (FIRST_DAY + 43) * DAY));
    shop.write_data();
    assert_eq!(changed(&before, &frame(&shop)), ["2026-02-13"], "the first instant lies in the outcome of its own day");
    let mut shop = Shop::new();
    shop.orders.push(order((FIRST_DAY + 43) * DAY - 1, (FIRST_DAY + 43) * DAY - 1));
    shop.write_data();
    assert_eq!(changed(&before, &frame(&shop)), ["2026-02-06", "2026-02-13"], "the last one before it in the past");
}

#[test]
fn the_shops_own_midnight_decides() {
    // At 2026-02-13 00:30 UTC it is still the 12th in New York.
    let mut shop = Shop::new();
    shop.edit("job.toml", "[job]", "[job]\ntimezone = \"America/New_York\"");
    let before = frame(&shop);
    shop.orders.push(order((FIRST_DAY + 43) * DAY + DAY / 48, (FIRST_DAY + 43) * DAY + DAY / 48));
    shop.write_data();
    assert_eq!(changed(&before, &frame(&shop)), ["2026-02-06", "2026-02-13"]);
}

#[test]
fn an_outcome_that_arrives_after_it_closed_is_no_label() {
    // Sold on 2026-02-08, in the outcome of 02-06 that closes on 02-13; arrived on 02-14.
    let late = || order((FIRST_DAY + 38) * DAY, (FIRST_DAY + 44) * DAY);
    let mut shop = Shop::new();
    let before = frame(&shop);
    shop.orders.push(late());
    shop.write_data();
    assert_eq!(changed(&before, &frame(&shop)), Vec::<String>::new());
    // With two days to settle it arrived in time.
    let mut shop = Shop::new();
    shop.edit("job.toml", "horizon = \"7 days\"", "horizon = \"7 days\"\nsettle = \"2 days\"");
    let before = frame(&shop);
    shop.orders.push(late());
    shop.write_data();
    assert_eq!(changed(&before, &frame(&shop)), ["2026-02-06"]);
}

/// A shop with a promotion calendar, known seven days ahead, and its plan as a feature.
fn promoted(starts: &[i64], as_dates: bool) -> Shop {
    let shop = Shop::new();
    let time: ArrayRef = if as_dates {
        Arc::new(starts.iter().map(|day| Some((FIRST_DAY + day) as i32)).collect::<Date32Array>())
    } else {
        Arc::new(TimestampMicrosecondArray::from_iter_values(starts.iter().map(|day| (FIRST_DAY + day) * DAY)))
    };
    let products: ArrayRef = Arc::new(starts.iter().map(|_| 5).collect::<Int64Array>());
    write_parquet(&shop.input().join("promotions.parquet"), vec![("product_id", products), ("starts", time)]);
    shop.edit("job.toml", "[snapshots]", "[sources.promotions]\npath = \"promotions.parquet\"\n\n[tables.promotions]\ntime = \"starts\"\nknown_ahead = \"7 days\"\n\n[snapshots]");
    shop.put("clean/promotions.sql", "-- Promotions. Grain: product x start.\nselect product_id, starts from raw.promotions\n");
    shop.put(
        "features/plan.sql",
        "-- Promotions known of. Grain: product.\nselect product_id, count(*) as promotions from promotions group by product_id\n",
    );
    shop.edit("frame.sql", "    pair.days_since --", "    plan.promotions, -- promotions known of\n    pair.days_since --");
    shop.edit("frame.sql", "left join products on", "left join plan on plan.product_id = rows.product_id\nleft join products on");
    shop
}

#[test]
fn a_plan_is_visible_seven_days_ahead_and_not_eight() {
    for as_dates in [true, false] {
        // Promotions that start 6, 7 and 8 days after the snapshot of 2026-02-13 (day 43), and one that began long ago.
        let seen = |starts: &[i64]| {
            let shop = promoted(starts, as_dates);
            shop.framed(&[]);
            let rows = read(&shop.path().join("frame/as_of=2026-02-13.parquet"));
            let column = |name: &str| rows.column_by_name(name).expect("a column").as_primitive::<Int64Type>().clone();
            let (products, promotions) = (column("product_id"), column("promotions"));
            (0..rows.num_rows()).filter(|row| products.value(*row) == 5).map(|row| promotions.value(row)).max().expect("rows of product 5")
        };
        assert_eq!(seen(&[2]), 1);
        assert_eq!(seen(&[2, 43 + 6]), 2, "it starts on the last of the seven days");
        assert_eq!(seen(&[2, 43 + 7]), 1, "it starts on the eighth day");
        assert_eq!(seen(&[2, 43 + 8]), 1);
    }
}

#[test]
fn a_plan_of_the_future_changes_the_snapshots_that_know_it() {
    let before = frame(&promoted(&[2], true));
    // Day 46 lies 3 days ahead of 02-13, 10 ahead of 02-06.
    assert_eq!(changed(&before, &frame(&promoted(&[2, 46], true))), ["2026-02-13"]);
}

#[test]
fn a_row_without_a_time_is_never_seen() {
    let before = frame(&promoted(&[2], false));
    let shop = promoted(&[2, 3], false);
    shop.edit(
        "clean/promotions.sql",
        "select product_id, starts",
        "select product_id, case when starts < timestamp '2026-01-04' then starts end as starts",
    );
    assert_eq!(changed(&before, &frame(&shop)), Vec::<String>::new());
}
