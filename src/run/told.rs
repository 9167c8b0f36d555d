//! What a night tells: its tables, its model on disk, its report. The glue between all stages and `report`.
//!
//! In: the values of every stage. Out: Parquet tables, `model/`, `holdout/`, `report.json`, `report.html`, `summary.md`, `csv/` in the
//! staged folder.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{Array as _, ArrayRef, Float64Array, Int32Array, RecordBatch, UInt64Array};
use arrow::compute::{concat_batches, take};

use super::content::{content, label};
use super::data::{Data, Sources, copy_refused};
use super::drift_tables;
use super::error::failed;
use super::evaluated::Judged;
use super::explained::{self, Explained};
use super::judgement::Judgement;
use super::learned::Learned;
use super::ledger::Ledger;
use super::outputs::Scored;
use super::preparation::{self, Measured};
use super::scorer;
use super::{Night, NightError};
use crate::fingerprint::Fingerprint;
use crate::learn::rows::Shape;
use crate::publish::scores::{plain, text_column};
use crate::publish::{Columns, PastRun, PublishError, Staging, explain_tables, tables};
use crate::report;
use crate::table_file::{self, FileError};

/// Everything that a report is made of.
pub(super) struct Facts<'a> {
    pub(super) run: &'a str,
    pub(super) fingerprint: &'a str,
    /// Fingerprint of the night without the runs before it.
    pub(super) own: &'a str,
    /// The run that this one was compared with.
    pub(super) baseline: Option<&'a PastRun>,
    pub(super) sources: &'a Sources,
    pub(super) data: &'a Data,
    pub(super) learned: &'a Learned,
    pub(super) judged: &'a Judged,
    pub(super) explained: &'a Explained,
    pub(super) scored: &'a Scored,
    pub(super) ledger: &'a Ledger,
    /// Preparations, on and off.
    pub(super) prepared: &'a [Measured],
    pub(super) judgement: &'a Judgement,
    /// What has arrived otherwise than before.
    pub(super) warnings: &'a [String],
}

/// Program and library versions that decide a run's bytes.
pub(super) fn versions() -> BTreeMap<String, String> {
    let datafusion = datafusion::DATAFUSION_VERSION.to_owned();
    BTreeMap::from([("polytask".to_owned(), env!("CARGO_PKG_VERSION").to_owned()), ("datafusion".to_owned(), datafusion)])
}

