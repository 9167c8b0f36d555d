//! Shaping of features: buckets, hashes, target means out of fold, sessions.
//!
//! In: columns of a batch or of a window's partition. Out: one value per row. Not here: what the night encodes (`features::encode`,
//! `learn`).

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray as _, Float64Array, Int64Array, UInt64Array};
use arrow::datatypes::{DataType, Float64Type, IntervalMonthDayNanoType, TimestampMicrosecondType};
use datafusion::common::{Result, ScalarValue, exec_err};
use datafusion::logical_expr::{ColumnarValue, ScalarUDF, WindowUDF};

use super::columns::keys;
use super::parameters::{LABEL, Parameter, Spec, Takes};
use super::rowwise::Rowwise;
use super::windowed::Windowed;
use crate::evaluate::drift::quantile_edges;
use crate::fingerprint::bucket as bucket_of;

/// Heading of these functions.
const SECTION: &str = "Shaping";

static BUCKETIZE: Spec = Spec {
    name: "bucketize",
    section: SECTION,
    about: "Bucket of a number between rising edges: how many edges are at or below it, from 0 to their number; an edge belongs to the \
            bucket above it. NULL for NULL and NaN. Edges that do not rise, or are NULL, are refused.",
    parameters: &[
        Parameter { name: "value", takes: Takes::Number, about: "number" },
        Parameter { name: "edges", takes: Takes::Edges, about: "list of rising numbers" },
    ],
    example: "select bucketize(days_since_purchase, [7, 14, 28]) from snapshots.frame",
};

static HASH_BUCKET: Spec = Spec {
    name: "hash_bucket",
    section: SECTION,
    about: "Bucket of a key, from 0 to n − 1, by a hash that never changes: the same key (compared as text) has the same bucket in every \
            night and on every machine. For samples and folds by household. NULL for NULL.",
    parameters: &[
        Parameter { name: "key", takes: Takes::Key, about: "key of any type" },
        Parameter { name: "n", takes: Takes::Constant { default: None, least: 1.0, most: 1e15, whole: true }, about: "number of buckets" },
        Parameter {
            name: "seed",
            takes: Takes::Constant { default: Some(0.0), least: 0.0, most: 9_007_199_254_740_992.0, whole: true },
            about: "another seed gives other buckets; 0 where it is left away",
        },
    ],
    example: "select * from snapshots.frame where hash_bucket(household_id, 100) < 5",
};

static LOG1P: Spec = Spec {
    name: "log1p",
    section: SECTION,
    about: "ln(1 + x), without loss of digits near 0. NULL for NULL, −infinity at −1, NaN below.",
    parameters: &[Parameter { name: "x", takes: Takes::Number, about: "number" }],
    example: "select log1p(spend_26w) from pair",
};

static QUANTILE_BUCKET: Spec = Spec {
    name: "quantile_bucket",
    section: SECTION,
    about: "Bucket of a number between the quantiles of its window's partition, from 0; equal numbers share a bucket, so that there may be \
            fewer than n. Order and frame of the window do not matter. NULL for NULL and NaN.",
    parameters: &[
        Parameter { name: "value", takes: Takes::Number, about: "number" },
        Parameter {
            name: "n",
            takes: Takes::Constant { default: None, least: 1.0, most: 100_000.0, whole: true },
            about: "number of buckets of about equal size",
        },
    ],
    example: "select quantile_bucket(purchase, 10) over (partition by scenario) from scores",
};

static TARGET_ENCODE_OOF: Spec = Spec {
    name: "target_encode_oof",
    section: SECTION,
    about: "Mean label of a category out of fold: over the rows of the window's partition whose fold_key falls into another fold, shrunk \
            towards their overall mean by prior rows. A row's own label, and those of its fold, have no part in it. Order and frame of \
            the window do not matter. NULL is a category; a NULL or NaN label counts nowhere, and its row gets a mean. NULL where no \
            other fold has a label.",
    parameters: &[
        Parameter { name: "category", takes: Takes::Key, about: "category of any type; NULL is one" },
        Parameter { name: "label", about: "0 or 1, a truth value, or an amount", ..LABEL },
        Parameter { name: "fold_key", takes: Takes::Key, about: "rows with one key share a fold (`household_id`); of any type" },
        Parameter {
            name: "folds",
            takes: Takes::Constant { default: Some(5.0), least: 2.0, most: 1000.0, whole: true },
            about: "number of folds, those of hash_bucket(fold_key, folds); 5 where it is left away",
        },
        Parameter {
            name: "prior",
            takes: Takes::Constant { default: Some(50.0), least: 0.0, most: 1e9, whole: false },
            about: "rows at the overall mean that are added to each category; 50, as in the night, where it is left away",
        },
    ],
    example: "select target_encode_oof(brand, y_purchase, household_id) over () from snapshots.frame",
};

