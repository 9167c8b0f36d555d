//! Sources: one file, a folder of files, a Hive-partitioned folder; what is read of them, and what is refused.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray as _, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{Date32Type, Int64Type};
use arrow::util::pretty::pretty_format_batches;
use jiff::ToSpan as _;
use polytask::ingest::{Cache, Digests, Engine, Shelter, SourceFiles, source};
use polytask::job::{PartitionType, Source};

use crate::shop::{FIRST_DAY, Order, Shop, write_orders, write_parquet};

const DAY: i64 = 86_400_000_000;

/// The date of a day of the shop.
fn date(day: i64) -> String {
    jiff::civil::date(2026, 1, 1).saturating_add((day - FIRST_DAY).days()).to_string()
}

/// Puts the shop's sales into a Hive-partitioned folder, one file a day, and tells the job.
pub fn partition(shop: &Shop) {
    fs::remove_file(shop.input().join("orders.parquet")).expect("a file");
    let mut days: Vec<i64> = shop.orders.iter().map(|order| order.sold_at.div_euclid(DAY)).collect();
    days.dedup();
    for day in days {
        let own: Vec<Order> = shop.orders.iter().filter(|order| order.sold_at.div_euclid(DAY) == day).cloned().collect();
        write_orders(&shop.input().join(format!("orders/day={}/part.parquet", date(day))), &own);
    }
    shop.edit("job.toml", "path = \"orders.parquet\"", "path = \"orders\"\npartitions = { day = \"date\" }");
}

/// Refuses to run; the message says `message`.
#[track_caller]
fn refused(shop: &Shop, code: i32, message: &str) {
    let output = shop.polytask(&["frame", "queries/shop", "--as-of", crate::shop::NIGHT, "--out", "frame"]);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{errors}");
    assert!(errors.contains(message), "no «{message}» in:\n{errors}");
    assert!(errors.contains("hint: "), "no hint in:\n{errors}");
}

#[test]
fn a_folder_of_files_is_read_in_the_order_of_their_names() {
    let shop = Shop::new();
    let whole = shop.frame();
    fs::remove_file(shop.input().join("orders.parquet")).expect("a file");
    let (first, second) = shop.orders.split_at(shop.orders.len() / 3);
    write_orders(&shop.input().join("orders/b.parquet"), second);
    write_orders(&shop.input().join("orders/a.parquet"), first);
    // What a sender has not finished, and what is no Parquet, is not read.
    write_orders(&shop.input().join("orders/_temporary/0.parquet"), second);
    write_orders(&shop.input().join("orders/.c.parquet"), second);
    fs::write(shop.input().join("orders/_SUCCESS"), "").expect("a file");
    fs::write(shop.input().join("orders/readme.txt"), "three files").expect("a file");
    shop.edit("job.toml", "path = \"orders.parquet\"", "path = \"orders\"");
    assert_eq!(whole, shop.frame());
}

#[test]
fn a_partitioned_folder_gives_the_frame_of_the_single_file() {
    let shop = Shop::new();
    let whole = shop.frame();
    partition(&shop);
    // The partition is a column of `raw.orders`, of the type that the job says.
    shop.edit("clean/orders.sql", "from raw.orders", "from raw.orders\nwhere day >= date '2026-01-01' and extract(year from day) = 2026");
    let day = shop.input().join(format!("orders/day={}", date(FIRST_DAY)));
    let own = &shop.orders[..3];
    write_orders(&day.join(".part.parquet.crc.parquet"), own);
    write_orders(&day.join("_part.parquet"), own);
    write_orders(&shop.input().join("orders/_temporary/day=2026-01-01/part.parquet"), own);
    assert_eq!(whole, shop.frame());
}

#[test]
fn a_file_with_another_schema_in_the_folder_is_named() {
    let shop = Shop::new();
    fs::create_dir_all(shop.input().join("orders")).expect("a folder");
    fs::rename(shop.input().join("orders.parquet"), shop.input().join("orders/a.parquet")).expect("a file");
    shop.edit("job.toml", "path = \"orders.parquet\"", "path = \"orders\"");
    let other = shop.input().join("orders/b.parquet");
    write_parquet(&other, vec![("household_id", Arc::new(Int64Array::from(vec![1])) as ArrayRef)]);
    refused(&shop, 3, "source `orders`: `b.parquet` has no column `product_id`");
    write_parquet(&other, vec![("household_id", Arc::new(StringArray::from(vec!["1"])) as ArrayRef)]);
    refused(&shop, 3, "source `orders`: `b.parquet`: column `household_id` is Utf8, not Int64");
    fs::write(&other, "PAR1 is how it begins").expect("a file");
    refused(&shop, 3, "source `orders`: `b.parquet` cannot be read as Parquet");
}

#[test]
fn a_folder_without_files_is_named() {
    let shop = Shop::new();
    fs::create_dir_all(shop.input().join("orders/2026")).expect("a folder");
    shop.edit("job.toml", "path = \"orders.parquet\"", "path = \"orders\"");
    refused(&shop, 3, "source `orders`: ");
    refused(&shop, 3, "holds no .parquet file");
}

