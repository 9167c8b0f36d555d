//! `polytask sql` as a whole program on the small shop: where questions come from, the forms of answers, what is refused and how a
//! mistake is told. Not here: what the tables hold (`sql_tables`), the shell at a terminal (`sql_shell`).

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use arrow::array::AsArray as _;
use arrow::datatypes::{DataType, Int64Type};

use crate::shop::{NIGHT, Shop, read};

/// The first two products.
const TWO: &str = "select product_id, category from raw.products order by product_id limit 2";

fn said(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

pub fn sql(shop: &Shop, more: &[&str]) -> Output {
    shop.polytask(&[&["sql", "queries/shop"], more].concat())
}

/// What a question prints on stdout.
#[track_caller]
fn answer(shop: &Shop, more: &[&str]) -> String {
    let output = sql(shop, more);
    assert!(output.status.success(), "{more:?}: {}", said(&output.stderr));
    said(&output.stdout)
}

/// Fails with `code` and prints nothing; the error says each of `says`.
#[track_caller]
pub fn wrong(shop: &Shop, more: &[&str], code: i32, says: &[&str]) {
    let output = sql(shop, more);
    let errors = said(&output.stderr);
    assert_eq!(output.status.code(), Some(code), "{more:?}: {errors}{}", said(&output.stdout));
    assert!(output.stdout.is_empty(), "{more:?}: {}", said(&output.stdout));
    assert!(errors.starts_with("error: ") && errors.contains("\nhint: "), "{more:?}: {errors}");
    for part in says {
        assert!(errors.contains(part), "{more:?}: no «{part}» in\n{errors}");
    }
}

/// Every file below a folder with its bytes.
pub fn tree(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let (mut found, mut waiting) = (BTreeMap::new(), vec![folder.to_path_buf()]);
    while let Some(here) = waiting.pop() {
        for entry in fs::read_dir(here).expect("a folder").flatten() {
            let path = entry.path();
            if path.is_dir() {
                waiting.push(path);
            } else {
                found.insert(path.clone(), fs::read(path).expect("a file"));
            }
        }
    }
    found
}

#[test]
fn questions_come_from_arguments_files_pipes_and_saved_queries() {
    let shop = Shop::new();
    let csv = |more: &[&str]| answer(&shop, &[&["--format", "csv"], more].concat());
    assert_eq!(csv(&["-c", "select 1 as a", "-c", "select 2 as b; select 3 as c"]), "a\n1\nb\n2\nc\n3\n");
    fs::write(shop.path().join("two.sql"), "-- Two; questions.\nselect ';' as a;\n\n/* ; */ select 'it''s' as \"b;\";\n").expect("a file");
    assert_eq!(csv(&["-f", "two.sql"]), "a\n;\nb;\nit's\n");
    shop.put("explore/dear.sql", "-- Lines dearer than $least.\nselect count(*) as lines from raw.orders where amount > $least\n");
    let dear = shop.orders.iter().filter(|order| order.amount > 20.0).count();
    assert_eq!(csv(&["@dear", "--param", "least=20"]), format!("lines\n{dear}\n"));
    let mut piped = assert_cmd::Command::cargo_bin("polytask").expect("the binary");
    let piped = piped.current_dir(shop.path()).args(["sql", "queries/shop", "--format", "tsv"]).write_stdin("select 'a\tb' as t;\n@dear\n");
    let output = piped.output().expect("an exit");
    assert_eq!(said(&output.stdout), "t\na\\tb\n", "the first is answered before the second fails");
    assert_eq!(output.status.code(), Some(2));
    assert!(said(&output.stderr).contains("`$least` has no value"), "{}", said(&output.stderr));
}

#[test]
fn an_answer_has_the_form_that_is_asked_for() {
    let shop = Shop::new();
    let form = |name: &str| answer(&shop, &["--format", name, "-c", TWO]);
    assert_eq!(
        answer(&shop, &["-c", TWO]),
        " product_id | category\n------------+----------\n          0 | bread\n          1 | milk\n(2 rows)\n"
    );
    assert_eq!(form("csv"), "product_id,category\n0,bread\n1,milk\n");
    assert_eq!(form("tsv"), "product_id\tcategory\n0\tbread\n1\tmilk\n");
    assert_eq!(form("ndjson"), "{\"product_id\":0,\"category\":\"bread\"}\n{\"product_id\":1,\"category\":\"milk\"}\n");
    assert_eq!(form("json"), "[{\"product_id\":0,\"category\":\"bread\"},{\"product_id\":1,\"category\":\"milk\"}]\n");
    assert_eq!(form("markdown"), "| product_id | category |\n| ---: | --- |\n| 0 | bread |\n| 1 | milk |\n");
    let parquet = sql(&shop, &["--format", "parquet", "-c", TWO]);
    fs::write(shop.path().join("piped.parquet"), &parquet.stdout).expect("a file");
    let rows = read(&shop.path().join("piped.parquet"));
    assert_eq!((rows.num_rows(), rows.schema().field(0).data_type()), (2, &DataType::Int64));
    assert_eq!(rows.column(0).as_primitive::<Int64Type>().values().to_vec(), [0, 1]);
    assert_eq!(answer(&shop, &["--format", "json", "-c", "select 1 as a where false"]), "[]\n");
    assert_eq!(answer(&shop, &["--format", "csv", "-c", "select 1 as a where false"]), "a\n");
    wrong(&shop, &["--format", "csv", "-c", "select 1 as a, cast('x' as int) as b"], 3, &["Cannot cast string 'x'", "try_cast()"]);
}

#[test]
fn a_file_is_written_whole_or_not_at_all() {
    let shop = Shop::new();
    let all = "select household_id, amount from raw.orders";
    let output = sql(&shop, &["--format", "csv", "--out", "new/orders.csv", "-c", all]);
    assert!(output.status.success() && output.stdout.is_empty(), "{}", said(&output.stderr));
    assert!(said(&output.stderr).contains("orders.csv: "), "{}", said(&output.stderr));
    let file = shop.path().join("new/orders.csv");
    let text = fs::read_to_string(&file).expect("a file");
    assert_eq!(text.lines().count(), 1 + shop.orders.len());
    // It fails when rows are written already.
    let late = "select household_id, cast(case when household_id = 39 then 'x' else '1' end as int) as n from raw.orders order by 1";
    wrong(&shop, &["--format", "csv", "--out", "new/orders.csv", "-c", late], 3, &["Cannot cast"]);
    assert_eq!(fs::read_to_string(&file).expect("a file"), text, "the file before stays");
    assert_eq!(fs::read_dir(shop.path().join("new")).expect("a folder").count(), 1, "nothing is left beside it");
    // What is no file stays what it is, and a link leads to its target.
    std::os::unix::fs::symlink("/dev/null", shop.path().join("nowhere")).unwrap();
    answer(&shop, &["--format", "csv", "--out", "nowhere", "-c", all]);
    assert!(!std::fs::metadata(shop.path().join("nowhere")).unwrap().is_file(), "a device took its place");
    std::os::unix::fs::symlink("new/orders.csv", shop.path().join("linked.csv")).unwrap();
    answer(&shop, &["--format", "csv", "--out", "linked.csv", "-c", "select 1 as one"]);
    assert_eq!(std::fs::read_to_string(shop.path().join("new/orders.csv")).unwrap(), "one\n1\n");
    wrong(&shop, &["--out", "b.csv", "-c", "select 1", "-c", "select 2"], 2, &["takes the result of one statement"]);
    assert!(!shop.path().join("b.csv").exists());
}

#[test]
fn parameters_have_types_and_are_never_pasted() {
    let shop = Shop::new();
    let typed = "select arrow_typeof($a) as a, arrow_typeof($b) as b, arrow_typeof($c) as c, arrow_typeof($d) as d, $e as e";
    let given = ["a=7", "b=0.5", "c=2026-02-01", "d='7'", "e=1'; drop table orders; --"];
    let given: Vec<&str> = given.iter().flat_map(|value| ["--param", value]).collect();
    let told = answer(&shop, &[&["--format", "csv", "-c", typed], given.as_slice()].concat());
    assert_eq!(told, "a,b,c,d,e\nInt64,Float64,Date32,Utf8,1'; drop table orders; --\n");
    wrong(&shop, &["-c", "select $b", "--param", "a=1"], 2, &["`$b` has no value", "`--param b=…`"]);
    let output = sql(&shop, &["-c", "select 1", "--param", "a"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(said(&output.stderr).contains("`a` is not NAME=VALUE"), "{}", said(&output.stderr));
}

#[test]
fn what_could_write_or_read_elsewhere_is_refused_and_nothing_changes() {
    let shop = Shop::new();
    fs::write(shop.path().join("x.csv"), "a\n1\n").expect("a file");
    let before = tree(shop.path());
    for (statement, named) in [
        ("create table t as select 1 as a", "`CREATE TABLE`"),
        ("create view v as select 1 as a", "`CREATE VIEW`"),
        ("create external table t stored as csv location 'x.csv'", "`x.csv`"),
        ("drop table orders", "`DROP TABLE`"),
        ("insert into orders select * from orders", "`INSERT INTO`"),
        ("delete from orders", "`DELETE FROM`"),
        ("update orders set amount = 0", "`UPDATE`"),
        ("copy orders to 'stolen.csv'", "`COPY`"),
        ("explain analyze copy orders to 'stolen.csv'", "`COPY inside EXPLAIN`"),
        ("with a as (insert into orders select * from orders) select 1", "refused"),
        ("set datafusion.execution.batch_size = 1", "`SET`"),
        ("set datafusion.runtime.memory_limit = '100G'", "`SET`"),
        ("reset datafusion.execution.batch_size", "`RESET`"),
        ("prepare p as select 1", "`PREPARE`"),
        ("select * into t from orders", "`SELECT INTO`"),
        ("select * from 'x.csv'", "reading `x.csv`"),
        ("select * from \"../x.csv\"", "reading `../x.csv`"),
        ("select count(*) from orders where household_id in (select a from 'x.csv')", "reading `x.csv`"),
        ("describe 'x.csv'", "reading `x.csv`"),
    ] {
        wrong(&shop, &["-c", statement], 2, &[named, "refused here"]);
    }
    assert_eq!(tree(shop.path()), before);
    // The first statement of a text is not run where the second is refused.
    wrong(&shop, &["-c", "select 1; drop table orders"], 2, &["`DROP TABLE` is refused here"]);
    // With `--write` a result may be copied, and tables of one's own end with the session.
    let own = "create table mine as select household_id from raw.orders; copy (select count(*) as n from mine) to 'count.csv'";
    answer(&shop, &["--write", "--format", "csv", "-c", own]);
    assert_eq!(fs::read_to_string(shop.path().join("count.csv")).expect("a copy"), format!("n\n{}\n", shop.orders.len()));
    wrong(&shop, &["--write", "-c", "select * from mine"], 2, &["table `mine`"]);
    for statement in ["insert into orders select * from orders", "set datafusion.execution.batch_size = 1", "select * from 'x.csv'"] {
        wrong(&shop, &["--write", "-c", statement], 2, &["refused here"]);
    }
    wrong(&shop, &["--write", "-c", "create table orders as select 1 as a"], 2, &["already exists", "choose another name"]);
    wrong(&shop, &["--write", "-c", "create or replace view orders as select 1 as a"], 2, &["would hide a table of the job"]);
}

#[test]
fn an_error_points_at_its_place_and_names_the_nearest_name() {
    let shop = Shop::new();
    let check = |sql: &str, says: &[&str]| wrong(&shop, &["-c", sql, "--as-of", NIGHT], 2, says);
    check(
        "select\n    household_id,\n    amuont\nfrom raw.orders",
        &["line 3, column 5\n        amuont\n        ^^^^^^\n", "hint: did you mean `amount`?"],
    );
    check("select * from raw.ordres", &["line 1, column 15\n", "^^^^^^", "hint: did you mean `raw.orders`?"]);
    check("select o.amount from raw.orders as p", &["line 1, column 8\n", "hint: did you mean `p.amount`?"]);
    check("select * from products_", &["hint: did you mean `products`"]);
    check("select agv(amount) from raw.orders", &["agv", "hint: did you mean `avg`"]);
    check("select acu(1, 0.5)", &["hint: did you mean `auc`?"]);
    check("select * from features.pare", &["hint: did you mean `features.pair`?"]);
    check("select amount from raw.orders, raw.products where product_id = 1", &["ambiguous", "`table.product_id`"]);
    check("select * form raw.orders", &["line 1, column 10\n", "form"]);
    check("select (1", &["is a `)` or a quote missing?"]);
    check(
        "select Amount from raw.orders where \"Amount\" > 1",
        &["line 1, column 37\n", "did you mean `amount`? in double quotes capitals count"],
    );
    fs::write(shop.path().join("long.sql"), "select 1 as a;\n\n-- The second.\nselect 2 as b;\nselect nothing from raw.orders;\n")
        .expect("a file");
    let output = sql(&shop, &["-f", "long.sql"]);
    assert!(said(&output.stderr).contains("line 5, column 8\n    select nothing from"), "{}", said(&output.stderr));
    assert!(said(&output.stdout).contains("(1 row)"), "what came before is answered");
    // What has no run, no date or no name yet says what makes one.
    wrong(&shop, &["-c", "select * from current.scores"], 2, &["current.scores: nothing is published yet", "`polytask run` makes one"]);
    wrong(&shop, &["-c", "select * from features.pair"], 2, &["needs an as-of date", "--as-of YYYY-MM-DD"]);
    wrong(&shop, &["-c", "select 1", "--run", "2026"], 2, &["there is no run `2026`", "`polytask run <job> --as-of DATE` makes one"]);
    wrong(&shop, &["@by_chanel"], 2, &["there is no saved query `@by_chanel`", "did you mean `@by_channel`?"]);
    wrong(&shop, &["by_channel"], 2, &["a saved query is named `@by_channel`"]);
}

#[test]
fn a_query_over_its_memory_ends_and_is_told_how_to_have_more() {
    let shop = Shop::new();
    let join = "select count(*) from generate_series(1, 12000000) as a inner join generate_series(1, 12000000) as b on b.value = a.value";
    wrong(&shop, &["--memory", "128MB", "-c", join], 3, &["`--memory 8GB`"]);
}

/// Sends SIGINT until a process has ended.
fn interrupted(shop: &Shop, more: &[&str]) -> Output {
    let child = Command::new(assert_cmd::cargo::cargo_bin("polytask"))
        .args([&["sql", "queries/shop"], more].concat())
        .current_dir(shop.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("a process");
    let (id, begun) = (child.id().to_string(), Instant::now());
    let waiting = std::thread::spawn(move || child.wait_with_output().expect("an exit"));
    while !waiting.is_finished() {
        assert!(begun.elapsed() < Duration::from_mins(1), "it does not end");
        std::thread::sleep(Duration::from_millis(700));
        let _ = Command::new("kill").args(["-INT", &id]).stderr(Stdio::null()).status();
    }
    waiting.join().expect("a thread")
}

#[test]
fn ctrl_c_ends_a_long_query_and_leaves_no_file() {
    let shop = Shop::new();
    let long = "select a.value from generate_series(1, 1000000000000) as a where a.value < 0";
    let output = interrupted(&shop, &["--format", "csv", "--out", "long.csv", "-c", long]);
    assert_eq!(output.status.code(), Some(130), "{}", said(&output.stderr));
    assert!(said(&output.stderr).contains("stopped by SIGINT"), "{}", said(&output.stderr));
    let left: Vec<_> = fs::read_dir(shop.path()).expect("a folder").flatten().map(|entry| entry.file_name()).collect();
    assert_eq!(left.len(), 2, "queries, data and nothing else: {left:?}");
}

#[test]
fn a_reader_that_has_read_enough_is_no_error() {
    let shop = Shop::new();
    for format in ["csv", "tsv", "json", "ndjson"] {
        let mut child = Command::new(assert_cmd::cargo::cargo_bin("polytask"))
            .args(["sql", "queries/shop", "--format", format, "-c", "select value from generate_series(1, 3000000)"])
            .current_dir(shop.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("a process");
        let mut first = [0; 8];
        std::io::Read::read_exact(&mut child.stdout.take().expect("a pipe"), &mut first).expect("its beginning");
        let output = child.wait_with_output().expect("an exit");
        assert_eq!((output.status.code(), said(&output.stderr).as_str()), (Some(0), ""), "{format}");
    }
}

#[test]
fn the_name_of_a_file_says_its_format() {
    let shop = Shop::new();
    for (file, begins) in [("two.csv", "product_id,category\n"), ("two.ndjson", "{\"product_id\""), ("two.md", "| product_id |")] {
        answer(&shop, &["--out", file, "-c", TWO]);
        let text = fs::read_to_string(shop.path().join(file)).expect("a file");
        assert!(text.starts_with(begins), "{file}: {text}");
    }
    answer(&shop, &["--out", "two.parquet", "-c", TWO]);
    assert_eq!(read(&shop.path().join("two.parquet")).num_rows(), 2);
    answer(&shop, &["--out", "two.dat", "--format", "csv", "-c", TWO]);
    for file in ["two.xlsx", "two"] {
        wrong(&shop, &["--out", file, "-c", TWO], 2, &["does not say in which format", "`--format`"]);
        assert!(!shop.path().join(file).exists());
    }
}
