//! What a night leaves behind beside tables and report: scores, decisions, manifest, timings, the switch.
//!
//! In: what was learned. Out: files in the staged folder, then the published run. The glue between `publish` and the rest.

use std::collections::BTreeMap;

use arrow::array::RecordBatch;
use datafusion::prelude::SessionContext;
use ndarray::{Array3, Axis};
use serde_json::json;

use super::clock::Clock;
use super::data::{Data, Sources, query_digests};
use super::drift::Counting;
use super::evaluated::Judged;
use super::learned::Learned;
use super::told::Facts;
use super::{Night, NightError, beside_scores};
use crate::features::{FeatureError, view};
use crate::ingest::clean::parquet_table;
use crate::ingest::graph::CONTRIBUTIONS;
use crate::ingest::{Engine, Params, arguments};
use crate::publish::decisions::{self, Decision};
use crate::publish::manifest::{InputSource, SnapshotEntry};
use crate::publish::scores::{self, Predicted, ScoreJob, ScoreSummary};
use crate::publish::{Manifest, PastRun, Staging, folder};
use crate::sql::functions;
use crate::table_file::FileError;
use crate::table_functions;

/// What was scored and decided.
pub(super) struct Scored {
    pub(super) summary: BTreeMap<String, ScoreSummary>,
    pub(super) decisions: Vec<Decision>,
    /// Names of the checks of decisions that found nothing.
    pub(super) checks: Vec<String>,
}

/// Gives a session what decisions call: the table functions that decide, and the figures of the report as SQL.
pub(super) fn add_functions(session: &SessionContext) {
    table_functions::register(session, arguments::planned);
    functions::register(session);
}

/// Scores tonight's candidates in a stream and runs the decision queries over them.
pub(super) async fn score(
    night: &Night<'_>,
    sources: &Sources,
    data: &Data,
    learned: &Learned,
    (run, before): (&str, Option<&PastRun>),
    staging: &Staging,
    counting: &mut Counting,
) -> Result<Scored, NightError> {
    let job = night.job;
    let Some(tonight) = &data.tonight else {
        return Ok(Scored { summary: BTreeMap::new(), decisions: Vec::new(), checks: Vec::new() });
    };
    let shape = learned.encoder.shape();
    let as_of = &sources.plan.tonight;
    let mut stand_ins: BTreeMap<String, String> = BTreeMap::new();
    for (scenario, task, by) in super::content::stand_ins(learned) {
        let told = stand_ins.entry(scenario).or_default();
        let comma = if told.is_empty() { "" } else { ", " };
        told.push_str(&format!("{comma}{task}: {by}"));
    }
    let score = ScoreJob { job, as_of, run, scenarios: &shape.scenarios, stand_ins: &stand_ins };
    let summary = scores::write(
        &score,
        &tonight.file,
        staging,
        |batch| predict(night, learned, batch, as_of.epoch_day(), counting),
        |done| night.watch.step("scored rows", done, tonight.rows),
    )?;

    beside_scores::by_folds(night, learned, tonight, staging)?;

    let spill = night.home.cache.join("spill");
    folder::create(&spill)?;
    let engine = Engine::new(night.options.threads, night.options.memory, night.options.temp, &spill)?;
    let session = view::past(&engine, job, &data.tables, as_of)?;
    for (name, file) in &tonight.features {
        let table = parquet_table(file, crate::ingest::clean::schema_of(file)?)?;
        session.register_table(name.as_str(), table).map_err(FileError::Query)?;
    }
    add_functions(&session);
    decisions::add(&session, job, staging, before)?;
    let end = as_of.plus(job.snapshots.horizon, &job.zone).map_err(NightError::calendar)?;
    let params = Params::of(job).at(as_of, &end);
    let seen = decisions::Seen { job, graph: &sources.graph, params: &params };
    let of = &job.explain.contributions_of;
    let (first, rest) = sources.graph.decisions_before(of);
    let mut tables = decisions::write(&engine, seen, first, &session, staging).await?;
    if sources.graph.decides_on(CONTRIBUTIONS) {
        let named = (!first.is_empty()).then(|| staging.path().join(format!("decisions/{of}.parquet")));
        beside_scores::contributions(night, learned, tonight, named.as_deref(), staging)?;
        decisions::add_beside(&session, CONTRIBUTIONS, staging)?;
    }
    tables.extend(decisions::write(&engine, seen, rest, &session, staging).await?);
    let checks = decisions::check(&engine, seen, &session).await?;
    for decision in &tables {
        night.watch.note(&format!("decision {}: {} rows", decision.name, decision.rows_total));
    }
    if !checks.is_empty() {
        night.watch.note(&format!("{} check(s) of decisions passed", checks.len()));
    }
    Ok(Scored { summary, decisions: tables, checks })
}