static SESSIONIZE: Spec = Spec {
    name: "sessionize",
    section: SECTION,
    about: "Number of a row's session, from 1: a session ends where the next row is more than the gap later. Needs a window ordered by \
            the time (`over (partition by household_id order by sold_at)`); a row earlier than the one before it is refused. NULL for a \
            NULL time, which ends no session.",
    parameters: &[
        Parameter { name: "time", takes: Takes::Moment, about: "timestamp, date or number" },
        Parameter { name: "gap", takes: Takes::Span, about: "interval without months (a day is 24 hours), or a number for numbers" },
    ],
    example: "select sessionize(sold_at, interval '30 minutes') over (partition by household_id order by sold_at) from transactions",
};

/// The number of edges at or below a value; `edges` rise.
fn bucket(edges: &[f64], value: f64) -> Option<u64> {
    (!value.is_nan()).then(|| edges.partition_point(|edge| *edge <= value) as u64)
}

/// Edges from a list.
fn edges(list: &ArrayRef) -> Result<Vec<f64>> {
    let numbers = list.as_primitive::<Float64Type>();
    let edges = numbers.values().to_vec();
    if numbers.null_count() > 0 || !edges.is_sorted_by(|a, b| a < b) || edges.iter().any(|edge| edge.is_nan()) {
        return exec_err!("`bucketize`: `edges`: they have to be numbers that rise");
    }
    Ok(edges)
}

fn bucketize(args: &[ColumnarValue], _: &[f64], rows: usize) -> Result<ArrayRef> {
    let values = args[0].to_array(rows)?;
    let values = values.as_primitive::<Float64Type>();
    let place = |edges: &[f64], value: Option<f64>| value.and_then(|value| bucket(edges, value)).map(|bucket| bucket as i64);
    if let ColumnarValue::Scalar(ScalarValue::List(list)) = &args[1] {
        if list.is_null(0) {
            return Ok(Arc::new(Int64Array::new_null(rows)));
        }
        let edges = edges(&list.value(0))?;
        return Ok(Arc::new(values.iter().map(|value| place(&edges, value)).collect::<Int64Array>()));
    }
    let lists = args[1].to_array(rows)?;
    let own = lists.as_list::<i32>().iter().zip(values).map(|(list, value)| match list {
        Some(list) => Ok(place(&edges(&list)?, value)),
        None => Ok(None),
    });
    Ok(Arc::new(own.collect::<Result<Int64Array>>()?))
}

/// The bucket of a key's hash.
fn hashed(key: u64, n: f64, seed: f64) -> u64 {
    bucket_of(key, n as u64, seed as u64)
}

fn hash_bucket(args: &[ColumnarValue], constants: &[f64], rows: usize) -> Result<ArrayRef> {
    let array = args[0].to_array(rows)?;
    let own = keys(&array)?.into_iter().enumerate();
    let own = own.map(|(row, key)| array.is_valid(row).then(|| hashed(key, constants[0], constants[1]) as i64));
    Ok(Arc::new(own.collect::<Int64Array>()))
}

fn log1p(args: &[ColumnarValue], _: &[f64], rows: usize) -> Result<ArrayRef> {
    let values = args[0].to_array(rows)?;
    Ok(Arc::new(values.as_primitive::<Float64Type>().unary::<_, Float64Type>(f64::ln_1p)))
}

#[expect(clippy::unnecessary_wraps, reason = "a window's formula may fail; this one does not")]
fn quantile_bucket(args: &[ArrayRef], constants: &[f64]) -> Result<ArrayRef> {
    let values = args[0].as_primitive::<Float64Type>();
    let edges = quantile_edges(values.iter().flatten().collect(), constants[0] as usize);
    Ok(Arc::new(values.iter().map(|value| value.and_then(|value| bucket(&edges, value))).collect::<UInt64Array>()))
}

/// Sum and number of labels.
#[derive(Debug, Clone, Copy, Default)]
struct Labelled {
    sum: f64,
    rows: f64,
}

/// Sums of every fold but one.
fn others(folds: &[Labelled], fold: usize) -> Labelled {
    let own = folds.iter().enumerate().filter(|(at, _)| *at != fold);
    own.fold(Labelled::default(), |all, (_, own)| Labelled { sum: all.sum + own.sum, rows: all.rows + own.rows })
}

