//! The night on one page: each stage is one call, each returns the value that the next one takes.
//!
//! In: a job, an as-of date, how much of the machine to use. Out: a published run, or an error and nothing published. The
//! stages do not know each other; this page does.

mod arrivals;
mod asked;
mod backtest;
mod baseline;
mod beside_scores;
mod bless;
mod cells;
mod checkpoints;
mod clock;
mod content;
mod data;
mod drift;
mod drift_tables;
mod error;
mod evaluated;
mod explained;
mod folds;
mod judgement;
mod learned;
mod ledger;
mod model;
mod outputs;
mod plan;
mod predecessor;
mod preflight;
mod preparation;
mod retention;
mod reused;
mod scorer;
mod shown;
mod telling;
mod thresholds;
mod told;
mod transfer;
mod what_if;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use arrow::datatypes::SchemaRef;
use jiff::civil::Date;

pub use asked::{Account, Asked, Reason, explain};
pub use backtest::{Backtested, Span, backtest};
pub use bless::{bless, rollback};
use checkpoints::Checkpoints;
use clock::Clock;
pub use error::NightError;
pub use model::{RunModel, Why};
pub use plan::plan;
use predecessor::Predecessor;
pub use what_if::{Added, Method, Tie, WhatIf, WiderFrame, what_if};

use crate::features::Snapshot;
use crate::fingerprint::Fingerprint;
use crate::ingest::{Cache, Engine, Graph, IngestError, Params, SourceFiles, clean, remote};
use crate::job::{AsOf, Job, Split};
use crate::publish::staging::{self, Placed};
use crate::publish::{Home, Lock, PastRun, Staging, decisions, folder};
use crate::table_file::{self, FileError, Kept, TableWriter};
use crate::watch::Watch;

/// How much of the machine a night may use, and whether it may use what earlier nights made.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Queries and learners side by side.
    pub threads: usize,
    /// Bytes for queries, learning and scoring.
    pub memory: u64,
    /// Bytes of temporary files that queries may spill.
    pub temp: u64,
    /// Make every table again.
    pub rebuild: bool,
}

/// A night to run.
#[derive(Clone, Copy)]
pub struct Night<'a> {
    /// The job.
    pub job: &'a Job,
    /// Where its data, runs and reports lie.
    pub home: &'a Home,
    /// The day at whose start the night stands.
    pub as_of: Date,
    /// How much of the machine it may use.
    pub options: Options,
    /// Who watches.
    pub watch: &'a dyn Watch,
}

/// How a night ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// A new run is published.
    Published {
        /// Its id.
        run: String,
        /// Its main figures, a line each.
        figures: Vec<String>,
        /// Whether it is the current run now; not, when a later night is.
        current: bool,
    },
    /// A gate was not passed: the run is kept, the one before it stays current.
    Held {
        /// Its id.
        run: String,
        /// Its main figures, a line each.
        figures: Vec<String>,
        /// The gates that were not passed, in sentences.
        by: Vec<String>,
    },
    /// The same night was published before.
    Already {
        /// Its id.
        run: String,
    },
    /// The same night was made again, with the same bytes.
    SameBytes {
        /// Its id.
        run: String,
    },
}

/// Runs a night.
///
/// # Errors
/// [`NightError`]; the previous run stays current then.
pub async fn night(night: &Night<'_>) -> Result<Ended, NightError> {
    let _lock = Lock::take(night.home, &format!("run --as-of {}", night.as_of))?;
    let begun = telling::begin(night);
    let ended = Box::pin(through(night)).await;
    telling::end(night, &begun, &ended);
    ended
}

