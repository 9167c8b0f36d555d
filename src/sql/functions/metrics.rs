//! The metrics of the report as aggregates: the same formulas, over the rows of any group, filter or window.
//!
//! In: labels, scores, weights, entities. Out: the aggregates. Formulas are `evaluate::metrics` and `evaluate::lists`. Not here:
//! intervals (`intervals`).

use arrow::datatypes::DataType;
use datafusion::common::ScalarValue;
use datafusion::logical_expr::AggregateUDF;

use super::collected::{Collected, Formula};
use super::columns::Part;
use super::parameters::{ENTITY, LABEL, PREDICTION, Parameter, SCORE, Spec, Takes, WEIGHT};
use super::summed::Summed;
use crate::evaluate::lists::{Means, lists};
use crate::evaluate::metrics::{Rows, log_loss};

/// Heading of these functions.
const SECTION: &str = "Metrics";

static AUC: Spec = Spec {
    name: "auc",
    section: SECTION,
    about: "Area under the ROC curve: the probability that a positive ranks above a negative, ties counting one half. NULL with one \
            class, without rows, or where a number is NaN or infinite.",
    parameters: &[LABEL, SCORE, WEIGHT],
    example: "select scenario, auc(y_purchase, p_purchase) from current.holdout group by scenario",
};

static PR_AUC: Spec = Spec {
    name: "pr_auc",
    section: SECTION,
    about: "Area under the precision-recall curve as average precision, without interpolation. NULL without a positive, or where a \
            number is NaN or infinite.",
    parameters: &[LABEL, SCORE, WEIGHT],
    example: "select pr_auc(y_purchase, p_purchase) filter (where scenario = 'mailer') from current.holdout",
};

static LOG_LOSS: Spec = Spec {
    name: "log_loss",
    section: SECTION,
    about: "Mean of −(y ln p + (1 − y) ln(1 − p)) in nats; p is kept 2.2e-16 away from 0 and 1. NULL without rows, or where a number \
            is NaN or infinite. Streams.",
    parameters: &[LABEL, PREDICTION, WEIGHT],
    example: "select log_loss(y_purchase, p_purchase) from current.holdout",
};

static BRIER: Spec = Spec {
    name: "brier",
    section: SECTION,
    about: "Mean of (p − y)². NULL without rows, or where a number is NaN or infinite. Streams.",
    parameters: &[LABEL, PREDICTION, WEIGHT],
    example: "select brier(y_purchase, p_purchase) from current.holdout",
};

static PREDICTED_OBSERVED: Spec = Spec {
    name: "predicted_observed",
    section: SECTION,
    about: "Sum of predictions over sum of labels, of positives or amounts: above 1 is too high. NULL unless the labels sum to more \
            than 0, or where a number is NaN or infinite. Streams.",
    parameters: &[LABEL, PREDICTION, WEIGHT],
    example: "select scenario, predicted_observed(y_spend, p_spend) from current.holdout group by scenario",
};

static ECE: Spec = Spec {
    name: "ece",
    section: SECTION,
    about: "Expected calibration error over bins of equal mass by falling p; equal p share a bin. NULL without rows, or where a \
            number is NaN or infinite.",
    parameters: &[
        LABEL,
        PREDICTION,
        Parameter {
            name: "bins",
            takes: Takes::Constant { default: Some(10.0), least: 1.0, most: 10_000.0, whole: true },
            about: "number of bins; 10, as in the report, where it is left away",
        },
        WEIGHT,
    ],
    example: "select ece(y_purchase, p_purchase, 20) from current.holdout",
};

static KS_STAT: Spec = Spec {
    name: "ks_stat",
    section: SECTION,
    about: "Largest distance of the distributions of the score among positives and among negatives (Kolmogorov-Smirnov). NULL with \
            one class, or where a number is NaN or infinite.",
    parameters: &[LABEL, SCORE, WEIGHT],
    example: "select ks_stat(y_purchase, p_purchase) from current.holdout",
};

