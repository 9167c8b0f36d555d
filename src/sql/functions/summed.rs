//! Aggregates that are a ratio of two sums: they stream, whatever the number of rows.
//!
//! In: a [`Spec`] and the terms of a row. Out: a DataFusion aggregate with grouped, sliding and partial forms. Sums carry what
//! rounding leaves behind, so that order, partial states and rows that left a window do not show. Not here: aggregates that need all
//! rows at once (`collected`).

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, BooleanArray, Float64Array, Int64Array};
use arrow::datatypes::{DataType, Field, FieldRef, Float64Type, Int64Type};
use datafusion::common::{Result, ScalarValue, plan_err};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::{AggregateOrderSensitivity, format_state_name};
use datafusion::logical_expr::{Accumulator, AggregateUDFImpl, Documentation, EmitTo, GroupsAccumulator, Signature};

use super::columns::{self, Column};
use super::function::Function;
use super::parameters::Spec;

/// What a row of label and prediction adds above and below the line.
pub(super) type Terms = fn(f64, f64) -> (f64, f64);

/// A sum and what rounding has left of it: about 32 digits.
///
/// # Source
/// Knuth (1998), "The art of computer programming", volume 2, section 4.2.2, theorem B.
#[derive(Debug, Clone, Copy, Default)]
struct Exact {
    sum: f64,
    rest: f64,
}

impl Exact {
    fn add(&mut self, more: f64) {
        let sum = self.sum + more;
        let part = sum - self.sum;
        self.rest += (self.sum - (sum - part)) + (more - part);
        self.sum = sum;
    }

    fn value(self) -> f64 {
        self.sum + self.rest
    }
}

/// Sums of one group.
#[derive(Debug, Clone, Copy, Default)]
struct Sums {
    above: Exact,
    below: Exact,
    /// Rows with a number that is NaN or infinite, or a weight below 0.
    unsound: i64,
}

impl Sums {
    /// Adds a row, or with `sign` −1 takes it away.
    fn add(&mut self, terms: Terms, (label, prediction, weight): (f64, f64, f64), sign: f64) {
        if !(label.is_finite() && prediction.is_finite() && weight.is_finite() && weight >= 0.0) {
            self.unsound += sign as i64;
            return;
        }
        let (above, below) = terms(label, prediction);
        self.above.add(sign * weight * above);
        self.below.add(sign * weight * below);
    }

    fn parts(&self) -> [f64; 4] {
        [self.above.sum, self.above.rest, self.below.sum, self.below.rest]
    }

    fn merge(&mut self, [above, above_rest, below, below_rest]: [f64; 4], unsound: i64) {
        self.above.add(above);
        self.above.add(above_rest);
        self.below.add(below);
        self.below.add(below_rest);
        self.unsound += unsound;
    }

    fn value(&self) -> Option<f64> {
        let below = self.below.value();
        (self.unsound == 0 && below > 0.0).then(|| self.above.value() / below)
    }
}

/// A ratio of two sums.
pub(super) type Summed = Function<Terms>;

impl Summed {
    fn call(&self, args: &AccumulatorArgs<'_>) -> Result<Call> {
        if args.is_distinct {
            return plan_err!("`{}` counts every row; leave DISTINCT away", self.spec.name);
        }
        Ok(Call { spec: self.spec, terms: self.formula })
    }
}

impl AggregateUDFImpl for Summed {
    fn name(&self) -> &str {
        self.spec.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(self.gives.clone())
    }

    fn coerce_types(&self, given: &[DataType]) -> Result<Vec<DataType>> {
        self.spec.coerce(given)
    }

    fn state_fields(&self, args: StateFieldsArgs<'_>) -> Result<Vec<FieldRef>> {
        let field = |name: &str, held| Arc::new(Field::new(format_state_name(args.name, name), held, false));
        let numbers = ["above", "above_rest", "below", "below_rest"].map(|name| field(name, DataType::Float64));
        Ok(numbers.into_iter().chain([field("unsound", DataType::Int64)]).collect())
    }

    fn accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        Ok(Box::new(One { call: self.call(&args)?, sums: Sums::default() }))
    }

    fn groups_accumulator_supported(&self, args: AccumulatorArgs<'_>) -> bool {
        !args.is_distinct
    }

    fn create_groups_accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn GroupsAccumulator>> {
        Ok(Box::new(Many { call: self.call(&args)?, sums: Vec::new() }))
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        AggregateOrderSensitivity::Insensitive
    }

    fn documentation(&self) -> Option<&Documentation> {
        Some(&self.documentation)
    }
}

