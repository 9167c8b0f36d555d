//! The command line: help with examples, configuration, exit codes, messages.

use std::fs;
use std::process::Output;

use crate::shop::{NIGHT, Shop};

fn polytask(args: &[&str]) -> Output {
    assert_cmd::Command::cargo_bin("polytask").expect("the binary").env("COLUMNS", "100").args(args).output().expect("an exit")
}

#[track_caller]
fn said(args: &[&str]) -> String {
    let output = polytask(args);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    assert!(output.stderr.is_empty(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

/// Fails with exit code 2; the message says `message`.
#[track_caller]
fn wrong(args: &[&str], message: &str) {
    let output = polytask(args);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{errors}");
    assert!(output.stdout.is_empty(), "errors belong on stderr");
    assert!(errors.contains(message), "no «{message}» in:\n{errors}");
}

const COMMANDS: [&str; 9] = ["run", "demo", "check", "frame", "new", "explain", "runs", "sql", "config"];

#[test]
fn help_says_what_each_command_does_with_an_example() {
    let mut all = said(&["--help"]);
    for command in COMMANDS {
        assert!(all.contains(&format!("  {command} ")), "{command} is not in the list");
        let help = said(&[command, "--help"]);
        assert!(help.contains("Example") && help.contains(&format!("polytask {command}")), "{help}");
        all.push_str(&format!("\n=== polytask {command} --help\n{help}"));
    }
    insta::assert_snapshot!("help", all);
}

#[test]
fn config_prints_the_commented_defaults() {
    assert_eq!(said(&["config"]).trim_end(), polytask::job::DEFAULTS.trim_end());
    // Every key has a comment of its own above it.
    let (mut commented, mut keys) = (false, 0);
    for line in polytask::job::DEFAULTS.lines() {
        if line.contains(" = ") && !line.starts_with('#') {
            keys += 1;
            assert!(commented, "no comment above {line}");
        }
        commented = line.starts_with('#');
    }
    assert!(keys > 30, "{keys}");
}

#[test]
fn config_prints_what_is_in_force_for_a_job() {
    let shop = Shop::new();
    let (effective, _) = shop.succeeds(&["config", "--effective", "queries/shop"]);
    let effective: toml::Table = toml::from_str(&effective).expect("TOML");
    let defaults: toml::Table = toml::from_str(polytask::job::DEFAULTS).expect("TOML");
    assert_eq!(effective["snapshots"]["count"].as_integer(), Some(4), "the job's own");
    assert_eq!(effective["encode"]["min_count"].as_integer(), Some(2), "the job's own");
    assert_eq!(effective["scenario"]["column"].as_str(), Some("channel"));
    for (section, keys) in &defaults {
        for (key, value) in keys.as_table().expect("a section") {
            let own = effective.get(section).and_then(|own| own.get(key)).unwrap_or_else(|| panic!("{section}.{key} is not in force"));
            assert!(own.type_str() == value.type_str(), "{section}.{key}");
        }
    }
}

#[test]
fn a_mistake_on_the_command_line_is_told_on_stderr_with_exit_code_2() {
    wrong(&[], "Usage: polytask");
    wrong(&["fly"], "unrecognized subcommand");
    wrong(&["run"], "--as-of");
    wrong(&["run", "queries/shop", "--as-of", "2026-02-30"], "--as-of <DATE>");
    wrong(&["run", "queries/shop", "--as-of", NIGHT, "--memory", "1GB of it"], "has no unit");
    wrong(&["run", "queries/shop", "--as-of", NIGHT, "--memory", "1MB"], "under 128MB");
    wrong(&["run", "queries/shop", "--as-of", NIGHT, "--threads", "0"], "--threads <N>");
    wrong(&["config", "--effective", "no/such/job"], "`no/such/job` is not a job: it has no job.toml");
    wrong(&["check", "no/such/job"], "hint: give the folder");
}

#[test]
fn a_job_that_reaches_its_memory_limit_is_told_how_to_give_more() {
    let shop = Shop::new();
    // A join of which either side is beyond the limit: a hash join cannot spill.
    shop.put(
        "features/pair.sql",
        "-- Too much. Grain: household x product.
with many as (
    select value from generate_series(1, 12000000)
),

pairs as (
    select count(*) as pairs from many as a inner join many as b on b.value = a.value
)

select
    orders.household_id,
    orders.product_id,
    count(*) as purchases,
    count(*) as purchases_14d,
    sum(orders.amount) as spend,
    max(pairs.pairs) as days_since
from orders
cross join pairs
group by orders.household_id, orders.product_id
",
    );
    let output = shop.night(NIGHT, &["--memory", "128MB"]);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(3), "{errors}");
    assert!(errors.contains("error: features/pair.sql: ") && errors.contains("Resources exhausted"), "{errors}");
    assert!(errors.contains("hint: give more with `--memory 8GB`"), "{errors}");
    assert!(!shop.runs().join("CURRENT").exists());
}

#[test]
fn a_query_may_make_its_own_rows() {
    let shop = Shop::new();
    shop.edit(
        "features/pair.sql",
        "from orders\n",
        "from orders\ninner join generate_series(0, 40) as households on households.value = household_id\n",
    );
    let (said, _) = shop.succeeds(&["check", "queries/shop"]);
    assert!(said.contains("are sound"), "{said}");
}

#[test]
fn a_check_prints_twenty_rows_and_counts_them_all() {
    let shop = Shop::new();
    shop.put(
        "checks/orders__is_small.sql",
        "-- A sale is small.\nselect household_id, product_id, amount from orders where quantity > 2\n",
    );
    let output = shop.night(NIGHT, &[]);
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(3), "{errors}");
    let large = shop.orders.iter().filter(|order| order.quantity > 2 && order.sold_at < (crate::shop::FIRST_DAY + 50) * 86_400_000_000);
    let large = large.filter(|order| order.loaded_at < (crate::shop::FIRST_DAY + 50) * 86_400_000_000).count();
    assert!(errors.contains(&format!("check `orders__is_small` found {large} offending row(s) in `orders`:")), "{errors}");
    let lines = errors.lines().filter(|line| line.starts_with('|')).count();
    assert_eq!(lines, 1 + 20, "a head and twenty rows:\n{errors}");
    assert!(errors.contains("hint: mend the data"), "{errors}");
}

#[test]
fn the_frame_waits_for_no_other_run() {
    let shop = Shop::new();
    fs::create_dir_all(shop.runs()).expect("a folder");
    let held = fs::File::create(shop.runs().join("LOCK")).expect("a file");
    held.lock().expect("a lock");
    let output = shop.polytask(&["frame", "queries/shop", "--as-of", NIGHT, "--out", "frame"]);
    assert_eq!(output.status.code(), Some(75));
    drop(held);
    shop.framed(&[]);
}

#[test]
fn a_folder_with_the_frames_of_another_night_is_not_added_to() {
    let shop = Shop::new();
    shop.framed(&[]);
    let output = shop.polytask(&["frame", "queries/shop", "--as-of", "2026-02-27", "--out", "frame"]);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(2), "{errors}");
    assert!(errors.contains("as_of=2026-01-23.parquet") && errors.contains("hint: "), "{errors}");
}

