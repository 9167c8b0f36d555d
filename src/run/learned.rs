//! Learning, evaluation and explanation of a night: the glue between `features`, `learn`, `evaluate` and `explain`.
//!
//! In: [`Data`]. Out: [`Learned`], [`Judged`], [`Explained`], values that the report and the tables are made of. Encoded
//! rows are memory-mapped from a scratch folder; what is held in memory does not grow with the frame's columns.

use std::path::{Path, PathBuf};

use ndarray::Array2;

use super::checkpoints::Checkpoints;
use super::data::{Data, date};
use super::predecessor::Predecessor;
use super::{Night, NightError};
use crate::evaluate::calibration::{Calibration, ReliabilityBin};
use crate::evaluate::cells::{EvaluateSettings, Figure, Scored};
use crate::evaluate::entire_space;
use crate::evaluate::probe::probe;
use crate::explain::contributions::Contribution;
use crate::explain::effects::{Effect, Effects};
use crate::explain::importance::{Importance, ImportanceAccumulator};
use crate::features::Snapshot;
use crate::features::encode::{Encoder, EncoderFit, Roles, Unknowns};
use crate::features::rows_file::{RowsFile, RowsWriter};
use crate::job::{Job, ModelKind, Split};
use crate::learn::picked::Picked;
use crate::learn::rows::{Block, Shape};
use crate::learn::{self, Choice, Examples, Learner, Model, Progress, Trial};
use crate::table_file;
use crate::watch::Watch;

/// Folder below the staged run where encoded rows lie while the night works.
pub(super) const SCRATCH: &str = "scratch";

/// A model with its calibration.
pub(super) struct Taught {
    pub(super) name: &'static str,
    pub(super) model: Box<dyn Model>,
    pub(super) calibration: Calibration,
    pub(super) trials: Vec<Trial>,
}

/// What was learned tonight.
pub(super) struct Learned {
    pub(super) encoder: Encoder,
    /// The learner that is published comes first, its challengers after it.
    pub(super) taught: Vec<Taught>,
    /// Decision threshold of each task.
    pub(super) thresholds: Vec<f64>,
    pub(super) holdout: Holdout,
}

/// The held-out night: encoded rows, and labels over the entire space.
pub(super) struct Holdout {
    pub(super) frame: PathBuf,
    pub(super) as_of: i32,
    pub(super) rows: RowsFile,
    pub(super) scenario: Vec<u16>,
    /// Shape: `[tasks][rows]`, NaN = not observed.
    pub(super) labels: Vec<Vec<f32>>,
    pub(super) unknowns: Unknowns,
}

/// How good tonight's models are.
pub(super) struct Judged {
    /// Of every learner.
    pub(super) figures: Vec<(&'static str, Figure)>,
    /// Of the published learner.
    pub(super) reliability: Vec<ReliabilityBin>,
    /// Predictions of every learner. Shape: `[learners][tasks][rows]`.
    pub(super) predictions: Vec<Vec<Vec<f64>>>,
}

/// What the published model relies on, and its challengers.
pub(super) struct Explained {
    pub(super) importance: Vec<Importance>,
    pub(super) challengers: Vec<(&'static str, Vec<Importance>)>,
    pub(super) effects: Vec<Effect>,
    pub(super) contributions: Vec<Contribution>,
    /// Largest |base + Σ contributions − raw| over the explained rows.
    pub(super) residual: f64,
}

/// What learners tell, and where they keep the state of their training.
struct Told<'a> {
    watch: &'a dyn Watch,
    checkpoints: &'a Checkpoints,
}

impl Progress for Told<'_> {
    fn at(&self, what: &str, done: u64, total: u64) {
        self.watch.step(what, done, total);
    }

    fn note(&self, line: &str) {
        self.watch.note(line);
    }

