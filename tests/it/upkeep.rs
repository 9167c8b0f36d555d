//! Looking after past runs: verify, rollback, gc, pin, backfill, and eight processes that want the same night.

use std::fs;
use std::process::{Command, Stdio};

use crate::shop::{NIGHT, Shop};

const NEXT: &str = "2026-02-27";

fn said(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Ids of the runs on disk, oldest first.
fn runs(shop: &Shop) -> Vec<String> {
    let entries = fs::read_dir(shop.runs()).expect("runs").flatten();
    let mut names: Vec<String> = entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.retain(|name| name.starts_with("2026-"));
    names.sort();
    names
}

fn current(shop: &Shop) -> String {
    fs::read_to_string(shop.runs().join("CURRENT")).expect("a published run").trim().to_owned()
}

#[test]
fn a_flipped_byte_in_a_published_file_is_found_and_named() {
    let shop = Shop::new();
    shop.published();
    let none = shop.polytask(&["rollback", "queries/other"]);
    assert_eq!(none.status.code(), Some(2));
    let (out, _) = shop.succeeds(&["verify", "queries/shop"]);
    assert!(out.contains("as published"), "{out}");
    let file = shop.current().join("metrics.parquet");
    let mut bytes = fs::read(&file).expect("a table");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&file, bytes).expect("a writable table");
    fs::write(shop.current().join("extra.txt"), "who wrote this?").expect("a writable folder");
    let output = shop.polytask(&["verify", "queries/shop"]);
    assert_eq!(output.status.code(), Some(74), "{}", said(&output.stderr));
    assert!(said(&output.stdout).contains("metrics.parquet: other bytes than were published"), "{}", said(&output.stdout));
    assert!(said(&output.stdout).contains("extra.txt: the manifest does not list it"), "{}", said(&output.stdout));
    assert!(said(&output.stderr).contains("hint: `polytask rollback <job>`"), "{}", said(&output.stderr));
}

#[test]
fn readers_go_back_to_the_run_before_but_not_to_a_damaged_one() {
    let shop = Shop::new();
    shop.published();
    let alone = shop.polytask(&["rollback", "queries/shop"]);
    assert_eq!(alone.status.code(), Some(2), "there is nothing before the first run: {}", said(&alone.stderr));
    shop.succeeds(&["run", "queries/shop", "--as-of", NEXT]);
    let both = runs(&shop);
    assert_eq!(current(&shop), both[1]);
    shop.succeeds(&["rollback", "queries/shop"]);
    assert_eq!(current(&shop), both[0]);
    let latest = fs::read(shop.path().join("reports/shop/latest.html")).expect("a report");
    assert_eq!(latest, fs::read(shop.runs().join(&both[0]).join("report.html")).expect("a report"));
    // A scheduler that tries the later night again does not undo what a person did.
    shop.succeeds(&["run", "queries/shop", "--as-of", NEXT]);
    assert_eq!(current(&shop), both[0]);
    shop.succeeds(&["rollback", "queries/shop", "--to", &both[1]]);
    assert_eq!(current(&shop), both[1]);
    fs::remove_file(shop.runs().join(&both[0]).join("model/model.json")).expect("a model");
    let damaged = shop.polytask(&["rollback", "queries/shop"]);
    assert_eq!(damaged.status.code(), Some(74), "{}", said(&damaged.stderr));
    assert!(said(&damaged.stderr).contains("model/model.json"), "{}", said(&damaged.stderr));
    assert_eq!(current(&shop), both[1]);
}

#[test]
fn a_run_is_named_by_how_its_id_begins() {
    let shop = Shop::new();
    for (args, hint) in [
        (&["verify", "queries/shop"][..], "`polytask run <job> --as-of DATE`"),
        (&["rollback", "queries/shop"], "`polytask run <job> --as-of DATE`"),
        (&["explain", "queries/shop", "--key", "household_id=1"], "`polytask run <job> --as-of DATE`"),
        (&["pin", "queries/shop", "2026"], "`polytask runs <job>`"),
    ] {
        let output = shop.polytask(args);
        let told = said(&output.stderr);
        assert!(output.status.code() == Some(2) && told.contains(hint), "{args:?}: {told}");
        assert!(!told.contains("CURRENT") && !told.contains("before the current one"), "{args:?}: {told}");
    }
    shop.published();
    let alone = shop.polytask(&["rollback", "queries/shop"]);
    assert!(said(&alone.stderr).contains("no run was published before 2026-02-20-"), "{}", said(&alone.stderr));
    shop.succeeds(&["run", "queries/shop", "--as-of", NEXT]);
    let both = runs(&shop);
    let (out, _) = shop.succeeds(&["pin", "queries/shop", "2026-02-20"]);
    assert_eq!(out.trim(), format!("pinned {}", both[0]));
    shop.succeeds(&["verify", "queries/shop", "2026-02-27"]);
    shop.succeeds(&["explain", "queries/shop", "--run", "2026-02-27", "--key", "household_id=1,product_id=1"]);
    let several = shop.polytask(&["rollback", "queries/shop", "--to", "2026-02-2"]);
    let told = said(&several.stderr);
    assert_eq!(several.status.code(), Some(2), "{told}");
    assert!(told.contains("2 runs begin with `2026-02-2`") && both.iter().all(|run| told.contains(run.as_str())), "{told}");
    shop.succeeds(&["rollback", "queries/shop", "--to", "2026-02-20"]);
    assert_eq!(current(&shop), both[0]);
    let (out, _) = shop.succeeds(&["runs", "queries/shop"]);
    let state = |run: &str| out.lines().find(|line| line.contains(run)).expect("a line").to_owned();
    assert!(state(&both[0]).starts_with('*') && state(&both[0]).contains("current, pinned"), "{out}");
    assert!(state(&both[1]).contains(" published "), "{out}");
}

