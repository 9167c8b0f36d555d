//! Two samples of one column, as aggregates: how far it has moved.
//!
//! In: values, and for each row whether it is of the second sample. Out: the aggregates. Formulas are `evaluate::drift` and
//! `evaluate::samples`. Not here: whether a change is an alarm.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, StructArray};
use arrow::datatypes::{DataType, Field, Fields};
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::AggregateUDF;

use super::association::BINS;
use super::collected::{Collected, Formula};
use super::columns::Part;
use super::parameters::{Parameter, Spec, Takes};
use crate::evaluate::drift::{Sampled, psi, quantile_edges, value_edges};
use crate::evaluate::samples::{js_divergence, ks_test, wasserstein};

/// Heading of these functions.
const SECTION: &str = "Drift";

const NUMBER: Parameter = Parameter { name: "value", takes: Takes::Number, about: "number; NULL leaves the row out" };
const ANY: Parameter =
    Parameter { name: "value", takes: Takes::Present, about: "number, or anything else as a text; NULL and NaN leave the row out" };
const SECOND: Parameter = Parameter {
    name: "is_second",
    takes: Takes::Number,
    about: "whether the row is of the second sample: true or 1, else of the first (the earlier); NULL leaves the row out",
};

static PSI: Spec = Spec {
    name: "psi",
    section: SECTION,
    about: "Population stability index, Σ (a − e) ln(a / e) over bins between quantiles of the first sample (each distinct number its own \
            where there are at most so many), or over texts by falling count; one half is added to each bin, and neighbours with fewer than 20 rows are joined, as in the report, which takes \
            independent entities for rows. NULL where a sample is empty or fewer than two bins are left.",
    parameters: &[ANY, SECOND, BINS],
    example: "select psi(days_since_purchase, split = 'tonight') from snapshots.frame",
};

static JS_DIVERGENCE: Spec = Spec {
    name: "js_divergence",
    section: SECTION,
    about: "Jensen-Shannon divergence of the two samples in nats, from 0 to ln 2, over bins between quantiles of the first sample (each \
            distinct number its own where there are at most so many), or over texts. NULL where a sample is empty.",
    parameters: &[ANY, SECOND, BINS],
    example: "select js_divergence(department, scenario = 'mailer') from snapshots.frame",
};

static WASSERSTEIN: Spec = Spec {
    name: "wasserstein",
    section: SECTION,
    about: "Wasserstein distance of order 1 of the two samples, in the unit of the value. NULL where a sample is empty or a value is \
            NaN or infinite.",
    parameters: &[NUMBER, SECOND],
    example: "select wasserstein(household_visits_4w, split = 'tonight') from snapshots.frame",
};

static KS_TEST: Spec = Spec {
    name: "ks_test",
    section: SECTION,
    about: "Test of Kolmogorov and Smirnov of the two samples: struct of statistic, the largest distance of their distribution \
            functions, and p, by the limit distribution (right to two digits from some thirty rows in each), for independent rows. \
            Both NULL where a sample is empty or a value is NaN or infinite.",
    parameters: &[NUMBER, SECOND],
    example: "select ks_test(household_visits_4w, scenario = 'mailer')['p'] from snapshots.frame",
};

/// The numbers of each sample.
fn samples(part: &Part<'_>) -> [Vec<f64>; 2] {
    let mut samples = [Vec::new(), Vec::new()];
    for (value, second) in part.numbers(0).iter().zip(part.numbers(1)) {
        samples[usize::from(*second > 0.0)].push(*value);
    }
    samples
}

/// Few distinct values are a bin each; many are cut at the quantiles of the first sample, or of both where the first has one value only.
fn edges(samples: &[Vec<f64>; 2], bins: usize) -> Vec<f64> {
    let both = samples.concat();
    if let Some(edges) = value_edges(&both, bins) {
        return edges;
    }
    let first = quantile_edges(samples[0].clone(), bins);
    if first.is_empty() { quantile_edges(both, bins) } else { first }
}

/// Rows of each bin in each sample.
fn counts(part: &Part<'_>) -> [Vec<u64>; 2] {
    let keys = part.keys(0);
    if keys.is_empty() {
        let samples = samples(part).map(|values| values.into_iter().filter(|value| !value.is_nan()).collect::<Vec<f64>>());
        let edges = edges(&samples, part.constants[0] as usize);
        return samples.map(|values| {
            let mut counts = vec![0; edges.len() + 1];
            for value in &values {
                counts[edges.partition_point(|edge| edge <= value)] += 1;
            }
            counts
        });
    }
    let mut found: BTreeMap<u64, [u64; 2]> = BTreeMap::new();
    for (key, second) in keys.iter().zip(part.numbers(1)) {
        found.entry(*key).or_default()[usize::from(*second > 0.0)] += 1;
    }
    let mut rows: Vec<[u64; 2]> = found.into_values().collect();
    rows.sort_by(|a, b| b.cmp(a));
    [0, 1].map(|side| rows.iter().map(|own| own[side]).collect())
}

fn index(part: &Part<'_>) -> Option<f64> {
    let [first, second] = counts(part);
    let whole = |counts: &[u64]| counts.iter().sum::<u64>() as f64;
    let (n, m) = (whole(&first), whole(&second));
    psi(Sampled { counts: &first, entities: n }, Sampled { counts: &second, entities: m }).map(|psi| psi.value)
}

fn divergence(part: &Part<'_>) -> Option<f64> {
    let [first, second] = counts(part);
    js_divergence(&first, &second)
}

fn fields() -> Fields {
    ["statistic", "p"].into_iter().map(|name| Field::new(name, DataType::Float64, true)).collect()
}

fn test(part: &Part<'_>) -> Result<ScalarValue> {
    let [first, second] = samples(part);
    let found = ks_test(&first, &second);
    let number = |value: Option<f64>| Arc::new(Float64Array::from(vec![value])) as ArrayRef;
    let columns = vec![number(found.map(|found| found.statistic)), number(found.map(|found| found.p))];
    Ok(ScalarValue::Struct(Arc::new(StructArray::try_new(fields(), columns, None)?)))
}

/// Every comparison of two samples.
pub(super) fn all() -> Vec<AggregateUDF> {
    let numbers: [(&'static Spec, Formula); 3] = [
        (&PSI, |part| Ok(ScalarValue::Float64(index(part)))),
        (&JS_DIVERGENCE, |part| Ok(ScalarValue::Float64(divergence(part)))),
        (&WASSERSTEIN, |part| {
            let [first, second] = samples(part);
            Ok(ScalarValue::Float64(wasserstein(&first, &second)))
        }),
    ];
    let numbers = numbers.map(|(spec, formula)| AggregateUDF::from(Collected::new(spec, DataType::Float64, formula)));
    numbers.into_iter().chain([AggregateUDF::from(Collected::new(&KS_TEST, DataType::Struct(fields()), test))]).collect()
}