    fn keep(&self, name: &str, state: &dyn Fn() -> Vec<u8>) {
        // A night that cannot keep its state can still be finished.
        if let Err(error) = self.checkpoints.keep(name, &state()) {
            self.watch.note(&format!("warning: training will not go on from here after a crash: {error}"));
        }
    }

    fn kept(&self, name: &str) -> Option<Vec<u8>> {
        self.checkpoints.kept(name)
    }
}

/// Makes the choices on the validation night, refits on all training snapshots, and encodes the held-out night.
pub(super) fn learn(
    night: &Night<'_>,
    data: &Data,
    staging: &Path,
    checkpoints: &Checkpoints,
    predecessor: Option<&Predecessor>,
) -> Result<Learned, NightError> {
    let job = night.job;
    let progress = Told { watch: night.watch, checkpoints };
    let start = |encoder: &Encoder| predecessor.map(|predecessor| predecessor.start(encoder));
    let scratch = staging.join(SCRATCH);
    let of = |wanted: &[Split]| {
        data.labelled.iter().filter(|(_, split)| wanted.contains(split)).map(|(snapshot, _)| snapshot).collect::<Vec<_>>()
    };

    let train = of(&[Split::Train]);
    let valid = of(&[Split::Valid]);
    let encoder = fit(job, &train)?;
    let shape = encoder.shape();
    let (train_rows, _) = encode(&encoder, &train, &scratch.join("choice/train"))?;
    let (valid_rows, _) = encode(&encoder, &valid, &scratch.join("choice/valid"))?;
    let chosen = learners(job)?
        .into_iter()
        .map(|learner| {
            let train = Examples { start: start(&encoder), ..examples(&shape, &train_rows) };
            choose(learner.as_ref(), &train, &examples(&shape, &valid_rows), &progress)
        })
        .collect::<Result<Vec<_>, _>>()?;
    drop((train_rows, valid_rows));

    let all = of(&[Split::Train, Split::Gap, Split::Valid]);
    let encoder = fit(job, &all)?;
    let shape = encoder.shape();
    let (rows, _) = encode(&encoder, &all, &scratch.join("refit"))?;
    let examples = Examples { start: start(&encoder), ..examples(&shape, &rows) };
    let thresholds = thresholds(job, &examples);
    let taught = chosen
        .into_iter()
        .map(|(learner, calibration, trials)| {
            night.watch.note(&format!("refit {} on {} rows", learner.name(), examples.blocks.iter().map(Block::rows).sum::<usize>()));
            Ok(Taught { name: learner.name(), model: learner.fit(&examples, &progress)?, calibration, trials })
        })
        .collect::<Result<Vec<_>, NightError>>()?;

    let held = of(&[Split::Holdout]);
    let (mut rows, unknowns) = encode(&encoder, &held, &scratch.join("holdout"))?;
    let (Some(rows), Some(snapshot)) = (rows.pop(), held.first()) else {
        return Err(learn::LearnError::NoRows("there is no held-out night".into()).into());
    };
    let holdout = holdout(job, snapshot, rows, unknowns);
    Ok(Learned { encoder, taught, thresholds, holdout })
}

/// The published learner, then its challengers.
pub(super) fn learners(job: &Job) -> Result<Vec<Box<dyn Learner>>, NightError> {
    let kinds = std::iter::once(&job.model).chain(&job.challengers);
    let made = kinds.map(|kind| match kind {
        ModelKind::Linear => learn::linear(job.linear.clone(), job.seed),
        ModelKind::Net => learn::net(job.net.clone(), job.train.clone(), job.seed),
        ModelKind::Forest => learn::forest(job.forest.clone(), job.linear.clone(), job.seed),
    });
    Ok(made.collect::<Result<_, _>>()?)
}

