//! What a job has on disk, found when it is first asked for: raw sources, clean tables, features, frames, runs.
//!
//! In: the name of a table. Out: the table, or an error that says what to do. Nothing is built and nothing is written.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use arrow::datatypes::DataType;
use datafusion::catalog::view::ViewTable;
use datafusion::common::ScalarValue;
use datafusion::datasource::TableProvider;
use datafusion::prelude::SessionContext;
use jiff::civil::Date;

use super::error::SqlError;
use super::files::{Files, Part};
use super::output_tables::{self, CONSTANTS};
use crate::features::{Makings, cached_features, view};
use crate::ingest::clean::{parquet_table, schema_of};
use crate::ingest::found::{self, Found};
use crate::ingest::graph::{Node, Table};
use crate::ingest::sql::plan;
use crate::ingest::untrusted::Shelter;
use crate::ingest::{Cache, CleanTables, Digests, Engine, Graph, IngestError, Params, SourceFiles, source};
use crate::job::{AsOf, Job};
use crate::publish::{Home, PastRun};

type Provider = Arc<dyn TableProvider>;

/// A job's tables.
pub(super) struct Store {
    pub(super) job: Job,
    pub(super) graph: Graph,
    home: Home,
    cache: Cache,
    pub(super) engine: Engine,
    pub(super) current: Option<PastRun>,
    /// The date of features and outcomes.
    pub(super) as_of: Option<Date>,
    previous: OnceLock<Option<PastRun>>,
    past: OnceLock<Vec<PastRun>>,
    sources: Mutex<BTreeMap<String, SourceFiles>>,
    clean: tokio::sync::Mutex<BTreeMap<String, Found>>,
    dates: tokio::sync::Mutex<BTreeMap<Date, Arc<Seen>>>,
}

/// What can be seen at the start of an as-of date.
struct Seen {
    as_of: AsOf,
    params: Params,
    /// The past of clean tables and the features, as far as they were asked for.
    session: SessionContext,
    cached: BTreeMap<String, std::path::PathBuf>,
    made: tokio::sync::Mutex<BTreeSet<String>>,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store").field("job", &self.job.name).finish_non_exhaustive()
    }
}

impl Store {
    pub(super) fn new(job: Job, graph: Graph, home: Home, engine: Engine, current: Option<PastRun>, as_of: Option<Date>) -> Self {
        let cache = Cache::new(home.cache.clone(), false);
        Self {
            job,
            graph,
            home,
            cache,
            engine,
            current,
            as_of,
            previous: OnceLock::new(),
            past: OnceLock::new(),
            sources: Mutex::default(),
            clean: tokio::sync::Mutex::default(),
            dates: tokio::sync::Mutex::default(),
        }
    }

    /// What belongs to the job, and no statement may write into.
    pub(super) fn kept(&self) -> [&std::path::Path; 4] {
        [&self.job.folder, &self.home.input, &self.home.runs, &self.home.reports]
    }

    /// `raw.<name>`.
    pub(super) fn raw(&self, name: &str) -> Result<Option<Provider>, SqlError> {
        let Some(source) = self.job.sources.iter().find(|source| source.name == name) else { return Ok(None) };
        if source.untrusted {
            // Found by the fingerprints of its files, which are made once.
            return Ok(self.files(name)?.map(|files| files.table()).transpose()?.map(|table| table as _));
        }
        Ok(Some(source::glance(source, &self.home.input, None, &Shelter::new(&self.cache))?.table()?))
    }

    /// The files of a source with their fingerprints.
    fn files(&self, name: &str) -> Result<Option<SourceFiles>, SqlError> {
        let mut known = self.sources.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(files) = known.get(name) {
            return Ok(Some(files.clone()));
        }
        let Some(source) = self.job.sources.iter().find(|source| source.name == name) else { return Ok(None) };
        let mut digests = Digests::open(&self.cache.root().join("digests.json"));
        let files = source::glance(source, &self.home.input, Some(&mut digests), &Shelter::new(&self.cache))?;
        known.insert(name.to_owned(), files.clone());
        Ok(Some(files))
    }

    /// The clean table `name`, all of its rows.
    pub(super) async fn clean(&self, name: &str) -> Result<Option<Found>, SqlError> {
        let mut known = self.clean.lock().await;
        let nodes: Vec<&Node> = self.graph.clean.iter().flatten().collect();
        // What it needs, itself included, in an order in which each finds what it reads.
        let mut needed: BTreeSet<&str> = BTreeSet::from([name]);
        for node in nodes.iter().rev() {
            if needed.contains(node.query.name.as_str()) {
                needed.extend(node.uses.iter().filter_map(|table| if let Table::Clean(name) = table { Some(name.as_str()) } else { None }));
            }
        }
        for node in nodes.into_iter().filter(|node| needed.contains(node.query.name.as_str())) {
            if known.contains_key(&node.query.name) {
                continue;
            }
            let raw = node.uses.iter().filter_map(|table| if let Table::Raw(name) = table { Some(name) } else { None });
            let sources = raw.filter_map(|name| self.files(name).transpose()).collect::<Result<Vec<_>, _>>()?;
            let found = found::find(&self.engine, &self.job, node, &sources, &known, &self.cache).await?;
            known.insert(node.query.name.clone(), found);
        }
        Ok(known.get(name).cloned())
    }

