//! A query beside the frames that a run learned from, as if the job had it as a feature: for each snapshot its rows as they could be
//! known at the start of that date.
//!
//! In: a job, a run, a query. Out: a Parquet file per labelled snapshot, its frame with the query's columns. What they are worth is
//! not decided here.

use std::path::{Path, PathBuf};

use arrow::array::RecordBatch;
use arrow::datatypes::Schema;
use arrow::util::display::array_value_to_string;
use datafusion::common::JoinType;
use datafusion::dataframe::DataFrame;
use datafusion::error::DataFusionError;
use datafusion::execution::FunctionRegistry as _;
use datafusion::functions_aggregate::expr_fn::count;
use datafusion::logical_expr::{Expr, ident, lit};
use datafusion::prelude::SessionContext;
use jiff::civil::Date;

use super::error::SqlError;
use super::functions;
use super::session::current;
use super::store::Store;
use crate::features::RowKind;
use crate::features::row_order::columns;
use crate::features::snapshot::kept;
use crate::ingest::clean::{parquet_table, schema_of};
use crate::ingest::{Cache, Engine, Graph, IngestError};
use crate::job::{AsOf, Job, Query};
use crate::publish::{Home, PastRun};
use crate::table_file::{Kept, write_stream};
use crate::watch::Watch;

/// Buckets of entities of which a sample takes some.
const BUCKETS: u64 = 1_000;
/// What a key of the query is called beside the frame's own.
const BESIDE: &str = "key beside the frame ";

/// What is tried.
pub struct Question {
    /// The query; its name is that of the feature table that it would be.
    pub query: Query,
    /// Rows of all snapshots that are learned from, and rows of the held-out one, at most about so many each: a sample of entities.
    pub rows: u64,
    /// The run whose frames and model it is held against; the published one where there is none.
    pub run: Option<String>,
    /// Threads of the queries.
    pub threads: usize,
    /// Their memory, in bytes.
    pub memory: u64,
    /// Their temporary files, in bytes.
    pub temp: u64,
}

/// A frame with the query's columns beside it.
#[derive(Debug, Clone)]
pub struct Beside {
    /// Its date.
    pub as_of: AsOf,
    /// train, gap, valid or holdout.
    pub split: String,
    /// The Parquet file.
    pub file: PathBuf,
    /// Its rows.
    pub rows: u64,
    /// Rows of the frame that the sample is of.
    pub of: u64,
}

/// All frames, and what the query adds to them.
#[derive(Debug, Clone)]
pub struct Tried {
    /// The run.
    pub run: PastRun,
    /// The query's own columns.
    pub columns: Vec<String>,
    /// Columns by which it was joined.
    pub keys: Vec<String>,
    /// The frames, oldest first.
    pub frames: Vec<Beside>,
}

fn refused(what: String, hint: impl Into<String>) -> SqlError {
    SqlError::Unsuited { what, hint: hint.into() }
}