/// Fits the encoding on these snapshots and no others.
fn fit(job: &Job, snapshots: &[&Snapshot]) -> Result<Encoder, NightError> {
    let mut fit = EncoderFit::new(Roles::of(job), job.encode.clone(), job.scenarios.clone(), job.snapshots.horizon.0, job.seed);
    for snapshot in snapshots {
        for batch in table_file::read(&snapshot.file)? {
            fit.observe(&batch.map_err(|error| table_file::FileError::Rows(error.to_string()))?)
                .map_err(crate::features::FeatureError::from)?;
        }
    }
    Ok(fit.finish().map_err(crate::features::FeatureError::from)?)
}

/// Encodes snapshots into memory-mapped files below `folder`, one each.
fn encode(encoder: &Encoder, snapshots: &[&Snapshot], folder: &Path) -> Result<(Vec<RowsFile>, Unknowns), NightError> {
    crate::publish::folder::create(folder)?;
    let mut unknowns = Unknowns::default();
    let mut files = Vec::with_capacity(snapshots.len());
    for snapshot in snapshots {
        let path = folder.join(format!("{}.arrow", snapshot.as_of));
        let day = snapshot.as_of.epoch_day();
        let mut writer = RowsWriter::create(&path, encoder).map_err(crate::features::FeatureError::from)?;
        for batch in table_file::read(&snapshot.file)? {
            let batch = batch.map_err(|error| table_file::FileError::Rows(error.to_string()))?;
            let encoded = encoder.encode(&batch, day).map_err(crate::features::FeatureError::from)?;
            unknowns.add(encoded.unknowns());
            writer.write(&encoded).map_err(crate::features::FeatureError::from)?;
        }
        writer.finish().map_err(crate::features::FeatureError::from)?;
        files.push(RowsFile::open(&path, encoder, day).map_err(crate::features::FeatureError::from)?);
    }
    Ok((files, unknowns))
}

fn examples<'a>(shape: &'a Shape, files: &'a [RowsFile]) -> Examples<'a> {
    Examples::new(shape, files.iter().flat_map(RowsFile::blocks).collect())
}

/// A learner with nothing left to choose, its calibration, and what was tried.
type Settled = (Box<dyn Learner>, Calibration, Vec<Trial>);

/// One learner's choices on the validation night, and the calibration fitted there.
fn choose(learner: &dyn Learner, train: &Examples<'_>, valid: &Examples<'_>, progress: &dyn Progress) -> Result<Settled, NightError> {
    let shape = valid.shape;
    let Choice { learner, model, trials } = learner.choose(train, valid, progress)?;
    let raw = raw(model.as_ref(), &valid.blocks)?;
    let (scenario, labels) = truth(&valid.blocks, shape.tasks.len());
    let calibration = Calibration::fit(&raw, &labels, &scenario, shape);
    Ok((learner, calibration, trials))
}

