//! Scores: tonight's candidates in a stream, scored by the model, ranked within their entity, written by scenario.
//!
//! In: the frame of the candidates and a function that scores a batch. Out: `scores/scenario=<s>/part.parquet` and, if
//! the job asks for it, `scores_under/part.parquet`. Memory holds one stretch of rows, cut where the entity changes.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray as _, Date32Array, Float64Array, Int32Array, RecordBatch, RecordBatchReader as _, StringArray, UInt64Array,
};
use arrow::compute::{cast, concat_batches, take_record_batch};
use arrow::datatypes::DataType;

use super::columns::Columns;
use super::error::PublishError;
use super::staging::Staging;
use crate::features::row_order::KeyRows;
use crate::job::{AsOf, Job};
use crate::table_file::{self, Kept, TableWriter};

/// Rows of a stretch before it is cut at the next change of entity.
const STRETCH: usize = 65_536;

/// What the model says of a batch: one slice per task, and again under every scenario where asked for.
pub struct Predicted {
    /// Shape: `[tasks][rows]`.
    pub own: Vec<Vec<f64>>,
    /// Shape: `[scenarios][tasks][rows]`; empty unless asked for.
    pub under: Vec<Vec<Vec<f64>>>,
}

/// Rows and sums of what was written, per scenario: the report's summary.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ScoreSummary {
    /// Rows scored.
    pub rows: u64,
    /// Sum of each task's scores.
    pub sums: Vec<f64>,
}

/// What a scoring pass needs beside the rows.
pub struct ScoreJob<'a> {
    /// The job.
    pub job: &'a Job,
    /// Tonight.
    pub as_of: &'a AsOf,
    /// The run's id.
    pub run: &'a str,
    /// The scenarios that the model knows, for `scores_under`.
    pub scenarios: &'a [String],
    /// Which tasks of a scenario another model scores: `spend: linear`. A column where the job lets another model stand in.
    pub stand_ins: &'a BTreeMap<String, String>,
}

/// Scores every row of `frame`.
///
/// # Errors
/// [`PublishError`], or the error of `predict`.
pub fn write<E: From<PublishError>>(
    score: &ScoreJob<'_>,
    frame: &Path,
    staging: &Staging,
    mut predict: impl FnMut(&RecordBatch) -> Result<Predicted, E>,
    mut progress: impl FnMut(u64),
) -> Result<BTreeMap<String, ScoreSummary>, E> {
    let reader = table_file::read(frame).map_err(PublishError::from)?;
    let schema = reader.schema();
    let mut writers = Writers::new(score, staging);
    let mut waiting: Vec<RecordBatch> = Vec::new();
    let mut held = 0;
    let mut done = 0;
    for batch in reader {
        let batch = batch.map_err(|error| table("scores", error.to_string()))?;
        held += batch.num_rows();
        waiting.push(batch);
        if held < STRETCH {
            continue;
        }
        let all = concat_batches(&schema, &waiting).map_err(|error| table("scores", error.to_string()))?;
        let cut = last_change(score.job, &all)?;
        if cut == 0 {
            waiting = vec![all];
            continue;
        }
        let whole = all.slice(0, cut);
        writers.write(&whole, &predict(&whole)?)?;
        done += cut as u64;
        progress(done);
        waiting = vec![all.slice(cut, all.num_rows() - cut)];
        held -= cut;
    }
    let rest = concat_batches(&schema, &waiting).map_err(|error| table("scores", error.to_string()))?;
    if rest.num_rows() > 0 {
        writers.write(&rest, &predict(&rest)?)?;
        progress(done + rest.num_rows() as u64);
    }
    Ok(writers.finish()?)
}

/// The path below the run folder where a scenario's scores lie. Anything that is no letter, digit, `_`, `-` or `.` is
/// percent-encoded, as Hive does.
#[must_use]
pub fn scenario_folder(scenario: &str) -> String {
    use std::fmt::Write as _;
    let mut name = String::from("scores/scenario=");
    for byte in scenario.bytes() {
        if byte.is_ascii_alphanumeric() || b"_-".contains(&byte) || (byte == b'.' && !scenario.starts_with('.')) {
            name.push(byte as char);
        } else {
            // Writing to a String cannot fail.
            let _ = write!(name, "%{byte:02X}");
        }
    }
    name
}

fn table(name: &str, message: String) -> PublishError {
    PublishError::Table { table: name.to_owned(), message }
}

/// Position of the last row whose entity differs from its predecessor's; 0 when all are of one entity.
fn last_change(job: &Job, rows: &RecordBatch) -> Result<usize, PublishError> {
    let groups = entity_starts(job, rows)?;
    Ok(groups.last().copied().unwrap_or(0))
}

/// Positions at which an entity begins.
fn entity_starts(job: &Job, rows: &RecordBatch) -> Result<Vec<usize>, PublishError> {
    let mut only = job.clone();
    only.keys = vec![job.entity.clone()];
    only.scenario.clone_from(&job.entity);
    let keys = KeyRows::new(&only).of(rows, "tonight").map_err(|error| table("scores", error.to_string()))?;
    Ok((0..rows.num_rows()).filter(|at| *at == 0 || keys.row(*at) != keys.row(at - 1)).collect())
}

/// 1 for the highest score of an entity; ties in the order of rows.
fn ranks(starts: &[usize], scores: &[f64]) -> Int32Array {
    let mut ranks = vec![0; scores.len()];
    for (at, start) in starts.iter().enumerate() {
        let end = starts.get(at + 1).copied().unwrap_or(scores.len());
        let mut order: Vec<usize> = (*start..end).collect();
        order.sort_by(|a, b| scores[*b].total_cmp(&scores[*a]).then(a.cmp(b)));
        for (rank, row) in order.into_iter().enumerate() {
            ranks[row] = rank as i32 + 1;
        }
    }
    Int32Array::from(ranks)
}

