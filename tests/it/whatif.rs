//! `polytask whatif`: what a feature would add, on the small shop after one night.

use std::collections::BTreeMap;

use crate::shop::{NIGHT, Shop, said};

/// How often a pair was bought.
const BOUGHT: &str = "select household_id, product_id, count(*) as bought from orders group by household_id, product_id";
/// The features of the small shop that say the same.
const KNOWN: &str = "categorical = [\"category\", \"product_id\"]";

fn whatif(shop: &Shop, more: &[&str]) -> std::process::Output {
    let mut args = vec!["whatif", "queries/shop"];
    args.extend(more);
    shop.polytask(&args)
}

#[track_caller]
fn answer(shop: &Shop, more: &[&str]) -> String {
    let output = whatif(shop, more);
    assert!(output.status.success(), "{}", said(&output));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Rows of the answer, by method, scenario and task.
#[track_caller]
fn rows(shop: &Shop, more: &[&str]) -> BTreeMap<(String, String, String), BTreeMap<String, String>> {
    let text = answer(shop, &[&["--format", "csv"], more].concat());
    let mut lines = text.lines().map(|line| line.split(',').map(str::to_owned).collect::<Vec<_>>());
    let head = lines.next().expect("a head");
    lines
        .map(|cells| {
            let row: BTreeMap<String, String> = head.iter().cloned().zip(cells).collect();
            ((row["method"].clone(), row["scenario"].clone(), row["task"].clone()), row)
        })
        .collect()
}

#[track_caller]
fn refused(shop: &Shop, more: &[&str], says: &[&str]) {
    let output = whatif(shop, more);
    let told = said(&output);
    assert_eq!(output.status.code(), Some(2), "{more:?}: {told}");
    for part in says.iter().chain(&["hint: "]) {
        assert!(told.contains(part), "{more:?}: no «{part}» in\n{told}");
    }
}

#[test]
fn a_feature_that_the_run_lacks_helps_and_the_lines_that_are_printed_add_it() {
    let shop = Shop::new();
    shop.edit("job.toml", KNOWN, &format!("{KNOWN}\nignore = [\"purchases\", \"purchases_14d\", \"past_spend\", \"days_since\"]"));
    shop.published();
    let before = shop.runs();
    let runs =
        || std::fs::read_dir(&before).expect("runs").flatten().map(|entry| entry.file_name()).collect::<std::collections::BTreeSet<_>>();
    let (job, there) = (std::fs::read_dir(shop.job().join("features")).expect("features").count(), runs());
    let told = answer(&shop, &["--sql", BOUGHT, "--name", "pair_bought"]);
    assert!(told.contains("worth adding: it says more than the run knows about purchase"), "{told}");
    assert!(told.contains("leaks    none") && told.contains("missing  bought: 0.0 %"), "{told}");
    assert!(
        told.contains("left join pair_bought on pair_bought.household_id = rows.household_id and pair_bought.product_id = rows.product_id"),
        "{told}"
    );
    assert_eq!((std::fs::read_dir(shop.job().join("features")).expect("features").count(), runs()), (job, there), "nothing is written");

    let found = rows(&shop, &["--sql", BOUGHT]);
    for method in ["boosted", "linear"] {
        let all = &found[&(method.to_owned(), "*".to_owned(), "purchase".to_owned())];
        let number = |name: &str| all[name].parse::<f64>().expect("a number");
        assert!(number("value") > 0.05 && number("low") > 0.0 && number("with") > 0.6, "{method}: {all:?}");
        assert!((number("with") - number("without") - number("value")).abs() < 1e-9, "{all:?}");
        assert_eq!(all["verdict"], "helped");
    }

    // The lines as they are printed make the job that was tried.
    let sql: Vec<&str> =
        told.lines().skip_while(|line| !line.ends_with("features/pair_bought.sql")).skip(1).take(1).map(str::trim).collect();
    shop.put("features/pair_bought.sql", &format!("-- How often a pair was bought. Grain: household x product.\n{}\n", sql[0]));
    let line = |begin: &str| told.lines().map(str::trim).find(|line| line.starts_with(begin)).expect("a line").to_owned();
    shop.edit(
        "frame.sql",
        "    products.category, -- category of the product\n",
        &format!("    products.category, -- category of the product\n    {}\n", line("pair_bought.bought,")),
    );
    shop.edit("frame.sql", "from rows\n", &format!("from rows\n{}\n", line("left join pair_bought")));
    // As if it had always been so: the scores of a run without the feature are no measure of one with it.
    std::fs::remove_dir_all(shop.runs()).expect("runs");
    shop.published();
    let scored = answer_sql(
        &shop,
        "select task, auc(y_purchase, p_purchase) > 0.6 from (select 'purchase' as task, * from current.holdout) as own group by task",
    );
    assert!(scored.contains("true"), "{scored}");
}

fn answer_sql(shop: &Shop, sql: &str) -> String {
    shop.succeeds(&["sql", "queries/shop", "--format", "csv", "-c", sql]).0
}

#[test]
fn a_copy_of_a_feature_is_told_as_one_and_threads_change_nothing() {
    let shop = Shop::new();
    shop.published();
    let file = shop.path().join("bought.sql");
    std::fs::write(&file, format!("-- How often.\n{BOUGHT};\n")).expect("a file");
    let asked = format!("@{}", file.display());
    let told = answer(&shop, &["--sql", &asked, "--threads", "1"]);
    assert!(told.contains("not worth adding: `bought` is all but `purchases` (1.00)"), "{told}");
    assert!(told.contains("tied to  bought: purchases 1.00") && told.contains("(they say much the same)"), "{told}");
    assert!(told.contains("features/bought.sql"), "the table has the file's name: {told}");
    assert_eq!(answer(&shop, &["--sql", &asked, "--threads", "2"]), told);
    let out = shop.path().join("answer.parquet");
    answer(&shop, &["--sql", &asked, "--out", &out.display().to_string()]);
    assert!(crate::shop::read(&out).num_rows() >= 4);
}

#[test]
fn columns_of_every_kind_and_keys_of_every_grain_are_tried() {
    let shop = Shop::new();
    shop.published();
    let by_household = "select household_id, arbitrary_word, [cast(n as double), cast(-n as double)] as pair_of_numbers, n > 40 as often
         from (select household_id, count(*) as n, case when count(*) % 2 = 0 then 'even' else 'odd' end as arbitrary_word from orders
               group by household_id)";
    let told = answer(&shop, &["--sql", by_household]);
    assert!(told.contains("joined by household_id\n") && told.contains("arbitrary_word, pair_of_numbers, often"), "{told}");
    let by_channel =
        "select channel, household_id, count(*) as n, nullif(count(*), 1) as sparse from orders group by channel, household_id";
    let told = answer(&shop, &["--sql", by_channel, "--rows", "300"]);
    assert!(told.contains("joined by channel, household_id\n"), "{told}");
    let held: usize = told.lines().find_map(|line| line.split("figures are of ").nth(1)?.split(' ').next()?.parse().ok()).expect("rows");
    assert!(held < 480, "a sample of the held-out rows: {told}");
}

#[test]
fn what_knows_the_future_is_found() {
    let shop = Shop::new();
    // A table without a time is seen whole: this one is a mistake of its maker.
    shop.put("clean/timeless.sql", "-- Sales, by mistake without a time.\nselect household_id, product_id, sold_at from raw.orders\n");
    shop.published();
    let soon = "select household_id, product_id, count(*) as soon from timeless
         where sold_at >= $as_of and sold_at < $as_of + interval '7 days' group by household_id, product_id";
    let told = answer(&shop, &["--sql", soon]);
    assert!(told.contains("not worth adding: `soon` ") && told.contains("leaks    `soon` "), "{told}");
}

#[test]
fn a_query_that_cannot_be_a_feature_is_refused_in_words() {
    let shop = Shop::new();
    refused(&shop, &["--sql", BOUGHT], &["nothing is published yet"]);
    shop.published();
    let outcome = "select household_id, product_id, count(*) as n from outcome.orders group by household_id, product_id";
    refused(&shop, &["--sql", outcome], &["the outcome window lies in the future"]);
    refused(
        &shop,
        &["--sql", "select household_id, product_id, amount from orders"],
        &["--sql yields several rows for household_id=", "hint: group by household_id, product_id"],
    );
    refused(
        &shop,
        &["--sql", "select count(*) as n from orders"],
        &["--sql yields no key of the rows", "household_id, product_id, channel"],
    );
    refused(&shop, &["--sql", "select distinct household_id from orders"], &["yields keys and nothing else"]);
    refused(
        &shop,
        &["--sql", "select household_id, count(*) as days_since from orders group by household_id"],
        &["the frame has a column `days_since` already"],
    );
    refused(&shop, &["--sql", "select household_id, count(*) as y_purchase from orders group by household_id"], &["`y_purchase` already"]);
    refused(&shop, &["--sql", BOUGHT, "--name", "pair"], &["the name `pair` is that of features/pair.sql"]);
    refused(&shop, &["--sql", BOUGHT, "--name", "../pair"], &["no name of a table"]);
    refused(&shop, &["--sql", "@nowhere"], &["neither a file nor a saved query"]);
    refused(&shop, &["--sql", "select household_id, count(*) as n from ordres group by household_id"], &["ordres"]);
    refused(&shop, &["--sql", "copy orders to 'x.csv'"], &["--sql"]);
    refused(&shop, &["--sql", BOUGHT, "--run", "2020"], &["2020"]);
    assert_eq!(
        whatif(&shop, &["--sql", "select household_id, sold_at, count(*) as n from orders group by household_id, sold_at"]).status.code(),
        Some(2)
    );
    // Without its frames a run cannot be asked.
    std::fs::remove_dir_all(shop.runs().join("cache/frames")).expect("frames");
    let output = whatif(&shop, &["--sql", BOUGHT]);
    assert!(said(&output).contains("is gone") && said(&output).contains(&format!("--as-of {NIGHT}")), "{}", said(&output));
}