/// Raw outputs over blocks. Shape: `[tasks][rows]`.
pub(super) fn raw(model: &dyn Model, blocks: &[Block<'_>]) -> Result<Vec<Vec<f32>>, NightError> {
    let tasks = model.shape().tasks.len();
    let mut outputs = vec![Vec::new(); tasks];
    for block in blocks {
        let mut out = Array2::zeros((block.rows(), tasks));
        model.raw(block, out.view_mut())?;
        for (task, outputs) in outputs.iter_mut().enumerate() {
            outputs.extend(out.column(task));
        }
    }
    Ok(outputs)
}

/// Scenarios and labels (natural units, as they were observed) over blocks.
fn truth(blocks: &[Block<'_>], tasks: usize) -> (Vec<u16>, Vec<Vec<f32>>) {
    let scenario = blocks.iter().flat_map(|block| block.scenario.iter().copied()).collect();
    let labels = (0..tasks).map(|task| blocks.iter().flat_map(|block| block.labels[task].iter().copied()).collect()).collect();
    (scenario, labels)
}

/// The job's threshold of each task, or the base rate of its training rows.
fn thresholds(job: &Job, examples: &Examples<'_>) -> Vec<f64> {
    let after: Vec<Option<usize>> = job.tasks.iter().map(|task| task.task.after).collect();
    let mut sums = vec![(0.0_f64, 0.0_f64); job.tasks.len()];
    for block in &examples.blocks {
        let (_, labels) = truth(std::slice::from_ref(block), job.tasks.len());
        for (sum, labels) in sums.iter_mut().zip(entire_space(&labels, &after)) {
            for label in labels.iter().filter(|label| !label.is_nan()) {
                sum.0 += f64::from(*label);
                sum.1 += 1.0;
            }
        }
    }
    job.tasks
        .iter()
        .zip(sums)
        .map(|(task, (positives, rows))| task.threshold.unwrap_or(if rows > 0.0 { positives / rows } else { 0.5 }))
        .collect()
}

fn holdout(job: &Job, snapshot: &Snapshot, rows: RowsFile, unknowns: Unknowns) -> Holdout {
    let after: Vec<Option<usize>> = job.tasks.iter().map(|task| task.task.after).collect();
    let (scenario, labels) = truth(&rows.blocks(), job.tasks.len());
    let labels = entire_space(&labels, &after);
    Holdout { frame: snapshot.file.clone(), as_of: snapshot.as_of.epoch_day(), rows, scenario, labels, unknowns }
}

/// Every learner's figures on the held-out night.
pub(super) fn evaluate(night: &Night<'_>, learned: &Learned) -> Result<Judged, NightError> {
    let job = night.job;
    let shape = learned.encoder.shape();
    let holdout = &learned.holdout;
    let blocks = holdout.rows.blocks();
    let settings = EvaluateSettings {
        min_rows: job.min_rows,
        min_positives: job.min_positives,
        resamples: job.resamples,
        seed: job.seed,
        top: job.top,
    };
    let entity: Vec<u64> = blocks.iter().flat_map(|block| block.entity.iter().copied()).collect();
    let mut judged = Judged { figures: Vec::new(), reliability: Vec::new(), predictions: Vec::new() };
    for (at, taught) in learned.taught.iter().enumerate() {
        let predictions = taught.calibration.apply(&raw(taught.model.as_ref(), &blocks)?, &holdout.scenario);
        let scored = Scored {
            scenarios: &shape.scenarios,
            tasks: &shape.tasks,
            thresholds: &learned.thresholds,
            scenario: &holdout.scenario,
            entity: &entity,
            labels: &holdout.labels,
            predictions: &predictions,
        };
        judged.figures.extend(crate::evaluate::cells::evaluate(&scored, &settings).into_iter().map(|figure| (taught.name, figure)));
        if at == 0 {
            judged.reliability = crate::evaluate::calibration::reliability(&scored);
        }
        judged.figures.extend(invariance(taught, &blocks, &shape)?.into_iter().map(|figure| (taught.name, figure)));
        judged.predictions.push(predictions);
    }
    night.watch.note(&format!("held-out night {}: {} rows", date(holdout.as_of), holdout.scenario.len()));
    Ok(judged)
}

/// Rows on which the probe for scenarios is fitted and measured.
const PROBE_ROWS: usize = 8000;

/// How well a linear probe tells each scenario from the features that the model shares: `scenario_probe_auc`.
fn invariance(taught: &Taught, blocks: &[Block<'_>], shape: &Shape) -> Result<Vec<Figure>, NightError> {
    let rows: usize = blocks.iter().map(Block::rows).sum();
    let positions: Vec<usize> = (0..rows).step_by(rows.div_ceil(PROBE_ROWS).max(1)).collect();
    let picked = Picked::new(blocks, &positions);
    let block = picked.block();
    let Some(features) = taught.model.shared_features(&block).transpose()? else { return Ok(Vec::new()) };
    let flat: Vec<f32> = features.iter().copied().collect();
    let found = probe(&flat, features.ncols(), block.scenario, block.entity, shape.scenarios.len());
    let figure = |(at, (name, value)): (usize, (&String, Option<f64>))| Figure {
        scenario: name.clone(),
        task: "*".into(),
        metric: "scenario_probe_auc",
        value,
        low: None,
        high: None,
        n: block.scenario.len() as u64,
        positives: block.scenario.iter().filter(|scenario| **scenario as usize == at).count() as u64,
        note: None,
    };
    Ok(shape.scenarios.iter().zip(found).enumerate().map(figure).collect())
}

/// Contributions of the published model on the held-out night, added up by cell; nothing where it has no exact ones.
pub(super) fn explain(night: &Night<'_>, learned: &Learned) -> Result<Explained, NightError> {
    let shape = learned.encoder.shape();
    let taught = &learned.taught[0];
    let rows = learned.holdout.scenario.len();
    let challengers = learned.taught[1..].iter().map(|taught| Ok((taught.name, importance_of(night, learned, taught)?)));
    let challengers = challengers.collect::<Result<Vec<_>, NightError>>()?;
    // A network is explained on a sample.
    let blocks = learned.holdout.rows.blocks();
    let positions = if taught.model.attribution_is_dear() { spread(night, rows) } else { (0..rows).collect() };
    let picked = (positions.len() < rows).then(|| Picked::new(&blocks, &positions));
    let blocks = picked.as_ref().map_or(blocks, |picked| vec![picked.block()]);
    let rows = positions.len();
    let mut importance = ImportanceAccumulator::new(&shape);
    let mut effects = Effects::new(&shape);
    let mut contributions = Vec::new();
    let every = rows.div_ceil(night.job.explained_rows.max(1)).max(1);
    let mut at = 0;
    for block in blocks {
        for part in block.parts(STRETCH) {
            let Some(attribution) = taught.model.attribute(&part) else {
                return Ok(Explained { importance: Vec::new(), challengers, effects: Vec::new(), contributions, residual: 0.0 });
            };
            let attribution = attribution?;
            let raw = raw(taught.model.as_ref(), std::slice::from_ref(&part))?;
            importance.add(&part, &attribution, &raw);
            effects.add(&part, &attribution);
            let sampled: Vec<usize> = (0..part.rows()).filter(|row| (at + row) % every == 0).collect();
            let mut own = crate::explain::contributions::of(&shape, &part, &attribution, &raw, &sampled, at);
            for row in &mut own {
                row.row = positions[row.row as usize] as u64;
            }
            contributions.extend(own);
            at += part.rows();
            night.watch.step("explained rows", at as u64, rows as u64);
        }
    }
    let residual = importance.residual();
    let importance = importance.finish();
    let effects = effects.finish(&importance, night.job.top_features);
    night.watch.note(&format!("contributions add up to the raw output within {residual:.1e}"));
    Ok(Explained { importance, challengers, effects, contributions, residual })
}

/// Positions of rows that are spread evenly over the held-out night, as many as the job explains where that is dear.
fn spread(night: &Night<'_>, rows: usize) -> Vec<usize> {
    (0..rows).step_by(rows.div_ceil(night.job.importance_rows).max(1)).collect()
}

/// What a challenger relies on, on a sample of the held-out night; nothing where its contributions do not add up.
fn importance_of(night: &Night<'_>, learned: &Learned, taught: &Taught) -> Result<Vec<Importance>, NightError> {
    let picked = Picked::new(&learned.holdout.rows.blocks(), &spread(night, learned.holdout.scenario.len()));
    let mut importance = ImportanceAccumulator::new(&learned.encoder.shape());
    for part in picked.block().parts(STRETCH) {
        let Some(attribution) = taught.model.attribute(&part) else { return Ok(Vec::new()) };
        importance.add(&part, &attribution?, &raw(taught.model.as_ref(), std::slice::from_ref(&part))?);
    }
    Ok(importance.finish())
}

/// Rows whose contributions are held at a time: four numbers per row, task and field.
const STRETCH: usize = 4096;