#[test]
fn a_file_outside_its_partition_is_named() {
    let shop = Shop::new();
    partition(&shop);
    write_orders(&shop.input().join("orders/late.parquet"), &shop.orders[..3]);
    refused(&shop, 3, "`late.parquet` does not lie below a folder `day=…`");
}

#[test]
fn a_file_deeper_than_its_partition_is_named() {
    let shop = Shop::new();
    partition(&shop);
    let deeper = shop.input().join(format!("orders/day={}/more/part.parquet", date(FIRST_DAY)));
    write_orders(&deeper, &shop.orders[..3]);
    refused(&shop, 3, "more/part.parquet` lies deeper than its partitions");
}

#[test]
fn a_partition_of_another_type_is_named() {
    let shop = Shop::new();
    partition(&shop);
    write_orders(&shop.input().join("orders/day=yesterday/part.parquet"), &shop.orders[..3]);
    refused(&shop, 3, "source `orders`: `day=yesterday/part.parquet`: partition `day` is `yesterday`, not date");
}

#[test]
fn another_type_of_a_partition_makes_the_table_again() {
    let shop = Shop::new();
    partition(&shop);
    shop.edit("clean/orders.sql", "case when quantity", "day,\n    case when quantity");
    shop.framed(&[]);
    shop.edit("job.toml", "day = \"date\"", "day = \"text\"");
    let said = shop.framed(&[]);
    assert!(said.contains("clean orders: ") && said.contains("rows (built)"), "{said}");
}

/// Files of two partitions, `day` (a date) and `region` (a whole number), one row each.
fn partitioned(folder: &Path) -> SourceFiles {
    for (day, region, value) in [("2026-01-01", 1, 10), ("2026-01-01", 2, 20), ("2026-01-02", 1, 30), ("2026-01-02", 12, 40)] {
        let path = folder.join(format!("sales/day={day}/region={region}/part.parquet"));
        write_parquet(&path, vec![("value", Arc::new(Int64Array::from(vec![value])) as ArrayRef)]);
    }
    let source = Source {
        partitions: vec![("day".into(), PartitionType::Date), ("region".into(), PartitionType::Int)],
        ..Source::new("sales", "sales")
    };
    let cache = Cache::new(folder.join("cache"), false);
    source::locate(&source, folder, &mut Digests::default(), &Shelter::new(&cache)).unwrap_or_else(|error| panic!("{error}"))
}

/// The rows of a query over [`partitioned`].
#[track_caller]
fn query(folder: &Path, sql: &str) -> Vec<RecordBatch> {
    let engine = Engine::new(1, 1 << 28, 1 << 30, folder).unwrap_or_else(|error| panic!("{error}"));
    let session = engine.session();
    session.register_table("sales", partitioned(folder).table().unwrap_or_else(|error| panic!("{error}"))).expect("a table");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async { session.sql(sql).await.expect("a plan").collect().await.expect("rows") })
}

#[test]
fn partitions_have_the_types_that_the_job_says() {
    let folder = tempfile::tempdir().expect("a folder");
    let columns = partitioned(folder.path()).columns();
    let named: Vec<(&str, &str)> = columns.iter().map(|(name, kind)| (name.as_str(), kind.as_str())).collect();
    assert_eq!(named, [("value", "Int64"), ("day", "Date32"), ("region", "Int64")]);
    let rows = query(folder.path(), "select value, day, region from sales order by region desc, day limit 1");
    assert_eq!(rows[0].column(0).as_primitive::<Int64Type>().value(0), 40, "12 is more than 2: regions are numbers");
    assert_eq!(i64::from(rows[0].column(1).as_primitive::<Date32Type>().value(0)), FIRST_DAY + 1);
}

#[test]
fn a_filter_on_a_partition_opens_no_other_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let rows = query(folder.path(), "explain select value from sales where day = date '2026-01-02' and region > 5");
    let plan = pretty_format_batches(&rows).expect("text").to_string();
    assert!(plan.contains("day=2026-01-02/region=12"), "{plan}");
    assert!(!plan.contains("day=2026-01-01") && !plan.contains("region=1/"), "{plan}");
}

#[test]
fn the_manifest_of_a_source_counts_rows_and_knows_bytes() {
    let folder = tempfile::tempdir().expect("a folder");
    let before = partitioned(folder.path());
    assert_eq!((before.files.len(), before.rows()), (4, 4));
    assert_eq!(before.files[0].file, "day=2026-01-01/region=1/part.parquet");
    assert!(before.files.iter().all(|file| file.sha256.len() == 64 && file.bytes > 0));
    assert_eq!(before.files, partitioned(folder.path()).files, "the same bytes have the same fingerprint");
}

#[test]
fn a_path_with_odd_characters_is_read() {
    let shop = Shop::new();
    let whole = shop.frame();
    let odd = shop.input().join("orders of 100% 'shops' #1 [new]?.parquet");
    fs::rename(shop.input().join("orders.parquet"), odd).expect("a file");
    shop.edit("job.toml", "path = \"orders.parquet\"", "path = \"orders of 100% 'shops' #1 [new]?.parquet\"");
    assert_eq!(whole, shop.frame());
}
