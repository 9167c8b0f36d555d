//! How much one column knows of another, as aggregates.
//!
//! In: values and labels of any type. Out: the aggregates. Formulas are `evaluate::association`. Not here: two samples of one column
//! (`drift`).

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, ListArray, StringArray, StructArray, UInt64Array};
use arrow::buffer::OffsetBuffer;
use arrow::datatypes::{DataType, Field, Fields};
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::AggregateUDF;

use super::collected::{Collected, Formula};
use super::columns::{MISSING, Part};
use super::parameters::{LABEL, Parameter, Spec, Takes};
use crate::evaluate::association::{Crossed, Evidence, classes_of, entropy, evidence, spearman, weights_of_evidence};

/// Heading of these functions.
const SECTION: &str = "Association";

/// Into how many classes numbers are cut.
pub(super) const BINS: Parameter = Parameter {
    name: "bins",
    takes: Takes::Constant { default: Some(10.0), least: 2.0, most: 10_000.0, whole: true },
    about: "numbers of more distinct values are cut into so many bins between quantiles; 10 where it is left away",
};

const VALUE: Parameter =
    Parameter { name: "value", takes: Takes::Value, about: "number, or anything else as a text; NULL and NaN are a class of their own" };

static ENTROPY: Spec = Spec {
    name: "entropy",
    section: SECTION,
    about: "Shannon entropy of the distinct values, −Σ p ln p in nats; exp of it is their effective number. NULL without a value.",
    parameters: &[Parameter { name: "value", takes: Takes::Present, about: "value of any type; NULL leaves the row out" }],
    example: "select exp(entropy(manufacturer_id)) as effective_manufacturers from products",
};

static MUTUAL_INFORMATION: Spec = Spec {
    name: "mutual_information",
    section: SECTION,
    about: "How much the value tells of the label, and the label of the value: Σ p_ij ln(p_ij / (p_i p_j)) in nats, 0 for unrelated. \
            Not corrected for chance: it grows with the classes and falls with the rows. NULL without rows.",
    parameters: &[
        VALUE,
        Parameter { name: "label", takes: Takes::Present, about: "number, or anything else as a text; NULL leaves the row out" },
        BINS,
    ],
    example: "select mutual_information(days_since_purchase, y_purchase) from snapshots.frame",
};

static CRAMERS_V: Spec = Spec {
    name: "cramers_v",
    section: SECTION,
    about: "Cramér's V of two columns, without correction: 0 for unrelated, 1 where one says the other. NULL where either has one \
            class only.",
    parameters: &[
        VALUE,
        Parameter { name: "other", takes: Takes::Present, about: "number, or anything else as a text; NULL leaves the row out" },
        BINS,
    ],
    example: "select cramers_v(department, scenario) from snapshots.frame",
};

static INFORMATION_VALUE: Spec = Spec {
    name: "information_value",
    section: SECTION,
    about: "Information value of a value for a binary label: Σ (p − q) ln(p / q) over its classes, p a class's share of the positives \
            and q of the negatives, one half added to each count. By custom 0.02 is weak, 0.1 medium, 0.3 strong. NULL with one class \
            of the label, or where a label is NaN or infinite.",
    parameters: &[VALUE, LABEL, BINS],
    example: "select information_value(days_since_purchase, y_purchase) from snapshots.frame",
};

static WOE: Spec = Spec {
    name: "woe",
    section: SECTION,
    about: "Weight of evidence of each class of a value for a binary label: a list of struct of value (a text's class), low and high (a \
            number's class holds low, and not high), rows, positives, woe = ln(p / q), and information, its part of the information \
            value. Numbers rise, texts are in order, the class of NULL and NaN is last and has no value, low or high. NULL with one \
            class of the label, or where a label is NaN or infinite.",
    parameters: &[Parameter { takes: Takes::Named, ..VALUE }, LABEL, BINS],
    example: "select unnest(woe(days_since_purchase, y_purchase)) from snapshots.frame",
};

static SPEARMAN: Spec = Spec {
    name: "spearman",
    section: SECTION,
    about: "Spearman's rank correlation; equal values share their mean rank. NULL with fewer than two rows, where one of the two does \
            not vary, or where a number is NaN or infinite.",
    parameters: &[
        Parameter { name: "x", takes: Takes::Number, about: "number; NULL leaves the row out" },
        Parameter { name: "y", takes: Takes::Number, about: "number; NULL leaves the row out" },
    ],
    example: "select scenario, spearman(purchase, spend) from scores group by scenario",
};

/// Rows of each class, by any order.
fn counts(mut classes: Vec<u64>) -> Vec<u64> {
    classes.sort_unstable();
    classes.chunk_by(|a, b| a == b).map(|run| run.len() as u64).collect()
}

