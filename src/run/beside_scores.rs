//! What the models say beside the scores: the candidates' reasons, each fold's opinion of them, and labelled rows out of fold under every
//! scenario. Decisions read these tables, and so do analysts.
//!
//! In: [`Learned`], tonight's frame and perhaps a decision that says which candidates are explained. Out: `score_contributions` (where a
//! decision reads it), `scores_folds` and `holdout_under` (with folds), row by row in a stream. What is decided on them is SQL of the job.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Int32Array, RecordBatch, UInt64Array};
use arrow::compute::{cast, filter_record_batch, take};
use arrow::datatypes::DataType;
use arrow::row::{OwnedRow, RowConverter, SortField};

use super::error::failed;
use super::explained::values::values;
use super::learned::{Fitted, Learned};
use super::{Night, NightError};
use crate::evaluate::calibration::Calibrated;
use crate::explain::feature_name;
use crate::features::{FeatureError, Snapshot};
use crate::ingest::clean::schema_of;
use crate::ingest::graph::CONTRIBUTIONS;
use crate::learn::folds::Folds;
use crate::learn::rows::{Block, Shape};
use crate::publish::scores::{plain, text_column};
use crate::publish::{Columns, Staging};
use crate::table_file::{self, Kept, TableWriter};

/// Rows that are worked on at a time: a contribution is a row of its table for every task and feature.
const STRETCH: usize = 1024;
/// Name of the constant part in `score_contributions`.
const BASE: &str = "(base)";

/// Writes the contributions of tonight's candidates: of those whose keys the table in `named` has, or of all.
pub(super) fn contributions(
    night: &Night<'_>,
    learned: &Learned,
    tonight: &Snapshot,
    named: Option<&Path>,
    staging: &Staging,
) -> Result<(), NightError> {
    let day = tonight.as_of.epoch_day();
    let named = named.map(|file| Named::read(&night.job.keys, file, &tonight.file)).transpose()?;
    table(night, &tonight.file, CONTRIBUTIONS, staging, |batch| {
        let batch = &named.as_ref().map_or_else(|| Ok(batch.clone()), |named| named.among(batch))?;
        let encoded = learned.encoder.encode(batch, day).map_err(FeatureError::from)?;
        contributions_of(night, learned, batch, (&encoded.block(), day))
    })
}

/// With folds, writes what each fold's model says of the candidates, and of labelled rows that it has not seen.
pub(super) fn by_folds(night: &Night<'_>, learned: &Learned, tonight: &Snapshot, staging: &Staging) -> Result<(), NightError> {
    let day = tonight.as_of.epoch_day();
    let (Some(folds), Some(unseen)) = (night.job.folds, &learned.taught[0].unseen) else { return Ok(()) };
    table(night, &tonight.file, "scores_folds", staging, |batch| {
        let encoded = learned.encoder.encode(batch, day).map_err(FeatureError::from)?;
        by_fold(night, learned, (folds, unseen), batch, (&encoded.block(), day))
    })?;
    if night.job.under_every_scenario {
        let day = learned.holdout.as_of;
        table(night, &learned.holdout.frame, "holdout_under", staging, |batch| {
            let encoded = learned.encoder.encode(batch, day).map_err(FeatureError::from)?;
            out_of_fold(night, learned, (folds, unseen), batch, (&encoded.block(), day))
        })?;
    }
    Ok(())
}

/// Rows that a table names by their keys.
struct Named<'a> {
    keys: &'a [String],
    converter: RowConverter,
    rows: BTreeSet<OwnedRow>,
}

impl<'a> Named<'a> {
    /// The keys in `file`, in the types that the frame has them in.
    fn read(keys: &'a [String], file: &Path, frame: &Path) -> Result<Self, NightError> {
        let none = RecordBatch::new_empty(schema_of(frame)?);
        let types: Vec<DataType> = columns_of(keys, &none)?.iter().map(|column| column.data_type().clone()).collect();
        let fields = types.iter().cloned().map(SortField::new).collect();
        let mut named = Self { keys, converter: RowConverter::new(fields).map_err(|error| failed(&error))?, rows: BTreeSet::new() };
        for batch in table_file::read(file)? {
            let batch = batch.map_err(|error| failed(&error))?;
            let columns = columns_of(keys, &batch)?.iter().zip(&types).map(|(column, of)| cast(column, of)).collect::<Result<Vec<_>, _>>();
            let rows = columns.and_then(|columns| named.converter.convert_columns(&columns)).map_err(|error| failed(&error))?;
            named.rows.extend(rows.iter().map(|row| row.owned()));
        }
        Ok(named)
    }

