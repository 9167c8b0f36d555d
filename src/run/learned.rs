//! Learning of a night: the glue between `features` and `learn`.
//!
//! In: [`Data`]. Out: [`Learned`]. Encoded rows are memory-mapped from a scratch folder; what is held in memory does not grow
//! with the frame's columns. Evaluation and explanation are `evaluated`'s.

use std::path::{Path, PathBuf};

use super::checkpoints::Checkpoints;
use super::data::Data;
use super::predecessor::Predecessor;
use super::transfer::{By, StandIn};
use super::{Night, NightError, thresholds};
use crate::evaluate::calibration::{Calibrated, Calibration, Evidence, NightSpread};
use crate::evaluate::entire_space;
use crate::evaluate::sentinel::{Leak, SentinelSettings, sentinel};
use crate::features::Snapshot;
use crate::features::encode::{Encoder, EncoderFit, Roles, Unknowns};
use crate::features::rows_file::{RowsFile, RowsWriter};
use crate::job::{AsOf, Job, ModelKind, Split};
use crate::learn::picked::Picked;
use crate::learn::rows::{Block, Shape};
use crate::learn::{self, Choice, Examples, Learner, Model, Progress, Trial};
use crate::table_file;
use crate::watch::Watch;

/// Folder below the staged run where encoded rows lie while the night works.
pub(super) const SCRATCH: &str = "scratch";

/// A model with its calibration: what it takes to publish.
pub(super) struct Fitted {
    pub(super) model: Box<dyn Model>,
    pub(super) calibration: Calibrated,
}

/// A learner's model, and how it came about.
pub(super) struct Taught {
    pub(super) name: &'static str,
    pub(super) fitted: Fitted,
    /// What predicts the held-out rows where `fitted` has learned from them: the models of the folds.
    pub(super) unseen: Option<Fitted>,
    pub(super) trials: Vec<Trial>,
}

impl Taught {
    /// The model that has not learned from the rows it is measured on.
    pub(super) fn measured(&self) -> &Fitted {
        self.unseen.as_ref().unwrap_or(&self.fitted)
    }
}

/// What was learned tonight.
pub(super) struct Learned {
    pub(super) encoder: Encoder,
    /// The learner that is published comes first, its challengers after it.
    pub(super) taught: Vec<Taught>,
    /// The learners behind `taught`, with nothing left to choose.
    pub(super) learners: Vec<Box<dyn Learner>>,
    /// The encoded rows that they learned from, oldest night first.
    pub(super) rows: Vec<RowsFile>,
    /// What each night of `rows` was used for, by its day.
    pub(super) splits: Vec<(i32, Split)>,
    /// The run from whose network training began.
    pub(super) begun_from: Option<String>,
    /// Models that score single cells in place of the first.
    pub(super) stand_ins: Vec<StandIn>,
    /// Decision threshold of each task.
    pub(super) thresholds: Vec<f64>,
    pub(super) holdout: Holdout,
}

/// The frame of one as-of date, as a Parquet file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Frame<'a> {
    pub(super) as_of: &'a AsOf,
    pub(super) file: &'a Path,
}

impl<'a> Frame<'a> {
    pub(super) fn of(snapshot: &'a Snapshot) -> Self {
        Self { as_of: &snapshot.as_of, file: &snapshot.file }
    }
}

/// The held-out night: encoded rows, and labels over the entire space.
pub(super) struct Holdout {
    pub(super) frame: PathBuf,
    pub(super) as_of: i32,
    pub(super) rows: RowsFile,
    pub(super) scenario: Vec<u16>,
    /// Stable hash of each row's entity.
    pub(super) entity: Vec<u64>,
    /// Shape: `[tasks][rows]`, NaN = not observed.
    pub(super) labels: Vec<Vec<f32>>,
    /// Decision thresholds row by row, with folds; empty for a night. Shape: `[tasks][rows]`.
    pub(super) row_thresholds: Vec<Vec<f64>>,
    pub(super) unknowns: Unknowns,
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
    let start = |encoder: &Encoder| predecessor.and_then(|predecessor| predecessor.start(encoder));
    let scratch = staging.join(SCRATCH);
    let of = |wanted: &[Split]| {
        data.labelled.iter().filter(|(_, split)| wanted.contains(split)).map(|(snapshot, _)| Frame::of(snapshot)).collect::<Vec<_>>()
    };