/// The night itself, with the lock in hand.
async fn through(night: &Night<'_>) -> Result<Ended, NightError> {
    let clock = Clock::start();
    let sources = data::sources(night).await?;
    let predecessor = Predecessor::find(night, &sources.plan)?;
    let predecessor = predecessor.as_ref();
    let own = data::fingerprint(night.job, &sources, predecessor.map(|before| before.run.as_str()));
    let baseline = baseline::find(night, &own)?;
    let baseline = baseline.as_ref();
    let (fingerprint, run) = run_id(night, &own, baseline);
    if !night.options.rebuild
        && let Some(past) = night.home.find(&run)?
    {
        staging::sweep(night.home)?;
        if !past.published() {
            shown::held(night.home, &run)?;
            return Ok(Ended::Held { run, figures: Vec::new(), by: past.manifest.held_by });
        }
        if night.home.stays()? {
            night.watch.note("somebody went back to the current run: it stays (`polytask rollback --to` chooses another)");
        } else {
            shown::publish(night.home, &run)?;
            retention::apply(night, &run, predecessor);
        }
        return Ok(Ended::Already { run });
    }

    let mut warnings = arrivals::check(night, &sources, baseline)?;
    for warning in warnings.iter().chain(&preflight::preflight(night, &sources, baseline)) {
        night.watch.note(&format!("warning: {warning}"));
    }
    learned::learners(night.job)?;
    plan_all(night.job, &sources.graph, &sources.files).await?;
    let data = data::data(night, &sources, true).await?;
    let clock = clock.lap("ingest and features", sources.files.iter().map(SourceFiles::rows).sum());
    let staging = Staging::start(night.home)?;
    night.watch.stage("learn");
    let checkpoints = Checkpoints::of(night, &run)?;
    let mut learned = match night.job.folds {
        Some(folds) => folds::learn(night, folds, &data, staging.path())?,
        None => learned::learn(night, &data, staging.path(), &checkpoints, predecessor)?,
    };
    let rows = data.labelled.iter().map(|(snapshot, _)| snapshot.rows).sum();
    let clock = clock.lap("learn", rows);
    let ledger = transfer::ledger(night, &learned, &run, baseline)?;
    let prepared = preparation::measure(night, &learned)?;
    learned.stand_ins = transfer::stand_ins(night, &learned, &ledger)?;
    let clock = clock.lap("transfer", rows);
    night.watch.stage("evaluate");
    let judged = evaluated::evaluate(night, &learned)?;
    let held_out = data.labelled.last().map_or(0, |(snapshot, _)| snapshot.rows);
    let clock = clock.lap("evaluate", held_out);
    night.watch.stage("explain");
    let explained = explained::explain(night, &learned, &judged, baseline)?;
    let clock = clock.lap("explain", held_out);
    night.watch.stage("score");
    let mut counting = drift::Counting::start(&learned, &judged, baseline)?;
    told::holdout(night, &learned, &judged, &staging)?;
    let scored = outputs::score(night, &sources, &data, &learned, (&run, baseline), &staging, &mut counting).await?;
    let candidates = data.tonight.as_ref().map_or(0, |tonight| tonight.rows);
    let clock = clock.lap("score and decide", candidates);
    night.watch.stage("judge");
    let judgement = judgement::judge(night, &data, (&learned, &judged, &explained, &scored), baseline, counting)?;
    warnings.extend(judgement.warnings.iter().cloned());
    let clock = clock.lap("judge", candidates);
    night.watch.stage("report");
    let facts = told::Facts {
        run: &run,
        fingerprint: &fingerprint,
        own: &own,
        baseline,
        sources: &sources,
        data: &data,
        learned: &learned,
        judged: &judged,
        explained: &explained,
        scored: &scored,
        ledger: &ledger,
        prepared: &prepared,
        judgement: &judgement,
        warnings: &warnings,
    };
    told::write(night, &facts, &staging)?;
    let clock = clock.lap("report", held_out);
    night.watch.stage("publish");
    drop_scratch(&staging)?;
    let manifest = outputs::manifest(night, &facts, &staging)?;
    let clock = clock.lap("audit", manifest.files.iter().filter_map(|file| file.rows).sum());
    outputs::tell_times(night, &manifest, &clock, (&data, &warnings), &staging)?;
    let figures = outputs::figure_lines(&judged);
    let placed = staging.place_as(night.home, &manifest)?;
    // The run is whole on disk; what is left of its training is removed by the next one.
    if let Err(error) = checkpoints.clear() {
        night.watch.note(&format!("warning: {error}"));
    }
    if night.home.find(&run)?.is_some_and(|past| !past.published()) {
        shown::held(night.home, &run)?;
        return Ok(Ended::Held { run, figures, by: manifest.held_by });
    }
    let current = shown::publish(night.home, &run)?;
    retention::apply(night, &run, predecessor);
    Ok(match placed {
        Placed::New => Ended::Published { run, figures, current },
        Placed::SameBytes => Ended::SameBytes { run },
    })
}

/// Fingerprint and id of a night that is compared with `before`.
fn run_id(night: &Night<'_>, own: &str, before: Option<&PastRun>) -> (String, String) {
    let fingerprint = match before {
        Some(before) => Fingerprint::of("compared night").with("night", own).with("with", &before.manifest.run).hex(),
        None => own.to_owned(),
    };
    let run = format!("{}-{}", night.as_of, &fingerprint[..12]);
    (fingerprint, run)
}

/// Encoded rows are needed by this night only.
fn drop_scratch(staging: &Staging) -> Result<(), NightError> {
    let scratch = staging.path().join(learned::SCRATCH);
    Ok(folder::remove(&scratch)?)
}

/// An engine to plan with, and its folder. Planning spills nothing, and may be asked for where the runs cannot be written.
fn planning() -> Result<(Engine, tempfile::TempDir), NightError> {
    let spill = tempfile::tempdir().map_err(|source| FileError::Io { what: "create a folder in", path: std::env::temp_dir(), source })?;
    Ok((Engine::new(1, 1 << 30, 1 << 30, spill.path())?, spill))
}

