//! What the figures of a cell are in each resample.
//!
//! In: rows of a cell and their entities, prepared once. Out: every figure of [`BINARY`] or [`AMOUNTS`] for a block of resamples,
//! NaN where it is not defined. Formulas are those of `metrics` and `lists`, with each row weighing as often as its entity was
//! drawn; an entity that was drawn twice is two entities, each with its own list.

use super::bootstrap::{Counts, LANES, Lanes, interval, interval_around};
use super::lists::{Means, TERMS, lists};
use super::metrics::{LIFT_SHARE, Rows, Runs, log_loss};
use super::ordered::Ordered;
use super::squares::Squares;
use super::sums::Sums;

/// Figures of a binary task that are resampled.
pub(super) const BINARY: [&str; 18] = [
    "base_rate",
    "auc",
    "pr_auc",
    "log_loss",
    "base_log_loss",
    "brier",
    "ece",
    "predicted_observed",
    "lift",
    "accuracy",
    "precision",
    "recall",
    "f1",
    "gauc",
    "ndcg_at_k",
    "recall_at_k",
    "hit_at_k",
    "mrr",
];

/// Figures of amounts that are resampled.
pub(super) const AMOUNTS: [&str; 8] = ["rmse", "base_rmse", "r2", "base_rate", "mae", "predicted_observed", "gini", "lift"];

/// A figure in every resample, and what its interval is made of.
#[derive(Debug, Clone)]
pub(super) struct Replicates {
    pub(super) values: Vec<f64>,
    pub(super) form: Form,
}

/// How the resamples of a figure lie around it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Form {
    /// About evenly.
    Even,
    /// Noise raises the figure.
    Raised,
}

impl Replicates {
    /// The interval of a figure.
    pub(super) fn interval(&self, value: f64) -> Option<(f64, f64)> {
        match self.form {
            Form::Even => interval(&self.values),
            Form::Raised => interval_around(value, &self.values),
        }
    }
}

/// A share of two sums below which their difference is rounding: labels that do not vary, or sum to 0.
const ROUNDING: f64 = 1e-12;

/// A cell that is ready to be resampled.
#[derive(Debug)]
pub(super) enum Resampled {
    Binary {
        /// Rows, positives, log loss, squared error, predictions, true positives, false positives.
        sums: Sums<7>,
        lists: Sums<TERMS>,
        ordered: Ordered,
    },
    Amounts {
        /// Rows, labels less `centre`, their squares, predictions, squared error, absolute error.
        sums: Sums<6>,
        /// Mean label: squares around it lose no digits.
        centre: f64,
        squares: Squares,
        predicted: Ordered,
        labelled: Ordered,
    },
}

fn ratio(top: f64, bottom: f64) -> f64 {
    if bottom > 0.0 { top / bottom } else { f64::NAN }
}

/// A lane of every sum.
fn lane<const K: usize>(sums: &[Lanes<f64>; K], at: usize) -> [f64; K] {
    std::array::from_fn(|sum| sums[sum][at])
}

impl Resampled {
    /// # Shapes
    /// `unit: [rows]`: the entity of each row. `thresholds: [rows]`: from which prediction on it is said to happen.
    pub(super) fn binary(rows: &Rows<'_>, unit: &[u32], thresholds: &[f64], k: usize) -> Self {
        let (labels, predictions) = (rows.labels(), rows.predictions());
        let says = |holds: bool| f64::from(u8::from(holds));
        let sums = Sums::new(unit, |row| {
            let (label, prediction) = (labels[row], predictions[row]);
            let (is, said) = (label > 0.5, prediction >= thresholds[row]);
            let error = (prediction - label).powi(2);
            [1.0, label, log_loss(label, prediction), error, prediction, says(is && said), says(!is && said)]
        });
        let lists = lists(labels, predictions, unit, k);
        let own: Vec<u32> = lists.iter().map(|list| list.entity).collect();
        let lists = Sums::new(&own, |list| lists[list].terms());
        Self::Binary { sums, lists, ordered: Ordered::new(rows.runs(), unit, labels, predictions) }
    }