#[test]
fn old_runs_go_but_never_the_current_or_a_pinned_one() {
    let shop = Shop::new();
    let dates = ["2026-02-18", "2026-02-19", "2026-02-20", "2026-02-21", "2026-02-22"];
    shop.succeeds(&["backfill", "queries/shop", "--from", dates[0], "--to", dates[4]]);
    let all = runs(&shop);
    assert_eq!(all.len(), 5);
    shop.succeeds(&["pin", "queries/shop", &all[0]]);
    shop.succeeds(&["rollback", "queries/shop"]);
    assert_eq!(current(&shop), all[3]);
    // The third is what the current one was compared with.
    let (out, _) = shop.succeeds(&["gc", "queries/shop", "--keep", "1", "--dry-run"]);
    assert_eq!(out.trim(), format!("would remove {}", all[1]));
    assert_eq!(runs(&shop), all);
    shop.succeeds(&["gc", "queries/shop", "--keep", "1", "--cache-days", "0"]);
    assert_eq!(runs(&shop), vec![all[0].clone(), all[2].clone(), all[3].clone(), all[4].clone()]);
    shop.succeeds(&["pin", "queries/shop", &all[0], "--undo"]);
    shop.succeeds(&["gc", "queries/shop", "--keep", "1"]);
    assert_eq!(runs(&shop), all[2..]);
    // What the cache has lost is made again, with the same bytes.
    let (out, _) = shop.succeeds(&["run", "queries/shop", "--as-of", dates[3], "--rebuild"]);
    assert!(out.starts_with("made again"), "{out}");
    // What a removed run was compared with is another matter.
    let gone = shop.night(dates[2], &[]);
    assert_eq!(gone.status.code(), Some(2), "{}", said(&gone.stderr));
    assert!(said(&gone.stderr).contains("cannot be made again"), "{}", said(&gone.stderr));
}

#[test]
fn a_published_night_removes_what_the_job_keeps_no_longer() {
    let shop = Shop::new();
    let backfill = |from: &str, to: &str| shop.succeeds(&["backfill", "queries/shop", "--from", from, "--to", to]).1;
    let told = backfill("2026-02-17", "2026-02-19");
    assert!(!told.contains("retention"), "without the key all stay: {told}");
    let all = runs(&shop);
    shop.succeeds(&["pin", "queries/shop", &all[0]]);
    let path = shop.job().join("job.toml");
    let text = fs::read_to_string(&path).expect("job.toml");
    fs::write(&path, format!("{text}\n[retention]\nkeep = 2\n")).expect("a writable job");
    let told = backfill("2026-02-20", "2026-02-21");
    // Two stay, the one that they were compared with, and the pinned one.
    let left = runs(&shop);
    assert_eq!(left.len(), 4, "{left:?}");
    assert_eq!((left[0].as_str(), left[1].as_str()), (all[0].as_str(), all[2].as_str()));
    assert!(told.contains(&format!("retention: removed {}", all[1])), "{told}");
    assert_eq!(current(&shop), left[3]);
    let json = fs::read(shop.current().join("run.json")).expect("run.json");
    let json: serde_json::Value = serde_json::from_slice(&json).expect("JSON");
    assert_eq!(json["removed_runs"], serde_json::json!([all[1]]));
    let (out, _) = shop.succeeds(&["verify", "queries/shop", "--all"]);
    assert_eq!(out.matches("as published").count(), 4, "{out}");
    let index = fs::read_to_string(shop.path().join("reports/shop/index.html")).expect("an index");
    assert!(index.contains(&all[0]) && !index.contains(&all[1]));
    // A run that somebody went back to stays when later nights have passed it.
    shop.succeeds(&["rollback", "queries/shop"]);
    assert_eq!(current(&shop), left[2]);
    let repeated = backfill("2026-02-21", "2026-02-21");
    assert!(repeated.contains("it stays") && runs(&shop) == left, "{repeated}");
    backfill("2026-02-22", "2026-02-26");
    let now = runs(&shop);
    assert!(now.contains(&left[0]) && now.contains(&left[2]), "{now:?}");
    assert_eq!(now.len(), 6, "{now:?}");
}

