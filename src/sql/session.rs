//! The analyst's session: a job opened for reading, statements parsed, guarded, planned and run.
//!
//! In: a job, its home, [`Settings`]. Out: [`Answer`]s, streams of record batches. Opening is cheap: a table is looked for when
//! a statement names it.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use datafusion::catalog::{CatalogProviderList as _, MemoryCatalogProviderList};
use datafusion::dataframe::DataFrame;
use datafusion::error::DataFusionError;
use datafusion::execution::{FunctionRegistry as _, SendableRecordBatchStream};
use datafusion::logical_expr::LogicalPlan;
use datafusion::physical_plan::{ExecutionPlan, execute_stream};
use datafusion::prelude::{SessionConfig, SessionContext};
use datafusion::sql::parser::{CopyToSource, Statement};
use jiff::civil::Date;

use super::calls::{self, Models};
use super::catalog::{CATALOG, Catalog, PUBLIC};
use super::comments::Comments;
use super::error::SqlError;
use super::functions;
use super::guard::{self, Rights};
use super::information::Information;
use super::store::Store;
use super::told::{Names, nearest, retell};
use crate::ingest::sql::{bind_but, statements};
use crate::ingest::{Engine, Graph, IngestError, Params};
use crate::job::{AsOf, Job, Param, Query};
use crate::publish::{Home, PastRun};
use crate::table_file::FileError;

/// How a session is opened.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The date of features and outcomes; the current run's where there is none.
    pub as_of: Option<Date>,
    /// The run that `current` means, or how its id begins; the published one where there is none.
    pub run: Option<String>,
    /// Values of `$name`.
    pub params: Vec<(String, Param)>,
    /// Threads of a query.
    pub threads: usize,
    /// Memory of all queries of the session, in bytes.
    pub memory: u64,
    /// Temporary files of all queries of the session, in bytes.
    pub temp: u64,
    /// What statements may do.
    pub rights: Rights,
}

/// A session.
pub struct Analyst {
    context: SessionContext,
    store: Arc<Store>,
    comments: Arc<Comments>,
    params: Params,
    rights: Rights,
    /// Removed with the session.
    _spill: tempfile::TempDir,
}

/// A statement's result, not read yet. Dropping it stops the query.
pub struct Answer {
    /// Its columns.
    pub schema: SchemaRef,
    /// Its rows.
    pub rows: SendableRecordBatchStream,
    /// What runs: its metrics say how far it is.
    pub plan: Arc<dyn ExecutionPlan>,
}

impl Analyst {
    /// Opens a job for reading. `models` opens the model of a run for the functions that score and explain.
    ///
    /// # Errors
    /// [`SqlError`] when a query of the job does not parse or the run does not exist.
    pub fn open(job: Job, home: Home, settings: Settings, models: Models) -> Result<Self, SqlError> {
        let graph = Graph::new(&job)?;
        let spill =
            tempfile::tempdir().map_err(|source| FileError::Io { what: "create a folder in", path: std::env::temp_dir(), source })?;
        let engine = Engine::new(settings.threads, settings.memory, settings.temp, spill.path())?;
        let current = current(&home, settings.run.as_deref())?;
        let of_run = current.as_ref().and_then(|run| run.manifest.as_of.parse().ok());
        let as_of = settings.as_of.or(of_run).or_else(|| newest_candidates(&home));
        let mut params = Params::of(&job);
        if let Some(date) = as_of {
            let calendar = |message: String| IngestError::Plan { file: "snapshots".into(), message };
            let at = AsOf::new(date, &job.zone).map_err(calendar)?;
            let end = at.plus(job.snapshots.horizon, &job.zone).map_err(calendar)?;
            params = params.at(&at, &end);
        }
        for (name, value) in settings.params {
            params = params.with(&name, value);
        }
        let comments = Arc::new(Comments::of_job(&job));
        let context = engine.session_with(config(settings.threads));
        let store = Arc::new(Store::new(job, graph, home, engine, current, as_of));
        let catalogs = Arc::new(MemoryCatalogProviderList::new());
        let information = Arc::new(Information::new(Arc::clone(&catalogs) as _, Arc::clone(&comments)));
        catalogs.register_catalog(CATALOG.to_owned(), Arc::new(Catalog::new(Arc::clone(&store), Arc::clone(&information))));
        context.register_catalog_list(catalogs);
        functions::register(&context);
        calls::register(&context, &store, models);
        let state = context.state_weak_ref();
        information
            .find_functions(Box::new(move || state.upgrade().map(|state| state.read().table_functions().clone()).unwrap_or_default()));
        Ok(Self { context, store, comments, params, rights: settings.rights, _spill: spill })
    }