#[test]
fn a_job_without_runs_says_so() {
    let shop = Shop::new();
    let (said, _) = shop.succeeds(&["runs", "queries/shop"]);
    assert_eq!(said, "shop has no runs yet\n");
}

#[test]
fn data_runs_and_reports_may_lie_elsewhere() {
    let shop = Shop::new();
    fs::rename(shop.input(), shop.path().join("lake")).expect("a folder");
    let (said, _) = shop.succeeds(&[
        "run",
        "queries/shop",
        "--as-of",
        NIGHT,
        "--input",
        "lake",
        "--runs",
        "elsewhere/runs",
        "--reports",
        "elsewhere/reports",
    ]);
    assert!(said.contains("published"), "{said}");
    assert!(shop.path().join("elsewhere/runs/CURRENT").is_file());
    assert!(shop.path().join("elsewhere/reports/latest.html").is_file());
    assert!(!shop.runs().exists() && !shop.path().join("reports").exists());
}

/// A place where no folder can be made, whoever asks.
#[cfg(target_os = "linux")]
#[test]
fn a_job_is_checked_and_planned_where_its_runs_cannot_be_written() {
    let shop = Shop::new();
    let nowhere = ["--runs", "/proc/polytask/runs"];
    let (said, _) = shop.succeeds(&[&["check", "queries/shop"], &nowhere[..]].concat());
    assert!(said.contains("are sound"), "{said}");
    let (said, _) = shop.succeeds(&[&["plan", "queries/shop", "--as-of", "2026-02-20"], &nowhere[..]].concat());
    assert!(said.contains("(to be made)"), "{said}");
    let (said, _) = shop.succeeds(&["check", "queries/shop"]);
    assert!(said.contains("are sound"), "{said}");
}