    /// The rows of a batch of the frame that are among them.
    fn among(&self, batch: &RecordBatch) -> Result<RecordBatch, NightError> {
        let rows = self.converter.convert_columns(&columns_of(self.keys, batch)?).map_err(|error| failed(&error))?;
        let kept: BooleanArray = rows.iter().map(|row| Some(self.rows.contains(&row.owned()))).collect();
        filter_record_batch(batch, &kept).map_err(|error| failed(&error))
    }
}

fn columns_of(keys: &[String], batch: &RecordBatch) -> Result<Vec<ArrayRef>, NightError> {
    let column = |key: &String| {
        let array = batch.column_by_name(key).ok_or_else(|| failed(&format!("key `{key}` is missing")))?;
        Ok(plain(array)?)
    };
    keys.iter().map(column).collect()
}

/// Makes a table from the batches of a frame.
fn table(
    night: &Night<'_>,
    frame: &std::path::Path,
    name: &str,
    staging: &Staging,
    make: impl Fn(&RecordBatch) -> Result<RecordBatch, NightError>,
) -> Result<(), NightError> {
    let target = staging.place(&format!("{name}.parquet"))?;
    let mut writer: Option<TableWriter> = None;
    let mut done = 0;
    for batch in table_file::read(frame)? {
        let batch = batch.map_err(|error| failed(&error))?;
        for from in (0..batch.num_rows()).step_by(STRETCH) {
            let part = batch.slice(from, STRETCH.min(batch.num_rows() - from));
            let made = make(&part)?;
            done += part.num_rows() as u64;
            night.watch.step(name, done, done);
            if writer.is_none() {
                writer = Some(TableWriter::create(&target, made.schema(), Kept::Published)?);
            }
            if let Some(writer) = &mut writer {
                writer.write(&made)?;
            }
        }
    }
    if let Some(writer) = writer {
        writer.finish()?;
    }
    Ok(())
}

/// Keys and as-of date of rows of a batch, each as often as it is named.
fn keyed(night: &Night<'_>, batch: &RecordBatch, day: i32, rows: &[u64]) -> Result<Columns, NightError> {
    let at = UInt64Array::from(rows.to_vec());
    let mut columns = Columns::new();
    for (key, own) in night.job.keys.iter().zip(columns_of(&night.job.keys, batch)?) {
        columns = columns.array(key, take(&own, &at, None).map_err(|error| failed(&error))?);
    }
    Ok(columns.date("as_of", std::iter::repeat_n(day, rows.len())))
}

/// The scenario of the same rows, as texts.
fn served(night: &Night<'_>, batch: &RecordBatch, rows: &[u64]) -> Result<ArrayRef, NightError> {
    take(&text_column(batch, &night.job.scenario)?, &UInt64Array::from(rows.to_vec()), None).map_err(|error| failed(&error))
}

fn finished(columns: Columns) -> Result<RecordBatch, NightError> {
    columns.batch().map_err(|error| failed(&error))
}

