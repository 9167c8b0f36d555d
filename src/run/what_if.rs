//! What columns that a job does not have yet would add to a run: measured on its held-out night, cell by cell.
//!
//! In: a run, its frames with the new columns beside the others. Out: [`WhatIf`]. Two questions are asked of the same held-out rows.
//! Does the linear model, fitted with the columns and without them, get better? And do small trees that see the columns correct what the
//! run publishes better than trees that do not, on entities that neither has learned from? The second is the one that counts: it is
//! about the model that scores the nights.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use arrow::array::RecordBatch;
use rayon::prelude::*;

use super::NightError;
use super::cells::{Cell, places};
use super::error::failed;
use super::learned::{Fitted, Frame, Holdout, calibrated, encode, fit, no_holdout};
use super::scorer::Scorer;
use crate::evaluate::calibration::Calibrated;
use crate::evaluate::paired::{Difference, Verdict, verdicts};
use crate::evaluate::sentinel::{Leak, SentinelSettings, sentinel};
use crate::explain::groups::{TIED, ties};
use crate::features::encode::Roles;
use crate::features::rows_file::RowsFile;
use crate::job::{AsOf, Job, Split};
use crate::learn::boosted::{Binned, BoostSettings, Loss, boost};
use crate::learn::picked::{Picked, spread};
use crate::learn::rows::{Block, Column, Field, FieldKind, MISSING, Shape, Task};
use crate::learn::{self, Choice, Examples, LinearSettings, Model, Progress};
use crate::publish::{Columns, PastRun};
use crate::table_file;
use crate::watch::Watch;

/// Parts of the entities: trees predict one part and learn from the others.
const FOLDS: u64 = 5;
/// Penalties of the linear model that are tried, at most.
const PENALTIES: usize = 4;
/// Rows behind the ties to other features.
const SAMPLE: usize = 5_000;
/// Ties that are told of a column.
const TOLD: usize = 3;
/// A weaker tie is not told.
const WEAK: f64 = 0.3;
/// A tie from which a column is another one.
const SAME: f64 = 0.99;
/// AUC of a leak where the job has switched its sentinel off.
const LEAK: f64 = 0.99;

/// A frame with the new columns beside the others.
#[derive(Debug, Clone)]
pub struct WiderFrame {
    /// Its date.
    pub as_of: AsOf,
    /// What the run used it for.
    pub split: Split,
    /// The Parquet file.
    pub file: PathBuf,
}

/// How something was measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Method {
    /// Trees on what the run publishes, with the columns and without.
    Boosted,
    /// The linear model with the columns and without.
    Linear,
}

impl Method {
    /// As it stands in tables.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Boosted => "boosted",
            Self::Linear => "linear",
        }
    }
}

/// What the columns add in one cell.
#[derive(Debug, Clone, PartialEq)]
pub struct Added {
    /// How it was measured.
    pub method: Method,
    /// Scenario, or `*`: all of them.
    pub scenario: String,
    /// Task.
    pub task: String,
    /// With the columns (`a`) against without (`b`); above 0: they help.
    pub difference: Difference,
    /// After Holm's correction over the cells of the method, and over its tasks for `*`.
    pub verdict: Verdict,
}

/// A new column and what it is tied to.
#[derive(Debug, Clone, PartialEq)]
pub struct Tie {
    /// The new column.
    pub column: String,
    /// A feature that the frame has already, or another new column.
    pub feature: String,
    /// From 0 to 1.
    pub strength: f64,
}

/// What new columns would add to a run.
#[derive(Debug, Clone, PartialEq)]
pub struct WhatIf {
    /// The run.
    pub run: String,
    /// The learner that it publishes.
    pub learner: String,
    /// Rows that the linear models learned from, and held-out rows.
    pub rows: (usize, usize),
    /// Share of the held-out rows in which each new column has no value.
    pub missing: Vec<(String, f64)>,
    /// What they add: all scenarios first, then cell by cell.
    pub added: Vec<Added>,
    /// New columns that know what they should not, in words.
    pub leaks: Vec<String>,
    /// The strongest ties of each new column.
    pub ties: Vec<Tie>,
    /// New columns that the trees could not look at.
    pub unseen: Vec<String>,
}