fn crossed(part: &Part<'_>) -> Crossed {
    Crossed::new(&part.classes(0, part.constants[0]), &part.classes(1, part.constants[0]))
}

/// Classes of the value with their positives and negatives, and the lower ends of those of numbers.
type Split = (Vec<(u64, Evidence)>, Vec<f64>);

fn split(part: &Part<'_>) -> Option<Split> {
    let labels = part.numbers(1);
    let numeric = part.names(0).is_none() && part.keys(0).is_empty();
    let (classes, edges) =
        if numeric { classes_of(part.numbers(0), part.constants[0] as usize) } else { (part.keys(0).to_vec(), Vec::new()) };
    labels.iter().all(|label| label.is_finite()).then(|| (evidence(&classes, labels), edges))
}

fn information_value(part: &Part<'_>) -> Option<f64> {
    let (classes, _) = split(part)?;
    let classes: Vec<Evidence> = classes.into_iter().map(|(_, own)| own).collect();
    Some(weights_of_evidence(&classes)?.into_iter().map(|(_, part)| part).sum())
}

fn woe_fields() -> Fields {
    let field = |(name, held): (&str, DataType)| Field::new(name, held, true);
    let columns = [
        ("value", DataType::Utf8),
        ("low", DataType::Float64),
        ("high", DataType::Float64),
        ("rows", DataType::UInt64),
        ("positives", DataType::UInt64),
        ("woe", DataType::Float64),
        ("information", DataType::Float64),
    ];
    columns.into_iter().map(field).collect()
}

fn woe_item() -> Arc<Field> {
    Arc::new(Field::new_list_field(DataType::Struct(woe_fields()), true))
}

fn woe(part: &Part<'_>) -> Result<ScalarValue> {
    let found = split(part).and_then(|(mut classes, edges)| {
        if let Some(names) = part.names(0) {
            classes.sort_by_key(|(key, _)| (*key == MISSING, names.get(key)));
        }
        let evidence: Vec<Evidence> = classes.iter().map(|(_, own)| *own).collect();
        Some((classes, edges, weights_of_evidence(&evidence)?))
    });
    let Some((classes, edges, weights)) = found else {
        return Ok(ScalarValue::List(Arc::new(ListArray::new_null(woe_item(), 1))));
    };
    let names = part.names(0);
    let value = |(key, _): &(u64, Evidence)| names.and_then(|names| names.get(key).cloned());
    let low = |(class, _): &(u64, Evidence)| if *class == MISSING { None } else { edges.get((*class as usize).checked_sub(1)?).copied() };
    let high = |(class, _): &(u64, Evidence)| edges.get(*class as usize).copied();
    let columns: Vec<ArrayRef> = vec![
        Arc::new(classes.iter().map(value).collect::<StringArray>()),
        Arc::new(classes.iter().map(low).collect::<Float64Array>()),
        Arc::new(classes.iter().map(high).collect::<Float64Array>()),
        Arc::new(classes.iter().map(|(_, own)| Some((own.positives + own.negatives) as u64)).collect::<UInt64Array>()),
        Arc::new(classes.iter().map(|(_, own)| Some(own.positives as u64)).collect::<UInt64Array>()),
        Arc::new(weights.iter().map(|(weight, _)| Some(*weight)).collect::<Float64Array>()),
        Arc::new(weights.iter().map(|(_, part)| Some(*part)).collect::<Float64Array>()),
    ];
    let rows = StructArray::try_new(woe_fields(), columns, None)?;
    let offsets = OffsetBuffer::from_lengths([classes.len()]);
    Ok(ScalarValue::List(Arc::new(ListArray::try_new(woe_item(), offsets, Arc::new(rows), None)?)))
}

/// Every measure of association.
pub(super) fn all() -> Vec<AggregateUDF> {
    let numbers: [(&'static Spec, Formula); 5] = [
        (&ENTROPY, |part| Ok(entropy(counts(part.distinct(0)).into_iter()).into())),
        (&MUTUAL_INFORMATION, |part| Ok(crossed(part).mutual_information().into())),
        (&CRAMERS_V, |part| Ok(crossed(part).cramers_v().into())),
        (&INFORMATION_VALUE, |part| Ok(information_value(part).into())),
        (&SPEARMAN, |part| Ok(spearman(part.numbers(0), part.numbers(1)).into())),
    ];
    let numbers = numbers.map(|(spec, formula)| AggregateUDF::from(Collected::new(spec, DataType::Float64, formula)));
    numbers.into_iter().chain([AggregateUDF::from(Collected::new(&WOE, DataType::List(woe_item()), woe))]).collect()
}
