//! A small shop for whole-program tests: Parquet sources and a job folder, written afresh for every test.
//!
//! In: a seed of the test's own and edits. Out: a folder with `queries/shop`, `data/shop/input`, and the binary to run on
//! them. Small enough that a night takes a second.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Output;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int64Array, RecordBatch, RecordBatchReader as _, StringArray, TimestampMicrosecondArray};
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

/// 2026-01-01 00:00 UTC.
pub const FIRST_DAY: i64 = 20_454;
const DAY: i64 = 86_400_000_000;

/// One sale.
#[derive(Debug, Clone)]
pub struct Order {
    pub household: i64,
    pub product: i64,
    pub channel: &'static str,
    /// Microseconds since 1970-01-01 UTC.
    pub sold_at: i64,
    pub quantity: i64,
    pub amount: f64,
    /// When the row arrived.
    pub loaded_at: i64,
}

/// A shop in a folder of its own.
pub struct Shop {
    folder: tempfile::TempDir,
    pub orders: Vec<Order>,
}

/// A generator whose numbers are fixed by this file alone.
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// Uniform in `0..below`.
    pub fn below(&mut self, below: i64) -> i64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as i64) % below
    }
}

impl Shop {
    /// Forty households, twelve products, sixty days; each household has favourites that it buys again and again.
    pub fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut dice = Dice::new(11);
        let mut orders = Vec::new();
        for day in 0..60 {
            for household in 0..40 {
                for product in 0..12 {
                    let favourite = (household * 7 + product * 5) % 12 < 3;
                    let chance = if favourite { 30 } else { 4 };
                    if dice.below(100) >= chance {
                        continue;
                    }
                    let sold_at = (FIRST_DAY + day) * DAY + (8 + dice.below(10)) * 3_600_000_000;
                    let channel = if (household + product) % 3 == 0 { "app" } else { "store" };
                    let quantity = 1 + dice.below(3);
                    orders.push(Order {
                        household,
                        product,
                        channel,
                        sold_at,
                        quantity,
                        amount: (quantity * (1 + product)) as f64 + 0.5,
                        loaded_at: sold_at + 3_600_000_000,
                    });
                }
            }
        }
        let shop = Self { folder, orders };
        shop.write_job();
        shop.write_data();
        shop
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub fn job(&self) -> PathBuf {
        self.path().join("queries/shop")
    }

    pub fn input(&self) -> PathBuf {
        self.path().join("data/shop/input")
    }

    pub fn runs(&self) -> PathBuf {
        self.path().join("data/shop/runs")
    }

    /// The published run's folder.
    pub fn current(&self) -> PathBuf {
        let id = fs::read_to_string(self.runs().join("CURRENT")).expect("a published run");
        self.runs().join(id.trim())
    }

    /// Replaces a text in a file of the job.
    #[track_caller]
    pub fn edit(&self, file: &str, from: &str, to: &str) {
        let path = self.job().join(file);
        let text = fs::read_to_string(&path).expect("a file of the job");
        assert!(text.contains(from), "{file} does not contain {from}");
        fs::write(path, text.replacen(from, to, 1)).expect("a writable job");
    }

    /// Writes a file of the job.
    pub fn put(&self, file: &str, text: &str) {
        let path = self.job().join(file);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, text).expect("a writable job");
    }

    /// Writes the sources as they are now.
    pub fn write_data(&self) {
        write_orders(&self.input().join("orders.parquet"), &self.orders);
        let names = (0..12).map(|product| Some(["bread", "milk", "tea"][product % 3])).collect::<StringArray>();
        write_parquet(
            &self.input().join("products.parquet"),
            vec![("product_id", Arc::new((0..12).collect::<Int64Array>()) as ArrayRef), ("category", Arc::new(names))],
        );
    }

    /// Runs the program in the shop's folder.
    pub fn polytask(&self, args: &[&str]) -> Output {
        assert_cmd::Command::cargo_bin("polytask").expect("the binary").current_dir(self.path()).args(args).output().expect("an exit")
    }

    /// Runs a night.
    pub fn night(&self, as_of: &str, more: &[&str]) -> Output {
        let mut args = vec!["run", "queries/shop", "--as-of", as_of];
        args.extend(more);
        self.polytask(&args)
    }

    /// Runs the program and expects it to succeed; returns what it said on stdout, then on stderr.
    #[track_caller]
    pub fn succeeds(&self, args: &[&str]) -> (String, String) {
        let output = self.polytask(args);
        let said = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        assert!(output.status.success(), "{}", said(&output.stderr));
        (said(&output.stdout), said(&output.stderr))
    }

    /// Publishes [`NIGHT`]; returns what it said on stderr.
    #[track_caller]
    pub fn published(&self) -> String {
        self.succeeds(&["run", "queries/shop", "--as-of", NIGHT]).1
    }

    /// Makes the training frame of [`NIGHT`] below `frame`; returns what it said on stderr.
    #[track_caller]
    pub fn framed(&self, more: &[&str]) -> String {
        let mut args = vec!["frame", "queries/shop", "--as-of", NIGHT, "--out", "frame"];
        args.extend(more);
        self.succeeds(&args).1
    }

    /// The bytes of each file of the training frame of [`NIGHT`].
    #[track_caller]
    pub fn frame(&self) -> BTreeMap<String, Vec<u8>> {
        self.framed(&[]);
        let files = fs::read_dir(self.path().join("frame")).expect("a folder").flatten();
        files.map(|file| (file.file_name().to_string_lossy().into_owned(), fs::read(file.path()).expect("a file"))).collect()
    }

    fn write_job(&self) {
        for (file, text) in FILES {
            self.put(file, text);
        }
        fs::create_dir_all(self.input()).expect("a folder");
    }
}

