//! `polytask new`: from Parquet files to a job that checks and runs; hostile names; refusals that write nothing.
//!
//! In: files written here, in many shapes. Out: what `new`, `check` and `run` make of them. The guesses are looked at in
//! the texts that they end in.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, BinaryArray, BooleanArray, Date32Array, Decimal128Array, DictionaryArray, FixedSizeListArray, Float64Array,
    Int32Array, Int64Array, StringArray, TimestampMicrosecondArray, TimestampMillisecondArray, UInt64Array,
};
use arrow::datatypes::{Float32Type, Int32Type};

use crate::shop::{Dice, FIRST_DAY, Shop, write_parquet};

const DAY: i64 = 86_400_000_000;

/// An empty place to work in.
struct Yard(tempfile::TempDir);

impl Yard {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("a temporary folder"))
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    /// A file of the job's input.
    fn input(&self, file: &str) -> PathBuf {
        self.path().join("data/guessed/input").join(file)
    }

    fn polytask(&self, args: &[&str]) -> Output {
        assert_cmd::Command::cargo_bin("polytask").expect("the binary").current_dir(self.path()).args(args).output().expect("an exit")
    }

    /// Everything below the yard, by its path.
    fn files(&self) -> BTreeSet<PathBuf> {
        let mut found = BTreeSet::new();
        let mut folders = vec![self.path().to_path_buf()];
        while let Some(folder) = folders.pop() {
            for entry in fs::read_dir(folder).expect("a folder").flatten() {
                if entry.path().is_dir() {
                    folders.push(entry.path());
                }
                found.insert(entry.path());
            }
        }
        found
    }

    /// Makes the job `guessed` from files of its input; returns what was said.
    #[track_caller]
    fn new_from(&self, files: &[&str]) -> String {
        let mut args = vec!["new", "queries/guessed", "--from"];
        let paths: Vec<String> = files.iter().map(|file| format!("data/guessed/input/{file}")).collect();
        args.extend(paths.iter().map(String::as_str));
        said(&self.polytask(&args))
    }

    /// Makes the job and checks it.
    #[track_caller]
    fn checked(&self, files: &[&str]) -> String {
        let summary = self.new_from(files);
        said(&self.polytask(&["check", "queries/guessed"]));
        summary
    }

    /// Makes the job, checks it, and runs the night that the summary names.
    ///
    /// What is learned from is made up, and may be worth nothing: no gate holds it.
    #[track_caller]
    fn published(&self, files: &[&str]) -> String {
        let summary = self.checked(files);
        let job = self.path().join("queries/guessed/job.toml");
        let text = fs::read_to_string(&job).unwrap_or_else(|error| panic!("job.toml: {error}"));
        fs::write(job, format!("{text}\n[gates]\nrequire = []\n")).expect("a writable job");
        let as_of = summary.rsplit("--as-of ").next().expect("a night").trim().to_owned();
        let output = self.polytask(&["run", "queries/guessed", "--as-of", &as_of]);
        assert!(said(&output).contains(&format!("published {as_of}-")), "{summary}");
        summary
    }

    /// `new` is refused with `code` and says `message` and a hint; nothing is written.
    #[track_caller]
    fn refused(&self, files: &[&str], code: i32, message: &str) {
        let before = self.files();
        let mut args = vec!["new", "queries/guessed", "--from"];
        args.extend(files);
        let output = self.polytask(&args);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{errors}");
        assert!(errors.contains(message), "no «{message}» in:\n{errors}");
        assert!(errors.contains("hint: "), "no hint in:\n{errors}");
        assert_eq!(before, self.files(), "something was written");
    }

    fn text(&self, file: &str) -> String {
        fs::read_to_string(self.path().join("queries/guessed").join(file)).unwrap_or_else(|error| panic!("{file}: {error}"))
    }

    /// A file of the job holds each of these texts.
    #[track_caller]
    fn holds(&self, file: &str, wanted: &[&str]) {
        let text = self.text(file);
        for wanted in wanted {
            assert!(text.contains(wanted), "no «{wanted}» in {file}:\n{text}");
        }
    }
}

