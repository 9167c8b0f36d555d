//! What is told of a night outside its run: `night.json`, `metrics.prom`, `lineage.ndjson`, the log as JSON; and what `--memory` bounds.

use std::fs;

use serde_json::Value;

use crate::shop::{NIGHT, Shop};

fn json(shop: &Shop, file: &str) -> Value {
    serde_json::from_slice(&fs::read(shop.runs().join(file)).expect("a file")).expect("JSON")
}

fn gauge(shop: &Shop, name: &str) -> Option<f64> {
    let text = fs::read_to_string(shop.runs().join("metrics.prom")).expect("a file");
    text.lines().find_map(|line| line.strip_prefix(&format!("{name}{{job=\"shop\"}} "))?.parse().ok())
}

#[test]
fn the_last_success_outlives_a_failure() {
    let shop = Shop::new();
    shop.published();
    let first = json(&shop, "night.json");
    assert_eq!((first["status"].as_str(), first["exit_code"].as_i64()), (Some("published"), Some(0)));
    assert_eq!(first["run"].as_str(), shop.current().file_name().and_then(std::ffi::OsStr::to_str));
    let success = gauge(&shop, "polytask_last_success_timestamp_seconds").expect("a success");
    assert!(success > 1.7e9);
    assert_eq!(shop.night("2020-01-01", &[]).status.code(), Some(3));
    let second = json(&shop, "night.json");
    assert_eq!((second["status"].as_str(), second["exit_code"].as_i64()), (Some("failed"), Some(3)));
    assert!(second["error"].as_str().is_some_and(|error| !error.is_empty()));
    assert_eq!(gauge(&shop, "polytask_last_success_timestamp_seconds"), Some(success));
    assert_eq!(gauge(&shop, "polytask_last_exit_code"), Some(3.0));
}

#[test]
fn lineage_names_what_was_read_and_written() {
    let shop = Shop::new();
    shop.published();
    shop.night("2020-01-01", &[]);
    let text = fs::read_to_string(shop.runs().join("lineage.ndjson")).expect("lineage");
    let events: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let kinds: Vec<&str> = events.iter().filter_map(|event| event["eventType"].as_str()).collect();
    assert_eq!(kinds, ["START", "COMPLETE", "START", "FAIL"]);
    assert_eq!(events[0]["run"]["runId"], events[1]["run"]["runId"]);
    assert_ne!(events[1]["run"]["runId"], events[2]["run"]["runId"]);
    let inputs = events[1]["inputs"].as_array().expect("inputs");
    assert_eq!(inputs.iter().filter_map(|input| input["name"].as_str()).collect::<Vec<_>>(), ["raw.orders", "raw.products"]);
    assert_eq!(inputs[0]["inputFacets"]["dataQualityMetrics"]["rowCount"], shop.orders.len());
    let outputs = events[1]["outputs"].as_array().expect("outputs");
    assert!(outputs.iter().any(|output| output["name"] == "decisions/top_products"));
    assert!(events[3]["run"]["facets"]["errorMessage"]["message"].as_str().is_some());
    for event in &events {
        assert!(event["producer"].as_str().is_some_and(|producer| producer.starts_with("urn:polytask:")));
        assert_eq!(event["job"]["name"], "shop");
    }
}

#[test]
fn the_log_can_be_json_line_by_line() {
    let shop = Shop::new();
    let parse = |bytes: &[u8]| -> Vec<Value> {
        String::from_utf8_lossy(bytes).lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{line}"))).collect()
    };
    let output = shop.night(NIGHT, &["--log", "json"]);
    assert!(output.status.success());
    let log = parse(&output.stderr);
    let stages: Vec<&str> = log.iter().filter_map(|line| line["stage"].as_str()).collect();
    assert_eq!(stages, ["ingest", "features", "learn", "evaluate", "explain", "score", "judge", "report", "publish"]);
    assert!(log.iter().all(|line| line["time"].is_string() && line["level"].is_string()));
    let preflight = log.iter().filter_map(|line| line["message"].as_str()).find(|message| message.starts_with("preflight"));
    assert!(preflight.is_some_and(|message| message.contains("memory not measured yet")), "{preflight:?}");
    let last = log.last().expect("a line");
    assert_eq!((last["event"].as_str(), last["status"].as_str(), last["exit_code"].as_i64()), (Some("ended"), Some("published"), Some(0)));
    assert_eq!(last["run"].as_str(), shop.current().file_name().and_then(std::ffi::OsStr::to_str));
    let mut told = parse(&shop.night("2020-01-01", &["--log", "json"]).stderr);
    let last = told.pop().expect("a line");
    assert_eq!((last["event"].as_str(), last["status"].as_str(), last["exit_code"].as_i64()), (Some("ended"), Some("failed"), Some(3)));
    let error = told.pop().expect("a line");
    assert_eq!((error["event"].as_str(), error["level"].as_str()), (Some("error"), Some("error")));
    assert!(error["hint"].is_string());
    shop.edit("job.toml", "[encode]", "[gates]\nrequire = [\"auc of purchase >= 0.999\"]\n\n[encode]");
    let last = parse(&shop.night(NIGHT, &["--log", "json"]).stderr).pop().expect("a line");
    assert_eq!((last["status"].as_str(), last["exit_code"].as_i64()), (Some("held"), Some(4)));
    assert!(last["gates_not_passed"][0].as_str().is_some_and(|gate| gate.contains("at least 0.999 is required")), "{last}");
}

#[test]
fn run_json_tells_every_stage() {
    let shop = Shop::new();
    shop.published();
    let told: Value = serde_json::from_slice(&fs::read(shop.current().join("run.json")).expect("a file")).expect("JSON");
    for stage in told["stages"].as_array().expect("stages") {
        assert_eq!(stage["status"], "done");
        assert!(stage["seconds"].as_f64().is_some_and(|seconds| seconds >= 0.0), "{stage}");
        assert!(stage["rows"].as_u64().is_some_and(|rows| rows > 0), "{stage}");
        #[cfg(target_os = "linux")]
        assert!(stage["peak_memory_bytes"].as_u64().is_some_and(|bytes| bytes > 1 << 20), "{stage}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_small_shop_stays_within_its_memory() {
    let shop = Shop::new();
    let mut published = None;
    for memory in ["256MB", "512MB", "1GB"] {
        shop.succeeds(&["run", "queries/shop", "--as-of", NIGHT, "--memory", memory, "--threads", "2", "--rebuild"]);
        let told: Value = serde_json::from_slice(&fs::read(shop.current().join("run.json")).expect("a file")).expect("JSON");
        let (peak, allowed) = (told["peak_memory_bytes"].as_u64().expect("a peak"), told["memory_bytes"].as_u64().expect("a limit"));
        println!("--memory {memory}: peak {} MB", peak / 1_000_000);
        // `run.json` is of the run that was published first; a rebuild with the same bytes leaves it.
        assert!(peak < allowed.max(256_000_000), "{memory}: {peak}");
        let bytes = fs::read(shop.current().join("manifest.json")).expect("a manifest");
        assert_eq!(published.get_or_insert_with(|| bytes.clone()), &bytes, "memory changes no byte");
    }
    let little = shop.night(NIGHT, &["--memory", "64MB"]);
    assert_eq!(little.status.code(), Some(2));
}
