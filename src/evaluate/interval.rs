//! One figure of one list of rows with its interval: what a cell of the report has many of.
//!
//! In: labels, predictions and entities of rows. Out: a [`Found`]. The figure is that of `metrics` and `lists`, its resamples those
//! of `bootstrap` and `replicates`. Not here: which cells have enough support (`cells`).

use super::bootstrap::{MIN_ENTITIES, Resampler};
use super::lists::{Means, lists};
use super::metrics::Rows;
use super::replicates::{BINARY, Replicates, Resampled};

/// Rows of one cell of a binary task.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// 0 or 1. Shape: `[rows]`.
    pub labels: &'a [f64],
    /// Shape: `[rows]`.
    pub predictions: &'a [f64],
    /// What is resampled, and within which rows are ranked. Shape: `[rows]`.
    pub entity: &'a [u64],
    /// Rows of an entity that count as its top.
    pub top: usize,
    /// Resamples behind the interval.
    pub resamples: usize,
    /// Seed of the resamples.
    pub seed: u64,
}

/// A figure and its interval.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Found {
    /// `None` where it is not defined.
    pub value: Option<f64>,
    /// Ends of its 95 % interval over entities; `None` with fewer than ten entities.
    pub interval: Option<(f64, f64)>,
    /// Rows.
    pub n: u64,
    /// Rows with a label above 0.
    pub positives: u64,
}

/// A figure of the report by its name in `metrics.parquet`, with its interval. `None` for a name that is not resampled.
///
/// Resamples are drawn from the entities of these rows: the interval is that of the report for rows that hold every entity of the
/// held-out night, and differs from it by the luck of the draw where a cell does not.
#[must_use]
pub fn interval_of(metric: &str, asked: &Asked<'_>) -> Option<Found> {
    let place = BINARY.iter().position(|name| *name == metric)?;
    let n = asked.labels.len() as u64;
    let positives = asked.labels.iter().filter(|label| **label > 0.0).count() as u64;
    let found = Found { n, positives, ..Found::default() };
    let Some(rows) = Rows::new(asked.labels, asked.predictions) else { return Some(found) };
    let resampler = Resampler::new(asked.entity, asked.resamples, asked.seed);
    let Some(value) = value_of(metric, &rows, resampler.unit(), asked.top) else { return Some(found) };
    let found = Found { value: Some(value), ..found };
    if resampler.units() < MIN_ENTITIES || asked.resamples == 0 {
        return Some(found);
    }
    let ready = Resampled::binary(&rows, resampler.unit(), &vec![0.5; resampler.unit().len()], asked.top);
    let form = ready.forms()[place];
    let values = resampler.replicate(1, |counts| vec![ready.over(counts)[place]]).pop().unwrap_or_default();
    Some(Found { interval: Replicates { values, form }.interval(value), ..found })
}

fn value_of(metric: &str, rows: &Rows<'_>, unit: &[u32], top: usize) -> Option<f64> {
    let means = || Means::new(&lists(rows.labels(), rows.predictions(), unit, top));
    match metric {
        "base_rate" => rows.mean_label(),
        "auc" => rows.auc(),
        "pr_auc" => rows.pr_auc(),
        "log_loss" => rows.log_loss(),
        "brier" => rows.brier(),
        "ece" => rows.ece(),
        "predicted_observed" => rows.predicted_observed(),
        "lift" => rows.lift(),
        "gauc" => means().gauc,
        "ndcg_at_k" => means().ndcg,
        "recall_at_k" => means().recall,
        "hit_at_k" => means().hit,
        "mrr" => means().mrr,
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::cells::{EvaluateSettings, Scored, evaluate};
    use super::*;
    use crate::fingerprint::mix;
    use crate::learn::rows::{Task, TaskKind};

    fn unit(row: u64, salt: u64) -> f64 {
        mix(row * 8 + salt) as f64 / 2.0_f64.powi(64)
    }

    #[test]
    fn figure_and_interval_are_those_of_the_report() {
        let rows = 600;
        let predictions: Vec<f64> = (0..rows).map(|row| (unit(row, 1) * 50.0).round() / 100.0).collect();
        let labels: Vec<f64> = predictions.iter().zip(0..).map(|(p, row)| f64::from(u8::from(unit(row, 2) < *p))).collect();
        let entity: Vec<u64> = (0..rows).map(|row| mix(row / 6)).collect();
        let scored = Scored {
            scenarios: &[],
            tasks: &[Task { name: "buy".into(), kind: TaskKind::Binary, after: None, alpha: 1.0 }],
            thresholds: &[0.5],
            row_thresholds: &[],
            scenario: &vec![0; rows as usize],
            entity: &entity,
            labels: &[labels.iter().map(|label| *label as f32).collect()],
            predictions: std::slice::from_ref(&predictions),
        };
        let settings = EvaluateSettings { min_rows: 1, min_positives: 1, resamples: 200, seed: 3, top: 2 };
        let asked = Asked { labels: &labels, predictions: &predictions, entity: &entity, top: 2, resamples: 200, seed: 3 };
        let mut compared = 0;
        for figure in evaluate(&scored, &settings).into_iter().filter(|figure| figure.task == "buy") {
            let Some(found) = interval_of(figure.metric, &asked).filter(|found| found.value.is_some()) else { continue };
            assert_eq!((found.value, found.interval), (figure.value, figure.low.zip(figure.high)), "{}", figure.metric);
            assert_eq!((found.n, found.positives), (figure.n, figure.positives));
            assert!(found.interval.is_some_and(|(low, high)| low < high), "{}", figure.metric);
            compared += 1;
        }
        assert_eq!(compared, 13);
        assert_eq!(interval_of("kappa", &asked), None);
    }
}