/// Contributions of every feature to each task's raw output, and to the log odds of binary tasks before any calibration steps: over the
/// features and the base, `contribution` adds up to the raw output and `log_odds` to the log odds.
fn contributions_of(
    night: &Night<'_>,
    learned: &Learned,
    batch: &RecordBatch,
    (block, day): (&Block<'_>, i32),
) -> Result<RecordBatch, NightError> {
    let fitted = &learned.taught[0].fitted;
    let shape = learned.encoder.shape();
    let Some(found) = fitted.model.attribute(block).transpose()? else {
        return Err(NightError::Unexplained {
            what: format!("the contributions of `{}` do not add up, and a decision reads `score_contributions`", learned.taught[0].name),
            hint: "choose a learner whose contributions do: linear, forest or net".into(),
        });
    };
    let told = values(batch, &shape, &night.job.naming(), &night.job.scenario)?;
    let (mut rows, mut tasks, mut features) = (Vec::new(), Vec::new(), Vec::new());
    let (mut value, mut contribution, mut log_odds) = (Vec::new(), Vec::new(), Vec::new());
    for (row, told) in told.iter().enumerate() {
        for (at, task) in shape.tasks.iter().enumerate() {
            let scale = log_odds_of(&fitted.calibration, at, block.scenario[row]);
            let base = f64::from(found.base[at]);
            let fields = (0..=shape.fields.len()).map(|field| f64::from(found.values[[row, at, field]]));
            for (field, own) in std::iter::once(None).chain((0..=shape.fields.len()).map(Some)).zip(std::iter::once(base).chain(fields)) {
                rows.push(row as u64);
                tasks.push(task.name.as_str());
                features.push(field.map_or(BASE, |field| feature_name(&shape, field)));
                value.push(field.and_then(|field| told[field].clone()));
                contribution.push(Some(own));
                log_odds.push(scale.map(|(slope, intercept)| slope * own + if field.is_none() { intercept } else { 0.0 }));
            }
        }
    }
    let columns = keyed(night, batch, day, &rows)?
        .array("scenario", served(night, batch, &rows)?)
        .text("task", tasks.iter())
        .text("feature", features.iter())
        .maybe_text("value", value.into_iter())
        .number("contribution", contribution.into_iter())
        .number("log_odds", log_odds.into_iter());
    finished(columns)
}

fn log_odds_of(calibration: &Calibrated, task: usize, scenario: u16) -> Option<(f64, f64)> {
    calibration.of(0).and_then(|calibration| calibration.log_odds(task, scenario))
}

/// Rows of a batch as if served in `under`, as published. Shape: `[tasks][rows]`.
fn under(fitted: &Fitted, block: &Block<'_>, under: Option<usize>) -> Result<Vec<Vec<f64>>, NightError> {
    match under {
        None => fitted.published(std::slice::from_ref(block)),
        Some(scenario) => fitted.published(&[block.under(&vec![scenario as u16; block.rows()])]),
    }
}

/// The scenarios that rows are looked at under: every one where the job asks for it, else their own (`None`).
fn scenarios(night: &Night<'_>, shape: &Shape) -> Vec<Option<usize>> {
    if night.job.under_every_scenario { (0..shape.scenarios.len()).map(Some).collect() } else { vec![None] }
}

/// What each fold's model says of candidates: the spread between them says how far a score depends on who was learned from.
fn by_fold(
    night: &Night<'_>,
    learned: &Learned,
    (folds, unseen): (Folds, &Fitted),
    batch: &RecordBatch,
    (block, day): (&Block<'_>, i32),
) -> Result<RecordBatch, NightError> {
    let shape = learned.encoder.shape();
    let places = scenarios(night, &shape);
    // Shape: `[folds][places][tasks][rows]`.
    let mut said = Vec::with_capacity(folds.count());
    for fold in 0..folds.count() {
        let asked = vec![folds.member(fold); block.rows()];
        let asked = Block { entity: &asked, ..block.clone() };
        said.push(places.iter().map(|place| under(unseen, &asked, *place)).collect::<Result<Vec<_>, _>>()?);
    }
    let places_of = || (0..block.rows()).flat_map(|row| (0..places.len()).map(move |place| (row, place)));
    let order: Vec<(usize, usize, usize)> =
        places_of().flat_map(|(row, place)| (0..folds.count()).map(move |fold| (row, place, fold))).collect();
    let rows: Vec<u64> = order.iter().map(|(row, ..)| *row as u64).collect();
    let own = served(night, batch, &rows)?;
    let mut columns = keyed(night, batch, day, &rows)?.array("scenario", Arc::clone(&own));
    columns = match places.first() {
        Some(Some(_)) => columns.text("under", order.iter().map(|(_, place, _)| &shape.scenarios[*place])),
        _ => columns.array("under", own),
    };
    columns = columns.array("fold", Arc::new(Int32Array::from_iter_values(order.iter().map(|(.., fold)| *fold as i32))));
    for (at, task) in shape.tasks.iter().enumerate() {
        columns = columns.number(&task.name, order.iter().map(|(row, place, fold)| Some(said[*fold][*place][at][*row])));
    }
    finished(columns)
}

/// Labelled rows under every scenario, each by the model that has not seen its entity; labels are those of the scenario it was served in.
fn out_of_fold(
    night: &Night<'_>,
    learned: &Learned,
    (folds, unseen): (Folds, &Fitted),
    batch: &RecordBatch,
    (block, day): (&Block<'_>, i32),
) -> Result<RecordBatch, NightError> {
    let shape = learned.encoder.shape();
    let said = (0..shape.scenarios.len()).map(|place| under(unseen, block, Some(place))).collect::<Result<Vec<_>, _>>()?;
    let order: Vec<(usize, usize)> = (0..block.rows()).flat_map(|row| (0..shape.scenarios.len()).map(move |place| (row, place))).collect();
    let rows: Vec<u64> = order.iter().map(|(row, _)| *row as u64).collect();
    let (_, labels) = super::learned::whole(night.job, std::slice::from_ref(block));
    let fold = order.iter().map(|(row, _)| folds.of(block.entity[*row]) as i32);
    let mut columns = keyed(night, batch, day, &rows)?
        .array("scenario", served(night, batch, &rows)?)
        .text("under", order.iter().map(|(_, place)| &shape.scenarios[*place]))
        .array("fold", Arc::new(Int32Array::from_iter_values(fold)));
    for (at, task) in shape.tasks.iter().enumerate() {
        let label = |row: usize| Some(f64::from(labels[at][row])).filter(|label| !label.is_nan());
        columns = columns
            .number(&format!("y_{}", task.name), order.iter().map(|(row, _)| label(*row)))
            .number(&format!("p_{}", task.name), order.iter().map(|(row, place)| Some(said[*place][at][*row])));
    }
    finished(columns)
}