#[track_caller]
fn said(output: &Output) -> String {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// What happened in sixty days: forty people, a dozen things, habits. Plain numbers, from which columns are made.
struct Events {
    person: Vec<i64>,
    thing: Vec<i64>,
    /// Microseconds since 1970.
    at: Vec<i64>,
    quantity: Vec<i64>,
}

impl Events {
    fn new() -> Self {
        let mut dice = Dice::new(5);
        let mut events = Self { person: Vec::new(), thing: Vec::new(), at: Vec::new(), quantity: Vec::new() };
        for day in 0..60 {
            for person in 0..40 {
                for thing in 0..12 {
                    let chance = if (person * 7 + thing * 5) % 12 < 3 { 30 } else { 4 };
                    if dice.below(100) < chance {
                        events.person.push(person);
                        events.thing.push(thing);
                        events.at.push((FIRST_DAY + day) * DAY + dice.below(20) * 3_600_000_000);
                        events.quantity.push(1 + dice.below(4));
                    }
                }
            }
        }
        events
    }

    fn len(&self) -> usize {
        self.person.len()
    }

    fn ints(&self, of: impl Fn(usize) -> i64) -> ArrayRef {
        Arc::new((0..self.len()).map(|row| Some(of(row))).collect::<Int64Array>())
    }

    fn texts(&self, of: impl Fn(usize) -> String) -> ArrayRef {
        Arc::new((0..self.len()).map(|row| Some(of(row))).collect::<StringArray>())
    }

    fn floats(&self, of: impl Fn(usize) -> f64) -> ArrayRef {
        Arc::new((0..self.len()).map(|row| Some(of(row))).collect::<Float64Array>())
    }

    fn instants(&self) -> ArrayRef {
        Arc::new(TimestampMicrosecondArray::from(self.at.clone()))
    }

    fn day(&self, row: usize) -> i64 {
        self.at[row].div_euclid(DAY)
    }

    fn date(&self, row: usize) -> String {
        let since = i32::try_from(self.day(row)).expect("a day of our time");
        (jiff::civil::date(1970, 1, 1) + jiff::Span::new().days(since)).to_string()
    }

    /// Whether a click came of it: habits click more.
    fn clicked(&self, row: usize) -> bool {
        let habit = (self.person[row] * 7 + self.thing[row] * 5) % 12 < 3;
        (self.at[row] / 3_600_000_000 + self.person[row]) % 5 < if habit { 3 } else { 1 }
    }

    fn bought(&self, row: usize) -> bool {
        self.clicked(row) && self.at[row] / 3_600_000_000 % 2 == 0
    }
}

/// Twelve things.
fn things(key: &str) -> Vec<(&str, ArrayRef)> {
    vec![
        (key, Arc::new((0..12).collect::<Int64Array>()) as ArrayRef),
        ("category", Arc::new((0..12).map(|thing| Some(["bread", "milk", "tea"][thing % 3])).collect::<StringArray>())),
        ("list_price", Arc::new((0..12).map(|thing| Some(1.5 + f64::from(thing))).collect::<Float64Array>())),
    ]
}

#[test]
fn from_the_small_shops_files_a_job_is_made_that_checks_and_publishes() {
    let shop = Shop::new();
    let yard = Yard::new();
    fs::create_dir_all(yard.input("")).expect("a folder");
    for file in ["orders.parquet", "products.parquet"] {
        fs::copy(shop.input().join(file), yard.input(file)).expect("a copy");
    }
    let summary = yard.published(&["orders.parquet", "products.parquet"]);
    assert!(summary.contains("polytask run queries/guessed --as-of 2026-03-02"), "{summary}");
    yard.holds(
        "job.toml",
        &[
            "keys = [\"household_id\", \"product_id\"]",
            "path = \"orders.parquet\"",
            "time = \"sold_at\"",
            "available = \"loaded_at\"",
            "column = \"channel\"",
            "[tasks.bought_again]\n",
            "[tasks.spend]\n",
            "after = \"bought_again\"",
            "every = \"7 days\"",
            "history = \"28 days\"",
            "came back within 7 days",
        ],
    );
    yard.holds("clean/orders.sql", &["when household_id is null then 'no household_id'", "when sold_at is null then 'no sold_at'"]);
    yard.holds("examples.sql", &["from candidates", "outcome.orders"]);
    yard.holds("frame.sql", &["products.category -- category of the product", " as pair_due, -- "]);
    yard.holds("decisions/top_items.sql", &["left join products on products.product_id = scores.product_id"]);
}

#[test]
fn a_job_elsewhere_names_its_sources_by_their_whole_path() {
    let shop = Shop::new();
    let (orders, products) = (shop.input().join("orders.parquet"), shop.input().join("products.parquet"));
    let (orders, products) = (orders.to_string_lossy(), products.to_string_lossy());
    said(&shop.polytask(&["new", "jobs/elsewhere", "--from", &orders, &products]));
    let text = fs::read_to_string(shop.path().join("jobs/elsewhere/job.toml")).expect("a job");
    let whole = shop.input().canonicalize().expect("a folder").join("orders.parquet");
    assert!(text.contains(&format!("path = \"{}\"", whole.display())), "{text}");
    said(&shop.polytask(&["check", "jobs/elsewhere"]));
}

#[test]
fn events_that_carry_labels_are_learned_from_as_they_were_shown() {
    let (yard, events) = (Yard::new(), Events::new());
    let flags = |of: &dyn Fn(usize) -> bool| -> ArrayRef { Arc::new((0..events.len()).map(|row| Some(of(row))).collect::<BooleanArray>()) };
    write_parquet(
        &yard.input("impressions.parquet"),
        vec![
            ("event_id", events.ints(|row| row as i64)),
            ("user_id", events.ints(|row| events.person[row])),
            ("item_id", events.ints(|row| events.thing[row])),
            ("placement", events.texts(|row| ["home", "search", "cart"][events.quantity[row] as usize % 3].into())),
            ("is_purchased", events.ints(|row| i64::from(events.bought(row)))),
            ("clicked", flags(&|row| events.clicked(row))),
            ("revenue", events.floats(|row| if events.bought(row) { events.quantity[row] as f64 * 2.5 } else { 0.0 })),
            ("event_time", events.instants()),
        ],
    );
    write_parquet(&yard.input("items.parquet"), things("item_id"));
    yard.published(&["impressions.parquet", "items.parquet"]);
    yard.holds(
        "job.toml",
        &[
            "column = \"placement\"",
            "[tasks.clicked]\n",
            "[tasks.is_purchased]\n",
            "after = \"clicked\"",
            "[tasks.revenue]\n",
            "after = \"is_purchased\"",
        ],
    );
    yard.holds("examples.sql", &["max(clicked) as clicked", "from outcome.impressions\ngroup by user_id, item_id, placement"]);
    yard.holds("features/user_history.sql", &["avg(clicked) as user_clicked_rate_28d"]);
    // An id of its own in every row is neither key nor feature.
    assert!(!yard.text("frame.sql").contains("event_id"));
}

#[test]
fn a_spreadsheet_of_invoices_is_read_as_it_is() {
    let (yard, events) = (Yard::new(), Events::new());
    // As pandas writes it: ids with gaps are floats, names have humps.
    let customers: Float64Array = (0..events.len()).map(|row| (row % 9 > 0).then_some(10_000.0 + events.person[row] as f64)).collect();
    write_parquet(
        &yard.input("Online Retail.parquet"),
        vec![
            ("InvoiceNo", events.texts(|row| format!("A{}", events.at[row] / DAY * 100 + events.person[row]))),
            ("StockCode", events.texts(|row| format!("S{}", events.thing[row]))),
            ("Description", events.texts(|row| format!("A RED SHINY THING NO {}", events.thing[row]))),
            ("Quantity", events.ints(|row| if row % 50 == 0 { -1 } else { events.quantity[row] })),
            ("InvoiceDate", events.instants()),
            ("UnitPrice", events.floats(|row| events.thing[row] as f64 + 0.75)),
            ("CustomerID", Arc::new(customers)),
        ],
    );
    yard.published(&["Online Retail.parquet"]);
    yard.holds("job.toml", &["[sources.online_retail]", "keys = [\"customer_id\", \"stock_code\"]", "InvoiceDate = \"timestamp\""]);
    yard.holds("clean/online_retail.sql", &["try_cast(\"CustomerID\" as bigint) as customer_id", "\"Quantity\" * \"UnitPrice\" as amount"]);
    yard.holds("examples.sql", &["sum(amount) as amount_sum"]);
    yard.holds("features/stock_history.sql", &["last_value(description order by invoice_date, description) as stock_description"]);
}

#[test]
fn people_without_things_are_rows_of_their_own() {
    let (yard, events) = (Yard::new(), Events::new());
    let few: Vec<usize> = (0..events.len()).filter(|row| events.thing[*row] == events.person[*row] % 12).collect();
    let ints = |of: &dyn Fn(usize) -> i64| -> ArrayRef { Arc::new(few.iter().map(|row| Some(of(*row))).collect::<Int64Array>()) };
    write_parquet(
        &yard.input("visits.parquet"),
        vec![
            ("visitor", ints(&|row| events.person[row])),
            ("device", Arc::new(few.iter().map(|row| Some(["phone", "desktop"][row % 2])).collect::<StringArray>()) as ArrayRef),
            ("pages", ints(&|row| events.quantity[row])),
            ("visited_at", ints(&|row| events.at[row] / 1_000_000)),
        ],
    );
    yard.published(&["visits.parquet"]);
    yard.holds("job.toml", &["keys = [\"visitor\"]", "[tasks.comes_back]\n", "column = \"device\""]);
    yard.holds("clean/visits.sql", &["to_timestamp_seconds(try_cast(visited_at as bigint)) as visited_at"]);
    assert!(!yard.path().join("queries/guessed/decisions/top_items.sql").exists());
}

#[test]
fn pairs_that_never_come_back_are_no_rows() {
    let yard = Yard::new();
    // Each reader meets each story once.
    let (mut readers, mut stories, mut at) = (Vec::new(), Vec::new(), Vec::new());
    let mut dice = Dice::new(3);
    for day in 0..60 {
        for reader in 0..60_i64 {
            if dice.below(10) < 3 {
                readers.push(reader);
                stories.push(day * 5 + dice.below(5));
                at.push((FIRST_DAY + day) * DAY + reader);
            }
        }
    }
    write_parquet(
        &yard.input("reads.parquet"),
        vec![
            ("reader_id", Arc::new(Int64Array::from(readers)) as ArrayRef),
            ("story_id", Arc::new(Int64Array::from(stories))),
            ("read_at", Arc::new(TimestampMicrosecondArray::from(at))),
        ],
    );
    let summary = yard.published(&["reads.parquet"]);
    assert!(summary.contains("story_id is no key: a reader hardly ever meets the same story again"), "{summary}");
    yard.holds("job.toml", &["keys = [\"reader_id\"]"]);
}

#[test]
fn ratings_are_predicted_as_they_are() {
    let (yard, events) = (Yard::new(), Events::new());
    write_parquet(
        &yard.input("ratings.parquet"),
        vec![
            ("userId", events.ints(|row| events.person[row])),
            ("movieId", events.ints(|row| events.thing[row])),
            ("rating", events.floats(|row| (events.thing[row] % 4) as f64 + 1.5 + 0.5 * (row % 3) as f64)),
            ("timestamp", events.ints(|row| events.at[row] / 1_000_000)),
        ],
    );
    yard.published(&["ratings.parquet"]);
    yard.holds("job.toml", &["[tasks.rating]\n", "kind = \"regression\"\n"]);
    yard.holds("examples.sql", &["avg(rating) as rating"]);
    yard.holds("clean/ratings.sql", &["as \"timestamp\""]);
}

#[test]
fn hive_folders_become_typed_partitions() {
    let (yard, events) = (Yard::new(), Events::new());
    let by: BTreeSet<(String, i64)> = (0..events.len()).map(|row| (events.date(row), events.quantity[row] % 2)).collect();
    for (date, store) in by {
        let rows: Vec<usize> = (0..events.len()).filter(|row| events.date(*row) == date && events.quantity[*row] % 2 == store).collect();
        let channel = ["web", "app"][store as usize];
        write_parquet(
            &yard.input(&format!("sales/day={date}/channel={channel}/shard=0{store}/part.parquet")),
            vec![
                (
                    "customer",
                    Arc::new(rows.iter().map(|row| Some(format!("c{}", events.person[*row]))).collect::<StringArray>()) as ArrayRef,
                ),
                ("sku", Arc::new(rows.iter().map(|row| Some(format!("s{}", events.thing[*row]))).collect::<StringArray>())),
                ("amount", Arc::new(rows.iter().map(|row| Some(events.quantity[*row] as f64)).collect::<Float64Array>())),
            ],
        );
    }
    fs::write(yard.input("sales/_SUCCESS"), "").expect("a mark");
    yard.published(&["sales"]);
    yard.holds(
        "job.toml",
        &[
            "path = \"sales\"",
            "partitions = { day = \"date\", channel = \"text\", shard = \"int\" }",
            "time = \"day\"",
            "column = \"channel\"",
            "keys = [\"customer\", \"sku\"]",
        ],
    );
}

#[test]
fn a_partition_that_its_files_repeat_is_read_from_the_files() {
    let (yard, events) = (Yard::new(), Events::new());
    write_parquet(
        &yard.input("sales/channel=web/part.parquet"),
        vec![
            ("customer_id", events.ints(|row| events.person[row])),
            ("product_id", events.ints(|row| events.thing[row])),
            ("channel", events.texts(|_| "web".into())),
            ("sold_at", events.instants()),
        ],
    );
    yard.checked(&["sales"]);
    assert!(!yard.text("job.toml").contains("partitions"));
}

#[test]
fn hostile_names_are_quoted_or_renamed() {
    let (yard, events) = (Yard::new(), Events::new());
    write_parquet(
        &yard.input("1 Order's \"lines\"; drop table x --.parquet"),
        vec![
            ("User ID", events.ints(|row| events.person[row])),
            ("product\"id", events.ints(|row| events.thing[row])),
            ("select", events.texts(|row| format!("v{}", row % 3))),
            ("Group", events.floats(|row| row as f64)),
            ("rank", events.floats(|row| (row % 7) as f64)),
            ("refused", events.texts(|row| format!("r{}", row % 3))),
            ("naïve größe", events.floats(|row| (row % 5) as f64)),
            ("数量", events.ints(|row| events.quantity[row])),
            ("user_id", events.texts(|row| format!("other {}", row % 5))),
            ("-- '; $as_of \\ {x}", events.floats(|row| (row % 11) as f64)),
            ("device\u{202e}", events.texts(|row| ["it's \"a\" phone\\", "new\nline"][row % 2].into())),
            ("y_bought_again", events.floats(|row| (row % 3) as f64)),
            ("days_ago", events.floats(|row| (row % 3) as f64)),
            ("when", events.instants()),
        ],
    );
    // Tables with names that SQL and polytask have for themselves.
    let mut names = things("product_id");
    names.push(("select", Arc::new((0..12).map(|at| Some(["a", "b"][at % 2])).collect::<StringArray>())));
    names.push(("scenario", Arc::new((0..12).map(|at| Some(["a", "b"][at % 2])).collect::<StringArray>())));
    write_parquet(&yard.input("rows.parquet"), names.clone());
    for table in ["select.parquet", "order.parquet", "seen.parquet", "typed.parquet", "outcomes.parquet", "pair_history.parquet"] {
        write_parquet(&yard.input(table), names.clone());
    }
    yard.published(&[
        "1 Order's \"lines\"; drop table x --.parquet",
        "rows.parquet",
        "select.parquet",
        "order.parquet",
        "seen.parquet",
        "typed.parquet",
        "outcomes.parquet",
        "pair_history.parquet",
    ]);
    yard.holds(
        "job.toml",
        &[
            "[sources.t_1_order_s_lines_drop_table_x]",
            "path = \"1 Order's \\\"lines\\\"; drop table x --.parquet\"",
            "[sources.rows_table]",
        ],
    );
    yard.holds(
        "clean/t_1_order_s_lines_drop_table_x.sql",
        &["\"product\"\"id\"", "refused as raw_refused", "rank as raw_rank", "\"select\""],
    );
}

#[test]
fn every_word_of_sql_can_be_the_name_of_a_column() {
    let (yard, events) = (Yard::new(), Events::new());
    let words: Vec<String> = datafusion::sql::sqlparser::keywords::ALL_KEYWORDS.iter().map(|word| word.to_lowercase()).collect();
    assert!(words.len() > 500, "where are the keywords?");
    write_parquet(
        &yard.input("sales.parquet"),
        vec![
            ("shopper_key", events.ints(|row| events.person[row])),
            ("article_key", events.ints(|row| events.thing[row])),
            ("sold_at", events.instants()),
        ],
    );
    // Described articles, so that each word is a column of clean queries and of the frame.
    let mut files = vec!["sales.parquet".to_owned()];
    for (at, words) in words.chunks(25).enumerate() {
        let mut columns = vec![("article_key", Arc::new((0..12).collect::<Int64Array>()) as ArrayRef)];
        let values: ArrayRef = Arc::new((0..12).map(|at| Some(["a", "b"][at % 2])).collect::<StringArray>());
        columns.extend(words.iter().map(|word| (word.as_str(), Arc::clone(&values))));
        files.push(format!("words{at}.parquet"));
        write_parquet(&yard.input(files.last().expect("a file")), columns);
    }
    yard.checked(&files.iter().map(String::as_str).collect::<Vec<_>>());
}

#[test]
fn stray_times_do_not_move_the_night() {
    let (yard, events) = (Yard::new(), Events::new());
    let mut at = events.at.clone();
    at[10] = 0;
    at[20] = 4_102_444_700_000_000;
    write_parquet(
        &yard.input("orders.parquet"),
        vec![
            ("customer_id", events.ints(|row| events.person[row])),
            ("product_id", events.ints(|row| events.thing[row])),
            ("ordered_at", Arc::new(TimestampMicrosecondArray::from(at)) as ArrayRef),
        ],
    );
    let summary = yard.published(&["orders.parquet"]);
    assert!(summary.contains("--as-of 2026-03-02"), "{summary}");
    yard.holds("clean/orders.sql", &["then 'ordered_at long before the others'"]);
}

#[test]
fn late_rows_give_outcomes_time_to_settle() {
    let (yard, events) = (Yard::new(), Events::new());
    write_parquet(
        &yard.input("orders.parquet"),
        vec![
            ("customer_id", events.ints(|row| events.person[row])),
            ("product_id", events.ints(|row| events.thing[row])),
            ("ordered_at", events.instants()),
            (
                "ingested_at",
                Arc::new((0..events.len()).map(|row| Some(events.at[row] + (row as i64 % 3) * DAY)).collect::<TimestampMicrosecondArray>()),
            ),
        ],
    );
    yard.published(&["orders.parquet"]);
    yard.holds("job.toml", &["available = \"ingested_at\"", "settle = \"2 days\""]);
}

/// Kinds of columns, each of which an event table may have.
fn times(events: &Events) -> Vec<(&'static str, ArrayRef)> {
    let dates = (0..events.len()).map(|row| i32::try_from(events.day(row)).ok()).collect::<Date32Array>();
    let zoned = TimestampMillisecondArray::from_iter_values(events.at.iter().map(|at| at / 1000)).with_timezone("Europe/Berlin");
    vec![
        ("sold_at", events.instants()),
        ("sold_at", Arc::new(zoned)),
        ("sold_on", Arc::new(dates)),
        ("sale_date", events.texts(|row| events.date(row))),
        ("sale_time", events.texts(|row| format!("{}T08:15:00Z", events.date(row)))),
        ("date", events.ints(|row| events.date(row).replace('-', "").parse().expect("digits"))),
        ("time_ms", events.ints(|row| events.at[row] / 1000)),
        ("ts", events.floats(|row| (events.at[row] / 1_000_000) as f64)),
        ("timestamp", Arc::new(UInt64Array::from_iter_values(events.at.iter().map(|at| (at * 1000) as u64)))),
    ]
}

fn ids(events: &Events, of: &[i64]) -> Vec<ArrayRef> {
    let texts: Vec<String> = of.iter().map(|id| format!("id {id}")).collect();
    let dictionary: DictionaryArray<Int32Type> = texts.iter().map(String::as_str).collect();
    vec![
        events.ints(|row| of[row]),
        Arc::new(Int32Array::from_iter_values(of.iter().map(|id| *id as i32))),
        Arc::new(UInt64Array::from_iter_values(of.iter().map(|id| u64::MAX - *id as u64))),
        events.floats(|row| of[row] as f64),
        events.texts(|row| texts[row].clone()),
        Arc::new(dictionary),
        Arc::new(BinaryArray::from_iter_values(texts.iter().map(String::as_bytes))),
        Arc::new(BinaryArray::from_iter_values(of.iter().map(|id| [0xff, 0xfe, *id as u8]))),
    ]
}

fn quantities(events: &Events) -> Vec<(&'static str, ArrayRef)> {
    let decimals = Decimal128Array::from_iter_values(events.quantity.iter().map(|quantity| i128::from(*quantity) * 199));
    vec![
        ("amount", events.floats(|row| events.quantity[row] as f64)),
        ("price", Arc::new(decimals.with_precision_and_scale(10, 2).expect("a decimal"))),
        ("revenue", events.floats(|row| if row % 9 == 0 { f64::NAN } else { events.quantity[row] as f64 })),
        ("pages", events.ints(|row| events.quantity[row])),
    ]
}

fn labels(events: &Events) -> Vec<(&'static str, ArrayRef)> {
    vec![
        ("clicked", Arc::new((0..events.len()).map(|row| Some(events.clicked(row))).collect::<BooleanArray>())),
        ("is_click", events.ints(|row| i64::from(events.clicked(row)))),
        ("converted", events.floats(|row| f64::from(u8::from(events.bought(row))))),
        ("note", events.texts(|row| format!("note {}", row % 4))),
    ]
}

fn scenarios(events: &Events) -> Vec<(&'static str, ArrayRef)> {
    let named: DictionaryArray<Int32Type> = (0..events.len()).map(|row| ["web", "app"][row % 2]).collect();
    let gaps = (0..events.len()).map(|row| [Some("web"), None, Some("app")][row % 3]).collect::<StringArray>();
    vec![
        ("channel", events.texts(|row| ["web", "app", "store"][row % 3].into())),
        ("source", Arc::new(named)),
        ("page", Arc::new(gaps)),
        ("tab", events.ints(|row| row as i64 % 4)),
        ("scenario", events.texts(|row| format!("s{row}"))),
        ("colour", events.texts(|row| ["red", "blue"][row % 2].into())),
    ]
}

/// Things with everything that a catalogue may hold.
fn catalogue(key: &str, keys: ArrayRef) -> Vec<(&str, ArrayRef)> {
    let rows = keys.len();
    let texts = |of: &dyn Fn(usize) -> String| -> ArrayRef { Arc::new((0..rows).map(|row| Some(of(row))).collect::<StringArray>()) };
    let vectors: Vec<Option<Vec<Option<f32>>>> = (0..rows).map(|row| Some(vec![Some(row as f32), Some(0.5), None])).collect();
    vec![
        (key, keys),
        ("title", texts(&|row| format!("a long name of thing {row}"))),
        ("brand", texts(&|row| ["acme", "apex"][row % 2].into())),
        ("brand_id", Arc::new((0..rows).map(|row| Some(row as i64 % 3)).collect::<Int64Array>())),
        ("is_new", Arc::new((0..rows).map(|row| Some(row % 2 == 0)).collect::<BooleanArray>())),
        ("embedding", Arc::new(FixedSizeListArray::from_iter_primitive::<Float32Type, _, _>(vectors, 3))),
        ("listed_on", Arc::new(Date32Array::from_iter_values((0..rows).map(|row| (FIRST_DAY + row as i64) as i32)))),
        ("last_sold_at", Arc::new(TimestampMicrosecondArray::from_iter_values((0..rows).map(|row| row as i64)))),
        ("total_sales", Arc::new((0..rows).map(|row| Some(row as i64)).collect::<Int64Array>())),
        ("blob", Arc::new(BinaryArray::from_iter_values((0..rows).map(|row| [0xff, row as u8])))),
        ("nothing", Arc::new(StringArray::new_null(rows))),
    ]
}

/// Makes a job of one kind of each column, and checks it.
#[track_caller]
fn one_kind(turn: usize, publish: bool) {
    let (yard, events) = (Yard::new(), Events::new());
    let pick = |kinds: Vec<(&'static str, ArrayRef)>, step: usize| kinds[(turn * step + turn / 3) % kinds.len()].clone();
    let (people, articles) = (ids(&events, &events.person), ids(&events, &events.thing));
    let (person, article) = (Arc::clone(&people[turn % 8]), Arc::clone(&articles[(turn * 3 + 1) % 8]));
    let mut columns = vec![("customer_id", person), ("product_id", Arc::clone(&article))];
    columns.extend([pick(times(&events), 1), pick(quantities(&events), 1), pick(labels(&events), 3), pick(scenarios(&events), 5)]);
    write_parquet(&yard.input("sales.parquet"), columns);
    // The catalogue has the events' own ids, each once.
    let first: Vec<u64> = (0..12).map(|thing| events.thing.iter().position(|found| *found == thing).expect("a thing") as u64).collect();
    let keys = arrow::compute::take(&article, &UInt64Array::from(first), None).expect("twelve ids");
    write_parquet(&yard.input("products.parquet"), catalogue("product_id", keys));
    // A second table of events, and one that nothing joins.
    write_parquet(
        &yard.input("complaints.parquet"),
        vec![("customer_id", Arc::clone(&people[(turn + 1) % 8])), ("at", events.instants()), ("stars", events.ints(|row| row as i64 % 5))],
    );
    write_parquet(&yard.input("weather.parquet"), vec![("week", Arc::new(Int64Array::from(vec![1, 1, 2])) as ArrayRef)]);
    let files = ["sales.parquet", "products.parquet", "complaints.parquet", "weather.parquet"];
    if publish {
        yard.published(&files)
    } else {
        yard.checked(&files)
    };
    // Explorations are for the analyst's shell, which does not try them here: as a decision each is planned.
    let explored = yard.text("explore/events_by_day.sql");
    fs::write(yard.path().join("queries/guessed/decisions/explored.sql"), explored).expect("a query");
    said(&yard.polytask(&["check", "queries/guessed"]));
}

#[test]
fn kinds_of_columns_all_make_jobs_that_check() {
    for turn in 0..24 {
        one_kind(turn, false);
    }
}

#[test]
fn kinds_of_columns_make_jobs_that_publish() {
    for turn in [3, 11, 19] {
        one_kind(turn, true);
    }
}

#[test]
fn an_empty_folder_is_filled_and_a_full_one_is_left_alone() {
    let (yard, events) = (Yard::new(), Events::new());
    write_parquet(
        &yard.input("sales.parquet"),
        vec![
            ("customer_id", events.ints(|row| events.person[row])),
            ("product_id", events.ints(|row| events.thing[row])),
            ("sold_at", events.instants()),
        ],
    );
    fs::create_dir_all(yard.path().join("queries/guessed")).expect("a folder");
    yard.checked(&["sales.parquet"]);
    yard.refused(&["data/guessed/input/sales.parquet"], 2, "`queries/guessed` is there already");
}

#[test]
fn a_table_without_a_time_is_refused_with_a_hint() {
    let yard = Yard::new();
    write_parquet(&yard.input("products.parquet"), things("product_id"));
    yard.refused(
        &["data/guessed/input/products.parquet"],
        3,
        "no table says when something happened: `products.parquet` has no timestamp or date column",
    );
}

#[test]
fn a_table_in_which_nothing_happens_twice_is_refused() {
    let yard = Yard::new();
    let days = Date32Array::from_iter_values((0..90).map(|day| FIRST_DAY as i32 + day));
    write_parquet(
        &yard.input("customers.parquet"),
        vec![("customer_id", Arc::new((0..90).collect::<Int64Array>()) as ArrayRef), ("signup_date", Arc::new(days))],
    );
    write_parquet(&yard.input("orders.parquet"), vec![("order_id", Arc::new((0..2).collect::<Int64Array>()) as ArrayRef)]);
    yard.refused(&["data/guessed/input/customers.parquet"], 3, "`customers.parquet`");
}

#[test]
fn too_few_days_are_refused_by_column() {
    let (yard, events) = (Yard::new(), Events::new());
    write_parquet(
        &yard.input("sales.parquet"),
        vec![
            ("customer_id", events.ints(|row| events.person[row])),
            ("product_id", events.ints(|row| events.thing[row])),
            (
                "sold_at",
                Arc::new(TimestampMicrosecondArray::from_iter_values(events.at.iter().map(|at| FIRST_DAY * DAY + at % (3 * DAY))))
                    as ArrayRef,
            ),
        ],
    );
    yard.refused(&["data/guessed/input/sales.parquet"], 3, "column `sold_at` spans 3 day(s), from 2026-01-01 to 2026-01-03");
}

#[test]
fn what_is_no_parquet_is_refused_by_file() {
    let yard = Yard::new();
    fs::create_dir_all(yard.input("empty")).expect("a folder");
    fs::write(yard.input("notes.parquet"), "not a table").expect("a file");
    fs::write(yard.input("sales.csv"), "a,b\n1,2\n").expect("a file");
    yard.refused(&["data/guessed/input/notes.parquet"], 3, "`notes.parquet` cannot be read as Parquet");
    yard.refused(&["data/guessed/input/sales.csv"], 3, "its name does not end in .parquet");
    yard.refused(&["data/guessed/input/empty"], 3, "holds no .parquet file");
    yard.refused(&["data/guessed/input/absent.parquet"], 2, "there is no `data/guessed/input/absent.parquet`");
    write_parquet(&yard.input("nothing.parquet"), vec![("customer_id", Arc::new(Int64Array::from(Vec::<i64>::new())) as ArrayRef)]);
    yard.refused(&["data/guessed/input/nothing.parquet"], 3, "`nothing.parquet` has 0 rows");
}

#[test]
fn names_with_control_characters_are_refused() {
    let (yard, events) = (Yard::new(), Events::new());
    for name in ["a\nb", "a\u{7}b", "a\rb", "\0"] {
        let columns = vec![(name, events.ints(|row| row as i64)), ("sold_at", events.instants())];
        write_parquet(&yard.input("sales.parquet"), columns);
        yard.refused(&["data/guessed/input/sales.parquet"], 3, "has control characters in its name");
    }
    write_parquet(&yard.input("sales.parquet"), vec![("", events.ints(|row| row as i64)), ("sold_at", events.instants())]);
    yard.refused(&["data/guessed/input/sales.parquet"], 3, "has no name");
    let odd = yard.input("a\nb.parquet");
    write_parquet(&odd, vec![("sold_at", events.instants())]);
    yard.refused(&["data/guessed/input/a\nb.parquet"], 3, "its name holds control characters");
}

#[test]
fn a_folder_of_different_tables_is_refused_by_column() {
    let (yard, events) = (Yard::new(), Events::new());
    write_parquet(&yard.input("a.parquet"), vec![("customer_id", events.ints(|row| row as i64)), ("sold_at", events.instants())]);
    write_parquet(&yard.input("b.parquet"), vec![("customer_id", events.texts(|row| row.to_string()))]);
    yard.refused(&["data/guessed/input"], 3, "column `customer_id` is Utf8, but Int64 in `input/a.parquet`");
    fs::remove_file(yard.input("b.parquet")).expect("a file");
    write_parquet(&yard.input("c.parquet"), vec![("customer_id", events.ints(|row| row as i64))]);
    yard.refused(&["data/guessed/input"], 3, "column `sold_at` is missing, but");
    write_parquet(&yard.input("mixed/day=1/a.parquet"), vec![("customer_id", events.ints(|row| row as i64))]);
    write_parquet(&yard.input("mixed/a.parquet"), vec![("customer_id", events.ints(|row| row as i64))]);
    yard.refused(&["data/guessed/input/mixed"], 3, "does not lie below the folders");
}