/// Writes the frames of a run with the columns of a query into `folder`.
///
/// # Errors
/// [`SqlError`]: the query does not parse, or sees what a feature may not; it has no key or nothing new, or several rows for a key;
/// a frame is no longer in the cache.
pub async fn beside(job: &Job, home: &Home, question: Question, folder: &Path, watch: &dyn Watch) -> Result<Tried, SqlError> {
    let run = current(home, question.run.as_deref())?.ok_or(SqlError::NoRun { what: "whatif".into(), which: "current" })?;
    let feature = question.query.name.clone();
    let taken = job.queries.clean.iter().chain(&job.queries.features).find(|query| query.name == feature);
    if let Some(taken) = taken {
        return Err(refused(format!("the name `{feature}` is that of {}", taken.file), "give the feature table another one with `--name`"));
    }
    if job.folds.is_some() {
        return Err(refused(
            "whatif measures on a held-out night, and the job has folds".into(),
            "add the column to frame.sql and run the night: `compared` tells both runs apart, row by row out of fold",
        ));
    }
    let mut with = job.clone();
    with.queries.features.push(question.query.clone());
    let graph = Graph::new(&with)?;
    let spill = folder.join("spill");
    crate::publish::folder::create(&spill)?;
    let engine = Engine::new(question.threads, question.memory, question.temp, &spill)?;
    let joining = Joining {
        job,
        context: engine.session(),
        file: question.query.file.clone(),
        store: Store::new(with, graph, home.clone(), engine, Some(run.clone()), None),
        feature,
    };
    functions::register(&joining.context);

    let cache = Cache::new(home.cache.clone(), false);
    let mut wanted = Vec::new();
    for snapshot in run.manifest.snapshots.iter().filter(|snapshot| snapshot.split != "tonight") {
        let frame = kept(&cache, RowKind::Examples, &snapshot.as_of, &snapshot.fingerprint).ok_or_else(|| SqlError::Gone {
            what: "whatif".into(),
            file: format!("frames/examples-{}", snapshot.as_of),
            hint: format!("`polytask frame JOB --as-of {} --out DIR` makes the frames again", run.manifest.as_of),
        })?;
        wanted.push((snapshot, frame));
    }
    let held = |split: &str| split == "holdout";
    let all = |holdout: bool| wanted.iter().filter(|(own, _)| held(&own.split) == holdout).map(|(own, _)| own.rows).sum::<u64>().max(1);
    let share = [all(false), all(true)].map(|all| (BUCKETS * question.rows).div_ceil(all).clamp(1, BUCKETS));
    let (mut frames, mut found) = (Vec::new(), None);
    let steps = wanted.len() as u64;
    for (at, (snapshot, frame)) in wanted.iter().enumerate() {
        watch.step("snapshots", at as u64, steps);
        let calendar = |message: String| IngestError::Plan { file: "snapshots".into(), message };
        let date: Date = snapshot.as_of.parse().map_err(|error: jiff::Error| calendar(error.to_string()))?;
        let as_of = AsOf::new(date, &job.zone).map_err(calendar)?;
        let file = folder.join(format!("{}.parquet", snapshot.as_of));
        let (names, rows) = joining.one(date, frame, share[usize::from(held(&snapshot.split))], &file).await?;
        found = Some(names);
        frames.push(Beside { as_of, split: snapshot.split.clone(), file, rows, of: snapshot.rows });
    }
    watch.step("snapshots", steps, steps);
    let names = found.ok_or(SqlError::NoRun { what: "whatif".into(), which: "current" })?;
    Ok(Tried { run, columns: names.new, keys: names.keys, frames })
}

/// Columns of the query: those that the frame is joined by, and the others.
struct Split {
    keys: Vec<String>,
    new: Vec<String>,
}

struct Joining<'a> {
    job: &'a Job,
    context: SessionContext,
    store: Store,
    feature: String,
    file: String,
}

