//! All columns of some rows at once, each in a few figures: what `summarize` is made of.
//!
//! In: the columns of a query, the places of its labels. Out: an aggregate that gives a list with an element for each column. It holds
//! the rows, eight bytes for each column, and texts once for each distinct one. Not one of the functions that a session has.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{Array as _, ArrayRef, AsArray as _, Float64Array, Int64Array, ListArray, StringArray, StructArray, UInt64Array};
use arrow::buffer::OffsetBuffer;
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, FieldRef, Fields, UInt64Type};
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{Accumulator, AggregateUDFImpl, Signature, Volatility};
use rayon::prelude::*;

use super::columns::{Column, MISSING, Names, read, state_type};
use super::parameters::Takes;
use crate::evaluate::association::{Crossed, classes_of};
use crate::evaluate::bootstrap::quantile;

/// Values that are told of a column.
const TOP: usize = 5;
/// Classes of a number, where its information of a label is measured.
const CLASSES: usize = 10;

/// Quantiles that are told, by their column.
const QUANTILES: [(&str, f64); 5] = [("p05", 0.05), ("p25", 0.25), ("median", 0.5), ("p75", 0.75), ("p95", 0.95)];

/// The aggregate, for the columns of one query.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Summary {
    /// Columns by their names.
    names: Vec<String>,
    /// Places of labels among them.
    labels: Vec<usize>,
    signature: Signature,
}

impl Summary {
    /// `labels` are places among `names`.
    pub(crate) fn new(names: Vec<String>, labels: Vec<usize>) -> Self {
        Self { names, labels, signature: Signature::variadic_any(Volatility::Immutable) }
    }

    /// What is told of each column, by name and type.
    pub(crate) fn fields(&self) -> Fields {
        let mut fields = vec![
            ("position".to_owned(), DataType::UInt64),
            ("column".to_owned(), DataType::Utf8),
            ("type".to_owned(), DataType::Utf8),
            ("rows".to_owned(), DataType::UInt64),
            ("nulls".to_owned(), DataType::UInt64),
            ("distinct".to_owned(), DataType::UInt64),
            ("min".to_owned(), DataType::Utf8),
            ("max".to_owned(), DataType::Utf8),
            ("mean".to_owned(), DataType::Float64),
            ("standard_deviation".to_owned(), DataType::Float64),
        ];
        fields.extend(QUANTILES.map(|(name, _)| (name.to_owned(), DataType::Float64)));
        fields.push(("top_values".to_owned(), DataType::Utf8));
        fields.extend(self.labels.iter().map(|label| (format!("mi_{}", self.names[*label]), DataType::Float64)));
        fields.into_iter().map(|(name, held)| Field::new(name, held, true)).collect()
    }

    fn item(&self) -> FieldRef {
        Arc::new(Field::new_list_field(DataType::Struct(self.fields()), true))
    }
}

/// What a column is held as: instants as numbers of their unit, nested values not at all.
fn taken(given: &DataType) -> DataType {
    match given {
        DataType::Date32 | DataType::Date64 | DataType::Timestamp(_, _) | DataType::Time32(_) | DataType::Time64(_) => DataType::Float64,
        nested if nested.is_nested() => DataType::Null,
        other => other.clone(),
    }
}

fn state(name: String, given: &DataType) -> FieldRef {
    Arc::new(Field::new(name, state_type(Takes::Named, &taken(given)), true))
}

impl AggregateUDFImpl for Summary {
    fn name(&self) -> &'static str {
        "summary"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::List(self.item()))
    }

    fn state_fields(&self, args: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        let columns = args.input_fields.iter().enumerate().map(|(at, field)| state(format!("column {at}"), field.data_type()));
        let nulls = Field::new("nulls", DataType::LargeList(Arc::new(Field::new_list_field(DataType::UInt64, true))), true);
        Ok(columns.chain([Arc::new(nulls)]).collect())
    }

    fn accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        let types: Vec<DataType> = args.expr_fields.iter().map(|field| field.data_type().clone()).collect();
        Ok(Box::new(Held {
            columns: types.iter().map(|given| Column::named_or_numbers(&taken(given))).collect(),
            nulls: vec![0; types.len()],
            names: self.names.clone(),
            labels: self.labels.clone(),
            item: self.item(),
            types,
        }))
    }
}

/// The rows of a query.
#[derive(Debug)]
struct Held {
    columns: Vec<Column>,
    nulls: Vec<u64>,
    names: Vec<String>,
    labels: Vec<usize>,
    item: FieldRef,
    types: Vec<DataType>,
}

