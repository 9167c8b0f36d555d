//! The catalog of an analyst's session: which schemas and tables there are, each opened when a query names it.
//!
//! In: a [`Store`]. Out: DataFusion's catalog traits. What a table holds is the store's; `information_schema` is
//! `information`'s.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use datafusion::catalog::{CatalogProvider, SchemaProvider};
use datafusion::datasource::{MemTable, TableProvider};
use datafusion::error::{DataFusionError, Result as EngineResult};
use datafusion::logical_expr::TableType;
use jiff::civil::Date;

use super::error::SqlError;
use super::information::Information;
use super::output_tables;
use super::store::Store;
use crate::job::time::epoch_day;
use crate::publish::Columns;

/// The one catalog.
pub const CATALOG: &str = "polytask";
/// The schema of names without a schema.
pub(super) const PUBLIC: &str = "public";

/// The schemas of a job, in the order in which they are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Public,
    Raw,
    Features(Option<Date>),
    Outcome,
    Snapshots,
    Current,
    Previous,
    Runs,
}

impl Kind {
    const LISTED: [(&'static str, Self); 8] = [
        (PUBLIC, Self::Public),
        ("raw", Self::Raw),
        ("features", Self::Features(None)),
        ("outcome", Self::Outcome),
        ("snapshots", Self::Snapshots),
        ("current", Self::Current),
        ("previous", Self::Previous),
        ("runs", Self::Runs),
    ];

    /// The schema of a name; `features@2017-11-06` is that of another as-of date.
    pub(super) fn named(name: &str) -> Option<Self> {
        let listed = Self::LISTED.iter().find(|(known, _)| *known == name).map(|(_, kind)| *kind);
        listed.or_else(|| name.strip_prefix("features@")?.parse().ok().map(|date| Self::Features(Some(date))))
    }
}

/// Tables that the analyst made in this session.
type Own = Arc<Mutex<BTreeMap<String, Arc<dyn TableProvider>>>>;

/// The catalog `polytask`.
#[derive(Debug)]
pub(super) struct Catalog {
    store: Arc<Store>,
    own: Own,
    information: Arc<Information>,
    /// Schemas of a protocol (`pg_catalog`), beside the job's.
    more: Mutex<BTreeMap<String, Arc<dyn SchemaProvider>>>,
}

impl Catalog {
    pub(super) fn new(store: Arc<Store>, information: Arc<Information>) -> Self {
        Self { store, own: Own::default(), information, more: Mutex::default() }
    }

    fn more(&self) -> MutexGuard<'_, BTreeMap<String, Arc<dyn SchemaProvider>>> {
        self.more.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl CatalogProvider for Catalog {
    fn schema_names(&self) -> Vec<String> {
        let own = Kind::LISTED.iter().map(|(name, _)| (*name).to_owned()).chain(["information_schema".to_owned()]);
        own.chain(self.more().keys().cloned()).collect()
    }

    fn schema(&self, name: &str) -> Option<Arc<dyn SchemaProvider>> {
        if name == "information_schema" {
            return Some(Arc::clone(&self.information) as Arc<dyn SchemaProvider>);
        }
        let Some(kind) = Kind::named(name) else { return self.more().get(name).cloned() };
        Some(Arc::new(Schema { store: Arc::clone(&self.store), own: Arc::clone(&self.own), kind }))
    }

    fn register_schema(&self, name: &str, schema: Arc<dyn SchemaProvider>) -> EngineResult<Option<Arc<dyn SchemaProvider>>> {
        if name == "information_schema" || Kind::named(name).is_some() {
            return Err(DataFusionError::Plan(format!("`{name}` is a schema of the job")));
        }
        Ok(self.more().insert(name.to_owned(), schema))
    }
}

/// A schema: names are cheap, tables are opened.
#[derive(Debug)]
struct Schema {
    store: Arc<Store>,
    own: Own,
    kind: Kind,
}

impl Schema {
    fn own(&self) -> MutexGuard<'_, BTreeMap<String, Arc<dyn TableProvider>>> {
        self.own.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The names of the job's own tables; none of a schema whose runs cannot be read.
    fn names(&self) -> Vec<String> {
        let store = &self.store;
        let queries = &store.job.queries;
        let named = |of: &[crate::job::Query]| of.iter().map(|query| query.name.clone()).collect::<Vec<_>>();
        let of_run = |run: Option<&crate::publish::PastRun>| run.map(|run| output_tables::names(&run.manifest)).unwrap_or_default();
        match self.kind {
            Kind::Public => {
                let mut names = [named(&queries.clean), named(&queries.features)].concat();
                names.push("candidates".to_owned());
                let scores = of_run(store.current.as_ref()).into_iter().filter(|name| name.starts_with("scores"));
                names.extend(scores);
                names
            }
            Kind::Raw => store.job.sources.iter().map(|source| source.name.clone()).collect(),
            Kind::Features(_) => named(&queries.features),
            Kind::Outcome => store.job.times.iter().map(|(table, _)| table.clone()).collect(),
            Kind::Snapshots => {
                if store.current.is_some() {
                    vec!["frame".to_owned()]
                } else {
                    Vec::new()
                }
            }
            Kind::Current => of_run(store.current.as_ref()),
            Kind::Previous => of_run(store.previous().ok().flatten()),
            Kind::Runs => {
                let mut names: Vec<String> =
                    store.past().unwrap_or_default().iter().flat_map(|run| output_tables::names(&run.manifest)).collect();
                names.push("runs".to_owned());
                names.sort();
                names.dedup();
                names
            }
        }
    }