/// The published learner's predictions for a batch of the frame, also under every scenario where the job asks for it.
fn predict(night: &Night<'_>, learned: &Learned, batch: &RecordBatch, day: i32, counting: &mut Counting) -> Result<Predicted, NightError> {
    let fitted = &learned.taught[0].fitted;
    let encoded = learned.encoder.encode(batch, day).map_err(FeatureError::from)?;
    let block = encoded.block();
    let own = learned.published(&block)?;
    counting.scores(block.scenario, &own);
    let mut under = Vec::new();
    if night.job.under_every_scenario {
        let shape = learned.encoder.shape();
        let mut raws = Array3::zeros((block.rows(), shape.scenarios.len(), shape.tasks.len()));
        fitted.model.raw_under(&block, raws.view_mut()).map_err(NightError::from)?;
        for (scenario, raws) in raws.axis_iter(Axis(1)).enumerate() {
            let by_task: Vec<Vec<f32>> = raws.axis_iter(Axis(1)).map(|raws| raws.to_vec()).collect();
            let served = vec![scenario as u16; block.rows()];
            let mut published = fitted.calibration.apply(&by_task, &served, block.entity);
            learned.stand_in(&block.under(&served), &mut published)?;
            under.push(published);
        }
    }
    Ok(Predicted { own, under })
}

/// Reads everything staged back from disk and lists it.
pub(super) fn manifest(night: &Night<'_>, facts: &Facts<'_>, staging: &Staging) -> Result<Manifest, NightError> {
    let mut snapshots: Vec<SnapshotEntry> = facts
        .data
        .labelled
        .iter()
        .map(|(snapshot, split)| SnapshotEntry {
            as_of: snapshot.as_of.to_string(),
            split: split.name().to_owned(),
            rows: snapshot.rows,
            fingerprint: snapshot.fingerprint.clone(),
        })
        .collect();
    if let Some(tonight) = &facts.data.tonight {
        snapshots.push(SnapshotEntry {
            as_of: tonight.as_of.to_string(),
            split: "tonight".into(),
            rows: tonight.rows,
            fingerprint: tonight.fingerprint.clone(),
        });
    }
    let url = |name: &str| night.job.sources.iter().find(|source| source.name == name)?.url.as_ref().map(ToString::to_string);
    let inputs = facts.sources.files.iter().map(|source| InputSource {
        url: url(&source.name),
        source: source.name.clone(),
        columns: source.columns(),
        files: source.files.clone(),
    });
    let manifest = Manifest {
        run: facts.run.to_owned(),
        job: night.job.name.clone(),
        as_of: night.as_of.to_string(),
        holdout: facts.sources.plan.holdout().to_string(),
        learner: facts.learned.taught[0].name.to_owned(),
        seed: night.job.seed,
        fingerprint: facts.fingerprint.to_owned(),
        night: facts.own.to_owned(),
        compared_with: facts.baseline.map(|before| before.manifest.run.clone()),
        status: if facts.judgement.held_by().is_empty() { "published" } else { "held" }.to_owned(),
        held_by: facts.judgement.held_by(),
        row_counts: facts.judgement.row_counts.clone(),
        scenario_rows: facts.judgement.scenario_rows.clone(),
        stand_ins: super::content::stand_ins(facts.learned),
        warm_start: facts.learned.begun_from.clone(),
        versions: super::told::versions(),
        inputs: inputs.collect(),
        queries: query_digests(night.job),
        snapshots,
        figures: main_figures(facts.judged),
        files: staging.audit()?,
    };
    staging.write("manifest.json", &manifest.to_json()?)?;
    Ok(manifest)
}

