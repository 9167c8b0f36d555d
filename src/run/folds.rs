//! Learning from data without a history: cross-validation by entity in the place of the held-out night.
//!
//! In: the one labelled frame of a night. Out: [`Learned`] whose held-out rows are all labelled rows, each answered by the model of its
//! entity's fold. Nothing that such a model is made of has seen the fold: it has vocabularies, knots, choices, calibration and thresholds
//! of its own, made by a second cross-validation among the other folds. The published model is fitted on all rows with what the folds'
//! choices agree on; its calibration is fitted on what the folds' models say of the rows that they have not seen.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray as _, BooleanArray, Int32Array, RecordBatch};
use arrow::compute::{cast, filter_record_batch};
use arrow::datatypes::DataType;
use rayon::prelude::*;

use super::data::Data;
use super::error::failed;
use super::learned::{Fitted, Frame, Holdout, Learned, SCRATCH, Taught, calibrate, encode, examples, fit, fit_for, learners, no_holdout};
use super::learned::{no_leak, raw};
use super::{Night, NightError, thresholds};
use crate::evaluate::calibration::{Calibrated, Calibration, NightSpread};
use crate::features::encode::{Encoder, Roles, Unknowns};
use crate::features::rows_file::RowsFile;
use crate::fingerprint::fnv1a;
use crate::job::{AsOf, Job, Split};
use crate::learn::folds::{CrossFitted, Folds, Part};
use crate::learn::rows::{Block, UNKNOWN};
use crate::learn::{Choice, Choices, Learner, Model, Progress, Trial};
use crate::publish::folder;
use crate::table_file::{self, Kept, TableWriter};
use crate::watch::Watch;

/// A learner that keeps nothing: with so few rows a night that died begins anew.
struct Passing<'a>(&'a dyn Watch);

impl Progress for Passing<'_> {
    fn at(&self, _: &str, _: u64, _: u64) {}
}

impl Passing<'_> {
    fn fold(&self, done: usize, folds: usize) {
        self.0.step("folds", done as u64, folds as u64);
    }
}

/// What a learner made without one fold.
struct Made {
    model: Box<dyn Model>,
    calibration: Calibration,
    choices: Option<Choices>,
    trials: Vec<Trial>,
}

/// All that was made without one fold.
struct Fold {
    encoder: Encoder,
    /// One a learner, the published one first.
    made: Vec<Made>,
    /// Of the published learner. Shape: `[tasks]`.
    thresholds: Vec<f64>,
    /// Of the fold's own rows, in the eyes of its model.
    unknowns: Unknowns,
}

/// What a learner tried while one of the other folds was its validation.
struct Tried {
    choices: Vec<Choices>,
    /// Outputs for the validation folds, one after the other. Shape: `[tasks][rows]`.
    raw: Vec<Vec<f32>>,
    trials: Vec<Trial>,
}

/// Where a night's folds lie.
struct Ground<'a> {
    job: &'a Job,
    as_of: &'a AsOf,
    /// The rows of each fold.
    files: Vec<PathBuf>,
    /// Names of the scenarios of all rows, so that the models of all folds mean the same by an index.
    scenarios: Vec<String>,
    scratch: PathBuf,
}

