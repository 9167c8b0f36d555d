//! The transfer ledger: does sharing help, cell by cell? The glue between `learn` and `evaluate` for the networks that are
//! trained only to be compared, and for the stand-ins that score the cells which sharing hurts.
//!
//! In: the night's encoded rows and its models. Out: [`Ledger`], and stand-ins where the job wants them. The compared networks
//! (shared, pooled, one per cell) learn from the same rows with the same care: a sample per scenario, by entity, passes chosen
//! on the nights that calibration uses, then fitted on all.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::cells::{Cell, places};
use super::learned::{Fitted, Learned, teach};
use super::ledger::{Entry, Ledger, read};
use super::{Night, NightError};
use crate::evaluate::entire_space;
use crate::evaluate::paired::{Verdict, verdicts};
use crate::features::rows_file::RowsFile;
use crate::fingerprint::{GOLDEN, scramble};
use crate::job::{ModelKind, Split};
use crate::learn::picked::Picked;
use crate::learn::rows::{Block, Shape, Task};
use crate::learn::{Learner, Progress, Sharing};
use crate::publish::PastRun;
use crate::watch::Watch;

/// A model that scores a cell in the shared model's place.
pub(super) struct StandIn {
    pub(super) scenario: usize,
    pub(super) task: usize,
    /// `alone`, `pooled`, or a challenger.
    pub(super) name: String,
    pub(super) by: By,
}

/// Who stands in.
pub(super) enum By {
    /// The model at this place of [`Learned::taught`].
    Challenger(usize),
    /// A model of its own, which may stand in for several cells.
    Own(Arc<Fitted>),
}

/// A learner that reports how far it is, and keeps nothing: what it makes is cheap.
pub(super) struct Passing<'a>(pub(super) &'a dyn Watch);

impl Progress for Passing<'_> {
    fn at(&self, what: &str, done: u64, total: u64) {
        self.0.step(&format!("compared {what}"), done, total);
    }
}

/// Rows of a scenario that the compared networks learn from, block by block.
pub(super) struct Sample {
    pub(super) parts: Vec<Picked>,
}

/// The ledger of the night: made anew when that of the baseline is as old as the job allows, else the baseline's. With folds nothing is
/// trained for it, and it is made every night: an older one would speak of challengers that tonight's page does not show.
pub(super) fn ledger(night: &Night<'_>, learned: &Learned, run: &str, baseline: Option<&PastRun>) -> Result<Ledger, NightError> {
    if night.job.folds.is_none()
        && let Some(before) = baseline
        && let Some(ledger) = read(&before.folder)?
        && ledger.serves(night.as_of, night.job.transfer.every)
    {
        night.watch.note(&format!("transfer ledger: that of {}", ledger.made_as_of));
        return Ok(ledger);
    }
    if learned.taught.len() > 1 || (night.job.model == ModelKind::Net && night.job.folds.is_none()) {
        night.watch.stage("transfer");
    }
    make(night, learned, run)
}

/// Makes the ledger anew.
fn make(night: &Night<'_>, learned: &Learned, run: &str) -> Result<Ledger, NightError> {
    let shape = learned.encoder.shape();
    let mut found: Vec<Entry> = Vec::new();
    found.extend(challengers(night, learned, run)?);
    // The compared networks are made for nights: with folds each would be trained once a fold and cell.
    if night.job.model == ModelKind::Net && night.job.folds.is_none() {
        found.extend(networks(night, learned, run, &shape)?);
    }
    // The cells compared with one other model are a family.
    let mut families: BTreeMap<String, Vec<&mut Entry>> = BTreeMap::new();
    for entry in &mut found {
        families.entry(entry.against.clone()).or_default().push(entry);
    }
    for family in families.values_mut() {
        let judged: Vec<(f64, f64)> = family.iter().map(|entry| (entry.value, entry.p)).collect();
        for (entry, verdict) in family.iter_mut().zip(verdicts(&judged, 1.0 - night.job.transfer.level)) {
            verdict.name().clone_into(&mut entry.verdict);
        }
    }
    let place = |entry: &Entry| {
        let scenario = shape.scenarios.iter().position(|name| *name == entry.scenario);
        (scenario, shape.tasks.iter().position(|task| task.name == entry.task))
    };
    found.sort_by_key(place);
    let count = |verdict: Verdict| found.iter().filter(|entry| entry.verdict == verdict.name()).count();
    if found.is_empty() {
        return Ok(Ledger::default());
    }
    night.watch.note(&format!(
        "transfer ledger: sharing helped in {} comparison(s), hurt in {}, no evidence in {}",
        count(Verdict::Helped),
        count(Verdict::Hurt),
        count(Verdict::NoEvidence)
    ));
    Ok(Ledger { made_as_of: night.as_of.to_string(), entries: found })
}