#[test]
fn a_backfill_that_is_given_again_has_nothing_to_do() {
    let shop = Shop::new();
    let args = ["backfill", "queries/shop", "--from", "2026-02-20", "--to", "2026-02-22"];
    shop.succeeds(&args);
    let before = runs(&shop);
    let (out, _) = shop.succeeds(&args);
    assert_eq!(out.matches("nothing to do").count(), 3, "{out}");
    assert_eq!(runs(&shop), before);
}

#[test]
fn of_eight_processes_that_want_the_same_night_one_publishes_it() {
    let shop = Shop::new();
    let start = || {
        Command::new(assert_cmd::cargo::cargo_bin("polytask"))
            .args(["run", "queries/shop", "--as-of", NIGHT, "--threads", "1"])
            .current_dir(shop.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("a process")
    };
    let processes: Vec<_> = (0..8).map(|_| start()).collect();
    let ended: Vec<_> = processes.into_iter().map(|process| process.wait_with_output().expect("an exit")).collect();
    let published = ended.iter().filter(|output| said(&output.stdout).starts_with("published ")).count();
    assert_eq!(published, 1);
    for output in &ended {
        let (code, out, error) = (output.status.code(), said(&output.stdout), said(&output.stderr));
        // One that came after the night had ended found it done.
        let done = code == Some(0) && (out.starts_with("published ") || out.starts_with("nothing to do"));
        assert!(done || (code == Some(75) && error.contains("holds the lock (process ")), "{code:?} {out} {error}");
    }
    assert_eq!(runs(&shop).len(), 1);
}

#[test]
fn a_plan_says_what_has_changed_and_builds_nothing() {
    let shop = Shop::new();
    let (first, _) = shop.succeeds(&["plan", "queries/shop", "--as-of", NIGHT]);
    assert!(first.contains("(to be made)") && first.contains("it would be the first"), "{first}");
    assert!(!shop.runs().join("cache/clean").exists(), "nothing is built");
    assert!(first.contains("clean          orders: to be made, the cache has none"), "{first}");
    shop.published();
    let (next, _) = shop.succeeds(&["plan", "queries/shop", "--as-of", NEXT]);
    assert!(next.contains("clean          orders: in the cache, "), "{next}");
    assert!(next.contains("snapshot       2026-02-13 valid: all 3 tables in the cache"), "{next}");
    assert!(next.contains("snapshot       2026-02-20 holdout: "), "{next}");
    assert!(next.contains("2026-02-27 tonight: all 3 tables to be made (no night has made them)"), "{next}");
    let late = shop.polytask(&["plan", "queries/shop", "--as-of", "2027-02-27"]);
    assert_eq!(late.status.code(), Some(3), "the night would be refused: {}", said(&late.stdout));
    let (done, _) = shop.succeeds(&["plan", "queries/shop", "--as-of", NIGHT]);
    assert!(done.contains("there already: nothing to do"), "{done}");
    shop.edit("job.toml", "min_count = 2", "min_count = 3");
    shop.edit("frame.sql", "-- purchases so far", "-- purchases");
    let (again, _) = shop.succeeds(&["plan", "queries/shop", "--as-of", NIGHT]);
    assert!(again.contains("2026-02-20 tonight: 2 of 3 tables in the cache; to be made: frame.sql (it sees other rows, or"), "{again}");
    let (changed, _) = shop.succeeds(&["plan", "queries/shop", "--as-of", NEXT]);
    for line in ["as-of date: 2026-02-20 -> 2026-02-27", "query frame.sql: other bytes", "job.toml encode.min_count: 2 -> 3"] {
        assert!(changed.contains(&format!("changed        {line}")), "no {line} in\n{changed}");
    }
    let run = changed
        .lines()
        .find_map(|line| line.trim().strip_prefix("run            "))
        .expect("a run")
        .split(' ')
        .next()
        .expect("an id")
        .to_owned();
    shop.succeeds(&["run", "queries/shop", "--as-of", NEXT]);
    assert_eq!(current(&shop), run, "the night has the id that was planned");
}

#[cfg(unix)]
#[test]
fn the_command_of_notify_is_told_how_a_night_ended() {
    let shop = Shop::new();
    let told = shop.path().join("told.json");
    let path = shop.job().join("job.toml");
    let text = fs::read_to_string(&path).expect("job.toml");
    fs::write(&path, format!("{text}\n[notify]\ncommand = [\"tee\", \"{}\"]\n", told.display())).expect("a writable job");
    shop.published();
    let read = || -> serde_json::Value { serde_json::from_slice(&fs::read(&told).expect("a message")).expect("json") };
    assert_eq!((read()["status"].as_str(), read()["run"].as_str()), (Some("published"), Some(current(&shop).as_str())));
    let failed = shop.night("2020-01-01", &[]);
    assert_eq!(failed.status.code(), Some(3));
    assert_eq!((read()["status"].as_str(), read()["exit_code"].as_i64()), (Some("failed"), Some(3)));
    assert!(read()["error"].as_str().is_some_and(|error| !error.is_empty()));
}