/// Learns fold by fold, then from all rows.
pub(super) fn learn(night: &Night<'_>, folds: Folds, data: &Data, staging: &Path) -> Result<Learned, NightError> {
    let job = night.job;
    let (snapshot, _) = data.labelled.first().ok_or_else(no_holdout)?;
    let scratch = staging.join(SCRATCH);
    let whole = [Frame::of(snapshot)];
    let encoder = fit(job, Roles::of(job), &whole)?;
    let shape = encoder.shape();
    let (rows, _) = encode(&encoder, &whole, &scratch.join("all"))?;
    let all = examples(&shape, &rows);
    no_leak(night, &all)?;
    let files = part(job, folds, &snapshot.file, &scratch.join("folds"))?;
    let ground = Ground { job, as_of: &snapshot.as_of, files, scenarios: shape.scenarios.clone(), scratch: scratch.join("choice") };
    let progress = Passing(night.watch);
    let learners = learners(job)?;
    let made: Vec<Result<Fold, NightError>> = (0..folds.count())
        .into_par_iter()
        .map(|held| {
            let fold = ground.without(&learners, held, &progress);
            progress.fold(held + 1, folds.count());
            fold
        })
        .collect();
    // In the order of the folds: of several errors the same one is told, whatever the threads.
    let mut made = made.into_iter().collect::<Result<Vec<Fold>, NightError>>()?;
    let mut unknowns = Unknowns::default();
    for fold in &made {
        unknowns.add(&fold.unknowns);
    }

    let (mut taught, mut settled, mut best) = (Vec::new(), Vec::new(), Vec::new());
    for learner in learners.iter().rev() {
        let own: Vec<(&Encoder, Made)> = made.iter_mut().filter_map(|fold| Some((&fold.encoder, fold.made.pop()?))).collect();
        let choices: Vec<Choices> = own.iter().filter_map(|(_, made)| made.choices.clone()).collect();
        let learner = learner.settled(&choices);
        let trials = trials(learner.as_ref(), &own);
        let (cross, calibrations) = crossed(&encoder, folds, own)?;
        let outputs = raw(&cross, &all.blocks)?;
        let calibration = calibrate(&outputs, &shape, &all.blocks, &NightSpread::none(&shape));
        best = thresholds::best(job, &calibration, &outputs, &all.blocks);
        night.watch.note(&format!(
            "{}: {}; fitted on all {} rows",
            learner.name(),
            learner.chosen().map_or_else(|| "nothing chosen".into(), |chosen| chosen.words),
            snapshot.rows
        ));
        let fitted = Fitted { model: learner.fit(&all, &progress)?, calibration: Calibrated::One(calibration) };
        let unseen = Fitted { model: Box::new(cross), calibration: Calibrated::Folds { folds, parts: calibrations } };
        taught.push(Taught { name: learner.name(), fitted, unseen: Some(unseen), trials });
        settled.push(learner);
    }
    // Each fold gave away its last learner first.
    taught.reverse();
    settled.reverse();
    let thresholds = thresholds::settled(job, &best, &all);
    drop(all);

    let (mut held_rows, _) = encode(&encoder, &whole, &scratch.join("holdout"))?;
    let Some(held_rows) = held_rows.pop() else { return Err(no_holdout()) };
    let mut holdout = Holdout::new(job, whole[0], held_rows, unknowns);
    let of = |task: usize| holdout.entity.iter().map(|entity| made[folds.of(*entity)].thresholds[task]).collect::<Vec<f64>>();
    holdout.row_thresholds = (0..shape.tasks.len()).map(of).collect();
    let splits = vec![(snapshot.as_of.epoch_day(), Split::Folds)];
    Ok(Learned { encoder, taught, learners: settled, rows, splits, begun_from: None, stand_ins: Vec::new(), thresholds, holdout })
}

impl Ground<'_> {
    fn frames(&self, wanted: impl Fn(usize) -> bool) -> Vec<Frame<'_>> {
        let own = self.files.iter().enumerate().filter(|(fold, _)| wanted(*fold));
        own.map(|(_, file)| Frame { as_of: self.as_of, file }).collect()
    }

    /// Everything that is made without the fold `held`.
    fn without(&self, learners: &[Box<dyn Learner>], held: usize, progress: &Passing<'_>) -> Result<Fold, NightError> {
        let scratch = self.scratch.join(held.to_string());
        let others: Vec<usize> = (0..self.files.len()).filter(|fold| *fold != held).collect();
        let empty = || Tried { choices: Vec::new(), raw: vec![Vec::new(); self.job.tasks.len()], trials: Vec::new() };
        let mut tried: Vec<Tried> = learners.iter().map(|_| empty()).collect();
        let mut unseen = Vec::new();
        for valid in &others {
            unseen.extend(self.choose(learners, (held, *valid), &scratch.join(format!("valid-{valid}")), &mut tried, progress)?);
        }
        let roles = Roles::of(self.job);
        let frames = self.frames(|fold| fold != held);
        let encoder = fit_for(self.job, roles, &self.scenarios, &frames)?;
        let shape = encoder.shape();
        let (rows, _) = encode(&encoder, &frames, &scratch.join("refit"))?;
        let (_, unknowns) = encode(&encoder, &self.frames(|fold| fold == held), &scratch.join("held"))?;
        let learned = examples(&shape, &rows);
        let blocks: Vec<Block<'_>> = unseen.iter().flat_map(RowsFile::blocks).collect();
        let (mut made, mut best) = (Vec::new(), None);
        for (learner, tried) in learners.iter().zip(tried) {
            // Rows without a history have no nights whose luck they could share.
            let calibration = calibrate(&tried.raw, &shape, &blocks, &NightSpread::none(&shape));
            best.get_or_insert_with(|| thresholds::best(self.job, &calibration, &tried.raw, &blocks));
            let learner = learner.settled(&tried.choices);
            let model = learner.fit(&learned, progress)?;
            made.push(Made { model, calibration, choices: learner.chosen(), trials: tried.trials });
        }
        let thresholds = thresholds::settled(self.job, &best.unwrap_or_default(), &learned);
        drop((learned, blocks));
        drop((rows, unseen));
        folder::remove(&scratch)?;
        Ok(Fold { encoder, made, thresholds, unknowns })
    }

    /// The choices without the fold `held`, on the fold `valid`; returns the rows of `valid`.
    fn choose(
        &self,
        learners: &[Box<dyn Learner>],
        (held, valid): (usize, usize),
        scratch: &Path,
        tried: &mut [Tried],
        progress: &Passing<'_>,
    ) -> Result<Vec<RowsFile>, NightError> {
        let frames = self.frames(|fold| fold != held && fold != valid);
        let encoder = fit_for(self.job, Roles::of(self.job), &self.scenarios, &frames)?;
        let shape = encoder.shape();
        let (train_rows, _) = encode(&encoder, &frames, &scratch.join("train"))?;
        let (valid_rows, _) = encode(&encoder, &self.frames(|fold| fold == valid), &scratch.join("valid"))?;
        let (train, judged) = (examples(&shape, &train_rows), examples(&shape, &valid_rows));
        for (learner, tried) in learners.iter().zip(tried) {
            let Choice { learner, model, trials } = learner.choose(&train, &judged, progress)?;
            tried.choices.extend(learner.chosen());
            tried.trials.extend(trials);
            for (all, own) in tried.raw.iter_mut().zip(raw(model.as_ref(), &judged.blocks)?) {
                all.extend(own);
            }
        }
        drop(judged);
        Ok(valid_rows)
    }
}