/// An array as the column holds it.
fn plain(array: &ArrayRef) -> Result<ArrayRef> {
    let wanted = taken(array.data_type());
    if wanted == *array.data_type() {
        return Ok(Arc::clone(array));
    }
    if wanted == DataType::Null {
        return Ok(arrow::array::new_null_array(&DataType::Null, array.len()));
    }
    // By way of whole numbers: there is no cast of an instant to a fraction.
    let whole = match array.data_type() {
        DataType::Date32 | DataType::Time32(_) => cast(array, &DataType::Int32)?,
        _ => cast(array, &DataType::Int64)?,
    };
    Ok(cast(&whole, &DataType::Float64)?)
}

impl Accumulator for Held {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        for ((column, nulls), array) in self.columns.iter_mut().zip(&mut self.nulls).zip(values) {
            *nulls += array.logical_null_count() as u64;
            column.append(&read(Takes::Named, &plain(array)?)?.0);
        }
        Ok(())
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let rows: Vec<Told> = (0..self.columns.len()).into_par_iter().map(|at| self.told(at)).collect::<Result<_>>()?;
        let DataType::Struct(fields) = self.item.data_type().clone() else { return Ok(ScalarValue::Null) };
        let text = |of: &dyn Fn(&Told) -> Option<String>| Arc::new(rows.iter().map(of).collect::<StringArray>()) as ArrayRef;
        let count = |of: &dyn Fn(&Told) -> u64| Arc::new(rows.iter().map(|row| Some(of(row))).collect::<UInt64Array>()) as ArrayRef;
        let number = |of: &dyn Fn(&Told) -> Option<f64>| Arc::new(rows.iter().map(of).collect::<Float64Array>()) as ArrayRef;
        let mut arrays = vec![
            Arc::new(UInt64Array::from_iter_values(1..=self.names.len() as u64)) as ArrayRef,
            Arc::new(self.names.iter().map(Some).collect::<StringArray>()),
            Arc::new(self.types.iter().map(|given| Some(given.to_string())).collect::<StringArray>()) as ArrayRef,
            count(&|row| row.rows),
            count(&|row| row.nulls),
            Arc::new(rows.iter().map(|row| row.distinct).collect::<UInt64Array>()) as ArrayRef,
            text(&|row| row.ends.as_ref().map(|ends| ends.0.clone())),
            text(&|row| row.ends.as_ref().map(|ends| ends.1.clone())),
            number(&|row| row.numbers.as_ref().map(|of| of.mean)),
            number(&|row| row.numbers.as_ref().map(|of| of.deviation)),
        ];
        arrays.extend((0..QUANTILES.len()).map(|at| number(&|row| row.numbers.as_ref().map(|of| of.quantiles[at]))));
        arrays.push(text(&|row| row.top.clone()));
        arrays.extend((0..self.labels.len()).map(|at| number(&|row| row.information.get(at).copied().flatten())));
        let rows = StructArray::try_new(fields, arrays, None)?;
        let offsets = OffsetBuffer::from_lengths([self.columns.len()]);
        Ok(ScalarValue::List(Arc::new(ListArray::try_new(Arc::clone(&self.item), offsets, Arc::new(rows), None)?)))
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.columns.iter().map(Column::bytes).sum::<usize>()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let list = |column: Column| {
            let rows = column.len();
            ScalarValue::LargeList(Arc::new(column.state(&[rows])))
        };
        let columns = self.columns.iter_mut().map(|column| std::mem::replace(column, column.emptied())).map(list);
        let mut states: Vec<ScalarValue> = columns.collect();
        states.push(list(Column::Keys(std::mem::replace(&mut self.nulls, vec![0; self.types.len()]))));
        Ok(states)
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let Some((nulls, columns)) = states.split_last() else { return Ok(()) };
        for (column, state) in self.columns.iter_mut().zip(columns) {
            for list in state.as_list::<i64>().iter().flatten() {
                column.merge(&list)?;
            }
        }
        for list in nulls.as_list::<i64>().iter().flatten() {
            self.nulls.iter_mut().zip(list.as_primitive::<UInt64Type>().values()).for_each(|(own, more)| *own += more);
        }
        Ok(())
    }
}

/// What is told of one column.
#[derive(Default)]
struct Told {
    rows: u64,
    nulls: u64,
    distinct: Option<u64>,
    ends: Option<(String, String)>,
    numbers: Option<Numbers>,
    top: Option<String>,
    information: Vec<Option<f64>>,
}

struct Numbers {
    mean: f64,
    deviation: f64,
    quantiles: [f64; QUANTILES.len()],
}

