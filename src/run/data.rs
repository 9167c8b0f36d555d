//! The data of a night: sources, clean tables, checks, snapshots. The glue between `ingest` and `features`.
//!
//! In: a [`Night`]. Out: [`Data`], all of it in the cache. Nothing is learned here.

use std::collections::BTreeMap;
use std::path::Path;

use futures::future::try_join_all;

use super::{Night, NightError};
use crate::failpoint::step;
use crate::features::{FeatureError, Makings, RowKind, Snapshot, snapshot, view};
use crate::fingerprint::{self, Fingerprint};
use crate::ingest::{Cache, CleanTables, Digests, Engine, Graph, Params, Shelter, SourceFiles, check, clean, remote, source};
use crate::job::{AsOf, Job, Plan, Split};
use crate::publish::{Home, folder};
use crate::table_file::FileError;
use crate::watch::Watch;

/// A night's sources, found and checked.
pub(super) struct Sources {
    pub(super) graph: Graph,
    pub(super) plan: Plan,
    pub(super) files: Vec<SourceFiles>,
    pub(super) cache: Cache,
}

/// A night's tables.
pub(super) struct Data {
    pub(super) tables: CleanTables,
    /// Names of the checks that found nothing.
    pub(super) checks: Vec<String>,
    /// Labelled snapshots, oldest first.
    pub(super) labelled: Vec<(Snapshot, Split)>,
    /// Tonight's candidates; `None` for `polytask frame`.
    pub(super) tonight: Option<Snapshot>,
}

/// Fetches what lies in object stores and is not here, then looks at every source (the caller holds the lock).
pub(super) async fn sources(night: &Night<'_>) -> Result<Sources, NightError> {
    remote::fetch(&night.job.sources, &Cache::new(night.home.cache.clone(), false), night.watch).await?;
    sources_here(night)
}

/// Parses the queries and looks at the footers of every source's files, as they are here.
pub(super) fn sources_here(night: &Night<'_>) -> Result<Sources, NightError> {
    let plan = night.job.plan(night.as_of)?;
    let graph = Graph::new(night.job)?;
    let cache = Cache::new(night.home.cache.clone(), night.options.rebuild);
    let files = locate(night.job, night.home, &cache)?;
    for source in &files {
        night.watch.note(&format!("source {}: {} file(s), {} rows", source.name, source.files.len(), source.rows()));
    }
    Ok(Sources { graph, plan, files, cache })
}

/// The files of every source.
pub(super) fn locate(job: &Job, home: &Home, cache: &Cache) -> Result<Vec<SourceFiles>, NightError> {
    let remembered = cache.root().join("digests.json");
    let mut digests = Digests::open(&remembered);
    let shelter = Shelter::new(cache);
    let locate = |source| source::locate(source, &home.input, &mut digests, &shelter);
    let files = job.sources.iter().map(locate).collect::<Result<Vec<_>, _>>()?;
    digests.save(&remembered);
    Ok(files)
}

/// Fingerprint of all that decides what a night learns: configuration, queries, inputs, as-of date, program version, and the
/// run from whose network training begins.
pub(super) fn fingerprint(job: &Job, sources: &Sources, warm_start: Option<&str>) -> String {
    let mut print = Fingerprint::of("night").with("as of", sources.plan.tonight.to_string()).with("job", &job.effective);
    for (file, digest) in query_digests(job) {
        print = print.with(&file, digest);
    }
    for source in &sources.files {
        print = source.files.iter().fold(print.with("source", &source.name), |print, file| print.with(&file.file, &file.sha256));
    }
    if let Some(run) = warm_start {
        print = print.with("warm start", run);
    }
    print.hex()
}

/// sha256 of the effective job.toml and of each query that a night runs.
pub(super) fn query_digests(job: &Job) -> BTreeMap<String, String> {
    let queries = job.queries.all().filter(|query| !query.file.starts_with("explore/"));
    let digests = queries.map(|query| (query.file.clone(), fingerprint::of_bytes(query.sql.as_bytes())));
    digests.chain([("job.toml".to_owned(), fingerprint::of_bytes(job.effective.as_bytes()))]).collect()
}