/// Measures what new columns add.
///
/// # Errors
/// [`NightError`]: a column that has no role, a frame or a model that cannot be read.
pub fn what_if(
    job: &Job,
    run: &PastRun,
    frames: &[WiderFrame],
    columns: &[String],
    scratch: &Path,
    watch: &dyn Watch,
) -> Result<WhatIf, NightError> {
    let asked = Asked { job, run, frames, columns, scratch };
    watch.stage("encode the frames with the columns and without");
    let (with, without) = (asked.encoded(&[], "with")?, asked.encoded(columns, "without")?);
    let leaks = asked.leaks(&with.shape, &blocks(&[&with.train]));
    watch.stage("linear models, and trees on what the run publishes, with the columns and without");
    let (linear, trees) = rayon::join(|| asked.linear(&with, &without, &Told(watch)), || asked.trees(&with));
    let (linear, (trees, unseen)) = (linear?, trees?);
    watch.stage("intervals");
    let mut added = asked.compared(Method::Boosted, &with, &trees);
    added.extend(asked.compared(Method::Linear, &with, &linear));
    Ok(WhatIf {
        run: run.manifest.run.clone(),
        learner: run.manifest.learner.clone(),
        rows: (blocks(&[&with.train, &with.gap, &with.valid]).iter().map(Block::rows).sum(), with.holdout.scenario.len()),
        missing: asked.missing(&with.holdout.frame)?,
        added,
        leaks,
        ties: asked.ties(&with.shape, &with.holdout),
        unseen,
    })
}

struct Asked<'a> {
    job: &'a Job,
    run: &'a PastRun,
    frames: &'a [WiderFrame],
    columns: &'a [String],
    scratch: &'a Path,
}

/// The frames as learners see them, with the new columns or without.
struct Encoded {
    shape: Shape,
    train: Vec<RowsFile>,
    gap: Vec<RowsFile>,
    valid: Vec<RowsFile>,
    holdout: Holdout,
}

/// Predictions with the new columns and without them. Shape of each: `[tasks][rows]`.
type Both = (Vec<Vec<f64>>, Vec<Vec<f64>>);

/// Passes on how far a learner is, and keeps nothing.
struct Told<'a>(&'a dyn Watch);

impl Progress for Told<'_> {
    fn at(&self, what: &str, done: u64, total: u64) {
        self.0.step(what, done, total);
    }
}

