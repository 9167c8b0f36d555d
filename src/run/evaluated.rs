//! Evaluation and explanation of a night: the glue between `learn`, `evaluate` and `explain`.
//!
//! In: [`Learned`]. Out: [`Judged`] and [`Explained`], values that the report and the tables are made of.

use super::data::date;
use super::learned::{Learned, Taught, raw};
use super::{Night, NightError};
use crate::evaluate::calibration::ReliabilityBin;
use crate::evaluate::cells::{EvaluateSettings, Figure, Scored};
use crate::evaluate::gains::Gain;
use crate::evaluate::probe::probe;
use crate::explain::contributions::Contribution;
use crate::explain::effects::{Effect, Effects};
use crate::explain::importance::{Importance, ImportanceAccumulator};
use crate::learn::picked::Picked;
use crate::learn::rows::{Block, Shape};

/// How good tonight's models are.
pub(super) struct Judged {
    /// Of every learner.
    pub(super) figures: Vec<(&'static str, Figure)>,
    /// Of the published learner.
    pub(super) reliability: Vec<ReliabilityBin>,
    /// Of the published learner.
    pub(super) gains: Vec<Gain>,
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
    let mut judged = Judged { figures: Vec::new(), reliability: Vec::new(), gains: Vec::new(), predictions: Vec::new() };
    for (at, taught) in learned.taught.iter().enumerate() {
        let predictions = if at == 0 { published(learned, &blocks)? } else { taught.fitted.published(&blocks)? };
        let scored = Scored {
            scenarios: &shape.scenarios,
            tasks: &shape.tasks,
            thresholds: &learned.thresholds,
            scenario: &holdout.scenario,
            entity: &holdout.entity,
            labels: &holdout.labels,
            predictions: &predictions,
        };
        judged.figures.extend(crate::evaluate::cells::evaluate(&scored, &settings).into_iter().map(|figure| (taught.name, figure)));
        if at == 0 {
            judged.reliability = crate::evaluate::calibration::reliability(&scored);
            judged.gains = crate::evaluate::gains::gains(&scored);
        }
        judged.figures.extend(invariance(taught, &blocks, &shape)?.into_iter().map(|figure| (taught.name, figure)));
        judged.predictions.push(predictions);
    }
    night.watch.note(&format!("held-out night {}: {} rows", date(holdout.as_of), holdout.scenario.len()));
    Ok(judged)
}

/// What is published for the held-out night. Shape: `[tasks][rows]`.
fn published(learned: &Learned, blocks: &[Block<'_>]) -> Result<Vec<Vec<f64>>, NightError> {
    let mut all: Vec<Vec<f64>> = vec![Vec::new(); learned.encoder.shape().tasks.len()];
    for block in blocks {
        all.iter_mut().zip(learned.published(block)?).for_each(|(all, own)| all.extend(own));
    }
    Ok(all)
}

/// Rows on which the probe for scenarios is fitted and measured.
const PROBE_ROWS: usize = 8000;

/// How well a linear probe tells each scenario from the features that the model shares: `scenario_probe_auc`.
fn invariance(taught: &Taught, blocks: &[Block<'_>], shape: &Shape) -> Result<Vec<Figure>, NightError> {
    let rows: usize = blocks.iter().map(Block::rows).sum();
    let positions: Vec<usize> = (0..rows).step_by(rows.div_ceil(PROBE_ROWS).max(1)).collect();
    let picked = Picked::new(blocks, &positions);
    let block = picked.block();
    let Some(features) = taught.fitted.model.shared_features(&block).transpose()? else { return Ok(Vec::new()) };
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
    let positions = if taught.fitted.model.attribution_is_dear() { spread(night, rows) } else { (0..rows).collect() };
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
            let Some(attribution) = taught.fitted.model.attribute(&part) else {
                return Ok(Explained { importance: Vec::new(), challengers, effects: Vec::new(), contributions, residual: 0.0 });
            };
            let attribution = attribution?;
            let raw = raw(taught.fitted.model.as_ref(), std::slice::from_ref(&part))?;
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
        let Some(attribution) = taught.fitted.model.attribute(&part) else { return Ok(Vec::new()) };
        importance.add(&part, &attribution?, &raw(taught.fitted.model.as_ref(), std::slice::from_ref(&part))?);
    }
    Ok(importance.finish())
}

/// Rows whose contributions are held at a time: four numbers per row, task and field.
const STRETCH: usize = 4096;
