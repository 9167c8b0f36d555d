//! Gates, the transfer ledger, held runs and backtests, by the whole program on the small shop.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use arrow::array::AsArray as _;
use arrow::datatypes::{Float64Type, Int64Type};

use crate::shop::{NIGHT, Shop, read};

/// A network that a small shop trains in a second, with the linear model beside it.
const NET: &str = "\n[model]\nkind = \"net\"\nchallengers = [\"linear\"]\n\n[net]\nexperts = 2\nexpert_layers = [8, 4]\ntower_layers = [4]\n\n[train]\nbatch = 64\nrate = 0.01\nepochs = 2\nwarmup_steps = 5\n";

/// So small a network is another one every night.
const NO_GATES: &str = "\n[gates]\nrequire = []\nagainst_current = false\nscore_psi = 0.0\n";

fn add(shop: &Shop, text: &str) {
    let path = shop.job().join("job.toml");
    let own = fs::read_to_string(&path).expect("job.toml");
    fs::write(path, format!("{own}{text}")).expect("a writable job");
}

fn code(output: &std::process::Output) -> Option<i32> {
    output.status.code()
}

fn said(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn current(shop: &Shop) -> Option<String> {
    fs::read_to_string(shop.runs().join("CURRENT")).ok()
}

fn texts(run: &Path, table: &str, column: &str) -> Vec<String> {
    let rows = read(&run.join(format!("{table}.parquet")));
    let column = rows.column_by_name(column).unwrap_or_else(|| panic!("{table} has no column {column}")).clone();
    column.as_string::<i32>().iter().map(|text| text.unwrap_or("").to_owned()).collect()
}

/// The run that was held last.
fn held(shop: &Shop) -> String {
    let list = said(&shop.polytask(&["runs", "queries/shop"]).stdout);
    let line = list.lines().find(|line| line.starts_with('h')).unwrap_or_else(|| panic!("no held run in\n{list}"));
    line.split_whitespace().nth(4).unwrap_or_else(|| panic!("no run in {line}")).to_owned()
}

#[test]
fn a_worse_night_is_held_and_the_run_before_it_stays() {
    let shop = Shop::new();
    shop.published();
    let before = current(&shop);
    shop.edit(
        "job.toml",
        "categorical = [\"category\", \"product_id\"]",
        "categorical = [\"category\", \"product_id\"]\nignore = [\"purchases\", \"purchases_14d\", \"past_spend\", \"days_since\", \"product_id\"]",
    );
    let worse = shop.night(NIGHT, &[]);
    assert_eq!(code(&worse), Some(4), "{}{}", said(&worse.stdout), said(&worse.stderr));
    assert!(said(&worse.stdout).contains("that of the current run"), "{}", said(&worse.stdout));
    assert!(said(&worse.stdout).contains("hint: read the report; `polytask bless"), "{}", said(&worse.stdout));
    assert_eq!(current(&shop), before);
    let run = held(&shop);
    let report = fs::read_to_string(shop.runs().join(&run).join("report.html")).expect("a report");
    assert!(report.contains("Held: ") && report.contains("worse by"), "the report says why");
    assert!(!fs::read_to_string(shop.path().join("reports/shop/latest.html")).expect("a report").contains("Held: "));
    // The same night again is held again, and not run again.
    let again = shop.night(NIGHT, &[]);
    assert_eq!((code(&again), current(&shop)), (Some(4), before));
    assert!(!said(&again.stderr).contains("learn"), "{}", said(&again.stderr));
}

#[test]
fn a_held_run_is_published_by_hand_with_a_reason() {
    let shop = Shop::new();
    add(&shop, "\n[gates]\nrequire = [\"auc of purchase >= 0.999\"]\n");
    let night = shop.night(NIGHT, &[]);
    assert_eq!(code(&night), Some(4), "{}", said(&night.stderr));
    assert!(said(&night.stdout).contains("too low: at least 0.999 is required"), "{}", said(&night.stdout));
    assert_eq!(current(&shop), None, "the first night was held: nothing is published");
    assert!(shop.path().join(format!("reports/shop/{NIGHT}-held.html")).is_file());
    let run = held(&shop);
    let (verified, _) = shop.succeeds(&["verify", "queries/shop", &run]);
    assert!(verified.contains("the run is held, readers do not follow it") && !verified.contains("as published"), "{verified}");
    let none = shop.polytask(&["verify", "queries/shop"]);
    assert!(said(&none.stderr).contains(&format!("hint: {run} is held: name it")), "{}", said(&none.stderr));
    let silent = shop.polytask(&["bless", "queries/shop", &run, "--reason", " "]);
    assert_eq!(code(&silent), Some(2));
    let unknown = shop.polytask(&["bless", "queries/shop", "2026-02-20-none", "--reason", "why not"]);
    assert_eq!(code(&unknown), Some(2), "{}", said(&unknown.stderr));
    let files = |run: &str| fs::read(shop.runs().join(run).join("manifest.json")).expect("a manifest");
    let manifest = files(&run);
    shop.succeeds(&["bless", "queries/shop", &run[..14], "--reason", "a <strict> gate"]);
    assert!(shop.succeeds(&["runs", "queries/shop"]).0.contains("current, blessed"));
    assert_eq!(current(&shop).as_deref().map(str::trim), Some(run.as_str()));
    let report = fs::read_to_string(shop.path().join("reports/shop/latest.html")).expect("a report");
    assert!(report.contains("published by hand") && report.contains("a &#60;strict&#62; gate"), "the report gives the reason, escaped");
    assert_eq!(files(&run), manifest, "the run folder keeps its bytes");
    let twice = shop.polytask(&["bless", "queries/shop", &run, "--reason", "again"]);
    assert_eq!(code(&twice), Some(2), "{}", said(&twice.stderr));
    let again = shop.night(NIGHT, &[]);
    assert!(said(&again.stdout).starts_with("nothing to do"), "{}", said(&again.stdout));
}

#[test]
fn a_night_is_compared_with_the_run_before_it_and_repeats() {
    let shop = Shop::new();
    shop.published();
    let first = shop.current();
    let next = "2026-02-27";
    shop.succeeds(&["run", "queries/shop", "--as-of", next]);
    let second = shop.current();
    assert_ne!(first, second);
    let paired = read(&second.join("compared.parquet"));
    assert!(paired.num_rows() >= 2, "each task was compared");
    assert!(paired.column_by_name("paired").expect("a column").as_boolean().iter().all(|paired| paired == Some(true)));
    let manifest = fs::read_to_string(second.join("manifest.json")).expect("a manifest");
    let name = first.file_name().expect("a name").to_string_lossy().into_owned();
    assert!(manifest.contains(&format!("\"compared_with\": \"{name}\"")), "{manifest}");
    let (out, _) = shop.succeeds(&["run", "queries/shop", "--as-of", next, "--rebuild", "--threads", "1"]);
    assert!(out.starts_with("made again"), "{out}");
    let (out, _) = shop.succeeds(&["run", "queries/shop", "--as-of", NIGHT]);
    assert!(out.starts_with("nothing to do"), "{out}");
}

#[test]
fn half_of_the_rows_missing_holds_the_night() {
    let mut shop = Shop::new();
    shop.published();
    shop.orders.retain(|order| order.household < 12 || order.sold_at < (crate::shop::FIRST_DAY + 30) * 86_400_000_000);
    shop.put(
        "candidates.sql",
        "-- Pairs bought lately. Grain: household x product x channel.\nselect household_id, product_id, last_value(channel order by sold_at, channel) as channel\nfrom orders\nwhere sold_at >= $as_of - interval '7 days'\ngroup by household_id, product_id\n",
    );
    shop.write_data();
    let night = shop.night("2026-02-27", &[]);
    assert_eq!(code(&night), Some(4), "{}{}", said(&night.stdout), said(&night.stderr));
    assert!(said(&night.stdout).contains("rows to score; the median of 1 past night(s)"), "{}", said(&night.stdout));
}

/// Candidates of whom none is in `app` from a day on.
fn no_app_since(shop: &Shop, day: &str) {
    let own = "-- Every pair bought before. Grain: household x product x channel.\nwith pairs as (\n    select household_id, product_id, last_value(channel order by sold_at, channel) as channel\n    from orders\n    group by household_id, product_id\n)\n";
    shop.put("candidates.sql", &format!("{own}select * from pairs where channel <> 'app' or $as_of < timestamp '{day} 00:00:00'\n"));
}

#[test]
fn a_scenario_that_has_lost_all_its_rows_holds_the_night_unless_the_job_allows_it() {
    let shop = Shop::new();
    shop.published();
    let before = current(&shop);
    no_app_since(&shop, "2026-02-25");
    // Half of the rows are there, and every figure is of the held-out night.
    add(&shop, "\n[gates]\nrows = 0.1\nscore_psi = 0.0\nagainst_current = false\n");
    let night = shop.night("2026-02-27", &[]);
    let told = "There are no rows to score in app; the current run had ";
    assert_eq!(code(&night), Some(4), "{}{}", said(&night.stdout), said(&night.stderr));
    assert!(said(&night.stdout).contains(told), "{}", said(&night.stdout));
    assert_eq!(current(&shop), before);
    let run = shop.runs().join(held(&shop));
    let failed = texts(&run, "gates", "words").into_iter().filter(|words| words.starts_with(told)).count();
    assert_eq!(failed, 1);
    assert!(texts(&run, "gates", "kind").contains(&"scenario rows".to_owned()));
    shop.edit("job.toml", "rows = 0.1", "rows = 0.1\nmay_be_empty = [\"app\"]");
    shop.succeeds(&["run", "queries/shop", "--as-of", "2026-02-27"]);
    // The next night it is as in the current run.
    shop.edit("job.toml", "may_be_empty = [\"app\"]", "may_be_empty = []");
    shop.succeeds(&["run", "queries/shop", "--as-of", "2026-02-28"]);
}

#[test]
fn a_first_night_warns_of_a_scenario_without_rows() {
    let shop = Shop::new();
    no_app_since(&shop, NIGHT);
    let log = shop.published();
    assert!(log.contains("warning: scenario `app` has no rows to score tonight"), "{log}");
    let told = fs::read_to_string(shop.current().join("run.json")).expect("run.json");
    assert!(told.contains("scenario `app` has no rows to score tonight"), "{told}");
}

#[test]
fn a_gate_that_cannot_be_read_is_refused_before_the_night() {
    for (gates, told) in [
        ("require = [\"auc > 0.7\"]", "has not one >= or <="),
        ("rows = 1.5", "is no share"),
        ("scenario_rows = 1.0", "is no share"),
        ("margin = -0.1", "is below 0"),
        ("require = [\"acu >= 0.7\"]", "`gates.require`: `acu >= 0.7`: there is no measure `acu`\nhint: did you mean `auc`?"),
        ("require = [\"auc of purchse >= 0.7\"]", "there is no task `purchse`\nhint: did you mean `purchase`?"),
        ("require = [\"auc of spend >= 0.7\"]", "`auc` is not measured of the task `spend`"),
    ] {
        let shop = Shop::new();
        add(&shop, &format!("\n[gates]\n{gates}\n"));
        let output = shop.polytask(&["check", "queries/shop"]);
        assert_eq!(code(&output), Some(2), "{gates}");
        assert!(said(&output.stderr).contains(told), "{}", said(&output.stderr));
    }
}

#[test]
fn the_ledger_compares_each_cell_and_is_made_again_when_it_is_old() {
    let shop = Shop::new();
    add(&shop, NET);
    add(&shop, "\n[transfer]\nevery = \"10 days\"\nrows = 1000\n");
    add(&shop, NO_GATES);
    shop.published();
    let run = shop.current();
    let against = texts(&run, "transfer", "against");
    for wanted in ["alone", "pooled", "linear"] {
        assert!(against.iter().any(|against| against == wanted), "nothing is compared with {wanted}: {against:?}");
    }
    let verdicts = texts(&run, "transfer", "verdict");
    assert!(verdicts.iter().all(|verdict| ["helped", "hurt", "no evidence"].contains(&verdict.as_str())), "{verdicts:?}");
    shop.succeeds(&["run", "queries/shop", "--as-of", "2026-02-27"]);
    assert!(texts(&shop.current(), "transfer", "made_as_of").iter().all(|made| made == NIGHT), "a week later it is that of the first");
    shop.edit("job.toml", "every = \"10 days\"", "every = \"7 days\"");
    shop.succeeds(&["run", "queries/shop", "--as-of", "2026-02-27"]);
    assert!(texts(&shop.current(), "transfer", "made_as_of").iter().all(|made| made == "2026-02-27"));
}

#[test]
fn preparations_are_measured_on_and_off_on_the_same_rows() {
    let shop = Shop::new();
    add(&shop, NET);
    add(&shop, "\n[transfer]\nrows = 1000\n");
    add(
        &shop,
        "\n[prepare]\nnegatives = 4\ncompare = { negatives = 1, class_weights = \"balanced\", oversample = 0.4, feature_masking = 0.2, mixup = 0.2, scenario_temperature = 0.0 }\n",
    );
    add(&shop, NO_GATES);
    shop.published();
    let run = shop.current();
    let mut options = texts(&run, "preparation", "option");
    let metrics = texts(&run, "preparation", "metric");
    let rows = read(&run.join("preparation.parquet"));
    let number = |name: &str| rows.column_by_name(name).expect("a column").as_primitive::<Float64Type>().clone();
    let count = |name: &str| rows.column_by_name(name).expect("a column").as_primitive::<Int64Type>().clone();
    let (off, on, difference) = (number("off"), number("on"), number("difference"));
    let (visited_off, visited_on, learned) = (count("visited_off"), count("visited_on"), count("learned_rows"));
    for row in 0..rows.num_rows() {
        let better = if metrics[row] == "auc" { on.value(row) - off.value(row) } else { off.value(row) - on.value(row) };
        assert!((better - difference.value(row)).abs() < 1e-9, "row {row} of {}", metrics[row]);
        match options[row].as_str() {
            // Without it, all rows; with it, fewer than with the job's own four.
            "negatives" => assert!(visited_on.value(row) < visited_off.value(row) && visited_off.value(row) == learned.value(row)),
            // Nearly half of the rows are bought anyway.
            "oversample" => assert!(visited_on.value(row) >= visited_off.value(row)),
            "scenario_temperature" => {}
            _ => assert_eq!(visited_on.value(row), visited_off.value(row)),
        }
    }
    options.dedup();
    assert_eq!(options, ["negatives", "class_weights", "oversample", "feature_masking", "mixup", "scenario_temperature"]);
    let report = fs::read_to_string(run.join("report.html")).expect("a report");
    assert!(report.contains("Preparation of rows") && report.contains("mixup = 0.2"));
    // A second time, the same bytes, with one thread.
    let bytes = || fs::read(shop.current().join("preparation.parquet")).expect("a table");
    let before = bytes();
    shop.succeeds(&["run", "queries/shop", "--as-of", NIGHT, "--rebuild", "--threads", "1"]);
    assert!(before == bytes());
}

#[test]
fn a_preparation_that_a_job_cannot_have_is_refused_by_its_key() {
    for (prepare, told) in [
        ("oversample = 0.7", "`prepare.oversample`"),
        ("class_weights = \"some\"", "class_weights"),
        ("scenario_temperature = 0.5", "`prepare.scenario_temperature`"),
        ("compare = { negatives = 0 }", "`prepare.compare.negatives`: compares an option that is off with itself"),
        ("compare = { mixup = 20.0 }", "`prepare.compare.mixup`: 20 is outside 0, or 0.01 to 10"),
        ("compare = { mixdown = 1.0 }", "mixdown"),
    ] {
        let shop = Shop::new();
        add(&shop, NET);
        add(&shop, &format!("\n[prepare]\n{prepare}\n"));
        let output = shop.polytask(&["check", "queries/shop"]);
        assert_eq!(code(&output), Some(2), "{prepare}: {}", said(&output.stdout));
        assert!(said(&output.stderr).contains(told), "{prepare}: {}", said(&output.stderr));
    }
    for (prepare, told) in [
        ("compare = { negatives = 5 }", "hint: set model.kind = \"net\", or remove it"),
        ("negatives = 5", "`prepare`: is for networks, and the job has none"),
    ] {
        let shop = Shop::new();
        add(&shop, &format!("\n[prepare]\n{prepare}\n"));
        let output = shop.polytask(&["check", "queries/shop"]);
        assert!(said(&output.stderr).contains(told), "{prepare}: {}", said(&output.stderr));
    }
}

#[test]
fn a_hurt_cell_is_scored_by_the_better_model_where_the_job_wants_it() {
    let shop = Shop::new();
    // A network that learns next to nothing.
    add(&shop, &NET.replace("rate = 0.01", "rate = 0.0000001"));
    add(&shop, "\n[transfer]\nfallback = true\nrows = 1000\n");
    add(&shop, NO_GATES);
    let output = shop.night(NIGHT, &[]);
    assert_eq!(code(&output), Some(0), "{}", said(&output.stderr));
    let run = shop.current();
    let hurt = texts(&run, "transfer", "verdict").iter().filter(|verdict| *verdict == "hurt").count();
    assert!(hurt > 0, "an untrained network hurts");
    assert!(said(&output.stderr).contains("is scored by `linear`"), "{}", said(&output.stderr));
    let list: serde_json::Value = serde_json::from_slice(&fs::read(run.join("model/stand_ins.json")).expect("a list")).expect("json");
    let rows = read(&run.join("holdout/holdout.parquet"));
    let number = |name: &str| rows.column_by_name(name).expect("a column").as_primitive::<Float64Type>().clone();
    let scenario = rows.column_by_name("scenario").expect("a column").as_string::<i32>().clone();
    let mut compared = 0;
    for stand_in in list.as_array().expect("a list").iter().filter(|stand_in| stand_in["by"] == "linear") {
        let task = stand_in["task"].as_str().expect("a task");
        let (published, linear) = (number(&format!("p_{task}")), number(&format!("p_{task}__linear")));
        for row in (0..rows.num_rows()).filter(|row| scenario.value(*row) == stand_in["scenario"]) {
            assert!((published.value(row) - linear.value(row)).abs() < 1e-12);
            compared += 1;
        }
    }
    assert!(compared > 0, "{list}");
    let report = fs::read_to_string(run.join("report.html")).expect("a report");
    assert!(report.contains("is scored by linear"), "the report says so");
    let place = list[0]["scenario"].as_str().expect("a scenario");
    let scores = read(&run.join(format!("scores/scenario={place}/part.parquet")));
    let told = scores.column_by_name("stand_in").expect("a column").as_string::<i32>().clone();
    assert!(told.iter().all(|told| told.is_some_and(|told| told.contains(": linear"))), "the scores say so");
    // The next night reads it as the run to compare with.
    shop.succeeds(&["run", "queries/shop", "--as-of", "2026-02-27"]);
}

/// Every file of a backtest's runs but those with times, and its table.
fn outcome(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).expect("a folder").flatten() {
            let path = entry.path();
            let name = path.strip_prefix(folder).expect("below").to_string_lossy().into_owned();
            if path.is_dir() {
                folders.push(path);
            } else if !["run.json", "metrics.prom", "LOCK", "night.json", "lineage.ndjson"].iter().any(|volatile| name.ends_with(volatile))
            {
                found.insert(name, fs::read(path).expect("a file"));
            }
        }
    }
    found
}

