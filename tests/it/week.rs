//! Several nights by `backfill`, killed twice at moments chosen at random: the same bytes as when nothing disturbs them.
//!
//! Three nights, or `POLYTASK_WEEK_NIGHTS=7`; `POLYTASK_WEEK_SEED` chooses other moments.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use crate::shop::{Dice, NIGHT, Shop};

const KILLS: usize = 2;

/// What readers get: `CURRENT`, every file of every run but those that tell times, and the reports.
fn readers_see(shop: &Shop) -> BTreeMap<String, Vec<u8>> {
    fn walk(folder: &Path, root: &Path, found: &mut BTreeMap<String, Vec<u8>>) {
        for entry in fs::read_dir(folder).expect("a folder").flatten() {
            let (path, name) = (entry.path(), entry.file_name().to_string_lossy().into_owned());
            if path.is_dir() {
                if name != "cache" {
                    walk(&path, root, found);
                }
            } else if !["run.json", "metrics.prom", "night.json", "lineage.ndjson", "LOCK"].contains(&name.as_str()) {
                found.insert(path.strip_prefix(root).expect("below").to_string_lossy().into_owned(), fs::read(&path).expect("a file"));
            }
        }
    }
    let mut found = BTreeMap::new();
    walk(&shop.runs(), shop.path(), &mut found);
    walk(&shop.path().join("reports"), shop.path(), &mut found);
    found
}

#[test]
fn nights_that_are_killed_twice_end_in_the_same_bytes() {
    let number = |name: &str, otherwise: u64| std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise);
    let nights = number("POLYTASK_WEEK_NIGHTS", 3);
    let mut dice = Dice::new(number("POLYTASK_WEEK_SEED", 5));
    let first: jiff::civil::Date = NIGHT.parse().expect("a date");
    let last = first.checked_add(jiff::Span::new().days(nights as i64 - 1)).expect("a date").to_string();
    let args = ["backfill", "queries/shop", "--from", NIGHT, "--to", &last];
    let undisturbed = Shop::new();
    let begun = Instant::now();
    undisturbed.succeeds(&args);
    let whole = begun.elapsed();
    let expected = readers_see(&undisturbed);

    let shop = Shop::new();
    let there = || {
        let runs = fs::read_dir(shop.runs()).into_iter().flatten().flatten();
        runs.filter(|run| run.path().join("manifest.json").is_file()).count() as u64
    };
    let mut alive = 0;
    for kill in 1..=KILLS {
        // Within what is left to do.
        let left = whole.as_millis() as i64 * (nights - there()) as i64 / nights as i64;
        let wait = Duration::from_millis(dice.below((left * 4 / 5).max(1)) as u64);
        let mut command = Command::new(assert_cmd::cargo::cargo_bin("polytask"));
        command.args(args).current_dir(shop.path()).stdout(Stdio::null()).stderr(Stdio::null());
        let mut process = command.spawn().expect("a process");
        std::thread::sleep(wait);
        let ended = process.try_wait().expect("a status").is_some();
        let _ = process.kill();
        let _ = process.wait();
        alive += u32::from(!ended);
        let ended = if ended { "; it had ended" } else { "" };
        println!("kill {kill} after {wait:.1?} ({nights} nights take {whole:.1?}): {} of {nights} runs are there{ended}", there());
    }
    assert!(alive > 0, "no kill met a process at work: other moments are chosen by POLYTASK_WEEK_SEED");
    shop.succeeds(&args);
    let found = readers_see(&shop);
    let names = |of: &BTreeMap<String, Vec<u8>>| of.keys().cloned().collect::<Vec<_>>();
    assert_eq!(names(&found), names(&expected));
    for (file, bytes) in &expected {
        assert!(found[file] == *bytes, "{file} has other bytes");
    }
    println!("{nights} nights, {} files: the same bytes", found.len());
}