impl Asked<'_> {
    fn of(&self, wanted: &[Split]) -> Vec<Frame<'_>> {
        let own = self.frames.iter().filter(|frame| wanted.contains(&frame.split));
        own.map(|frame| Frame { as_of: &frame.as_of, file: &frame.file }).collect()
    }

    /// Encodes all frames, without some of the columns.
    fn encoded(&self, without: &[String], name: &str) -> Result<Encoded, NightError> {
        let mut roles = Roles::of(self.job);
        roles.ignore.extend(without.iter().cloned());
        let encoder = fit(self.job, roles, &self.of(&[Split::Train, Split::Gap, Split::Valid]))?;
        let rows = |split: Split| encode(&encoder, &self.of(&[split]), &self.scratch.join(name).join(split.name()));
        let (mut held_rows, unknowns) = rows(Split::Holdout)?;
        let held = self.of(&[Split::Holdout]);
        let (Some(held_rows), Some(frame)) = (held_rows.pop(), held.first()) else { return Err(no_holdout()) };
        Ok(Encoded {
            train: rows(Split::Train)?.0,
            gap: rows(Split::Gap)?.0,
            valid: rows(Split::Valid)?.0,
            holdout: Holdout::new(self.job, *frame, held_rows, unknowns),
            shape: encoder.shape(),
        })
    }

    /// Linear models with the columns and without, fitted as a night fits them. The penalty is chosen without the columns, among some of
    /// the job's, and serves both: what differs is the columns.
    fn linear(&self, with: &Encoded, without: &Encoded, progress: &dyn Progress) -> Result<Both, NightError> {
        let job = self.job;
        let every = job.linear.penalties.len().div_ceil(PENALTIES).max(1);
        let penalties = job.linear.penalties.iter().copied().step_by(every).collect();
        let settings = LinearSettings { penalties, ..job.linear.clone() };
        let train = Examples::new(&without.shape, blocks(&[&without.train]));
        let valid = Examples::new(&without.shape, blocks(&[&without.valid]));
        let Choice { learner, model, .. } = learn::linear(settings, job.seed)?.choose(&train, &valid, progress)?;
        let published = |of: &Encoded, first: &dyn Model| -> Result<Vec<Vec<f64>>, NightError> {
            let all = Examples::new(&of.shape, blocks(&[&of.train, &of.gap, &of.valid]));
            let calibration = calibrated(first, &of.shape, &blocks(&[&of.train]), &blocks(&[&of.gap, &of.valid]))?;
            Fitted { model: learner.fit(&all, progress)?, calibration: Calibrated::One(calibration) }.published(&of.holdout.rows.blocks())
        };
        let ours = || {
            let train = Examples::new(&with.shape, blocks(&[&with.train]));
            published(with, learner.fit(&train, progress)?.as_ref())
        };
        let (ours, theirs) = rayon::join(ours, || published(without, model.as_ref()));
        Ok((ours?, theirs?))
    }

    /// New columns that look like a label.
    fn leaks(&self, shape: &Shape, blocks: &[Block<'_>]) -> Vec<String> {
        let own = self.places(shape);
        let shape = Shape { fields: own.iter().map(|at| shape.fields[*at].clone()).collect(), ..shape.clone() };
        let mut blocks = blocks.to_vec();
        for block in &mut blocks {
            block.columns = own.iter().map(|at| block.columns[*at]).collect();
        }
        let limit = Some(self.job.sentinel.auc).filter(|limit| *limit > 0.0).unwrap_or(LEAK);
        sentinel(&shape, &blocks, &SentinelSettings { auc_limit: limit }).iter().map(Leak::words).collect()
    }

    /// Fields of the new columns.
    fn places(&self, shape: &Shape) -> Vec<usize> {
        (0..shape.fields.len()).filter(|at| self.columns.contains(&shape.fields[*at].name)).collect()
    }

    /// Trees on what the run publishes, cross-fitted by entity; and the new columns that they could not look at.
    fn trees(&self, with: &Encoded) -> Result<(Both, Vec<String>), NightError> {
        let published = self.published(&with.holdout.frame, &with.shape)?;
        let holdout = &with.holdout;
        let blocks = holdout.rows.blocks();
        let (mut new, mut unseen) = (Vec::new(), Vec::new());
        for at in self.places(&with.shape) {
            match binned(&with.shape.fields[at], &blocks, at) {
                Some(columns) => new.extend(columns),
                None => unseen.push(with.shape.fields[at].name.clone()),
            }
        }
        let scenario: Vec<Option<u32>> = holdout.scenario.iter().map(|scenario| Some(u32::from(*scenario))).collect();
        let scenario = Binned::categories(&scenario);
        // What both see: the scores, in bins, and the scenario.
        let base = |(task, published): (&Task, &Vec<f64>)| {
            let loss = if task.kind.is_binary() { Loss::Logistic } else { Loss::Squared };
            let offset: Vec<f64> = published.iter().map(|value| loss.offset(*value)).collect();
            (loss, vec![Binned::numbers(&offset), scenario.clone()], offset)
        };
        let bases: Vec<_> = with.shape.tasks.iter().zip(&published).map(base).collect();
        let fits: Vec<(usize, bool)> = (0..with.shape.tasks.len()).flat_map(|task| [(task, true), (task, false)]).collect();
        let mut found: Vec<Vec<f64>> = fits
            .par_iter()
            .map(|(task, wide)| {
                let (loss, base, offset) = &bases[*task];
                let mut columns = base.clone();
                if *wide {
                    columns.extend(new.iter().cloned());
                }
                corrected(&columns, &holdout.labels[*task], offset, &holdout.entity, *loss)
            })
            .collect();
        let mut both = (Vec::new(), Vec::new());
        for ((_, wide), values) in fits.iter().zip(found.drain(..)) {
            if *wide { both.0.push(values) } else { both.1.push(values) }
        }
        Ok((both, unseen))
    }

    /// What the run publishes for the held-out rows, in the order of the tasks. Shape: `[tasks][rows]`.
    fn published(&self, frame: &Path, shape: &Shape) -> Result<Vec<Vec<f64>>, NightError> {
        let scorer = Scorer::open(&self.run.folder)?;
        let mut found: BTreeMap<String, Vec<f64>> = BTreeMap::new();
        for batch in table_file::read(frame)? {
            let batch = batch.map_err(|error| failed(&error))?;
            for (task, values) in scorer.published(&batch, 0)? {
                found.entry(task).or_default().extend(values);
            }
        }
        let of = |name: &String| found.remove(name).ok_or_else(|| failed(&format!("the run has no task `{name}`")));
        shape.tasks.iter().map(|task| &task.name).map(of).collect()
    }

    /// With against without, over all scenarios and cell by cell.
    fn compared(&self, method: Method, with: &Encoded, (ours, theirs): &Both) -> Vec<Added> {
        let family = |places: Vec<(Option<usize>, usize)>| {
            let mut found: Vec<Added> = places
                .into_par_iter()
                .filter_map(|(scenario, task)| {
                    let cell = Cell { holdout: &with.holdout, shape: &with.shape, scenario, task };
                    let difference = cell.compare(self.job, &ours[task], &theirs[task])?;
                    Some(Added { method, scenario: cell.place(), task: cell.task(), difference, verdict: Verdict::NoEvidence })
                })
                .collect();
            let judged: Vec<(f64, f64)> = found.iter().map(|added| (added.difference.value, added.difference.p)).collect();
            let verdicts = verdicts(&judged, 1.0 - self.job.transfer.level);
            found.iter_mut().zip(verdicts).for_each(|(added, verdict)| added.verdict = verdict);
            found
        };
        let mut found = family((0..with.shape.tasks.len()).map(|task| (None, task)).collect());
        found.extend(family(places(&with.shape).map(|(scenario, task)| (Some(scenario), task)).collect()));
        found
    }

    fn missing(&self, frame: &Path) -> Result<Vec<(String, f64)>, NightError> {
        let (mut rows, mut gone) = (0, vec![0; self.columns.len()]);
        for batch in table_file::read(frame)? {
            let batch: RecordBatch = batch.map_err(|error| failed(&error))?;
            rows += batch.num_rows();
            for (column, gone) in self.columns.iter().zip(&mut gone) {
                *gone += batch.column_by_name(column).map_or(0, arrow::array::Array::null_count);
            }
        }
        let share = |gone: usize| gone as f64 / rows.max(1) as f64;
        Ok(self.columns.iter().cloned().zip(gone.into_iter().map(share)).collect())
    }

    /// The strongest ties of each new column to the other features.
    fn ties(&self, shape: &Shape, holdout: &Holdout) -> Vec<Tie> {
        let blocks = holdout.rows.blocks();
        let sample = Picked::new(&blocks, &spread(holdout.scenario.len(), SAMPLE));
        let mut told = Vec::new();
        for at in self.places(shape) {
            let mut own: Vec<(usize, f64)> = ties(&sample.block(), at).into_iter().enumerate().filter(|(other, _)| *other != at).collect();
            own.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
            let strong = own.into_iter().take(TOLD).filter(|(_, strength)| *strength >= WEAK);
            told.extend(strong.map(|(other, strength)| Tie {
                column: shape.fields[at].name.clone(),
                feature: shape.fields[other].name.clone(),
                strength,
            }));
        }
        told
    }
}