/// AUC of each binary task and R² of each regression of the published learner, over all scenarios.
fn main_figures(judged: &Judged) -> BTreeMap<String, f64> {
    let Some((first, _)) = judged.figures.first() else { return BTreeMap::new() };
    let wanted = judged.figures.iter().filter(|(learner, figure)| {
        learner == first && figure.scenario == "*" && figure.task != "*" && ["auc", "r2"].contains(&figure.metric)
    });
    wanted.filter_map(|(_, figure)| Some((format!("{} {}", figure.task, figure.metric), figure.value?))).collect()
}

/// The main figures, a line each, challengers beside them.
pub(super) fn figure_lines(judged: &Judged) -> Vec<String> {
    main_figures(judged)
        .keys()
        .map(|name| {
            let (task, metric) = name.split_once(' ').unwrap_or((name, ""));
            let found =
                judged.figures.iter().filter(|(_, figure)| figure.scenario == "*" && figure.task == task && figure.metric == metric);
            let values: Vec<_> = found.filter_map(|(learner, figure)| Some(format!("{learner} {:.4}", figure.value?))).collect();
            format!("{task}: {metric} {}", values.join(", "))
        })
        .collect()
}

/// Writes `run.json` and `metrics.prom`: how long each part took and how much memory the process held at its peak.
pub(super) fn tell_times(
    night: &Night<'_>,
    manifest: &Manifest,
    clock: &Clock,
    (data, warnings): (&Data, &[String]),
    staging: &Staging,
) -> Result<(), NightError> {
    let (seconds, peak) = (clock.seconds(), clock.peak());
    let stage = |lap: &super::clock::Lap| json!({ "stage": lap.name, "status": "done", "rows": lap.rows, "seconds": lap.seconds, "peak_memory_bytes": lap.peak });
    let stages: Vec<_> = clock.laps.iter().map(stage).collect();
    let rows: u64 = data.labelled.iter().map(|(snapshot, _)| snapshot.rows).sum();
    let told = json!({
        "run": manifest.run, "job": manifest.job, "as_of": manifest.as_of, "status": manifest.status, "seconds": seconds, "stages": stages,
        "peak_memory_bytes": peak, "memory_bytes": night.options.memory, "threads": night.options.threads, "warnings": warnings, "labelled_rows": rows,
        "candidates": data.tonight.as_ref().map_or(0, |tonight| tonight.rows),
    });
    let text = serde_json::to_vec_pretty(&told).map_err(|error| NightError::Report(error.to_string()))?;
    staging.write("run.json", &text)?;
    let job = &manifest.job;
    let mut prom = String::new();
    let mut gauge = |name: &str, help: &str, lines: &[(String, f64)]| {
        prom.push_str(&format!("# HELP {name} {help}\n# TYPE {name} gauge\n"));
        for (labels, value) in lines {
            prom.push_str(&format!("{name}{{job=\"{job}\"{labels}}} {value}\n"));
        }
    };
    gauge("polytask_night_seconds", "Wall time of the night.", &[(String::new(), seconds)]);
    let by_stage = |of: fn(&super::clock::Lap) -> f64| -> Vec<(String, f64)> {
        clock.laps.iter().map(|lap| (format!(",stage=\"{}\"", lap.name), of(lap))).collect()
    };
    gauge("polytask_stage_seconds", "Wall time of a stage.", &by_stage(|lap| lap.seconds));
    gauge("polytask_stage_rows", "Rows that a stage had before it.", &by_stage(|lap| lap.rows as f64));
    gauge("polytask_stage_peak_memory_bytes", "Largest resident memory while a stage ran.", &by_stage(|lap| lap.peak as f64));
    gauge("polytask_peak_memory_bytes", "Largest resident memory of the process.", &[(String::new(), peak as f64)]);
    let figures: Vec<_> = manifest.figures.iter().map(|(name, value)| (format!(",figure=\"{name}\""), *value)).collect();
    gauge("polytask_figure", "Main figures on the held-out night.", &figures);
    staging.write("metrics.prom", prom.as_bytes())?;
    for lap in &clock.laps {
        night.watch.note(&format!("{}: {:.1} s", lap.name, lap.seconds));
    }
    night.watch.note(&format!("whole night {seconds:.1} s, peak memory {:.2} GB", peak as f64 / 1e9));
    Ok(())
}