    /// What could be seen on `date`.
    async fn seen(&self, date: Date) -> Result<Arc<Seen>, SqlError> {
        let mut dates = self.dates.lock().await;
        if let Some(seen) = dates.get(&date) {
            return Ok(Arc::clone(seen));
        }
        let calendar = |message: String| IngestError::Plan { file: "snapshots".into(), message };
        let as_of = AsOf::new(date, &self.job.zone).map_err(calendar)?;
        let end = as_of.plus(self.job.snapshots.horizon, &self.job.zone).map_err(calendar)?;
        let params = Params::of(&self.job).at(&as_of, &end);
        let seen = Arc::new(Seen {
            cached: self.cached(&as_of).await,
            as_of,
            params,
            session: self.engine.session(),
            made: tokio::sync::Mutex::default(),
        });
        dates.insert(date, Arc::clone(&seen));
        Ok(seen)
    }

    /// Feature tables of a date that are in the cache: none where a clean table is not, because only it knows their names.
    async fn cached(&self, as_of: &AsOf) -> BTreeMap<String, std::path::PathBuf> {
        let mut tables = CleanTables::new();
        for node in self.graph.clean.iter().flatten() {
            match self.clean(&node.query.name).await {
                Ok(Some(Found { cached: Some(table), .. })) => tables.insert(table.name.clone(), table),
                _ => return BTreeMap::new(),
            };
        }
        let makings = Makings { engine: &self.engine, job: &self.job, graph: &self.graph, tables: &tables, cache: &self.cache };
        cached_features(makings, as_of).unwrap_or_default()
    }

    fn date(&self, date: Option<Date>, what: &str) -> Result<Date, SqlError> {
        date.or(self.as_of).ok_or_else(|| SqlError::NoDate(what.to_owned()))
    }

    /// The feature table `name` as of `date`, or as of the session's own date.
    pub(super) async fn feature(&self, name: &str, date: Option<Date>) -> Result<Option<Provider>, SqlError> {
        let Some(node) = self.graph.features.iter().find(|node| node.query.name == name) else { return Ok(None) };
        let seen = self.seen(self.date(date, &format!("features.{name}"))?).await?;
        self.show(&seen, &[node]).await?;
        Ok(self.registered(&seen, name).await)
    }

    /// The rows of candidates.sql as of the session's date.
    pub(super) async fn candidates(&self) -> Result<Provider, SqlError> {
        let seen = self.seen(self.date(None, "candidates")?).await?;
        let node = &self.graph.candidates;
        let before = self.graph.features_for(&[node]);
        self.show(&seen, &before).await?;
        self.show_past(&seen, node).await?;
        let rows = plan(&seen.session, &node.select, &seen.params).await?;
        Ok(Arc::new(ViewTable::new(rows.into_unoptimized_plan(), Some(node.query.sql.clone()))))
    }

    /// `outcome.<name>`: the rows of a clean table in the outcome window of the session's date.
    pub(super) async fn outcome(&self, name: &str) -> Result<Option<Provider>, SqlError> {
        let (Some(time), Some(found)) = (self.job.time_of(name), self.clean(name).await?) else { return Ok(None) };
        let seen = self.seen(self.date(None, &format!("outcome.{name}"))?).await?;
        Ok(Some(view::within_outcome(&self.job, name, time, found.rows, &seen.as_of)?))
    }

    async fn registered(&self, seen: &Seen, name: &str) -> Option<Provider> {
        seen.session.table_provider(name).await.ok()
    }

    /// Lets the session of a date see the past of the clean tables that `node` reads.
    async fn show_past(&self, seen: &Seen, node: &Node) -> Result<(), SqlError> {
        for name in node.uses.iter().filter_map(|table| if let Table::Clean(name) = table { Some(name) } else { None }) {
            if seen.session.table_exist(name.as_str()).unwrap_or(false) {
                continue;
            }
            let Some(found) = self.clean(name).await? else { continue };
            let past = view::visible(&self.job, name, self.job.time_of(name), found.rows, &seen.as_of)?;
            seen.session.register_table(name.as_str(), past).map_err(|error| failed(&node.query.file, &error))?;
        }
        Ok(())
    }