    /// As [`Resampled::binary`].
    pub(super) fn amounts(rows: &Rows<'_>, unit: &[u32]) -> Self {
        let (labels, predictions) = (rows.labels(), rows.predictions());
        let centre = rows.mean_label().unwrap_or(0.0);
        let sums = Sums::new(unit, |row| {
            let (label, prediction) = (labels[row], predictions[row]);
            let (off, error) = (label - centre, prediction - label);
            [1.0, off, off * off, prediction, error * error, error.abs()]
        });
        let predicted = Ordered::new(rows.runs(), unit, labels, predictions);
        let squares = Squares::new(&sums);
        Self::Amounts { sums, centre, squares, predicted, labelled: Ordered::new(&Runs::new(labels), unit, labels, predictions) }
    }

    /// Number of entities.
    pub(super) fn units(&self) -> usize {
        match self {
            Self::Binary { sums, .. } => sums.units(),
            Self::Amounts { sums, .. } => sums.units(),
        }
    }

    /// Names of what [`Resampled::over`] returns.
    pub(super) fn names(&self) -> &'static [&'static str] {
        match self {
            Self::Binary { .. } => &BINARY,
            Self::Amounts { .. } => &AMOUNTS,
        }
    }

    /// How the resamples of each figure lie around it. Shape: `[figures]`.
    pub(super) fn forms(&self) -> Vec<Form> {
        self.names().iter().map(|name| if *name == "ece" { Form::Raised } else { Form::Even }).collect()
    }

    /// Every figure in a block of resamples, means of squares of amounts studentised. Shape: `[figures][LANES]`.
    pub(super) fn over(&self, counts: &Counts) -> Vec<Lanes<f64>> {
        match self {
            Self::Binary { .. } => self.plain(counts),
            Self::Amounts { squares, .. } => {
                let mut figures = self.plain(counts);
                squares.studentise(&mut figures, counts);
                figures
            }
        }
    }

    /// Every figure as its formula says.
    fn plain(&self, counts: &Counts) -> Vec<Lanes<f64>> {
        match self {
            Self::Binary { sums, lists, ordered } => {
                let (sums, lists) = (sums.over(counts), lists.over(counts));
                let passed = ordered.pass::<true, true>(counts, &sums[0]);
                turned::<{ BINARY.len() }>(|at| {
                    let ranked = [passed.area[at], passed.precision[at], passed.gaps[at], passed.captured[at]];
                    binary(lane(&sums, at), ranked, Means::of(lane(&lists, at)))
                })
            }
            Self::Amounts { sums, centre, predicted, labelled, .. } => {
                let sums = sums.over(counts);
                let ours = predicted.pass::<false, true>(counts, &sums[0]);
                let best = labelled.pass::<false, false>(counts, &sums[0]);
                turned::<{ AMOUNTS.len() }>(|at| amounts(lane(&sums, at), *centre, [ours.area[at], best.area[at]], ours.captured[at]))
            }
        }
    }
}

/// From figures of each lane to lanes of each figure.
fn turned<const N: usize>(of: impl Fn(usize) -> [f64; N]) -> Vec<Lanes<f64>> {
    let mut out = vec![[f64::NAN; LANES]; N];
    for at in 0..LANES {
        out.iter_mut().zip(of(at)).for_each(|(out, value)| out[at] = value);
    }
    out
}

/// Area under the ROC curve of `Σ_runs s·(2 T + m)`: positives above positives are taken out, `P²` of them.
pub(super) fn auc(area: f64, positives: f64, rows: f64) -> f64 {
    let negatives = rows - positives;
    ratio(negatives * positives - (area - positives * positives) / 2.0, positives * negatives)
}