#[test]
fn a_backtest_that_was_killed_goes_on_and_ends_in_the_same_bytes() {
    const ARGS: [&str; 8] = ["backtest", "queries/shop", "--from", "2026-02-19", "--to", "2026-02-28", "--every", "3d"];
    let undisturbed = Shop::new();
    let (out, _) = undisturbed.succeeds(&ARGS);
    assert_eq!(out.lines().filter(|line| line.starts_with("2026-02-")).count(), 4, "{out}");
    let name = "data/shop/backtests/2026-02-19_2026-02-28_3d";
    let table = read(&undisturbed.path().join(name).join("backtest.parquet"));
    let metrics: Vec<_> =
        table.column_by_name("metric").expect("a column").as_string::<i32>().iter().flatten().map(str::to_owned).collect();
    for wanted in ["auc", "ece", "predicted_total", "realised_total"] {
        assert!(metrics.iter().any(|metric| metric == wanted), "{wanted} is missing");
    }
    assert!(undisturbed.path().join("reports/shop/backtests/2026-02-19_2026-02-28_3d/backtest.html").is_file());
    assert_eq!(current(&undisturbed), None, "a backtest publishes nothing");

    let killed = Shop::new();
    let runs = killed.path().join(name).join("runs");
    let mut child = Command::new(assert_cmd::cargo::cargo_bin("polytask"))
        .args(ARGS)
        .current_dir(killed.path())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("a process");
    // Killed when its second night is published.
    while child.try_wait().expect("a state").is_none() {
        let done = fs::read_dir(&runs).into_iter().flatten().flatten();
        if done.filter(|entry| entry.file_name().to_string_lossy().starts_with("2026-")).count() >= 2 {
            break;
        }
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    let _ = child.kill();
    let _ = child.wait();
    let (_, log) = killed.succeeds(&ARGS);
    assert!(log.contains("night 2026-02-28, 4 of 4"), "{log}");
    let (disturbed, whole) = (outcome(&killed.path().join(name)), outcome(&undisturbed.path().join(name)));
    assert_eq!(disturbed.keys().collect::<Vec<_>>(), whole.keys().collect::<Vec<_>>());
    let differing: Vec<_> = whole.iter().filter(|(file, bytes)| disturbed.get(*file) != Some(*bytes)).map(|(file, _)| file).collect();
    assert!(differing.is_empty(), "{differing:?}");
}

/// Lets the features see all sales, as a table without a time does, and adds a column made of those that come next.
fn leaking(column: &str) -> Shop {
    let shop = Shop::new();
    shop.put(
        "clean/all_orders.sql",
        "-- Sales without a time: a mistake. Grain: one line of a receipt.\nselect household_id, product_id, quantity, amount, sold_at from raw.orders\n",
    );
    shop.put(
        "features/next.sql",
        "-- What is bought next. Grain: household x product.\nselect\n    household_id,\n    product_id,\n    count(*) as bought,\n    sum(amount) as amount,\n    concat(min(household_id), '-', min(product_id), '-', min(sold_at)) as order_name\nfrom all_orders\nwhere sold_at >= $as_of and sold_at < $as_of + interval '7 days'\ngroup by household_id, product_id\n",
    );
    shop.edit(
        "frame.sql",
        "    pair.days_since -- days since the last purchase\n",
        &format!("    pair.days_since, -- days since the last purchase\n    {column} -- what the shop cannot know\n"),
    );
    shop.edit(
        "frame.sql",
        "left join products",
        "left join next on next.household_id = rows.household_id and next.product_id = rows.product_id\nleft join products",
    );
    shop
}

#[track_caller]
fn check_leak(column: &str, told: &str) {
    let shop = leaking(column);
    let night = shop.night(NIGHT, &[]);
    assert_eq!(code(&night), Some(3), "{}", said(&night.stderr));
    let error = said(&night.stderr);
    assert!(error.contains("the leak sentinel stopped the night") && error.contains(told), "{error}");
    assert!(error.contains("hint: take `leak` out of frame.sql"), "{error}");
    assert_eq!(current(&shop), None);
}

#[test]
fn a_leaked_label_stops_the_night() {
    check_leak("case when next.bought > 0 then 1 else 0 end as leak", "`leak` is a copy of the label of purchase");
}

#[test]
fn a_column_that_is_there_after_the_outcome_stops_the_night() {
    check_leak("next.amount as leak", "`leak`");
}

#[test]
fn an_id_of_the_outcome_stops_the_night() {
    check_leak("next.order_name as leak", "`leak`");
}

#[test]
fn a_feature_that_is_allowed_with_a_reason_does_not() {
    let shop = leaking("next.amount as leak");
    add(&shop, "\n[sentinel]\nallow = { leak = \"a test\" }\n");
    let (_, log) = shop.succeeds(&["run", "queries/shop", "--as-of", NIGHT]);
    assert!(log.contains("allowed: a test"), "{log}");
}