/// Makes clean tables and snapshots, or finds them in the cache.
pub(super) async fn data(night: &Night<'_>, sources: &Sources, with_candidates: bool) -> Result<Data, NightError> {
    let job = night.job;
    sources.cache.sweep()?;
    let spill = night.home.cache.join("spill");
    folder::create(&spill)?;
    let engine = Engine::new(night.options.threads, night.options.memory, night.options.temp, &spill)?;
    night.watch.stage("ingest");
    let tables = clean::clean(&engine, job, &sources.graph, &sources.files, &sources.cache, night.watch).await?;
    let tonight = &sources.plan.tonight;
    enough_history(job, &sources.plan, &tables)?;
    super::arrivals::fresh(job, &sources.plan, &tables)?;
    let end = tonight.plus(job.snapshots.horizon, &job.zone).map_err(NightError::calendar)?;
    let session = view::past(&engine, job, &tables, tonight)?;
    let checks = check::check(&engine, job, &sources.graph, &session, &Params::of(job).at(tonight, &end)).await?;
    night.watch.note(&format!("{} check(s) passed", checks.len()));

    night.watch.stage("features");
    let makings = Makings { engine: &engine, job, graph: &sources.graph, tables: &tables, cache: &sources.cache };
    let mut wanted: Vec<(&AsOf, RowKind)> = sources.plan.labelled.iter().map(|(as_of, _)| (as_of, RowKind::Examples)).collect();
    if with_candidates {
        wanted.push((tonight, RowKind::Candidates));
    }
    let mut made = snapshots(makings, &wanted, night.watch).await?;
    let built: usize = made.iter().map(|snapshot| snapshot.built).sum();
    let cached: usize = made.iter().map(|snapshot| snapshot.cached).sum();
    night.watch.note(&format!("{} snapshots: {built} tables built, {cached} found in the cache", made.len()));
    let tonight = if with_candidates { made.pop() } else { None };
    let labelled = made.into_iter().zip(sources.plan.labelled.iter().map(|(_, split)| *split)).collect();
    Ok(Data { tables, checks, labelled, tonight })
}

/// All snapshots side by side; the engine bounds how many queries run at a time.
async fn snapshots(makings: Makings<'_>, wanted: &[(&AsOf, RowKind)], watch: &dyn Watch) -> Result<Vec<Snapshot>, FeatureError> {
    let done = std::sync::atomic::AtomicU64::new(0);
    let total = wanted.len() as u64;
    watch.step("snapshots", 0, total);
    try_join_all(wanted.iter().map(|(as_of, kind)| {
        let done = &done;
        async move {
            let made = snapshot(makings, as_of, *kind).await?;
            watch.step("snapshots", done.fetch_add(1, std::sync::atomic::Ordering::Relaxed) + 1, total);
            Ok(made)
        }
    }))
    .await
}

/// Refuses a night whose oldest snapshot has too little past, or whose newest event is long gone.
pub(super) fn enough_history(job: &Job, plan: &Plan, tables: &CleanTables) -> Result<(), NightError> {
    let timed = tables.values().filter(|table| table.time.as_ref().is_some_and(|time| time.known_ahead.0 == 0));
    let days: Vec<_> = timed.map(|table| &table.days.events).collect();
    let first = days.iter().filter_map(|events| events.keys().next()).min();
    let tonight = plan.tonight.epoch_day();
    let newest = days.iter().filter_map(|events| events.range(..tonight).next_back()).map(|(day, _)| *day).max();
    let (Some(&first), Some((oldest, _))) = (first, plan.labelled.first()) else { return Ok(()) };
    let needed = job.snapshots.history.0.max(1);
    if oldest.epoch_day() - needed < first {
        let earliest = first + needed + (tonight - oldest.epoch_day());
        return Err(FeatureError::TooLittleHistory {
            snapshot: oldest.to_string(),
            needed: crate::job::Days(needed).to_string(),
            begins: date(first),
            earliest: date(earliest),
        }
        .into());
    }
    match newest {
        Some(newest) if newest >= tonight - job.snapshots.horizon.0 => Ok(()),
        newest => Err(FeatureError::Stale { as_of: plan.tonight.to_string(), newest: newest.map_or_else(|| "no day".into(), date) }.into()),
    }
}

/// The date of a day since 1970-01-01.
pub(super) fn date(epoch_day: i32) -> String {
    use jiff::ToSpan as _;
    jiff::civil::date(1970, 1, 1).checked_add(epoch_day.days()).map_or_else(|_| epoch_day.to_string(), |date| date.to_string())
}

/// Name of the file that `polytask frame` writes for a snapshot.
pub(super) fn frame_file(as_of: &AsOf) -> String {
    format!("as_of={as_of}.parquet")
}

/// Refuses a folder that holds frames of other snapshots: together they would be no night's training frame.
pub(super) fn refuse_other_frames(plan: &Plan, out: &Path) -> Result<(), NightError> {
    let own: Vec<String> = plan.labelled.iter().map(|(as_of, _)| frame_file(as_of)).collect();
    let entries = std::fs::read_dir(out).into_iter().flatten().flatten();
    let mut others: Vec<String> = entries
        .map(|entry| entry.file_name().to_string_lossy().into_owned())
        .filter(|name| name.starts_with("as_of=") && name.ends_with(".parquet") && !own.contains(name))
        .collect();
    others.sort();
    match others.into_iter().next() {
        Some(file) => Err(NightError::OtherFrames { folder: out.to_path_buf(), file }),
        None => Ok(()),
    }
}

/// Copies the refused rows of every clean table into the run folder.
pub(super) fn copy_refused(tables: &CleanTables, staging: &crate::publish::Staging) -> Result<(), NightError> {
    for table in tables.values() {
        if let Some(file) = table.refused_file() {
            let target = staging.place(&format!("refused/{}.parquet", table.name))?;
            let copied = step("copy", &target).and_then(|()| std::fs::copy(&file, &target));
            copied.map_err(|source| FileError::Io { what: "copy", path: file, source })?;
        }
    }
    Ok(())
}