static LIFT_AT: Spec = Spec {
    name: "lift_at",
    section: SECTION,
    about: "Share of the labels in the first share of the rows by falling score, over that share; ties across the border count in \
            proportion. `lift` of the report is `lift_at(y, p, 0.1)`. NULL where a label is below 0 or they sum to 0, or where a \
            number is NaN or infinite.",
    parameters: &[
        LABEL,
        SCORE,
        Parameter {
            name: "share",
            takes: Takes::Constant { default: None, least: 1e-9, most: 1.0, whole: false },
            about: "share of the rows, above 0 and at most 1",
        },
        WEIGHT,
    ],
    example: "select lift_at(y_purchase, p_purchase, 0.05) from current.holdout",
};

static GAUC: Spec = Spec {
    name: "gauc",
    section: SECTION,
    about: "Mean AUC within entities that have both classes, weighed by their rows. NULL where no entity has both, or where a number \
            is NaN or infinite.",
    parameters: &[LABEL, SCORE, ENTITY],
    example: "select gauc(y_purchase, p_purchase, household_id) from current.holdout",
};

/// `k` of a ranking.
pub(super) const PLACES: Parameter = Parameter {
    name: "k",
    takes: Takes::Constant { default: None, least: 1.0, most: 1_000_000.0, whole: true },
    about: "how many rows of an entity are its top",
};

static NDCG_AT: Spec = Spec {
    name: "ndcg_at",
    section: SECTION,
    about: "Mean over entities with a positive of DCG@k over ideal DCG@k; tied rows count as the mean over their orders. NULL where no \
            entity has a positive, or where a number is NaN or infinite.",
    parameters: &[LABEL, SCORE, ENTITY, PLACES],
    example: "select ndcg_at(y_purchase, p_purchase, household_id, 10) from current.holdout",
};

/// The rows of a part; `weights`: where the weights stand.
fn rows<'a>(part: &'a Part<'_>, weights: usize) -> Option<Rows<'a>> {
    let (labels, predictions) = (part.numbers(0), part.numbers(1));
    match part.weights(weights) {
        Some(weights) => Rows::weighted(labels, predictions, weights),
        None => Rows::new(labels, predictions),
    }
}

fn figure<'a>(part: &'a Part<'_>, of: impl Fn(&Rows<'a>) -> Option<f64>) -> ScalarValue {
    rows(part, 2).and_then(|rows| of(&rows)).into()
}

/// Means over entities.
fn means(part: &Part<'_>, k: usize) -> Option<Means> {
    // Only numbers without NaN are ranked.
    let (labels, predictions) = (part.numbers(0), part.numbers(1));
    Rows::new(labels, predictions)?;
    let mut known = part.keys(2).to_vec();
    known.sort_unstable();
    known.dedup();
    let place = |key: &u64| known.binary_search(key).unwrap_or_else(|at| at) as u32;
    let entity: Vec<u32> = part.keys(2).iter().map(place).collect();
    Some(Means::new(&lists(labels, predictions, &entity, k)))
}

/// Every metric.
pub(super) fn all() -> Vec<AggregateUDF> {
    let collected: [(&'static Spec, Formula); 7] = [
        (&AUC, |part| Ok(figure(part, Rows::auc))),
        (&PR_AUC, |part| Ok(figure(part, Rows::pr_auc))),
        (&ECE, |part| Ok(figure(part, |rows| rows.ece_in(part.constants[0] as usize)))),
        (&KS_STAT, |part| Ok(figure(part, Rows::ks))),
        (&LIFT_AT, |part| Ok(figure(part, |rows| rows.lift_at(part.constants[0])))),
        (&GAUC, |part| Ok(ScalarValue::Float64(means(part, 1).and_then(|means| means.gauc)))),
        (&NDCG_AT, |part| Ok(ScalarValue::Float64(means(part, part.constants[0] as usize).and_then(|means| means.ndcg)))),
    ];
    let summed = [
        Summed::new(&LOG_LOSS, DataType::Float64, |label, p| (log_loss(label, p), 1.0)),
        Summed::new(&BRIER, DataType::Float64, |label, p| ((p - label) * (p - label), 1.0)),
        Summed::new(&PREDICTED_OBSERVED, DataType::Float64, |label, p| (p, label)),
    ];
    let collected = collected.map(|(spec, formula)| AggregateUDF::from(Collected::new(spec, DataType::Float64, formula)));
    collected.into_iter().chain(summed.map(AggregateUDF::from)).collect()
}
