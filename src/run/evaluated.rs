//! Evaluation of a night: the glue between `learn` and `evaluate`.
//!
//! In: [`Learned`]. Out: [`Judged`], values that the report and the tables are made of. Explanation is `explained`'s.

use super::data::date;
use super::learned::{Learned, Taught};
use super::{Night, NightError};
use crate::evaluate::calibration::ReliabilityBin;
use crate::evaluate::cells::{EvaluateSettings, Figure, Scored};
use crate::evaluate::gains::Gain;
use crate::evaluate::probe::probe;
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
        let predictions = if at == 0 { published(learned, &blocks)? } else { taught.measured().published(&blocks)? };
        let scored = Scored {
            scenarios: &shape.scenarios,
            tasks: &shape.tasks,
            thresholds: &learned.thresholds,
            row_thresholds: &holdout.row_thresholds,
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
    let rows = holdout.scenario.len();
    night.watch.note(&match job.folds {
        Some(folds) => format!("{rows} rows out of fold, {} folds", folds.count()),
        None => format!("held-out night {}: {rows} rows", date(holdout.as_of)),
    });
    Ok(judged)
}

/// What is published for the held-out night. Shape: `[tasks][rows]`.
fn published(learned: &Learned, blocks: &[Block<'_>]) -> Result<Vec<Vec<f64>>, NightError> {
    let mut all: Vec<Vec<f64>> = vec![Vec::new(); learned.encoder.shape().tasks.len()];
    for block in blocks {
        all.iter_mut().zip(learned.published_unseen(block)?).for_each(|(all, own)| all.extend(own));
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