/// The published model against each challenger: all learned from every row.
fn challengers(night: &Night<'_>, learned: &Learned, run: &str) -> Result<Vec<Entry>, NightError> {
    let Some((first, others)) = learned.taught.split_first().filter(|(_, others)| !others.is_empty()) else { return Ok(Vec::new()) };
    let blocks = learned.holdout.rows.blocks();
    let rows = learned.rows_learned();
    let shape = learned.encoder.shape();
    let ours = first.measured().published(&blocks)?;
    let mut found = Vec::new();
    for taught in others {
        let theirs = taught.measured().published(&blocks)?;
        for (scenario, task) in places(&shape) {
            let cell = Cell { holdout: &learned.holdout, shape: &shape, scenario: Some(scenario), task };
            found.extend(entry(night, run, cell, taught.name, (&ours[task], &theirs[task]), rows[scenario]));
        }
    }
    Ok(found)
}

/// The comparison of two predictions of every held-out row; nothing where the cell has too little support.
fn entry(night: &Night<'_>, run: &str, cell: Cell<'_>, against: &str, (shared, other): (&[f64], &[f64]), rows: u64) -> Option<Entry> {
    let difference = cell.compare(night.job, shared, other)?;
    Some(Entry {
        made: run.to_owned(),
        scenario: cell.place(),
        task: cell.task(),
        against: against.to_owned(),
        metric: difference.metric.to_owned(),
        shared: difference.a,
        other: difference.b,
        value: difference.value,
        low: difference.low,
        high: difference.high,
        p: difference.p,
        verdict: Verdict::NoEvidence.name().to_owned(),
        n: difference.n,
        positives: difference.positives,
        learned_rows: rows,
    })
}

/// Shared, pooled and alone: networks on the same sample.
fn networks(night: &Night<'_>, learned: &Learned, run: &str, shape: &Shape) -> Result<Vec<Entry>, NightError> {
    let progress = Passing(night.watch);
    let samples = samples(night, learned, shape);
    let rows: Vec<usize> = samples.iter().map(|sample| sample.parts.iter().map(|part| part.block().rows()).sum()).collect();
    let all: usize = rows.iter().sum();
    let Some(first) = learned.learners.first() else { return Ok(Vec::new()) };
    let blocks = learned.holdout.rows.blocks();
    let mut mixed: BTreeMap<&str, Vec<Vec<f64>>> = BTreeMap::new();
    for (name, sharing) in [("shared", Sharing::Chosen), ("pooled", Sharing::Pooled)] {
        // Mini-batches as small as those of a cell alone: neither side has more steps for a row.
        let Some(learner) = first.compared(sharing, all / shape.scenarios.len().max(1)) else { return Ok(Vec::new()) };
        let parts: Vec<Block<'_>> = samples.iter().flat_map(|sample| sample.parts.iter().map(Picked::block)).collect();
        let Some(fitted) = teach_on(night, learned, learner.as_ref(), shape, parts, &progress)? else { return Ok(Vec::new()) };
        mixed.insert(name, fitted.published(&blocks)?);
    }
    let mut found = Vec::new();
    for (scenario, task) in places(shape) {
        let cell = Cell { holdout: &learned.holdout, shape, scenario: Some(scenario), task };
        let shared = &mixed["shared"][task];
        found.extend(entry(night, run, cell, "pooled", (shared, &mixed["pooled"][task]), rows[scenario] as u64));
        night.watch.step("cells alone", (scenario * shape.tasks.len() + task) as u64, (shape.scenarios.len() * shape.tasks.len()) as u64);
        let Some(fitted) = alone(night, learned, first.as_ref(), &samples[scenario], (scenario, task), &progress)? else { continue };
        let own = fitted.cell(&blocks, (scenario, task))?;
        found.extend(entry(night, run, cell, "alone", (shared, &own), rows[scenario] as u64));
    }
    Ok(found)
}

