//! The machine's clock is wrong, or is set between two nights: what a night publishes does not depend on it.
//!
//! The nights run under Debian's `faketime`; where it is not installed, the test says that it was left out.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::shop::{NIGHT, Shop, said};

const NEXT: &str = "2026-02-21";

/// Manifests of all runs, which hold the sha256 of every file.
fn manifests(shop: &Shop) -> BTreeMap<String, Vec<u8>> {
    let runs = fs::read_dir(shop.runs()).expect("runs").flatten().map(|entry| entry.path().join("manifest.json"));
    runs.filter(|file| file.is_file())
        .map(|file| {
            (file.parent().expect("a run").file_name().expect("a name").to_string_lossy().into_owned(), fs::read(&file).expect("a file"))
        })
        .collect()
}

fn every_file(folder: &Path, act: &dyn Fn(&Path)) {
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        act(&entry.path());
        if entry.path().is_dir() {
            every_file(&entry.path(), act);
        }
    }
}

#[cfg(unix)]
fn date(path: &Path, at: SystemTime) {
    fs::File::open(path).and_then(|file| file.set_modified(at)).expect("a date");
}

/// Inputs, cache and what a dead night left, all dated 2200 or 1960: the same bytes, and what is half-made is swept all the same.
#[cfg(unix)]
#[test]
fn files_of_the_future_and_of_long_ago_change_nothing() {
    let shop = Shop::new();
    shop.succeeds(&["backfill", "queries/shop", "--from", NIGHT, "--to", NEXT]);
    let undisturbed = manifests(&shop);
    fs::remove_dir_all(shop.runs()).expect("runs");
    let future = UNIX_EPOCH + Duration::from_hours(230 * 365 * 24);
    let past = UNIX_EPOCH - Duration::from_hours(10 * 365 * 24);
    every_file(&shop.input(), &|path| date(path, future));
    shop.published();
    fs::create_dir_all(shop.runs().join(".staging-dead")).expect("a folder");
    fs::create_dir_all(shop.runs().join("cache/clean/.making-orders-dead")).expect("a folder");
    every_file(&shop.runs(), &|path| date(path, future));
    every_file(&shop.input(), &|path| date(path, past));
    shop.succeeds(&["run", "queries/shop", "--as-of", NEXT]);
    assert_eq!(manifests(&shop), undisturbed);
    assert!(!shop.runs().join(".staging-dead").exists() && !shop.runs().join("cache/clean/.making-orders-dead").exists());
    shop.succeeds(&["gc", "queries/shop", "--keep", "1", "--cache-days", "30"]);
    shop.succeeds(&["verify", "queries/shop", "--all"]);
}

#[cfg(unix)]
#[test]
fn nights_on_a_clock_that_is_set_back_by_a_century_are_the_same_nights() {
    if Command::new("faketime").arg("--version").output().is_err() {
        println!("LEFT OUT: no `faketime` (Debian: apt-get install faketime)");
        return;
    }
    let shop = Shop::new();
    shop.succeeds(&["backfill", "queries/shop", "--from", NIGHT, "--to", NEXT]);
    let undisturbed = manifests(&shop);
    fs::remove_dir_all(shop.runs()).expect("runs");
    let night = |clock: &str, as_of: &str| {
        let mut command = Command::new("faketime");
        // The clock that only runs forward is the system's own, as it is on a machine whose clock is set.
        command.env("FAKETIME_DONT_FAKE_MONOTONIC", "1").env("DONT_FAKE_MONOTONIC", "1");
        command.args(["-f", clock]).arg(assert_cmd::cargo::cargo_bin("polytask")).args(["run", "queries/shop", "--as-of", as_of]);
        command.current_dir(shop.path()).output().expect("an exit")
    };
    let told =
        || -> serde_json::Value { serde_json::from_slice(&fs::read(shop.runs().join("night.json")).expect("a file")).expect("JSON") };
    let ahead = night("@2099-12-31 23:59:50", NIGHT);
    assert!(ahead.status.success(), "{}", said(&ahead));
    assert!(told()["begun"].as_str().is_some_and(|at| at.starts_with("2099-12-31")), "{}", told());
    // A century back, and the year of the data has not begun.
    let back = night("@1999-12-31 23:59:50", NEXT);
    assert!(back.status.success(), "{}", said(&back));
    assert!(told()["begun"].as_str().is_some_and(|at| at.starts_with("1999-12-31")), "{}", told());
    assert!(told()["seconds"].as_f64().is_some_and(|seconds| seconds >= 0.0), "{}", told());
    assert_eq!(manifests(&shop), undisturbed);
    let again = night("@2099-12-31 23:59:50", NEXT);
    assert!(said(&again).contains("nothing to do"), "{}", said(&again));
}