fn target_encode_oof(args: &[ArrayRef], constants: &[f64]) -> Result<ArrayRef> {
    let (categories, labels, fold_keys) = (keys(&args[0])?, args[1].as_primitive::<Float64Type>(), keys(&args[2])?);
    let (count, prior) = (constants[0], constants[1]);
    let fold_of = |row: usize| hashed(fold_keys[row], count, 0.0) as usize;
    let empty = || vec![Labelled::default(); count as usize];
    let (mut all, mut by_category) = (empty(), HashMap::<u64, Vec<Labelled>>::new());
    for row in 0..labels.len() {
        let own = by_category.entry(categories[row]).or_insert_with(empty);
        if labels.is_valid(row) && !labels.value(row).is_nan() {
            for sums in [&mut all[fold_of(row)], &mut own[fold_of(row)]] {
                sums.sum += labels.value(row);
                sums.rows += 1.0;
            }
        }
    }
    let overall: Vec<Labelled> = (0..count as usize).map(|fold| others(&all, fold)).collect();
    let mean = |row: usize| {
        let overall = overall[fold_of(row)];
        let mean = (overall.rows > 0.0).then(|| overall.sum / overall.rows)?;
        let own = by_category.get(&categories[row]).map_or_else(Labelled::default, |own| others(own, fold_of(row)));
        let rows = own.rows + prior;
        Some(if rows > 0.0 { (own.sum + prior * mean) / rows } else { mean })
    };
    Ok(Arc::new((0..labels.len()).map(mean).collect::<Float64Array>()))
}

/// Nanoseconds of an interval without months.
fn nanoseconds(array: &ArrayRef, row: usize) -> Result<i128> {
    let interval = array.as_primitive::<IntervalMonthDayNanoType>().value(row);
    if interval.months != 0 {
        return exec_err!("`sessionize`: `gap`: a month has no fixed length; say it in days");
    }
    Ok(i128::from(interval.days) * 86_400_000_000_000 + i128::from(interval.nanoseconds))
}

fn sessionize(args: &[ArrayRef], _: &[f64]) -> Result<ArrayRef> {
    let timed = matches!(args[0].data_type(), DataType::Timestamp(_, _));
    let spanned = matches!(args[1].data_type(), DataType::Interval(_));
    if timed != spanned {
        return exec_err!("`sessionize`: a time goes with an interval, a number with a number");
    }
    // What lies between two rows against the gap: whole numbers for times, so that no instant is rounded.
    let later = |from: usize, to: usize| -> Result<(bool, bool)> {
        if timed {
            let times = args[0].as_primitive::<TimestampMicrosecondType>();
            let step = (i128::from(times.value(to)) - i128::from(times.value(from))) * 1000;
            return Ok((step < 0, step > nanoseconds(&args[1], to)?));
        }
        let (times, gap) = (args[0].as_primitive::<Float64Type>(), args[1].as_primitive::<Float64Type>());
        let step = times.value(to) - times.value(from);
        Ok((step < 0.0, step > gap.value(to)))
    };
    let (mut session, mut before) = (0_u64, None);
    let mut found = Vec::with_capacity(args[0].len());
    for row in 0..args[0].len() {
        if args[0].is_null(row) || args[1].is_null(row) {
            found.push(None);
            continue;
        }
        let (falls, ends) = before.map_or(Ok((false, true)), |before| later(before, row))?;
        if falls {
            return exec_err!("`sessionize`: a row is earlier than the one before it; order the window by the time");
        }
        session += u64::from(ends);
        before = Some(row);
        found.push(Some(session));
    }
    Ok(Arc::new(UInt64Array::from(found)))
}

/// Functions of one row.
pub(super) fn scalars() -> Vec<ScalarUDF> {
    let whole = DataType::Int64;
    [
        Rowwise::new(&BUCKETIZE, whole.clone(), bucketize),
        Rowwise::new(&HASH_BUCKET, whole, hash_bucket),
        Rowwise::new(&LOG1P, DataType::Float64, log1p),
    ]
    .map(ScalarUDF::from)
    .into_iter()
    .collect()
}

/// Functions of a row among the rows of its partition.
pub(super) fn windows() -> Vec<WindowUDF> {
    [
        Windowed::new(&QUANTILE_BUCKET, DataType::UInt64, quantile_bucket),
        Windowed::new(&TARGET_ENCODE_OOF, DataType::Float64, target_encode_oof),
        Windowed::new(&SESSIONIZE, DataType::UInt64, sessionize),
    ]
    .map(WindowUDF::from)
    .into_iter()
    .collect()
}