    /// The engine's session: for what a protocol asks of it beside queries.
    #[must_use]
    pub fn context(&self) -> &SessionContext {
        &self.context
    }

    /// The job.
    #[must_use]
    pub fn job(&self) -> &Job {
        &self.store.job
    }

    /// What columns mean.
    #[must_use]
    pub fn comments(&self) -> &Comments {
        &self.comments
    }

    /// The run that `current` means, and the date of features.
    #[must_use]
    pub fn at(&self) -> (Option<&str>, Option<Date>) {
        (self.store.current.as_ref().map(|run| run.manifest.run.as_str()), self.store.as_of)
    }

    /// A saved query of the job.
    ///
    /// # Errors
    /// [`SqlError::NoSaved`] with the nearest name.
    pub fn saved(&self, name: &str) -> Result<&Query, SqlError> {
        let saved = &self.job().queries.explore;
        saved.iter().find(|query| query.name == name).ok_or_else(|| {
            let names: Vec<String> = saved.iter().map(|query| query.name.clone()).collect();
            let hint = match nearest(name, &names).as_slice() {
                [] if names.is_empty() => "queries in explore/*.sql are saved queries".to_owned(),
                [] => format!("saved: {}", names.iter().map(|name| format!("@{name}")).collect::<Vec<_>>().join(", ")),
                near => format!("did you mean {}?", near.iter().map(|name| format!("`@{name}`")).collect::<Vec<_>>().join(" or ")),
            };
            SqlError::NoSaved { name: name.to_owned(), hint }
        })
    }

    /// The statements of a text, each allowed to run.
    ///
    /// # Errors
    /// [`SqlError`] with the place of a mistake, or naming what is refused.
    pub fn parse(&self, sql: &str) -> Result<Vec<Statement>, SqlError> {
        let statements: Vec<Statement> = statements(sql).map_err(|error| retell(&error, sql, Names::default))?.into_iter().collect();
        for statement in &statements {
            guard::check(statement, self.rights)?;
            if let Statement::CopyTo(copy) = statement {
                self.may_write(std::path::Path::new(&copy.target))?;
            }
        }
        Ok(statements)
    }

    /// Refuses to write into what belongs to the job.
    ///
    /// # Errors
    /// [`SqlError::Refused`] naming the file.
    pub fn may_write(&self, file: &std::path::Path) -> Result<(), SqlError> {
        guard::aside(file, &self.store.kept())
    }

    /// Plans and starts a statement of `sql`.
    ///
    /// # Errors
    /// [`SqlError`] with the place of a mistake and the nearest names.
    pub async fn run(&self, sql: &str, statement: Statement) -> Result<Answer, SqlError> {
        let plan = self.planned(sql, statement, |_| false).await?;
        self.execute(sql, plan).await
    }

    /// Plans a statement that [`guard::check`] let pass. Values that are given later stay open (`$1`).
    ///
    /// # Errors
    /// As [`Analyst::run`].
    pub async fn plan(&self, sql: &str, statement: Statement) -> Result<LogicalPlan, SqlError> {
        self.planned(sql, statement, |name| name.parse::<u32>().is_ok()).await
    }

    async fn planned(&self, sql: &str, statement: Statement, open: impl Fn(&str) -> bool) -> Result<LogicalPlan, SqlError> {
        let mut statement = statement;
        bind_all(&mut statement, &self.params, &open).map_err(|name| SqlError::NoValue { name, known: self.params.names() })?;
        calls::quote(&mut statement);
        let planned = self.context.state().statement_to_plan(statement).await;
        let plan = planned.map_err(|error| self.told(&error, sql))?;
        guard::verify(&plan, self.rights)?;
        Ok(plan)
    }

    /// The plan with the types that its columns have when it runs: what a protocol has to announce before it runs.
    ///
    /// # Errors
    /// As [`Analyst::run`].
    pub fn coerced(&self, sql: &str, plan: LogicalPlan) -> Result<LogicalPlan, SqlError> {
        let state = self.context.state();
        let coerced = state.analyzer().execute_and_check(plan, state.config_options(), |_, _| {});
        coerced.map_err(|error| self.told(&error, sql))
    }

