//! What a scheduler and a catalogue are told of a night, however it ended: `night.json`, `metrics.prom` and `lineage.ndjson` in the
//! job's folder of runs.
//!
//! In: how a night began and ended. Out: files beside the runs, replaced whole; the lineage grows by two lines a night. They hold
//! times of the clock and are no part of a run. Not here: the run's own `run.json` (`outputs`).

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::time::Instant;

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{Ended, Night, NightError};
use crate::fingerprint;
use crate::outcome::{Ending, Outcome as _};
use crate::publish::{Manifest, PublishError, folder};

/// Bytes of the lineage beyond which it is put aside as `lineage.old.ndjson`.
const LINEAGE_BYTES: u64 = 16 << 20;

/// A night that has begun.
pub(super) struct Begun {
    at: Timestamp,
    /// The same by a clock that nobody can set.
    since: Instant,
    id: String,
}

/// A night begins: the first line of its lineage.
pub(super) fn begin(night: &Night<'_>) -> Begun {
    let at = Timestamp::now();
    let begun = Begun {
        id: uuid(&format!("{} {} {} {}", night.job.name, night.as_of, at.as_nanosecond(), std::process::id())),
        at,
        since: Instant::now(),
    };
    tell(night, lineage(night, &begun, "START", at, None, None));
    begun
}

/// A night has ended. That the telling fails is told, and changes nothing.
pub(super) fn end(night: &Night<'_>, begun: &Begun, ended: &Result<Ended, NightError>) {
    let at = Timestamp::now();
    let manifest = match ended {
        Ok(Ended::Published { run, .. } | Ended::Held { run, .. } | Ended::Already { run } | Ended::SameBytes { run }) => {
            Manifest::read(&night.home.run(run)).ok()
        }
        Err(_) => None,
    };
    let (status, code, error) = match ended {
        Ok(Ended::Held { .. }) => ("held", Ending::Held as u8, None),
        Ok(Ended::Published { .. }) => ("published", 0, None),
        Ok(Ended::Already { .. } | Ended::SameBytes { .. }) => ("unchanged", 0, None),
        Err(error) => ("failed", error.ending() as u8, Some(error.to_string())),
    };
    let kind = if error.is_some() { "FAIL" } else { "COMPLETE" };
    tell(night, lineage(night, begun, kind, at, manifest.as_ref(), error.as_deref()));
    let seconds = begun.since.elapsed().as_secs_f64();
    let success = if code == 0 { Some(at.as_second()) } else { last_success(night) };
    let told = json!({
        "job": night.job.name, "as_of": night.as_of.to_string(), "status": status, "exit_code": code, "error": error,
        "run": manifest.as_ref().map(|manifest| &manifest.run), "begun": begun.at.to_string(), "ended": at.to_string(), "seconds": seconds,
        "last_success": success,
    });
    let text = serde_json::to_vec_pretty(&told).unwrap_or_default();
    tell(night, folder::write_atomically(&night.home.runs.join("night.json"), &text).map_err(PublishError::from));
    let text = metrics(night, &told, success);
    tell(night, folder::write_atomically(&night.home.runs.join("metrics.prom"), text.as_bytes()).map_err(PublishError::from));
}

fn tell(night: &Night<'_>, done: Result<(), PublishError>) {
    if let Err(error) = done {
        night.watch.note(&format!("warning: {error}"));
    }
}

/// When a night of the job last ended well, by the file that the night before left.
fn last_success(night: &Night<'_>) -> Option<i64> {
    let text = fs::read(night.home.runs.join("night.json")).ok()?;
    serde_json::from_slice::<Value>(&text).ok()?["last_success"].as_i64()
}

/// Gauges for Prometheus' textfile collector.
fn metrics(night: &Night<'_>, told: &Value, success: Option<i64>) -> String {
    let ended: i64 = told["ended"].as_str().and_then(|at| at.parse::<Timestamp>().ok()).map_or(0, Timestamp::as_second);
    let gauges = [
        ("polytask_last_success_timestamp_seconds", "When a night of the job last ended with exit code 0.", success.map(|at| at as f64)),
        ("polytask_last_end_timestamp_seconds", "When the last night of the job ended, however it did.", Some(ended as f64)),
        ("polytask_last_exit_code", "How it ended: 0 published, 3 input refused, 4 held, 74 input or output.", told["exit_code"].as_f64()),
        ("polytask_last_seconds", "Wall time of the last night of the job.", told["seconds"].as_f64()),
    ];
    let mut text = String::new();
    for (name, help, value) in gauges {
        if let Some(value) = value {
            text.push_str(&format!("# HELP {name} {help}\n# TYPE {name} gauge\n{name}{{job=\"{}\"}} {value}\n", night.job.name));
        }
    }
    text
}