    /// Lets the session of a date see feature tables: from the cache, or as their query over the past.
    async fn show(&self, seen: &Seen, wanted: &[&Node]) -> Result<(), SqlError> {
        let mut made = seen.made.lock().await;
        let missing: Vec<&Node> = wanted.iter().filter(|node| !seen.cached.contains_key(&node.query.name)).copied().collect();
        let mut needed = self.graph.features_for(&missing);
        needed.extend(wanted.iter().copied());
        for node in self.graph.features.iter().filter(|node| needed.iter().any(|needed| needed.query.name == node.query.name)) {
            let name = &node.query.name;
            if made.contains(name) {
                continue;
            }
            let rows: Provider = match seen.cached.get(name) {
                Some(file) => parquet_table(file, schema_of(file)?)?,
                None => {
                    self.show_past(seen, node).await?;
                    let rows = plan(&seen.session, &node.select, &seen.params).await?;
                    Arc::new(ViewTable::new(rows.into_unoptimized_plan(), Some(node.query.sql.clone())))
                }
            };
            seen.session.register_table(name.as_str(), rows).map_err(|error| failed(&node.query.file, &error))?;
            made.insert(name.clone());
        }
        Ok(())
    }

    /// `snapshots.frame`: the frames that the current run learned from and scored, as far as the cache still has them.
    pub(super) fn frames(&self) -> Result<Provider, SqlError> {
        let what = "snapshots.frame";
        let run = self.current.as_ref().ok_or_else(|| SqlError::NoRun { what: what.into(), which: "current" })?;
        let mut parts = Vec::new();
        let mut gone = None;
        for snapshot in &run.manifest.snapshots {
            let kind = if snapshot.split == "tonight" { "candidates" } else { "examples" };
            let name = format!("{kind}-{}", snapshot.as_of);
            match self.cache.find("frames", &name, &snapshot.fingerprint) {
                Some(folder) => parts.push(Part {
                    path: folder.join("table.parquet"),
                    constants: vec![
                        ScalarValue::Date32(snapshot.as_of.parse::<Date>().ok().map(crate::job::time::epoch_day)),
                        ScalarValue::Utf8(Some(snapshot.split.clone())),
                    ],
                }),
                None => gone = Some(name),
            }
        }
        if parts.is_empty() {
            return Err(SqlError::Gone {
                what: what.into(),
                file: format!("frames/{}", gone.unwrap_or_default()),
                hint: format!("`polytask frame JOB --as-of {} --out DIR` makes the frames again", run.manifest.as_of),
            });
        }
        Ok(Arc::new(Files::open(what, parts, &[("as_of", DataType::Date32), ("split", DataType::Utf8)])?))
    }

    /// The id of the run that an analyst means: the id, or how it begins.
    pub(super) fn run(&self, wanted: &str) -> Result<String, SqlError> {
        Ok(self.home.named(wanted)?.manifest.run)
    }

    /// All runs, oldest first.
    pub(super) fn past(&self) -> Result<&[PastRun], SqlError> {
        if let Some(past) = self.past.get() {
            return Ok(past);
        }
        let mut past = self.home.past()?;
        past.reverse();
        Ok(self.past.get_or_init(|| past))
    }

    /// The published run before the current one: the one that it was compared with, while that is still there.
    pub(super) fn previous(&self) -> Result<Option<&PastRun>, SqlError> {
        if let Some(previous) = self.previous.get() {
            return Ok(previous.as_ref());
        }
        let Some(current) = &self.current else { return Ok(None) };
        let compared = current.manifest.compared_with.as_deref().map(|run| self.home.find(run)).transpose()?.flatten();
        let found = match compared {
            Some(run) => Some(run),
            None => {
                let earlier = |run: &&PastRun| run.published() && run.manifest.as_of < current.manifest.as_of;
                self.past()?.iter().rev().find(earlier).cloned()
            }
        };
        Ok(self.previous.get_or_init(|| found).as_ref())
    }

    /// A table of one run.
    pub(super) fn output(schema: &'static str, run: Option<&PastRun>, table: &str) -> Result<Option<Provider>, SqlError> {
        let what = format!("{schema}.{table}");
        let Some(run) = run else { return Err(SqlError::NoRun { what, which: schema }) };
        Self::stacked(&what, output_tables::parts(run, table))
    }

    /// A table of all runs.
    pub(super) fn outputs(&self, table: &str) -> Result<Option<Provider>, SqlError> {
        let parts = self.past()?.iter().flat_map(|run| output_tables::parts(run, table)).collect();
        Self::stacked(&format!("runs.{table}"), parts)
    }

    fn stacked(what: &str, parts: Vec<Part>) -> Result<Option<Provider>, SqlError> {
        if parts.is_empty() {
            return Ok(None);
        }
        if let Some(part) = parts.iter().find(|part| !part.path.is_file()) {
            return Err(SqlError::Gone {
                what: what.to_owned(),
                file: part.path.display().to_string(),
                hint: "`polytask verify --all` says which runs are damaged".into(),
            });
        }
        // Only scores have their scenario in the path.
        let scenarios = parts.iter().all(|part| part.constants.last().is_some_and(|value| !value.is_null()));
        let constants = if scenarios { &CONSTANTS[..] } else { &CONSTANTS[..2] };
        Ok(Some(Arc::new(Files::open(what, parts, constants)?)))
    }
}

fn failed(file: &str, error: &datafusion::error::DataFusionError) -> SqlError {
    IngestError::Plan { file: file.to_owned(), message: error.strip_backtrace() }.into()
}