/// Plans every query on empty tables, so that a mistake in the last one is found before the first one has run. Returns the
/// columns of each clean table and the number of features.
async fn plan_all(job: &Job, graph: &Graph, files: &[SourceFiles]) -> Result<(BTreeMap<String, SchemaRef>, usize), NightError> {
    let (engine, _spill) = planning()?;
    let tables = clean::plan_all(&engine, job, graph, files).await?;
    let planned = crate::features::snapshot::plan_all(&engine, job, graph, &tables).await?;
    let any_day = AsOf::new(jiff::civil::date(2000, 1, 1), &job.zone).map_err(NightError::calendar)?;
    let params = Params::of(job).at(&any_day, &any_day);
    let learners = learned::learners(job)?;
    let challengers: Vec<&str> = learners.iter().skip(1).map(|learner| learner.name()).collect();
    outputs::add_functions(&planned.session);
    let seen = decisions::Seen { job, graph, params: &params };
    decisions::plan_all(&planned.session, seen, &planned.rows, &challengers).await?;
    Ok((tables, planned.features))
}

/// Tries a job without running its night; returns what was found, in lines.
///
/// # Errors
/// [`NightError`], the first thing that is wrong.
pub async fn check(job: &Job, home: &Home) -> Result<String, NightError> {
    learned::learners(job)?;
    // The number of snapshots is right or wrong on every date.
    job.plan(jiff::civil::date(2000, 1, 1))?;
    let graph = Graph::new(job)?;
    let cache = Cache::new(home.cache.clone(), false);
    let outstanding = remote::outstanding(&job.sources, &cache).await?;
    let told = outstanding.iter().filter(|source| !source.nothing()).map(|source| format!("  would fetch {source}"));
    let told: Vec<String> = told.collect();
    let files = match data::locate(job, home, &cache) {
        // What an earlier night fetched is enough to try the queries on.
        Ok(files) => files,
        Err(NightError::Ingest(IngestError::NotFetched { .. })) if !told.is_empty() => {
            let head = format!("{}: configuration is sound; the queries can be tried when a night has fetched its sources", job.name);
            return Ok(std::iter::once(head).chain(told).collect::<Vec<_>>().join("\n"));
        }
        Err(error) => return Err(error),
    };
    let (tables, features) = plan_all(job, &graph, &files).await?;
    let mut lines = vec![format!("{}: configuration, queries and sources are sound", job.name)];
    lines.extend(told);
    for source in &files {
        lines.push(format!(
            "  source {}: {} file(s), {} rows, {} columns",
            source.name,
            source.files.len(),
            source.rows(),
            source.columns().len()
        ));
    }
    for (table, schema) in &tables {
        let time = job.time_of(table).map_or_else(|| "static".to_owned(), |time| format!("point-in-time by {}", time.time));
        lines.push(format!("  table {table}: {} columns, {time}", schema.fields().len()));
    }
    lines.push(format!(
        "  frame: {} features, {} task(s), {} check(s), {} decision table(s)",
        features,
        job.tasks.len(),
        graph.checks.len() + graph.decision_checks.len(),
        graph.decisions.len()
    ));
    Ok(lines.join("\n"))
}

/// Writes the training frame of a night below `out`: one file per snapshot, with `as_of` and `split`.
///
/// # Errors
/// [`NightError`].
pub async fn frame(night: &Night<'_>, out: &Path) -> Result<Vec<(PathBuf, u64)>, NightError> {
    let _lock = Lock::take(night.home, &format!("frame --as-of {}", night.as_of))?;
    let sources = data::sources(night).await?;
    data::refuse_other_frames(&sources.plan, out)?;
    let data = data::data(night, &sources, false).await?;
    folder::create(out)?;
    data.labelled.iter().map(|(snapshot, split)| write_frame(night.job, snapshot, *split, out)).collect()
}

/// Copies a snapshot's frame with the columns `as_of` and `split` after the keys.
fn write_frame(job: &Job, snapshot: &Snapshot, split: Split, out: &Path) -> Result<(PathBuf, u64), NightError> {
    let path = out.join(data::frame_file(&snapshot.as_of));
    let failed = |message: String| FileError::Rows(message);
    let mut writer: Option<TableWriter> = None;
    for batch in table_file::read(&snapshot.file)? {
        let batch = batch.map_err(|error| failed(error.to_string()))?;
        let mut columns = crate::publish::Columns::new();
        for key in &job.keys {
            columns = columns.array(key, batch.column_by_name(key).cloned().ok_or_else(|| failed(format!("key `{key}` is missing")))?);
        }
        columns = columns.date("as_of", std::iter::repeat_n(snapshot.as_of.epoch_day(), batch.num_rows()));
        columns = columns.text("split", std::iter::repeat_n(split.name(), batch.num_rows()));
        if let Some(folds) = job.folds {
            columns = columns.array("fold", folds::column(folds, &job.entity, &batch)?);
        }
        for (field, array) in batch.schema().fields().iter().zip(batch.columns()) {
            if !job.keys.contains(field.name()) {
                columns = columns.array(field.name(), std::sync::Arc::clone(array));
            }
        }
        let batch = columns.batch().map_err(failed)?;
        if writer.is_none() {
            writer = Some(TableWriter::create(&path, batch.schema(), Kept::Published)?);
        }
        if let Some(writer) = &mut writer {
            writer.write(&batch)?;
        }
    }
    let rows = writer.map_or(Ok(0), TableWriter::finish)?;
    Ok((path, rows))
}