struct Writers<'a> {
    score: &'a ScoreJob<'a>,
    staging: &'a Staging,
    by_scenario: BTreeMap<String, TableWriter>,
    under: Option<TableWriter>,
    summary: BTreeMap<String, ScoreSummary>,
}

impl<'a> Writers<'a> {
    fn new(score: &'a ScoreJob<'a>, staging: &'a Staging) -> Self {
        Self { score, staging, by_scenario: BTreeMap::new(), under: None, summary: BTreeMap::new() }
    }

    fn write(&mut self, rows: &RecordBatch, predicted: &Predicted) -> Result<(), PublishError> {
        let job = self.score.job;
        let scenarios = text_column(rows, &job.scenario)?;
        let names = scenarios.as_string::<i32>();
        let ranked = ranks(&entity_starts(job, rows)?, &predicted.own[job.rank_by]);
        let scored = self.columns(rows, &predicted.own)?.array("rank", Arc::new(ranked));
        let mut scored = scored.text("run", std::iter::repeat_n(self.score.run, rows.num_rows()));
        if job.transfer.fallback {
            scored = scored.maybe_text("stand_in", names.iter().map(|name| self.score.stand_ins.get(name.unwrap_or(""))));
        }
        let scored = scored.batch().map_err(|message| table("scores", message))?;
        let mut by_scenario: BTreeMap<&str, Vec<u64>> = BTreeMap::new();
        for (row, name) in names.iter().enumerate() {
            by_scenario.entry(name.unwrap_or("")).or_default().push(row as u64);
        }
        for (name, at) in by_scenario {
            let summary = self.summary.entry(name.to_owned()).or_default();
            summary.rows += at.len() as u64;
            summary.sums.resize(predicted.own.len(), 0.0);
            for (sum, scores) in summary.sums.iter_mut().zip(&predicted.own) {
                *sum += at.iter().map(|row| scores[*row as usize]).sum::<f64>();
            }
            let part = take_record_batch(&scored, &UInt64Array::from(at)).map_err(|error| table("scores", error.to_string()))?;
            self.writer_of(name, &part)?.write(&part)?;
        }
        self.write_under(rows, &scenarios, predicted)
    }

    /// Keys, as-of date and one column per task.
    fn columns(&self, rows: &RecordBatch, scores: &[Vec<f64>]) -> Result<Columns, PublishError> {
        let mut columns = Columns::new();
        for key in &self.score.job.keys {
            let array = rows.column_by_name(key).ok_or_else(|| table("scores", format!("key `{key}` is missing")))?;
            columns = columns.array(key, plain(array)?);
        }
        columns = columns.array("as_of", Arc::new(Date32Array::from(vec![self.score.as_of.epoch_day(); rows.num_rows()])));
        for (task, scores) in self.score.job.tasks.iter().zip(scores) {
            columns = columns.array(&task.task.name, Arc::new(Float64Array::from(scores.clone())));
        }
        Ok(columns)
    }

    fn writer_of(&mut self, scenario: &str, part: &RecordBatch) -> Result<&mut TableWriter, PublishError> {
        if !self.by_scenario.contains_key(scenario) {
            let path = self.staging.place(&format!("{}/part.parquet", scenario_folder(scenario)))?;
            self.by_scenario.insert(scenario.to_owned(), TableWriter::create(&path, part.schema(), Kept::Published)?);
        }
        self.by_scenario.get_mut(scenario).ok_or_else(|| table("scores", "no writer".into()))
    }

    fn write_under(&mut self, rows: &RecordBatch, scenarios: &ArrayRef, predicted: &Predicted) -> Result<(), PublishError> {
        for (under, scores) in self.score.scenarios.iter().zip(&predicted.under) {
            let columns = self.columns(rows, scores)?.array("scenario", Arc::clone(scenarios));
            let batch = columns
                .text("under", std::iter::repeat_n(under, rows.num_rows()))
                .batch()
                .map_err(|message| table("scores_under", message))?;
            if self.under.is_none() {
                self.under = Some(TableWriter::create(&self.staging.place("scores_under/part.parquet")?, batch.schema(), Kept::Published)?);
            }
            if let Some(writer) = &mut self.under {
                writer.write(&batch)?;
            }
        }
        Ok(())
    }

    fn finish(self) -> Result<BTreeMap<String, ScoreSummary>, PublishError> {
        for writer in self.by_scenario.into_values().chain(self.under) {
            writer.finish()?;
        }
        Ok(self.summary)
    }
}

/// A text column as plain text.
pub(crate) fn text_column(rows: &RecordBatch, name: &str) -> Result<ArrayRef, PublishError> {
    let array = rows.column_by_name(name).ok_or_else(|| table("scores", format!("column `{name}` is missing")))?;
    let plain = cast(array, &DataType::Utf8).map_err(|error| table("scores", error.to_string()))?;
    let text: StringArray = plain.as_string::<i32>().clone();
    Ok(Arc::new(text))
}

/// A key as readers expect it: text views as plain text, everything else as it is.
pub(crate) fn plain(array: &ArrayRef) -> Result<ArrayRef, PublishError> {
    match array.data_type() {
        DataType::Utf8View | DataType::LargeUtf8 => cast(array, &DataType::Utf8).map_err(|error| table("scores", error.to_string())),
        _ => Ok(Arc::clone(array)),
    }
}