/// All that a program printed.
pub fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// The rows of a Parquet file.
#[track_caller]
pub fn read(path: &Path) -> RecordBatch {
    let file = File::open(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).expect("parquet").with_batch_size(1 << 20).build().expect("a reader");
    let schema = reader.schema();
    let batches: Vec<RecordBatch> = reader.map(|batch| batch.expect("rows")).collect();
    arrow::compute::concat_batches(&schema, &batches).expect("one schema")
}

/// Writes a Parquet file of columns.
pub fn write_parquet(path: &Path, columns: Vec<(&str, ArrayRef)>) {
    fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
    let batch = RecordBatch::try_from_iter(columns).expect("columns of one length");
    let mut writer = ArrowWriter::try_new(File::create(path).expect("a file"), batch.schema(), None).expect("a writer");
    writer.write(&batch).expect("written rows");
    writer.close().expect("a footer");
}

/// Writes sales as a Parquet file.
pub fn write_orders(path: &Path, orders: &[Order]) {
    let column = |f: &dyn Fn(&Order) -> i64| -> ArrayRef { Arc::new(orders.iter().map(f).collect::<Int64Array>()) };
    let instant = |f: &dyn Fn(&Order) -> i64| -> ArrayRef { Arc::new(TimestampMicrosecondArray::from_iter_values(orders.iter().map(f))) };
    write_parquet(
        path,
        vec![
            ("household_id", column(&|order| order.household)),
            ("product_id", column(&|order| order.product)),
            ("channel", Arc::new(orders.iter().map(|order| Some(order.channel)).collect::<StringArray>())),
            ("sold_at", instant(&|order| order.sold_at)),
            ("loaded_at", instant(&|order| order.loaded_at)),
            ("quantity", column(&|order| order.quantity)),
            ("amount", Arc::new(orders.iter().map(|order| order.amount).collect::<Float64Array>())),
        ],
    );
}

/// The night on which the tests run: 40 days of past.
pub const NIGHT: &str = "2026-02-20";

const FILES: &[(&str, &str)] = &[
    (
        "job.toml",
        r#"[job]
title = "A small shop"
keys = ["household_id", "product_id"]

[sources.orders]
path = "orders.parquet"
columns = { household_id = "int", sold_at = "timestamp", amount = "float" }

[sources.products]
path = "products.parquet"

[tables.orders]
time = "sold_at"
available = "loaded_at"

[snapshots]
every = "7 days"
count = 4
horizon = "7 days"

[scenario]
column = "channel"

[tasks.purchase]
kind = "binary"

[tasks.spend]
kind = "regression"
transform = "log1p"
after = "purchase"

[features]
categorical = ["category", "product_id"]

[encode]
min_count = 2
"#,
    ),
    (
        "clean/orders.sql",
        "-- Sales. Grain: one line of a receipt.\nselect\n    household_id,\n    product_id,\n    channel,\n    quantity,\n    amount,\n    sold_at,\n    loaded_at,\n    case when quantity <= 0 then 'no quantity' end as refused\nfrom raw.orders\n",
    ),
    ("clean/products.sql", "-- Products. Grain: one product.\nselect product_id, category from raw.products\n"),
    (
        "features/pair.sql",
        "-- Past purchases of a pair. Grain: household x product.\nselect\n    household_id,\n    product_id,\n    count(*) as purchases,\n    count(*) filter (where sold_at >= $as_of - interval '14 days') as purchases_14d,\n    sum(amount) as spend,\n    date_part('day', $as_of - max(sold_at)) as days_since\nfrom orders\ngroup by household_id, product_id\n",
    ),
    (
        "candidates.sql",
        "-- Every pair bought before. Grain: household x product x channel.\nselect household_id, product_id, last_value(channel order by sold_at, channel) as channel\nfrom orders\ngroup by household_id, product_id\n",
    ),
    (
        "examples.sql",
        "-- Candidates with what happened next. Grain: household x product x channel.\nwith bought as (\n    select household_id, product_id, sum(amount) as amount from outcome.orders group by household_id, product_id\n)\nselect\n    candidates.household_id,\n    candidates.product_id,\n    candidates.channel,\n    cast(bought.amount is not null as integer) as purchase,\n    coalesce(bought.amount, 0) as spend\nfrom candidates\nleft join bought on bought.household_id = candidates.household_id and bought.product_id = candidates.product_id\n",
    ),
    (
        "frame.sql",
        "-- What the model sees. Grain: one row of `rows`.\nselect\n    rows.household_id,\n    rows.product_id,\n    rows.channel,\n    products.category, -- category of the product\n    pair.purchases, -- purchases so far\n    pair.purchases_14d, -- purchases in the last 14 days\n    pair.spend as past_spend, -- spend so far\n    pair.days_since -- days since the last purchase\nfrom rows\nleft join pair on pair.household_id = rows.household_id and pair.product_id = rows.product_id\nleft join products on products.product_id = rows.product_id\n",
    ),
    (
        "checks/orders__amount_is_positive.sql",
        "-- A sale has an amount.\nselect household_id, product_id, amount from orders where amount < 0\n",
    ),
    (
        "decisions/top_products.sql",
        "-- Three products for each household. Grain: household x product.\nselect household_id, product_id, scenario, purchase, rank from scores where rank <= 3 order by household_id, rank\n",
    ),
    ("explore/by_channel.sql", "-- Mean score by channel.\nselect scenario, avg(purchase) as purchase from scores group by scenario\n"),
];