    let train = of(&[Split::Train]);
    let valid = of(&[Split::Valid]);
    let encoder = fit(job, Roles::of(job), &train)?;
    let shape = encoder.shape();
    let (train_rows, _) = encode(&encoder, &train, &scratch.join("choice/train"))?;
    let (valid_rows, _) = encode(&encoder, &valid, &scratch.join("choice/valid"))?;
    let (gap_rows, _) = encode(&encoder, &of(&[Split::Gap]), &scratch.join("choice/gap"))?;
    let unseen: Vec<Block<'_>> = gap_rows.iter().chain(&valid_rows).flat_map(RowsFile::blocks).collect();
    let train = Examples { start: start(&encoder), ..examples(&shape, &train_rows) };
    if let Some(before) = predecessor {
        let begins =
            if train.start.is_some() { "begins from" } else { "does not begin from: its rows had other fields, tasks or scenarios:" };
        night.watch.note(&format!("training {begins} the network of run {}", before.run));
    }
    no_leak(night, &train)?;
    let spread = NightSpread::of(&train.blocks, &shape);
    let (mut chosen, mut best) = (Vec::new(), Vec::new());
    for learner in learners(job)? {
        let Choice { learner, model, trials } = learner.choose(&train, &examples(&shape, &valid_rows), &progress)?;
        let outputs = raw(model.as_ref(), &unseen)?;
        let calibration = calibrate(&outputs, &shape, &unseen, &spread);
        if chosen.is_empty() {
            // All learners are judged at the thresholds of the one that is published.
            best = thresholds::best(job, &calibration, &outputs, &unseen);
        }
        chosen.push((learner, calibration, trials));
    }
    drop((train, unseen));
    drop((train_rows, gap_rows, valid_rows));

    let all = of(&[Split::Train, Split::Gap, Split::Valid]);
    let encoder = fit(job, Roles::of(job), &all)?;
    let shape = encoder.shape();
    let (rows, _) = encode(&encoder, &all, &scratch.join("refit"))?;
    let examples = Examples { start: start(&encoder), ..examples(&shape, &rows) };
    let begun_from = predecessor.filter(|_| examples.start.is_some()).map(|before| before.run.clone());
    let thresholds = thresholds::settled(job, &best, &examples);
    let (mut taught, mut learners) = (Vec::new(), Vec::new());
    for (learner, calibration, trials) in chosen {
        night.watch.note(&format!("refit {} on {} rows", learner.name(), examples.blocks.iter().map(Block::rows).sum::<usize>()));
        let fitted = Fitted { model: learner.fit(&examples, &progress)?, calibration: Calibrated::One(calibration) };
        taught.push(Taught { name: learner.name(), fitted, unseen: None, trials });
        learners.push(learner);
    }
    drop(examples);

    let held = of(&[Split::Holdout]);
    let (mut held_rows, unknowns) = encode(&encoder, &held, &scratch.join("holdout"))?;
    let (Some(held_rows), Some(frame)) = (held_rows.pop(), held.first()) else { return Err(no_holdout()) };
    let holdout = Holdout::new(job, *frame, held_rows, unknowns);
    let splits = data.labelled.iter().map(|(snapshot, split)| (snapshot.as_of.epoch_day(), *split)).collect();
    Ok(Learned { encoder, taught, learners, rows, splits, begun_from, stand_ins: Vec::new(), thresholds, holdout })
}