fn binary(sums: [f64; 7], ranked: [f64; 4], means: Means) -> [f64; BINARY.len()] {
    let [rows, positives, loss, error, said, hits, false_alarms] = sums;
    let [area, precision, gaps, captured] = ranked;
    let rate = ratio(positives, rows);
    let base = rate * log_loss(1.0, rate) + (1.0 - rate) * log_loss(0.0, rate);
    let misses = positives - hits;
    let or_nan = |value: Option<f64>| value.unwrap_or(f64::NAN);
    [
        rate,
        auc(area, positives, rows),
        ratio(precision, positives),
        ratio(loss, rows),
        base,
        ratio(error, rows),
        ratio(gaps, rows),
        ratio(said, positives),
        ratio(captured / LIFT_SHARE, positives),
        ratio(rows - misses - false_alarms, rows),
        ratio(hits, hits + false_alarms),
        ratio(hits, positives),
        ratio(2.0 * hits, 2.0 * hits + false_alarms + misses),
        or_nan(means.gauc),
        or_nan(means.ndcg),
        or_nan(means.recall),
        or_nan(means.hit),
        or_nan(means.mrr),
    ]
}

fn amounts(sums: [f64; 6], centre: f64, areas: [f64; 2], captured: f64) -> [f64; AMOUNTS.len()] {
    let [rows, off, squares, said, error, absolute] = sums;
    let labels = off + centre * rows;
    let labels = if labels.abs() > ROUNDING * (centre * rows).abs() { labels } else { 0.0 };
    let spread = squares - ratio(off * off, rows);
    let spread = if spread > ROUNDING * squares { spread } else { 0.0 };
    let [ours, best] = areas.map(|area| 1.0 - ratio(area, labels * rows));
    [
        ratio(error, rows).sqrt(),
        ratio(spread, rows).sqrt(),
        1.0 - ratio(error, spread),
        ratio(labels, rows),
        ratio(absolute, rows),
        ratio(said, labels),
        if best > ROUNDING { ours / best } else { f64::NAN },
        ratio(captured / LIFT_SHARE, labels),
    ]
}

#[cfg(test)]
mod tests {
    use rand::{Rng as _, SeedableRng as _};
    use rand_chacha::ChaCha8Rng;

    use super::super::bootstrap::Resampler;
    use super::super::cells::{EvaluateSettings, Scored, evaluate};
    use super::*;
    use crate::learn::rows::{Task, TaskKind};

    const ROWS: usize = 400;
    const SETTINGS: EvaluateSettings = EvaluateSettings { min_rows: 1, min_positives: 0, resamples: 0, seed: 0, top: 3 };

    /// Every figure of rows, by the road without resamples.
    fn figures(kind: TaskKind, labels: &[f64], predictions: &[f64], entity: &[u64]) -> Vec<(&'static str, Option<f64>)> {
        let scored = Scored {
            scenarios: &[],
            tasks: &[Task { name: "task".into(), kind, after: None, alpha: 1.0 }],
            thresholds: &[0.3],
            row_thresholds: &[],
            scenario: &vec![0; labels.len()],
            entity,
            labels: &[labels.iter().map(|label| *label as f32).collect()],
            predictions: &[predictions.to_vec()],
        };
        let own = evaluate(&scored, &SETTINGS).into_iter().filter(|figure| figure.task == "task");
        own.map(|figure| (figure.metric, figure.value)).collect()
    }