impl Held {
    fn told(&self, at: usize) -> Result<Told> {
        let column = &self.columns[at];
        let told = match column {
            _ if taken(&self.types[at]).is_null() => Told { information: vec![None; self.labels.len()], ..Told::default() },
            Column::Numbers(values) => self.numeric(at, values)?,
            Column::Keys(keys) => self.named(at, keys, &Names::default()),
            Column::Named(keys, names) => self.named(at, keys, names),
        };
        Ok(Told { rows: column.len() as u64, nulls: self.nulls[at], ..told })
    }

    fn numeric(&self, at: usize, values: &[f64]) -> Result<Told> {
        let mut sorted: Vec<f64> = values.iter().copied().filter(|value| !value.is_nan()).map(|value| value + 0.0).collect();
        sorted.sort_unstable_by(f64::total_cmp);
        let runs: Vec<(f64, u64)> = sorted.chunk_by(|a, b| a.total_cmp(b).is_eq()).map(|run| (run[0], run.len() as u64)).collect();
        let ends = match (runs.first(), runs.last()) {
            (Some(low), Some(high)) => Some((self.text(at, low.0)?, self.text(at, high.0)?)),
            _ => None,
        };
        let distinct = Some(runs.len() as u64);
        let top = most(runs).into_iter().map(|(value, count)| Ok((self.text(at, value)?, count))).collect::<Result<Vec<_>>>()?;
        let numbers = if self.types[at].is_numeric() { numbers(&sorted) } else { None };
        Ok(Told { distinct, ends, numbers, top: listed(&top), information: self.informations(at), ..Told::default() })
    }

    fn named(&self, at: usize, keys: &[u64], names: &Names) -> Told {
        let mut counts: BTreeMap<u64, u64> = BTreeMap::new();
        keys.iter().filter(|key| **key != MISSING).for_each(|key| *counts.entry(*key).or_default() += 1);
        let mut named: Vec<(String, u64)> = counts.iter().filter_map(|(key, count)| Some((names.get(key)?.clone(), *count))).collect();
        named.sort();
        let ends = named.first().zip(named.last()).map(|(low, high)| (low.0.clone(), high.0.clone()));
        let distinct = Some(counts.len() as u64);
        Told { distinct, ends, top: listed(&most(named)), information: self.informations(at), ..Told::default() }
    }

    fn informations(&self, at: usize) -> Vec<Option<f64>> {
        self.labels.iter().map(|label| self.information(at, *label)).collect()
    }

    /// A held number as a value of the column's own type.
    fn text(&self, at: usize, value: f64) -> Result<String> {
        let given = &self.types[at];
        let array: ArrayRef = match given {
            DataType::Date32 | DataType::Time32(_) => {
                cast(&(Arc::new(Int64Array::from(vec![value as i64])) as ArrayRef), &DataType::Int32)?
            }
            DataType::Date64 | DataType::Time64(_) | DataType::Timestamp(_, _) => Arc::new(Int64Array::from(vec![value as i64])),
            _ => Arc::new(Float64Array::from(vec![value])),
        };
        Ok(arrow::util::display::array_value_to_string(&cast(&array, given)?, 0)?)
    }

    /// What a column tells of a label, in nats, over the rows whose label is there.
    fn information(&self, at: usize, label: usize) -> Option<f64> {
        let Column::Numbers(labels) = &self.columns[label] else { return None };
        let own: Vec<usize> = (0..labels.len()).filter(|row| !labels[*row].is_nan()).collect();
        let classes = |column: &Column| match column {
            Column::Numbers(values) => classes_of(&own.iter().map(|row| values[*row]).collect::<Vec<_>>(), CLASSES).0,
            Column::Named(keys, _) | Column::Keys(keys) => own.iter().map(|row| keys[*row]).collect(),
        };
        Crossed::new(&classes(&self.columns[at]), &classes(&self.columns[label])).mutual_information()
    }
}

/// Values and how often each is there, as a line.
fn listed(top: &[(String, u64)]) -> Option<String> {
    let line = top.iter().map(|(value, count)| format!("{value} ({count})")).collect::<Vec<_>>().join(", ");
    Some(line).filter(|line| !line.is_empty())
}

/// The most frequent values; those as frequent in the order that they came.
fn most<T>(mut counted: Vec<(T, u64)>) -> Vec<(T, u64)> {
    counted.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    counted.truncate(TOP);
    counted
}

/// Figures of sorted numbers; `None` of none.
fn numbers(sorted: &[f64]) -> Option<Numbers> {
    let n = sorted.len() as f64;
    let mean = sorted.iter().sum::<f64>() / n;
    let deviation = (sorted.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / n).sqrt();
    (!sorted.is_empty()).then(|| Numbers { mean, deviation, quantiles: QUANTILES.map(|(_, share)| quantile(sorted, share)) })
}