/// A network of one cell: its rows, its task over the entire space.
fn alone(
    night: &Night<'_>,
    learned: &Learned,
    learner: &dyn Learner,
    sample: &Sample,
    (scenario, task): (usize, usize),
    progress: &dyn Progress,
) -> Result<Option<Fitted>, NightError> {
    let shape = learned.encoder.shape();
    let own = alone_shape(&shape, scenario, task);
    let after: Vec<Option<usize>> = shape.tasks.iter().map(|task| task.after).collect();
    let labels: Vec<Vec<f32>> = sample
        .parts
        .iter()
        .map(|part| {
            let labels: Vec<Vec<f32>> = part.block().labels.iter().map(|labels| labels.to_vec()).collect();
            entire_space(&labels, &after).swap_remove(task)
        })
        .collect();
    let served: Vec<Vec<u16>> = sample.parts.iter().map(|part| vec![0; part.block().rows()]).collect();
    let parts: Vec<Block<'_>> = sample
        .parts
        .iter()
        .zip(labels.iter().zip(&served))
        .map(|(part, (labels, served))| {
            let block = part.block();
            Block { scenario: served, labels: vec![labels], weights: vec![block.weights[task]], ..block }
        })
        .collect();
    let rows = parts.iter().map(Block::rows).sum();
    let Some(learner) = learner.compared(Sharing::Chosen, rows) else { return Ok(None) };
    teach_on(night, learned, learner.as_ref(), &own, parts, progress)
}

fn alone_shape(shape: &Shape, scenario: usize, task: usize) -> Shape {
    Shape {
        scenarios: vec![shape.scenarios[scenario].clone()],
        tasks: vec![Task { after: None, ..shape.tasks[task].clone() }],
        fields: shape.fields.clone(),
        horizon_days: shape.horizon_days,
    }
}

/// Chooses and calibrates on the nights that calibration uses, then fits on all; `None` where a split has nothing to teach.
pub(super) fn teach_on(
    night: &Night<'_>,
    learned: &Learned,
    learner: &dyn Learner,
    shape: &Shape,
    parts: Vec<Block<'_>>,
    progress: &dyn Progress,
) -> Result<Option<Fitted>, NightError> {
    let learns = |block: &Block<'_>| learned.split_of(block.as_of) == Some(Split::Train);
    let (train, unseen): (Vec<Block<'_>>, Vec<Block<'_>>) = parts.iter().cloned().partition(learns);
    let valid: Vec<Block<'_>> = unseen.iter().filter(|block| learned.split_of(block.as_of) == Some(Split::Valid)).cloned().collect();
    let enough = |blocks: &[Block<'_>]| {
        (0..shape.tasks.len()).all(|task| {
            let seen = || blocks.iter().flat_map(|block| block.labels[task]).filter(|label| !label.is_nan());
            let positives = seen().filter(|label| **label > 0.0).count() as u64;
            seen().count() as u64 >= night.job.min_rows && positives >= night.job.min_positives
        })
    };
    if !enough(&train) || !enough(&valid) {
        return Ok(None);
    }
    teach(learner, shape, train, valid, &unseen, parts, progress).map(Some)
}