/// Writes tables, model and report.
pub(super) fn write(night: &Night<'_>, facts: &Facts<'_>, staging: &Staging) -> Result<(), NightError> {
    let (learned, judged, explained) = (facts.learned, facts.judged, facts.explained);
    let shape = learned.encoder.shape();
    let quality = &facts.judgement.quality;
    let labels: Vec<String> = explained.effects.iter().map(|effect| label(learned, &shape, effect)).collect();
    let trials: Vec<_> = learned.taught.iter().flat_map(|taught| taught.trials.iter().map(move |trial| (taught.name, trial))).collect();
    let published = (learned.taught[0].name, explained.importance.as_slice());
    let challengers = explained.challengers.iter().map(|(learner, rows)| (*learner, rows.as_slice()));
    let importance: Vec<_> = std::iter::once(published).chain(challengers).collect();
    staging.table("metrics", tables::metrics(facts.run, &judged.figures))?;
    staging.table("calibration", tables::calibration(facts.run, &judged.reliability))?;
    staging.table("importance", explain_tables::importance(facts.run, &importance, &explained.permuted))?;
    staging.table("effects", explain_tables::effects(facts.run, &explained.effects, &labels))?;
    staging.table("training", tables::training(facts.run, &trials))?;
    staging.table("quality", tables::quality(facts.run, quality))?;
    staging.table("transfer", facts.ledger.table(facts.run))?;
    if !night.job.compared.is_empty() {
        staging.table("preparation", preparation::table(facts.run, facts.prepared))?;
    }
    staging.table("gates", tables::gates(facts.run, &facts.judgement.gates))?;
    let drifted = &facts.judgement.drifted;
    staging.table("drift", drift_tables::drifts(facts.run, &drifted.drifts))?;
    staging.table("changes", drift_tables::changes(facts.run, &drifted.changes))?;
    staging.table("distributions", drift_tables::distributions(facts.run, &drifted.distributions))?;
    staging.table("labels", drift_tables::levels(facts.run, &drifted.levels))?;
    staging.table("gains", tables::gains(facts.run, &judged.gains))?;
    staging.table("compared", tables::compared(facts.run, &facts.judgement.against))?;
    let keys = held_out_keys(night, learned)?;
    let with_keys = |columns: Columns, rows: &[u64]| add_keys(night, &keys, columns, rows);
    staging.table("contributions", explain_tables::contributions(facts.run, &explained.contributions, &with_keys))?;
    staging.table("explained", explained::tables::told(facts.run, &explained.told, &with_keys))?;
    let points: Vec<String> = explained.curves.iter().map(|curve| explained::content::point(learned, &shape, curve)).collect();
    reasons(facts, &points, staging)?;
    copy_refused(&facts.data.tables, staging)?;
    model(learned, staging)?;
    staging.write("job.toml", night.job.effective.as_bytes())?;
    let mut report = content(night, facts, &shape, quality, &labels, &points);
    let key = pseudonym_key(night, staging)?;
    let mut columns = night.job.privacy.columns.clone();
    columns.push(night.job.entity.clone());
    let key = night.job.privacy.pseudonyms.then_some(key.as_str());
    report::protect(&mut report, &report::Protection { key, columns: &columns, min_group: night.job.privacy.min_group });
    staging.write("report.json", report::json(&report).map_err(NightError::Report)?.as_bytes())?;
    staging.write("report.html", report::html(&report).map_err(NightError::Report)?.as_bytes())?;
    for export in report::exports(&report) {
        staging.write(&export.file, export.text.as_bytes())?;
    }
    Ok(())
}

/// The key of tonight's pseudonyms: only who has the held-out rows, and so the ids, can make it.
fn pseudonym_key(night: &Night<'_>, staging: &Staging) -> Result<String, NightError> {
    let path = staging.path().join("holdout/holdout.parquet");
    let key = Fingerprint::of("pseudonyms of a night").with("job", &night.job.name).with("seed", night.job.seed.to_le_bytes());
    let key = key.with_file("rows", &path).map_err(|source| FileError::Io { what: "read", path, source })?;
    Ok(key.hex())
}

/// The tables of what the model relies on that need no keys.
fn reasons(facts: &Facts<'_>, points: &[String], staging: &Staging) -> Result<(), NightError> {
    let (run, explained) = (facts.run, facts.explained);
    staging.table("group_importance", explain_tables::groups(run, &explained.groups))?;
    staging.table("permutation", explain_tables::permutation(run, &explained.permuted, &explained.disagreements))?;
    staging.table("curves", explain_tables::curves(run, &explained.curves, points))?;
    staging.table("inside", explain_tables::inside(run, &explained.inside))?;
    staging.table("faithfulness", explain_tables::faithfulness(run, &explained.faithful))?;
    staging.table("importance_change", explain_tables::changes(run, &explained.changes))?;
    staging.table("importance_agreement", explain_tables::agreements(run, &explained.agreements))?;
    staging.table("importance_history", explained::tables::history(run, &explained.history))?;
    staging.table("explained_steps", explained::tables::told_steps(run, &explained.told))?;
    Ok(())
}

/// The published model, its encoder and calibration; challengers beside it.
fn model(learned: &Learned, staging: &Staging) -> Result<(), NightError> {
    let json = learned.encoder.to_json().map_err(crate::features::FeatureError::from)?;
    staging.write("model/encoder.json", &json)?;
    for (at, taught) in learned.taught.iter().enumerate() {
        let folder = if at == 0 { "model".to_owned() } else { format!("model/{}", taught.name) };
        scorer::save(&taught.fitted, &folder, staging)?;
        if let Some(unseen) = &taught.unseen {
            scorer::save(unseen, &format!("{folder}/{}", scorer::OUT_OF_FOLD), staging)?;
        }
    }
    scorer::save_stand_ins(learned, staging)
}