impl Fitted {
    /// Published predictions. Shape: `[tasks][rows]`.
    pub(super) fn published(&self, blocks: &[Block<'_>]) -> Result<Vec<Vec<f64>>, NightError> {
        let scenario: Vec<u16> = blocks.iter().flat_map(|block| block.scenario.iter().copied()).collect();
        let entity: Vec<u64> = blocks.iter().flat_map(|block| block.entity.iter().copied()).collect();
        Ok(self.calibration.apply(&raw(self.model.as_ref(), blocks)?, &scenario, &entity))
    }

    /// Published predictions of a cell, as if every row were served in its scenario. A model of that cell alone has no other.
    pub(super) fn cell(&self, blocks: &[Block<'_>], (scenario, task): (usize, usize)) -> Result<Vec<f64>, NightError> {
        let alone = self.model.shape().scenarios.len() == 1 && self.model.shape().tasks.len() == 1;
        let (scenario, task) = if alone { (0, 0) } else { (scenario, task) };
        let mut all = Vec::new();
        for block in blocks {
            let served = vec![scenario as u16; block.rows()];
            all.extend(self.published(&[block.under(&served)])?.swap_remove(task));
        }
        Ok(all)
    }

    /// Puts this model's predictions in the rows of a cell.
    fn replace(&self, block: &Block<'_>, cell: (usize, usize), published: &mut [Vec<f64>]) -> Result<(), NightError> {
        let rows: Vec<usize> = (0..block.rows()).filter(|row| block.scenario[*row] as usize == cell.0).collect();
        if !rows.is_empty() {
            let picked = Picked::new(std::slice::from_ref(block), &rows);
            let own = self.cell(&[picked.block()], cell)?;
            rows.iter().zip(own).for_each(|(row, value)| published[cell.1][*row] = value);
        }
        Ok(())
    }
}

impl Learned {
    /// What the night of a day was used for.
    pub(super) fn split_of(&self, day: i32) -> Option<Split> {
        self.splits.iter().find(|(own, _)| *own == day).map(|(_, split)| *split)
    }

    /// Rows that were learned from, per scenario.
    pub(super) fn rows_learned(&self) -> Vec<u64> {
        let mut rows = vec![0; self.encoder.shape().scenarios.len()];
        for block in self.rows.iter().flat_map(RowsFile::blocks) {
            for scenario in block.scenario {
                if let Some(rows) = rows.get_mut(*scenario as usize) {
                    *rows += 1;
                }
            }
        }
        rows
    }

    /// What is published for rows as they are served: the first model's predictions, those of stand-ins in their cells, and no
    /// child of a chain above its parent. Shape: `[tasks][rows]`.
    pub(super) fn published(&self, block: &Block<'_>) -> Result<Vec<Vec<f64>>, NightError> {
        self.published_by(&self.taught[0].fitted, block)
    }

    /// The same for held-out rows, by models that have not learned from them.
    pub(super) fn published_unseen(&self, block: &Block<'_>) -> Result<Vec<Vec<f64>>, NightError> {
        self.published_by(self.taught[0].measured(), block)
    }

    fn published_by(&self, fitted: &Fitted, block: &Block<'_>) -> Result<Vec<Vec<f64>>, NightError> {
        let mut published = fitted.published(std::slice::from_ref(block))?;
        self.stand_in(block, &mut published)?;
        Ok(published)
    }

    /// Puts stand-ins' predictions where they belong.
    pub(super) fn stand_in(&self, block: &Block<'_>, published: &mut [Vec<f64>]) -> Result<(), NightError> {
        let by = |by| match by {
            // There are no stand-ins with folds: the model of the night is the one that is measured.
            &By::Challenger(at) => &self.taught[at].fitted,
            By::Own(fitted) => fitted.as_ref(),
        };
        let stand_ins = self.stand_ins.iter().map(|stand_in| ((stand_in.scenario, stand_in.task), by(&stand_in.by)));
        put_in(stand_ins, &self.encoder.shape(), block, published)
    }
}

/// Puts the predictions of models that stand in, each in its cell, and keeps chains in order where there are any.
pub(super) fn put_in<'a>(
    stand_ins: impl ExactSizeIterator<Item = ((usize, usize), &'a Fitted)>,
    shape: &Shape,
    block: &Block<'_>,
    published: &mut [Vec<f64>],
) -> Result<(), NightError> {
    if stand_ins.len() == 0 {
        return Ok(());
    }
    for (cell, fitted) in stand_ins {
        fitted.replace(block, cell, published)?;
    }
    keep_chains(shape, published);
    Ok(())
}

/// A probability further down a chain is never above the one before it.
fn keep_chains(shape: &Shape, published: &mut [Vec<f64>]) {
    for (at, task) in shape.tasks.iter().enumerate() {
        if let Some(parent) = task.after.filter(|_| task.kind.is_binary()) {
            let (before, own) = published.split_at_mut(at);
            own[0].iter_mut().zip(&before[parent]).for_each(|(own, parent)| *own = own.min(*parent));
        }
    }
}

/// Chooses, calibrates and fits one learner on rows that are at hand.
pub(super) fn teach(
    learner: &dyn Learner,
    shape: &Shape,
    train: Vec<Block<'_>>,
    valid: Vec<Block<'_>>,
    unseen: &[Block<'_>],
    all: Vec<Block<'_>>,
    progress: &dyn Progress,
) -> Result<Fitted, NightError> {
    let train = Examples::new(shape, train);
    let Choice { learner, model, .. } = learner.choose(&train, &Examples::new(shape, valid), progress)?;
    let calibration = calibrated(model.as_ref(), shape, &train.blocks, unseen)?;
    Ok(Fitted { model: learner.fit(&Examples::new(shape, all), progress)?, calibration: Calibrated::One(calibration) })
}

/// Stops a night one of whose features knows what it could not have known, unless the job allows it with a reason.
pub(super) fn no_leak(night: &Night<'_>, train: &Examples<'_>) -> Result<(), NightError> {
    let settings = &night.job.sentinel;
    if settings.auc <= 0.0 {
        return Ok(());
    }
    let found = sentinel(train.shape, &train.blocks, &SentinelSettings { auc_limit: settings.auc });
    let reason = |leak: &Leak| {
        let field = leak.feature.split('[').next().unwrap_or(&leak.feature);
        settings.allow.iter().find(|(feature, _)| feature == field).map(|(_, reason)| reason.clone())
    };
    let (allowed, leaks): (Vec<Leak>, Vec<Leak>) = found.into_iter().partition(|leak| reason(leak).is_some());
    for leak in &allowed {
        night.watch.note(&format!("{}; allowed: {}", leak.words(), reason(leak).unwrap_or_default()));
    }
    if leaks.is_empty() { Ok(()) } else { Err(NightError::Leak(leaks)) }
}

/// The published learner, then its challengers.
pub(super) fn learners(job: &Job) -> Result<Vec<Box<dyn Learner>>, NightError> {
    let kinds = std::iter::once(&job.model).chain(&job.challengers);
    let made = kinds.map(|kind| match kind {
        ModelKind::Linear => learn::linear(job.linear.clone(), job.seed),
        ModelKind::Net => learn::net(job.net.clone(), job.train.clone(), job.seed),
        ModelKind::Forest => learn::forest(job.forest.clone(), job.linear.clone(), job.seed),
    });
    let made: Vec<Box<dyn Learner>> = made.collect::<Result<_, _>>()?;
    let prepared = made.into_iter().map(|learner| Ok(learner.prepared(&job.prepare)?.unwrap_or(learner)));
    prepared.collect()
}

/// Fits the encoding on these frames and no others.
pub(super) fn fit(job: &Job, roles: Roles, frames: &[Frame<'_>]) -> Result<Encoder, NightError> {
    fit_for(job, roles, &job.scenarios, frames)
}

/// The same for these scenarios, in this order; none = those of the frames.
pub(super) fn fit_for(job: &Job, roles: Roles, scenarios: &[String], frames: &[Frame<'_>]) -> Result<Encoder, NightError> {
    let mut fit = EncoderFit::new(roles, job.encode.clone(), scenarios.to_vec(), job.snapshots.horizon.0, job.seed);
    for frame in frames {
        for batch in table_file::read(frame.file)? {
            fit.observe(&batch.map_err(|error| table_file::FileError::Rows(error.to_string()))?)
                .map_err(crate::features::FeatureError::from)?;
        }
    }
    Ok(fit.finish().map_err(crate::features::FeatureError::from)?)
}

/// Encodes frames into memory-mapped files below `folder`, one each.
pub(super) fn encode(encoder: &Encoder, frames: &[Frame<'_>], folder: &Path) -> Result<(Vec<RowsFile>, Unknowns), NightError> {
    crate::publish::folder::create(folder)?;
    let mut unknowns = Unknowns::default();
    let mut files = Vec::with_capacity(frames.len());
    for (at, frame) in frames.iter().enumerate() {
        // Folds are frames of one date.
        let path = folder.join(format!("{}-{at}.arrow", frame.as_of));
        let day = frame.as_of.epoch_day();
        let mut writer = RowsWriter::create(&path, encoder).map_err(crate::features::FeatureError::from)?;
        for batch in table_file::read(frame.file)? {
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

pub(super) fn examples<'a>(shape: &'a Shape, files: &'a [RowsFile]) -> Examples<'a> {
    Examples::new(shape, files.iter().flat_map(RowsFile::blocks).collect())
}

/// Calibration of a model that has learned from `train` alone, on nights that it has not seen.
pub(super) fn calibrated(model: &dyn Model, shape: &Shape, train: &[Block<'_>], unseen: &[Block<'_>]) -> Result<Calibration, NightError> {
    Ok(calibrate(&raw(model, unseen)?, shape, unseen, &NightSpread::of(train, shape)))
}

/// Calibration of the model of the choice, which says `raw` of the nights that it has not learned from: the validation night and the
/// gap before it.
pub(super) fn calibrate(raw: &[Vec<f32>], shape: &Shape, unseen: &[Block<'_>], spread: &NightSpread) -> Calibration {
    let (scenario, labels) = truth(unseen, shape.tasks.len());
    let night: Vec<i32> = unseen.iter().flat_map(|block| std::iter::repeat_n(block.as_of, block.rows())).collect();
    let entity: Vec<u64> = unseen.iter().flat_map(|block| block.entity.iter().copied()).collect();
    let evidence = Evidence { raw, labels: &labels, scenario: &scenario, night: &night, entity: &entity };
    Calibration::fit(&evidence, shape, spread)
}

/// Raw outputs over blocks. Shape: `[tasks][rows]`.
pub(super) fn raw(model: &dyn Model, blocks: &[Block<'_>]) -> Result<Vec<Vec<f32>>, NightError> {
    let tasks = model.shape().tasks.len();
    let mut outputs = vec![Vec::new(); tasks];
    for block in blocks {
        let out = learn::outputs(model, block)?;
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

/// Scenarios, and labels over the entire space, over blocks.
pub(super) fn whole(job: &Job, blocks: &[Block<'_>]) -> (Vec<u16>, Vec<Vec<f32>>) {
    let after: Vec<Option<usize>> = job.tasks.iter().map(|task| task.task.after).collect();
    let (scenario, labels) = truth(blocks, job.tasks.len());
    (scenario, entire_space(&labels, &after))
}

/// Without a held-out night nothing can be measured.
pub(super) fn no_holdout() -> NightError {
    learn::LearnError::NoRows("there is no held-out night".into()).into()
}

impl Holdout {
    pub(super) fn new(job: &Job, frame: Frame<'_>, rows: RowsFile, unknowns: Unknowns) -> Self {
        let (scenario, labels) = whole(job, &rows.blocks());
        let entity = rows.blocks().iter().flat_map(|block| block.entity.iter().copied()).collect();
        Self {
            frame: frame.file.to_path_buf(),
            as_of: frame.as_of.epoch_day(),
            rows,
            scenario,
            entity,
            labels,
            row_thresholds: Vec::new(),
            unknowns,
        }
    }
}