/// The model of cross-validation, and its calibrations.
fn crossed(encoder: &Encoder, folds: Folds, made: Vec<(&Encoder, Made)>) -> Result<(CrossFitted, Vec<Calibration>), NightError> {
    let (mut parts, mut calibrations) = (Vec::new(), Vec::new());
    for (own, made) in made {
        let entries = encoder.entries_of(own).into_iter();
        let entries = entries.map(|entries| entries.into_iter().map(|entry| entry.unwrap_or(UNKNOWN)).collect()).collect();
        parts.push(Part { model: made.model, entries });
        calibrations.push(made.calibration);
    }
    Ok((CrossFitted::new(encoder.shape(), folds, parts)?, calibrations))
}

/// What was tried, setting by setting: the mean loss over all pairs of a held-out fold and a validation fold; then what was settled on.
fn trials(settled: &dyn Learner, made: &[(&Encoder, Made)]) -> Vec<Trial> {
    let mut tried: Vec<(&str, Vec<f64>)> = Vec::new();
    let mut chosen: Vec<f64> = Vec::new();
    for trial in made.iter().flat_map(|(_, made)| &made.trials) {
        match tried.iter_mut().find(|(setting, _)| *setting == trial.setting) {
            Some((_, losses)) => losses.push(trial.loss),
            None => tried.push((&trial.setting, vec![trial.loss])),
        }
        if trial.chosen {
            chosen.push(trial.loss);
        }
    }
    let mean = |losses: &[f64]| losses.iter().sum::<f64>() / losses.len() as f64;
    let trial = |setting: String, loss: f64, chosen| Trial { setting, loss, chosen, figures: Vec::new() };
    let mut trials: Vec<Trial> = tried.iter().map(|(setting, losses)| trial((*setting).to_owned(), mean(losses), false)).collect();
    if let Some(choices) = settled.chosen().filter(|_| !chosen.is_empty()) {
        trials.push(trial(format!("middle of the folds' choices: {}", choices.words), mean(&chosen), true));
    }
    trials
}

/// Parts the rows of a frame by the folds of their entities, one file each.
fn part(job: &Job, folds: Folds, frame: &Path, into: &Path) -> Result<Vec<PathBuf>, NightError> {
    folder::create(into)?;
    let files: Vec<PathBuf> = (0..folds.count()).map(|fold| into.join(format!("{fold}.parquet"))).collect();
    let mut writers: Vec<Option<TableWriter>> = files.iter().map(|_| None).collect();
    let mut entities = std::collections::BTreeSet::new();
    for batch in table_file::read(frame)? {
        let batch = batch.map_err(|error| failed(&error))?;
        let hashes = entity(&job.entity, &batch)?;
        entities.extend(hashes.iter().copied());
        for (fold, writer) in writers.iter_mut().enumerate() {
            let own: BooleanArray = hashes.iter().map(|hash| Some(folds.of(*hash) == fold)).collect();
            let own = filter_record_batch(&batch, &own).map_err(|error| failed(&error))?;
            if own.num_rows() == 0 {
                continue;
            }
            if writer.is_none() {
                *writer = Some(TableWriter::create(&files[fold], batch.schema(), Kept::Cached)?);
            }
            if let Some(writer) = writer {
                writer.write(&own)?;
            }
        }
    }
    if let Some(fold) = writers.iter().position(Option::is_none) {
        return Err(NightError::EmptyFold { fold, folds: folds.count(), entities: entities.len() });
    }
    for writer in writers.into_iter().flatten() {
        writer.finish()?;
    }
    Ok(files)
}

/// Stable hash of each row's entity, as encoded rows have it.
fn entity(name: &str, batch: &RecordBatch) -> Result<Vec<u64>, NightError> {
    let array = batch.column_by_name(name).ok_or_else(|| failed(&format!("`{name}` is missing in the frame")))?;
    let texts = cast(array, &DataType::Utf8).map_err(|error| failed(&error))?;
    Ok(texts.as_string::<i32>().iter().map(|text| fnv1a(text.unwrap_or("").as_bytes())).collect())
}

/// The fold of each row: the column `fold` of `polytask frame`.
pub(super) fn column(folds: Folds, name: &str, batch: &RecordBatch) -> Result<ArrayRef, NightError> {
    Ok(Arc::new(Int32Array::from_iter_values(entity(name, batch)?.into_iter().map(|hash| folds.of(hash) as i32))))
}