impl Joining<'_> {
    fn failed(&self, error: DataFusionError) -> SqlError {
        IngestError::run(&self.file, error.into()).into()
    }

    /// One snapshot: joins, and writes the rows in the frame's order.
    async fn one(&self, date: Date, frame: &Path, buckets: u64, target: &Path) -> Result<(Split, u64), SqlError> {
        let failed = |error| self.failed(error);
        let feature = self.store.feature(&self.feature, Some(date)).await?.ok_or(SqlError::NoDate(self.feature.clone()))?;
        let feature = self.context.read_table(feature).map_err(failed)?;
        let frame = self.context.read_table(parquet_table(frame, schema_of(frame)?)?).map_err(failed)?;
        let names = self.columns(feature.schema().as_arrow(), frame.schema().as_arrow())?;
        let frame = self.sample(frame, buckets)?;
        let before = frame.clone().count().await.map_err(failed)?;
        let all: Vec<Expr> =
            frame.schema().fields().iter().map(|field| field.name()).chain(&names.new).map(|name| ident(name.as_str())).collect();
        let keys = names.keys.iter().map(|key| ident(key.as_str()).alias(format!("{BESIDE}{key}")));
        let other = feature.clone().select(keys.chain(names.new.iter().map(|name| ident(name.as_str()))).collect::<Vec<_>>());
        let same = names.keys.iter().map(|key| ident(key.as_str()).eq(ident(format!("{BESIDE}{key}"))));
        let joined = frame.join_on(other.map_err(failed)?, JoinType::Left, same).and_then(|joined| joined.select(all));
        let order = columns(self.job).iter().map(|name| ident(name.as_str()).sort(true, false)).collect();
        let sorted = joined.and_then(|joined| joined.sort(order)).map_err(failed)?;
        let stream = sorted.execute_stream().await.map_err(failed)?;
        let rows = write_stream(stream, target, Kept::Cached).await.map_err(|error| IngestError::run(&self.file, error))?;
        if rows == before as u64 { Ok((names, rows)) } else { Err(self.repeated(feature, &names, date).await?) }
    }

    fn columns(&self, feature: &Schema, frame: &Schema) -> Result<Split, SqlError> {
        let keys = columns(self.job);
        let name = |field: &std::sync::Arc<arrow::datatypes::Field>| field.name().clone();
        let (own, new): (Vec<String>, Vec<String>) = feature.fields().iter().map(name).partition(|name| keys.contains(name));
        if own.is_empty() {
            let hint = format!("it needs one of {} to be joined by", keys.join(", "));
            return Err(refused(format!("{} yields no key of the rows", self.file), hint));
        }
        let reserved = |name: &&String| {
            self.job.tasks.iter().any(|task| ["y_", "w_"].iter().any(|kind| **name == format!("{kind}{}", task.task.name)))
        };
        if let Some(name) = new.iter().find(|name| frame.field_with_name(name).is_ok() || reserved(name)) {
            return Err(refused(
                format!("{}: the frame has a column `{name}` already", self.file),
                format!("call it otherwise: … as {name}_2"),
            ));
        }
        if new.is_empty() {
            return Err(refused(format!("{} yields keys and nothing else", self.file), "add a column: the feature that is tried"));
        }
        Ok(Split { keys: own, new })
    }

    /// The rows of some buckets of entities.
    fn sample(&self, frame: DataFrame, buckets: u64) -> Result<DataFrame, SqlError> {
        if buckets >= BUCKETS {
            return Ok(frame);
        }
        let bucket = self.context.udf("hash_bucket").map_err(|error| self.failed(error))?;
        let own = bucket.call(vec![ident(self.job.entity.as_str()), lit(BUCKETS as i64)]).lt(lit(buckets as i64));
        frame.filter(own).map_err(|error| self.failed(error))
    }

    /// Names a key that the query has several rows for.
    async fn repeated(&self, feature: DataFrame, names: &Split, date: Date) -> Result<SqlError, SqlError> {
        let failed = |error| self.failed(error);
        let keys: Vec<Expr> = names.keys.iter().map(|key| ident(key.as_str())).collect();
        let present = keys.iter().cloned().map(Expr::is_not_null).reduce(Expr::and).unwrap_or(lit(true));
        let counted = feature.filter(present).and_then(|rows| rows.aggregate(keys, vec![count(lit(1_i64)).alias("rows of the key")]));
        let found = counted.and_then(|rows| rows.filter(ident("rows of the key").gt(lit(1_i64)))?.limit(0, Some(1))).map_err(failed)?;
        let found: Vec<RecordBatch> = found.collect().await.map_err(failed)?;
        let value = |batch: &RecordBatch, name: &String| {
            let text = batch.column_by_name(name).map(|array| array_value_to_string(array, 0));
            format!("{name}={}", text.and_then(Result::ok).unwrap_or_default())
        };
        let told = found.iter().find(|batch| batch.num_rows() > 0);
        let told = told.map(|batch| names.keys.iter().map(|key| value(batch, key)).collect::<Vec<_>>().join(", ")).unwrap_or_default();
        let hint = format!("group by {}, so that each has one row", names.keys.join(", "));
        Ok(refused(format!("{} yields several rows for {told} on {date}", self.file), hint))
    }
}
