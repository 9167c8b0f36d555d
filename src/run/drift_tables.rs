//! The tables of drift: written tonight, read by the next night.
//!
//! In: distributions, mean labels, drifts, changes. Out: batches; and what a past run left, as values again.

use std::path::Path;

use arrow::array::{Array as _, RecordBatch};

use super::NightError;
use super::drift::Change;
use super::error::failed;
use crate::evaluate::drift::{Decomposition, Distribution, DistributionRow, Drift, Level, from_rows, to_rows};
use crate::publish::Columns;
use crate::table_file::{self, FileError, counts, numbers, texts};

/// The table `distributions`.
pub(super) fn distributions(run: &str, of: &[Distribution]) -> Result<RecordBatch, String> {
    let rows = to_rows(of);
    Columns::new()
        .text("run", rows.iter().map(|_| run))
        .text("scenario", rows.iter().map(|row| &row.scenario))
        .text("feature", rows.iter().map(|row| &row.feature))
        .text("kind", rows.iter().map(|row| &row.kind))
        .count("bin", rows.iter().map(|row| u64::from(row.bin)))
        .number("low", rows.iter().map(|row| row.low))
        .number("high", rows.iter().map(|row| row.high))
        .maybe_text("value", rows.iter().map(|row| row.value.as_ref()))
        .count("count", rows.iter().map(|row| row.count))
        .count("rows", rows.iter().map(|row| row.rows))
        .count("entities", rows.iter().map(|row| row.entities))
        .batch()
}

/// The table `labels`: mean labels of the held-out night.
pub(super) fn levels(run: &str, of: &[Level]) -> Result<RecordBatch, String> {
    Columns::new()
        .text("run", of.iter().map(|_| run))
        .text("scenario", of.iter().map(|level| &level.scenario))
        .text("task", of.iter().map(|level| &level.task))
        .number("mean", of.iter().map(|level| Some(level.mean)))
        .number("standard_error", of.iter().map(|level| level.standard_error))
        .count("rows", of.iter().map(|level| level.rows))
        .count("entities", of.iter().map(|level| level.entities))
        .batch()
}

/// The table `drift`.
pub(super) fn drifts(run: &str, of: &[Drift]) -> Result<RecordBatch, String> {
    Columns::new()
        .text("run", of.iter().map(|_| run))
        .text("scenario", of.iter().map(|drift| &drift.scenario))
        .text("feature", of.iter().map(|drift| &drift.feature))
        .text("measure", of.iter().map(|drift| drift.measure))
        .number("value", of.iter().map(|drift| Some(drift.value)))
        .number("earlier", of.iter().map(|drift| drift.earlier))
        .number("now", of.iter().map(|drift| drift.now))
        .number("critical", of.iter().map(|drift| drift.critical))
        .number("p", of.iter().map(|drift| drift.p))
        .number("importance", of.iter().map(|drift| drift.importance))
        .number("rank_value", of.iter().map(|drift| Some(drift.rank_value)))
        .truth("alarm", of.iter().map(|drift| drift.alarm))
        .count("n", of.iter().map(|drift| drift.n))
        .maybe_text("detail", of.iter().map(|drift| drift.detail.as_ref()))
        .batch()
}

/// The table `changes`.
pub(super) fn changes(run: &str, of: &[Change]) -> Result<RecordBatch, String> {
    let part = |value: fn(&Decomposition) -> f64| of.iter().map(move |change| Some(value(&change.parts)));
    Columns::new()
        .text("run", of.iter().map(|_| run))
        .text("scenario", of.iter().map(|change| &change.scenario))
        .text("task", of.iter().map(|change| &change.task))
        .text("metric", of.iter().map(|change| change.metric))
        .number("before", part(|parts| parts.before))
        .number("now", part(|parts| parts.now))
        .number("data", part(|parts| parts.data))
        .number("labels", part(|parts| parts.labels))
        .number("model", part(|parts| parts.model))
        .batch()
}

/// A run's table; nothing where it has none.
fn table(folder: &Path, name: &str) -> Result<Vec<RecordBatch>, NightError> {
    let path = folder.join(format!("{name}.parquet"));
    if !path.is_file() {
        return Ok(Vec::new());
    }
    table_file::read(&path)?.map(|batch| batch.map_err(|error| failed(&format!("{}: {error}", path.display())))).collect()
}

/// The distributions that a run left for the next one.
pub(super) fn distributions_of(folder: &Path) -> Result<Vec<Distribution>, NightError> {
    let mut rows = Vec::new();
    for batch in table(folder, "distributions")? {
        let of = |error: FileError| failed(&format!("distributions.parquet: {error}"));
        let text = |name: &str| texts(&batch, name).map_err(of);
        let number = |name: &str| numbers(&batch, name).map_err(of);
        let count = |name: &str| counts(&batch, name).map_err(of);
        let (scenario, feature, kind, value) = (text("scenario")?, text("feature")?, text("kind")?, text("value")?);
        let (low, high) = (number("low")?, number("high")?);
        let (bin, counts, all, entities) = (count("bin")?, count("count")?, count("rows")?, count("entities")?);
        for row in 0..batch.num_rows() {
            rows.push(DistributionRow {
                scenario: scenario.value(row).to_owned(),
                feature: feature.value(row).to_owned(),
                kind: kind.value(row).to_owned(),
                bin: bin.value(row) as u32,
                low: (!low.is_null(row)).then(|| low.value(row)),
                high: (!high.is_null(row)).then(|| high.value(row)),
                value: (!value.is_null(row)).then(|| value.value(row).to_owned()),
                count: counts.value(row) as u64,
                rows: all.value(row) as u64,
                entities: entities.value(row) as u64,
            });
        }
    }
    Ok(from_rows(&rows))
}

/// The mean labels that a run left for the next one.
pub(super) fn levels_of(folder: &Path) -> Result<Vec<Level>, NightError> {
    let mut levels = Vec::new();
    for batch in table(folder, "labels")? {
        let of = |error: FileError| failed(&format!("labels.parquet: {error}"));
        let text = |name: &str| texts(&batch, name).map_err(of);
        let number = |name: &str| numbers(&batch, name).map_err(of);
        let count = |name: &str| counts(&batch, name).map_err(of);
        let (scenario, task) = (text("scenario")?, text("task")?);
        let (mean, error) = (number("mean")?, number("standard_error")?);
        let (rows, entities) = (count("rows")?, count("entities")?);
        for row in 0..batch.num_rows() {
            levels.push(Level {
                scenario: scenario.value(row).to_owned(),
                task: task.value(row).to_owned(),
                mean: mean.value(row),
                standard_error: (!error.is_null(row)).then(|| error.value(row)),
                rows: rows.value(row) as u64,
                entities: entities.value(row) as u64,
            });
        }
    }
    Ok(levels)
}