/// Appends an `OpenLineage` event: what was read and what was written, by the run's manifest.
fn lineage(
    night: &Night<'_>,
    begun: &Begun,
    kind: &str,
    at: Timestamp,
    manifest: Option<&Manifest>,
    error: Option<&str>,
) -> Result<(), PublishError> {
    let producer = concat!("urn:polytask:", env!("CARGO_PKG_VERSION"));
    let facet = |name: &str, mut facet: Value| {
        facet["_producer"] = producer.into();
        facet["_schemaURL"] = format!("https://openlineage.io/spec/facets/1-0-0/{name}.json").into();
        facet
    };
    let inputs = manifest.map_or(&[][..], |manifest| &manifest.inputs).iter().map(|input| {
        let fields = input.columns.iter().map(|(name, kind)| json!({ "name": name, "type": kind }));
        let schema = facet("SchemaDatasetFacet", json!({ "fields": fields.collect::<Vec<_>>() }));
        let rows: u64 = input.files.iter().map(|file| file.rows).sum();
        let bytes: u64 = input.files.iter().map(|file| file.bytes).sum();
        let read = facet("DataQualityMetricsInputDatasetFacet", json!({ "rowCount": rows, "bytes": bytes, "columnMetrics": {} }));
        json!({ "namespace": format!("polytask/{}", night.job.name), "name": format!("raw.{}", input.source),
                "facets": { "schema": schema }, "inputFacets": { "dataQualityMetrics": read } })
    });
    let written = manifest.map_or(&[][..], |manifest| &manifest.files).iter().filter(|file| file.rows.is_some());
    let outputs = written.map(|file| {
        let wrote = facet("OutputStatisticsOutputDatasetFacet", json!({ "rowCount": file.rows, "size": file.bytes }));
        json!({ "namespace": format!("polytask/{}", night.job.name), "name": file.file.trim_end_matches(".parquet"),
                "outputFacets": { "outputStatistics": wrote } })
    });
    let mut facets = json!({
        "nominalTime": facet("NominalTimeRunFacet", json!({ "nominalStartTime": start(night) })),
    });
    if let Some(error) = error {
        facets["errorMessage"] = facet("ErrorMessageRunFacet", json!({ "message": error, "programmingLanguage": "Rust" }));
    }
    let event = json!({
        "eventType": kind, "eventTime": at.to_string(), "producer": producer,
        "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent",
        "run": { "runId": begun.id, "facets": facets },
        "job": { "namespace": "polytask", "name": night.job.name },
        "inputs": inputs.collect::<Vec<_>>(), "outputs": outputs.collect::<Vec<_>>(),
    });
    append(night, &format!("{event}\n"))
}

/// The first instant of the as-of date.
fn start(night: &Night<'_>) -> String {
    night.as_of.to_zoned_datetime(night.job.zone.clone()).map_or_else(|_| night.as_of.to_string(), |start| start.timestamp().to_string())
}

fn append(night: &Night<'_>, line: &str) -> Result<(), PublishError> {
    let path = night.home.runs.join("lineage.ndjson");
    if fs::metadata(&path).is_ok_and(|told| told.len() > LINEAGE_BYTES) {
        folder::rename(&path, &night.home.runs.join("lineage.old.ndjson"))?;
    }
    let written = OpenOptions::new().create(true).append(true).open(&path).and_then(|mut file| file.write_all(line.as_bytes()));
    written.map_err(|source| crate::table_file::FileError::Io { what: "write", path, source }.into())
}

/// A name of the form that `OpenLineage` wants, made of what names the night (version 8 of RFC 9562: a hash of one's own).
fn uuid(text: &str) -> String {
    let hex = fingerprint::of_bytes(text.as_bytes());
    let variant = ["8", "9", "a", "b"][usize::from(hex.as_bytes()[16] & 3)];
    format!("{}-{}-8{}-{variant}{}-{}", &hex[..8], &hex[8..12], &hex[13..16], &hex[17..20], &hex[20..32])
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_night_has_a_uuid() {
        let id = super::uuid("shop 2026-02-20");
        assert_eq!(id.split('-').map(str::len).collect::<Vec<_>>(), [8, 4, 4, 4, 12]);
        assert!(id.chars().nth(14) == Some('8') && "89ab".contains(id.chars().nth(19).unwrap_or(' ')), "{id}");
    }
}