/// A function as it was called.
#[derive(Debug, Clone, Copy)]
struct Call {
    spec: &'static Spec,
    terms: Terms,
}

/// A row of label, prediction and weight.
type Row = (f64, f64, f64);

impl Call {
    /// The rows that count, each with its place among those given.
    fn rows(&self, values: &[ArrayRef], filter: Option<&BooleanArray>, mut each: impl FnMut(usize, Row)) -> Result<()> {
        let batch = columns::batch(self.spec, values, filter)?;
        let number = |at: usize| match batch.columns.get(at) {
            Some(Column::Numbers(numbers)) => numbers.as_slice(),
            _ => &[],
        };
        let (labels, predictions, weights) = (number(0), number(1), number(2));
        let row = |at: usize| (labels[at], predictions[at], weights.get(at).copied().unwrap_or(1.0));
        match &batch.counted {
            None => (0..labels.len()).for_each(|at| each(at, row(at))),
            Some(counted) => counted.valid_indices().enumerate().for_each(|(at, place)| each(place, row(at))),
        }
        Ok(())
    }
}

fn state_of(sums: &[Sums]) -> Vec<ArrayRef> {
    let number = |at: usize| Arc::new(sums.iter().map(|sums| Some(sums.parts()[at])).collect::<Float64Array>()) as ArrayRef;
    let unsound = Arc::new(sums.iter().map(|sums| Some(sums.unsound)).collect::<Int64Array>()) as ArrayRef;
    (0..4).map(number).chain([unsound]).collect()
}

fn merged(states: &[ArrayRef], mut each: impl FnMut(usize, [f64; 4], i64)) {
    let numbers: Vec<&Float64Array> = states[..4].iter().map(AsArray::as_primitive::<Float64Type>).collect();
    let unsound = states[4].as_primitive::<Int64Type>();
    for row in 0..unsound.len() {
        each(row, std::array::from_fn(|at| numbers[at].value(row)), unsound.value(row));
    }
}

#[derive(Debug)]
struct One {
    call: Call,
    sums: Sums,
}

impl One {
    fn add(&mut self, values: &[ArrayRef], sign: f64) -> Result<()> {
        let (call, sums) = (self.call, &mut self.sums);
        call.rows(values, None, |_, row| sums.add(call.terms, row, sign))
    }
}

impl Accumulator for One {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.add(values, 1.0)
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.add(values, -1.0)
    }

    fn supports_retract_batch(&self) -> bool {
        true
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        Ok(ScalarValue::Float64(self.sums.value()))
    }

    fn size(&self) -> usize {
        size_of_val(self)
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        state_of(&[self.sums]).iter().map(|array| ScalarValue::try_from_array(array, 0)).collect()
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        merged(states, |_, parts, unsound| self.sums.merge(parts, unsound));
        Ok(())
    }
}

#[derive(Debug)]
struct Many {
    call: Call,
    sums: Vec<Sums>,
}

impl GroupsAccumulator for Many {
    fn update_batch(&mut self, values: &[ArrayRef], group_indices: &[usize], filter: Option<&BooleanArray>, groups: usize) -> Result<()> {
        self.sums.resize(groups, Sums::default());
        let (call, sums) = (self.call, &mut self.sums);
        call.rows(values, filter, |at, row| sums[group_indices[at]].add(call.terms, row, 1.0))
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        Ok(Arc::new(emit_to.take_needed(&mut self.sums).iter().map(Sums::value).collect::<Float64Array>()))
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        Ok(state_of(&emit_to.take_needed(&mut self.sums)))
    }

    fn merge_batch(&mut self, states: &[ArrayRef], group_indices: &[usize], groups: usize) -> Result<()> {
        self.sums.resize(groups, Sums::default());
        merged(states, |row, parts, unsound| self.sums[group_indices[row]].merge(parts, unsound));
        Ok(())
    }

    fn convert_to_state(&self, values: &[ArrayRef], filter: Option<&BooleanArray>) -> Result<Vec<ArrayRef>> {
        let mut sums = vec![Sums::default(); values.first().map_or(0, arrow::array::Array::len)];
        let call = self.call;
        call.rows(values, filter, |at, row| sums[at].add(call.terms, row, 1.0))?;
        Ok(state_of(&sums))
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.sums.capacity() * size_of::<Sums>()
    }
}
