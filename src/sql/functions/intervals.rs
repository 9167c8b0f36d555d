//! Metrics with their intervals: `auc_ci` and its sisters.
//!
//! In: labels, scores, entities. Out: aggregates that give a struct of value, low, high, n and positives, through
//! `evaluate::interval`: the resamples of the report. Not here: the figures alone (`metrics`).

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, StructArray, UInt64Array};
use arrow::datatypes::{DataType, Field, Fields};
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::AggregateUDF;

use super::collected::{Collected, Formula};
use super::columns::Part;
use super::metrics::PLACES;
use super::parameters::{ENTITY, LABEL, PREDICTION, Parameter, SCORE, Spec, Takes};
use crate::evaluate::interval::{Asked, Found, interval_of};

/// Heading of these functions.
const SECTION: &str = "Metrics with intervals";

/// Resamples where a call does not say; those of a job that does not either.
const RESAMPLES: Parameter = Parameter {
    name: "resamples",
    takes: Takes::Constant { default: Some(1000.0), least: 0.0, most: 100_000.0, whole: true },
    about: "resamples of entities behind the interval; 1000 where it is left away, 0 for none",
};
/// Seed where a call does not say.
const SEED: Parameter = Parameter {
    name: "seed",
    takes: Takes::Constant { default: Some(7.0), least: 0.0, most: 9_007_199_254_740_992.0, whole: true },
    about: "seed of the resamples; 7, as in a job that names none, where it is left away",
};

/// What all of them say after what their value is.
macro_rules! about {
    ($value:literal) => {
        concat!(
            $value,
            ", with its 95 % interval: struct of value, low, high, n (rows) and positives. Resampled by entity, stream i of the seed for \
             resample i, as in the report: over all entities of a held-out night, with the job's seed and resamples, the interval is \
             the report's; over the rows of one cell alone other entities are drawn. low and high are NULL with fewer than ten \
             entities or where half of the resamples have no value; value is NULL where the metric is."
        )
    };
}

macro_rules! spec {
    ($name:literal, $about:literal, [$($parameter:expr),+]) => {
        Spec {
            name: $name,
            section: SECTION,
            about: about!($about),
            parameters: &[$($parameter),+, RESAMPLES, SEED],
            example: concat!("select ", $name, "(y_purchase, p_purchase, household_id) from current.holdout"),
        }
    };
}

static AUC: Spec = spec!("auc_ci", "Area under the ROC curve", [LABEL, SCORE, ENTITY]);
static PR_AUC: Spec = spec!("pr_auc_ci", "Average precision", [LABEL, SCORE, ENTITY]);
static LOG_LOSS: Spec = spec!("log_loss_ci", "Log loss in nats", [LABEL, PREDICTION, ENTITY]);
static BRIER: Spec = spec!("brier_ci", "Mean of (p − y)²", [LABEL, PREDICTION, ENTITY]);
static ECE: Spec = spec!("ece_ci", "Expected calibration error over ten bins", [LABEL, PREDICTION, ENTITY]);
static PREDICTED_OBSERVED: Spec = spec!("predicted_observed_ci", "Sum of predictions over sum of labels", [LABEL, PREDICTION, ENTITY]);
static LIFT: Spec = spec!("lift_ci", "Lift of the first tenth", [LABEL, SCORE, ENTITY]);
static GAUC: Spec = spec!("gauc_ci", "Mean AUC within entities", [LABEL, SCORE, ENTITY]);
static NDCG_AT: Spec = Spec {
    name: "ndcg_at_ci",
    section: SECTION,
    about: about!("Mean DCG@k over ideal DCG@k of entities"),
    parameters: &[LABEL, SCORE, ENTITY, PLACES, RESAMPLES, SEED],
    example: "select ndcg_at_ci(y_purchase, p_purchase, household_id, 10) from current.holdout",
};

fn fields() -> Fields {
    let field = |name: &str, held: DataType, nullable: bool| Field::new(name, held, nullable);
    let numbers = ["value", "low", "high"].map(|name| field(name, DataType::Float64, true));
    numbers.into_iter().chain(["n", "positives"].map(|name| field(name, DataType::UInt64, false))).collect()
}

/// `ranked`: which constant is the `k` of a ranking, where there is one.
fn interval(part: &Part<'_>, metric: &str, ranked: Option<usize>) -> Result<ScalarValue> {
    let after = ranked.map_or(0, |_| 1);
    let asked = Asked {
        labels: part.numbers(0),
        predictions: part.numbers(1),
        entity: part.keys(2),
        top: ranked.map_or(1, |at| part.constants[at] as usize),
        resamples: part.constants[after] as usize,
        seed: part.constants[after + 1] as u64,
    };
    let Found { value, interval, n, positives } = interval_of(metric, &asked).unwrap_or_default();
    let number = |value: Option<f64>| Arc::new(Float64Array::from(vec![value])) as ArrayRef;
    let count = |value: u64| Arc::new(UInt64Array::from(vec![value])) as ArrayRef;
    let (low, high) = interval.unzip();
    let columns = vec![number(value), number(low), number(high), count(n), count(positives)];
    Ok(ScalarValue::Struct(Arc::new(StructArray::try_new(fields(), columns, None)?)))
}

/// Every metric with an interval.
pub(super) fn all() -> Vec<AggregateUDF> {
    let metrics: [(&'static Spec, Formula); 9] = [
        (&AUC, |part| interval(part, "auc", None)),
        (&PR_AUC, |part| interval(part, "pr_auc", None)),
        (&LOG_LOSS, |part| interval(part, "log_loss", None)),
        (&BRIER, |part| interval(part, "brier", None)),
        (&ECE, |part| interval(part, "ece", None)),
        (&PREDICTED_OBSERVED, |part| interval(part, "predicted_observed", None)),
        (&LIFT, |part| interval(part, "lift", None)),
        (&GAUC, |part| interval(part, "gauc", None)),
        (&NDCG_AT, |part| interval(part, "ndcg_at_k", Some(0))),
    ];
    metrics.map(|(spec, formula)| AggregateUDF::from(Collected::new(spec, DataType::Struct(fields()), formula))).into_iter().collect()
}