/// The blocks of some lists of files, one after the other.
fn blocks<'a>(lists: &[&'a Vec<RowsFile>]) -> Vec<Block<'a>> {
    lists.iter().flat_map(|files| files.iter()).flat_map(RowsFile::blocks).collect()
}

/// A field of some blocks as trees see it; `None` for texts.
fn binned(field: &Field, blocks: &[Block<'_>], at: usize) -> Option<Vec<Binned>> {
    let columns = || blocks.iter().map(|block| block.columns[at]);
    Some(match field.kind {
        FieldKind::Numeric { .. } => {
            let values = columns().flat_map(|column| if let Column::Numeric(values) = column { values } else { &[] });
            vec![Binned::numbers(&values.map(|value| f64::from(*value)).collect::<Vec<_>>())]
        }
        FieldKind::Categorical { .. } => {
            let entries = columns().flat_map(|column| if let Column::Categorical(entries) = column { entries } else { &[] });
            vec![Binned::categories(&entries.map(|entry| Some(*entry).filter(|entry| *entry != MISSING)).collect::<Vec<_>>())]
        }
        FieldKind::Vector { width } => {
            let number = |part: usize| {
                let values = columns().flat_map(|column| if let Column::Vector(values) = column { values } else { &[] });
                Binned::numbers(&values.skip(part).step_by(width as usize).map(|value| f64::from(*value)).collect::<Vec<_>>())
            };
            (0..width as usize).map(number).collect()
        }
        FieldKind::Text { .. } => return None,
    })
}

/// What trees make of an offset, on the natural scale; each row by trees that have not learned from its entity. Shape: `[rows]`.
fn corrected(columns: &[Binned], labels: &[f32], offset: &[f64], entity: &[u64], loss: Loss) -> Vec<f64> {
    let labels: Vec<f64> = labels.iter().map(|label| f64::from(*label)).collect();
    let mut found = offset.to_vec();
    for fold in 0..FOLDS {
        let learned: Vec<usize> = (0..labels.len()).filter(|row| entity[*row] % FOLDS != fold && !labels[*row].is_nan()).collect();
        let trees = boost(columns, &labels, offset, &learned, loss, BoostSettings::default());
        for row in (0..labels.len()).filter(|row| entity[*row] % FOLDS == fold) {
            found[row] += trees.added(columns, row);
        }
    }
    found.into_iter().map(|score| loss.prediction(score)).collect()
}

impl WhatIf {
    fn judged(&self, method: Method, verdict: Verdict) -> Vec<&Added> {
        self.added.iter().filter(|added| added.method == method && added.verdict == verdict).collect()
    }

    /// What to make of it, in a sentence.
    #[must_use]
    pub fn advice(&self) -> String {
        let name =
            |added: &&Added| if added.scenario == "*" { added.task.clone() } else { format!("{} in {}", added.task, added.scenario) };
        let list = |found: &[&Added]| found.iter().map(name).collect::<Vec<_>>().join(", ");
        if let Some(leak) = self.leaks.first() {
            return format!("not worth adding: {leak}");
        }
        let (helped, hurt) = (self.judged(Method::Boosted, Verdict::Helped), self.judged(Method::Boosted, Verdict::Hurt));
        let copy = self.ties.iter().find(|tie| tie.strength >= SAME);
        let linear = self.judged(Method::Linear, Verdict::Helped);
        match (helped.is_empty(), copy) {
            (false, _) if hurt.is_empty() => format!("worth adding: it says more than the run knows about {}", list(&helped)),
            (false, _) => format!("worth a night's trial: it helps {}, and hurts {}", list(&helped), list(&hurt)),
            (true, Some(tie)) => format!("not worth adding: `{}` is all but `{}` ({:.2})", tie.column, tie.feature, tie.strength),
            (true, None) if !linear.is_empty() => {
                format!("not worth adding to `{}`, which knows it already; the linear model would gain in {}", self.learner, list(&linear))
            }
            (true, None) => "not worth adding: no evidence that it says more than the run knows".to_owned(),
        }
    }

    /// Ties from which a column counts as another one.
    #[must_use]
    pub fn redundant(&self) -> Vec<&Tie> {
        self.ties.iter().filter(|tie| tie.strength >= TIED).collect()
    }

    /// What the columns add, as a table.
    ///
    /// # Errors
    /// [`NightError`] where columns do not fit together, which they do.
    pub fn table(&self) -> Result<RecordBatch, NightError> {
        let rows = &self.added;
        let text = |of: fn(&Added) -> &str| rows.iter().map(of);
        let number = |of: fn(&Difference) -> f64| rows.iter().map(move |added| Some(of(&added.difference)));
        Columns::new()
            .text("run", rows.iter().map(|_| self.run.as_str()))
            .text("method", text(|added| added.method.name()))
            .text("scenario", text(|added| &added.scenario))
            .text("task", text(|added| &added.task))
            .text("metric", text(|added| added.difference.metric))
            .number("with", number(|found| found.a))
            .number("without", number(|found| found.b))
            .number("value", number(|found| found.value))
            .number("low", number(|found| found.low))
            .number("high", number(|found| found.high))
            .number("p", number(|found| found.p))
            .text("verdict", text(|added| added.verdict.name()))
            .count("n", rows.iter().map(|added| added.difference.n))
            .count("positives", rows.iter().map(|added| added.difference.positives))
            .batch()
            .map_err(|error| failed(&error))
    }
}