/// Rows of each scenario, as many as the job allows, chosen by entity: an entity is in the sample of a scenario with all its
/// rows or with none.
pub(super) fn samples(night: &Night<'_>, learned: &Learned, shape: &Shape) -> Vec<Sample> {
    let rows = learned.rows_learned();
    let blocks: Vec<Block<'_>> = learned.rows.iter().flat_map(RowsFile::blocks).collect();
    let sample = |scenario: usize| {
        let share = night.job.transfer.rows as f64 / rows[scenario].max(1) as f64;
        let limit = if share >= 1.0 { u64::MAX } else { (share * u64::MAX as f64) as u64 };
        let part = |block: &Block<'_>| {
            let wanted = |row: &usize| {
                block.scenario[*row] as usize == scenario && scramble(block.entity[*row] ^ night.job.seed.wrapping_mul(GOLDEN)) <= limit
            };
            let positions: Vec<usize> = (0..block.rows()).filter(wanted).collect();
            (!positions.is_empty()).then(|| Picked::labelled(block, &positions))
        };
        Sample { parts: blocks.iter().filter_map(part).collect() }
    };
    (0..shape.scenarios.len()).map(sample).collect()
}

/// Models that score the cells which sharing hurts: for each the one that beat the shared model by most.
///
/// A challenger is at hand. A network (pooled, alone) is trained here, on every row of its scenarios.
pub(super) fn stand_ins(night: &Night<'_>, learned: &Learned, ledger: &Ledger) -> Result<Vec<StandIn>, NightError> {
    if !night.job.transfer.fallback {
        return Ok(Vec::new());
    }
    let shape = learned.encoder.shape();
    let progress = Passing(night.watch);
    let everything = |scenario: Option<usize>| -> Vec<Picked> {
        let blocks = learned.rows.iter().flat_map(RowsFile::blocks);
        let part = |block: Block<'_>| {
            let own = |row: &usize| scenario.is_none_or(|wanted| block.scenario[*row] as usize == wanted);
            Picked::labelled(&block, &(0..block.rows()).filter(own).collect::<Vec<_>>())
        };
        blocks.map(part).filter(|part| part.block().rows() > 0).collect()
    };
    let mut pooled: Option<Arc<Fitted>> = None;
    let mut found = Vec::new();
    for (scenario, task) in places(&shape) {
        let (place, name) = (&shape.scenarios[scenario], &shape.tasks[task].name);
        let hurt = |entry: &&Entry| entry.scenario == *place && entry.task == *name && entry.verdict == Verdict::Hurt.name();
        let Some(worst) = ledger.entries.iter().filter(hurt).min_by(|a, b| a.value.total_cmp(&b.value)) else { continue };
        night.watch.note(&format!("{name} in {place} is scored by `{}`: the ledger says that sharing hurts it", worst.against));
        let fitted = match (worst.against.as_str(), learned.learners.first()) {
            ("alone", Some(learner)) => {
                let sample = Sample { parts: everything(Some(scenario)) };
                alone(night, learned, learner.as_ref(), &sample, (scenario, task), &progress)?.map(Arc::new)
            }
            ("pooled", Some(learner)) => {
                if pooled.is_none() {
                    let parts = everything(None);
                    let blocks: Vec<Block<'_>> = parts.iter().map(Picked::block).collect();
                    if let Some(learner) = learner.compared(Sharing::Pooled, blocks.iter().map(Block::rows).sum()) {
                        pooled = teach_on(night, learned, learner.as_ref(), &shape, blocks, &progress)?.map(Arc::new);
                    }
                }
                pooled.clone()
            }
            _ => None,
        };
        let challenger = learned.taught.iter().position(|taught| taught.name == worst.against);
        let by = match (fitted, challenger) {
            (Some(fitted), _) => By::Own(fitted),
            (None, Some(at)) => By::Challenger(at),
            (None, None) => continue,
        };
        found.push(StandIn { scenario, task, name: worst.against.clone(), by });
    }
    Ok(found)
}