    async fn open(&self, name: &str) -> Result<Option<Arc<dyn TableProvider>>, SqlError> {
        let store = &self.store;
        match self.kind {
            Kind::Public => match name {
                "candidates" => store.candidates().await.map(Some),
                "scores" | "scores_under" => Store::output("current", store.current.as_ref(), name),
                _ => match store.clean(name).await? {
                    Some(found) => Ok(Some(found.rows)),
                    None => store.feature(name, None).await,
                },
            },
            Kind::Raw => store.raw(name),
            Kind::Features(date) => store.feature(name, date).await,
            Kind::Outcome => store.outcome(name).await,
            Kind::Snapshots => {
                if name == "frame" {
                    store.frames().map(Some)
                } else {
                    Ok(None)
                }
            }
            Kind::Current => Store::output("current", store.current.as_ref(), name),
            Kind::Previous => Store::output("previous", store.previous()?, name),
            Kind::Runs if name == "runs" => runs(store).map(Some),
            Kind::Runs => store.outputs(name),
        }
    }
}

/// `runs.runs`: a row for each run.
fn runs(store: &Store) -> Result<Arc<dyn TableProvider>, SqlError> {
    let past = store.past()?;
    let failed = |message: String| SqlError::Table { table: "runs.runs".into(), message };
    let day = |text: &str| text.parse::<Date>().map_or(0, epoch_day);
    let status = |run: &crate::publish::PastRun| if run.blessing.is_some() { "blessed".to_owned() } else { run.manifest.status.clone() };
    let batch = Columns::new()
        .text("run", past.iter().map(|run| &run.manifest.run))
        .date("as_of", past.iter().map(|run| day(&run.manifest.as_of)))
        .date("holdout", past.iter().map(|run| day(&run.manifest.holdout)))
        .text("learner", past.iter().map(|run| &run.manifest.learner))
        .text("status", past.iter().map(status))
        .truth("current", past.iter().map(|run| run.current))
        .text("compared_with", past.iter().map(|run| run.manifest.compared_with.clone().unwrap_or_default()))
        .batch()
        .map_err(failed)?;
    let table = MemTable::try_new(batch.schema(), vec![vec![batch]]).map_err(|error| failed(error.strip_backtrace()))?;
    Ok(Arc::new(table))
}

#[async_trait]
impl SchemaProvider for Schema {
    fn table_names(&self) -> Vec<String> {
        let mut names = self.names();
        if self.kind == Kind::Public {
            names.extend(self.own().keys().cloned());
        }
        names
    }

    async fn table(&self, name: &str) -> EngineResult<Option<Arc<dyn TableProvider>>> {
        if self.kind == Kind::Public
            && let Some(own) = self.own().get(name)
        {
            return Ok(Some(Arc::clone(own)));
        }
        self.open(name).await.map_err(|error| DataFusionError::External(Box::new(error)))
    }

    async fn table_type(&self, name: &str) -> EngineResult<Option<TableType>> {
        Ok(self.table_exist(name).then_some(TableType::Base))
    }

    fn table_exist(&self, name: &str) -> bool {
        self.table_names().iter().any(|known| known == name)
    }

    fn register_table(&self, name: String, table: Arc<dyn TableProvider>) -> EngineResult<Option<Arc<dyn TableProvider>>> {
        if self.kind != Kind::Public || self.names().contains(&name) {
            return Err(DataFusionError::Plan(format!(
                "`{name}` would hide a table of the job: a table of your own has another name, without a schema"
            )));
        }
        Ok(self.own().insert(name, table))
    }

    fn deregister_table(&self, name: &str) -> EngineResult<Option<Arc<dyn TableProvider>>> {
        Ok(self.own().remove(name))
    }
}