/// Keys and scenario of the held-out rows.
pub(super) fn held_out_keys(night: &Night<'_>, learned: &Learned) -> Result<RecordBatch, NightError> {
    let mut names = night.job.keys.clone();
    names.push(night.job.scenario.clone());
    let mut parts = Vec::new();
    for batch in table_file::read(&learned.holdout.frame)? {
        let batch = batch.map_err(|error| failed(&error))?;
        let at = names.iter().map(|name| batch.schema().index_of(name)).collect::<Result<Vec<_>, _>>().map_err(|error| failed(&error))?;
        parts.push(batch.project(&at).map_err(|error| failed(&error))?);
    }
    let schema = parts.first().map(RecordBatch::schema).ok_or_else(|| failed(&"the held-out frame is empty"))?;
    concat_batches(&schema, &parts).map_err(|error| failed(&error))
}

fn add_keys(night: &Night<'_>, keys: &RecordBatch, mut columns: Columns, rows: &[u64]) -> Result<Columns, String> {
    let at = UInt64Array::from(rows.to_vec());
    for key in &night.job.keys {
        let array = keys.column_by_name(key).ok_or_else(|| format!("key `{key}` is missing"))?;
        let taken = take(array, &at, None).map_err(|error| error.to_string())?;
        columns = columns.array(key, plain(&taken).map_err(|error| error.to_string())?);
    }
    Ok(columns)
}

/// Writes the held-out rows, which decisions read: keys, as-of date, scenario, each label over the entire space, each prediction.
/// Challengers' predictions are named `p_<task>__<learner>`.
pub(super) fn holdout(night: &Night<'_>, learned: &Learned, judged: &Judged, staging: &Staging) -> Result<(), NightError> {
    let keys = held_out_keys(night, learned)?;
    staging.table("holdout/holdout", held_out(night, learned, judged, &learned.encoder.shape(), &keys))?;
    Ok(())
}

fn held_out(night: &Night<'_>, learned: &Learned, judged: &Judged, shape: &Shape, keys: &RecordBatch) -> Result<RecordBatch, String> {
    let mut columns = Columns::new();
    for key in &night.job.keys {
        let array = keys.column_by_name(key).ok_or_else(|| format!("key `{key}` is missing"))?;
        columns = columns.array(key, plain(array).map_err(|error| error.to_string())?);
    }
    columns = columns.date("as_of", std::iter::repeat_n(learned.holdout.as_of, keys.num_rows()));
    columns = columns.array("scenario", text_column(keys, &night.job.scenario).map_err(|error: PublishError| error.to_string())?);
    if let Some(folds) = night.job.folds {
        let own = learned.holdout.entity.iter().map(|entity| folds.of(*entity) as i32);
        columns = columns.array("fold", Arc::new(Int32Array::from_iter_values(own)));
    }
    for (task, labels) in shape.tasks.iter().zip(&learned.holdout.labels) {
        columns = columns.number(&format!("y_{}", task.name), labels.iter().map(|label| (!label.is_nan()).then(|| f64::from(*label))));
    }
    for (at, (taught, predictions)) in learned.taught.iter().zip(&judged.predictions).enumerate() {
        for (task, predictions) in shape.tasks.iter().zip(predictions) {
            let name = if at == 0 { format!("p_{}", task.name) } else { format!("p_{}__{}", task.name, taught.name) };
            let array: ArrayRef = Arc::new(Float64Array::from(predictions.clone()));
            debug_assert_eq!(array.len(), keys.num_rows());
            columns = columns.array(&name, array);
        }
    }
    columns.batch()
}