    /// Writes out each resample, an entity that was drawn twice as two entities, and compares every figure.
    #[track_caller]
    fn check(kind: TaskKind, labels: &[f64], predictions: &[f64], entity: &[u64]) {
        let resampler = Resampler::new(entity, 2 * LANES + 3, 5);
        let rows = Rows::new(labels, predictions).expect("rows");
        let ready = match kind {
            TaskKind::Binary => Resampled::binary(&rows, resampler.unit(), &vec![0.3; labels.len()], SETTINGS.top),
            _ => Resampled::amounts(&rows, resampler.unit()),
        };
        let names = ready.names();
        let replicates = resampler.replicate(names.len(), |counts| ready.plain(counts));
        assert!(replicates.iter().all(|own| own.len() == 2 * LANES + 3));
        for at in 0..2 * LANES + 3 {
            let drawn = resampler.resample(at);
            assert_eq!(drawn.iter().map(|count| usize::from(*count)).sum::<usize>(), resampler.units());
            let copies = |row: usize| (0..u64::from(drawn[resampler.unit()[row] as usize])).map(move |copy| (row, copy));
            let written: Vec<(usize, u64)> = (0..labels.len()).flat_map(copies).collect();
            let of = |values: &[f64]| written.iter().map(|(row, _)| values[*row]).collect::<Vec<f64>>();
            let twins: Vec<u64> = written.iter().map(|(row, copy)| entity[*row] * 100 + copy).collect();
            let expected = figures(kind, &of(labels), &of(predictions), &twins);
            for (name, replicates) in names.iter().zip(&replicates) {
                let (_, expected) = expected.iter().find(|(metric, _)| metric == name).expect("a figure of that name");
                let (found, expected) = (replicates[at], expected.unwrap_or(f64::NAN));
                let near = (found - expected).abs() <= 1e-9 * expected.abs().max(1.0) || found.is_nan() && expected.is_nan();
                assert!(near, "{name} of resample {at}: {found} instead of {expected}");
            }
        }
    }

    fn drawn(digits: f64) -> (Vec<f64>, Vec<f64>, Vec<u64>) {
        let mut random = ChaCha8Rng::seed_from_u64(3);
        let row = |_| {
            let prediction: f64 = random.gen_range(0.0..0.6);
            (f64::from(u8::from(random.gen_bool(prediction))), (prediction * digits).round() / digits, random.gen_range(0..60_u64))
        };
        let rows: Vec<(f64, f64, u64)> = (0..ROWS).map(row).collect();
        (rows.iter().map(|row| row.0).collect(), rows.iter().map(|row| row.1).collect(), rows.iter().map(|row| row.2).collect())
    }

    #[test]
    fn a_resample_is_its_rows_written_out() {
        for digits in [1e9, 20.0, 2.0] {
            let (labels, predictions, entity) = drawn(digits);
            check(TaskKind::Binary, &labels, &predictions, &entity);
            let amounts: Vec<f64> = labels.iter().zip(&entity).map(|(label, entity)| label * (1 + entity % 7) as f64).collect();
            check(TaskKind::Regression, &amounts, &predictions, &entity);
        }
    }

    #[test]
    fn a_resample_without_a_class_has_the_figures_that_need_none() {
        let (_, predictions, entity) = drawn(1e9);
        // One entity holds all positives (and a negative): a third of the resamples do without it.
        let mut labels: Vec<f64> = entity.iter().map(|entity| f64::from(u8::from(*entity == 1))).collect();
        labels[entity.iter().position(|entity| *entity == 1).expect("its first row")] = 0.0;
        check(TaskKind::Regression, &labels, &predictions, &entity);
        let resampler = Resampler::new(&entity, 64, 5);
        let ready = Resampled::binary(&Rows::new(&labels, &predictions).expect("rows"), resampler.unit(), &vec![0.3; labels.len()], 3);
        let replicates = resampler.replicate(BINARY.len(), |counts| ready.plain(counts));
        let without = |at: &usize| resampler.resample(*at)[1] == 0;
        let lost: Vec<usize> = (0..64).filter(without).collect();
        assert!((8..40).contains(&lost.len()), "{}", lost.len());
        for (name, replicates) in BINARY.iter().zip(&replicates) {
            let defined = ["base_rate", "log_loss", "base_log_loss", "brier", "ece", "accuracy", "precision", "f1"].contains(name);
            assert!(lost.iter().all(|at| replicates[*at].is_finite() == defined), "{name}");
            assert!((0..64).filter(|at| !without(at)).all(|at| replicates[at].is_finite()), "{name}");
        }
    }
}