    /// Starts a plan of `sql`.
    ///
    /// # Errors
    /// As [`Analyst::run`].
    pub async fn execute(&self, sql: &str, plan: LogicalPlan) -> Result<Answer, SqlError> {
        let told = |error: DataFusionError| self.told(&error, sql);
        let frame: DataFrame = self.context.execute_logical_plan(plan).await.map_err(told)?;
        let task = Arc::new(frame.task_ctx());
        let plan = frame.create_physical_plan().await.map_err(told)?;
        let rows = execute_stream(Arc::clone(&plan), task).map_err(told)?;
        Ok(Answer { schema: rows.schema(), rows, plan })
    }

    /// An error that came while rows were read.
    #[must_use]
    pub fn told(&self, error: &DataFusionError, sql: &str) -> SqlError {
        retell(error, sql, || self.names())
    }

    /// The names of the schemas.
    #[must_use]
    pub fn schemas(&self) -> Vec<String> {
        self.context.catalog(CATALOG).map(|catalog| catalog.schema_names()).unwrap_or_default()
    }

    /// Schema and name of every table.
    #[must_use]
    pub fn tables(&self) -> Vec<(String, String)> {
        let Some(catalog) = self.context.catalog(CATALOG) else { return Vec::new() };
        let schemas = catalog.schema_names().into_iter().filter_map(|name| Some((catalog.schema(&name)?, name)));
        schemas.flat_map(|(schema, name)| schema.table_names().into_iter().map(move |table| (name.clone(), table))).collect()
    }

    /// The columns of a table, where it can be opened.
    pub async fn columns(&self, schema: &str, table: &str) -> Option<SchemaRef> {
        let schema = self.context.catalog(CATALOG)?.schema(schema)?;
        Some(schema.table(table).await.ok()??.schema())
    }

    /// The names that a statement may use.
    #[must_use]
    pub fn names(&self) -> Names {
        let full = |(schema, table): (String, String)| if schema == PUBLIC { table } else { format!("{schema}.{table}") };
        let state = self.context.state();
        let mut functions: BTreeSet<String> = state.udfs().into_iter().chain(state.udafs()).chain(state.udwfs()).collect();
        functions.extend(state.table_functions().keys().cloned());
        Names { tables: self.tables().into_iter().map(full).collect(), functions: functions.into_iter().collect() }
    }
}

/// Typed values in place of every `$name`, also inside of EXPLAIN and COPY.
fn bind_all(statement: &mut Statement, params: &Params, open: &dyn Fn(&str) -> bool) -> Result<(), String> {
    match statement {
        Statement::Statement(statement) => bind_but(statement.as_mut(), params, open),
        Statement::Explain(explain) => bind_all(&mut explain.statement, params, open),
        Statement::CopyTo(copy) => match &mut copy.source {
            CopyToSource::Query(query) => bind_but(query.as_mut(), params, open),
            CopyToSource::Relation(_) => Ok(()),
        },
        _ => Ok(()),
    }
}

fn config(threads: usize) -> SessionConfig {
    let mut config = SessionConfig::new()
        .with_target_partitions(threads)
        .with_create_default_catalog_and_schema(false)
        .with_default_catalog_and_schema(CATALOG, PUBLIC)
        .with_information_schema(false);
    config.options_mut().sql_parser.collect_spans = true;
    // DataFusion 55.2 drops a projection that has the names of its input, whatever it computes: `select * replace (…) … limit 1` gave the
    // values that it replaces.
    config.options_mut().optimizer.enable_leaf_expression_pushdown = false;
    config
}

/// The run that `current` means.
pub(super) fn current(home: &Home, wanted: Option<&str>) -> Result<Option<PastRun>, SqlError> {
    let Some(wanted) = wanted else {
        let current = home.current()?;
        return Ok(current.map(|run| home.find(&run)).transpose()?.flatten());
    };
    Ok(Some(home.named(wanted)?))
}

/// The newest date whose candidates a night has made.
fn newest_candidates(home: &Home) -> Option<Date> {
    let entries = std::fs::read_dir(home.cache.join("rows")).ok()?.flatten();
    let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
    names.filter_map(|name| name.strip_prefix("candidates-")?.get(..10)?.parse().ok()).max()
}
