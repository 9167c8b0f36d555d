//! Aggregates that need all rows of a group at once: rankings, bins, crossings.
//!
//! In: a [`Spec`] and a formula over the [`Part`] of a group. Out: a DataFusion aggregate with grouped, sliding and partial forms. A
//! partial state is the rows themselves, so that merged states are a single pass over all rows. Memory grows with the rows, by
//! eight bytes for each argument. Not here: sums (`summed`).

use std::sync::Arc;

use arrow::array::{Array as _, ArrayRef, AsArray as _, BooleanArray};
use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::{Result, ScalarValue, plan_err};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::{AggregateOrderSensitivity, format_state_name};
use datafusion::logical_expr::{Accumulator, AggregateUDFImpl, Documentation, EmitTo, GroupsAccumulator, Signature};
use rayon::prelude::*;

use super::columns::{self, Column, Part, state_type};
use super::function::Function;
use super::parameters::Spec;

/// What a group comes to.
pub(super) type Formula = fn(&Part<'_>) -> Result<ScalarValue>;

/// An aggregate over all rows of a group.
pub(super) type Collected = Function<Formula>;

impl Collected {
    fn call(&self, args: &AccumulatorArgs<'_>) -> Result<Call> {
        if args.is_distinct {
            return plan_err!("`{}` counts every row; leave DISTINCT away", self.spec.name);
        }
        let types: Vec<DataType> = args.expr_fields.iter().map(|field| field.data_type().clone()).collect();
        let constants = self.spec.constants(args.exprs)?;
        Ok(Call { spec: self.spec, formula: self.formula, gives: self.gives.clone(), constants, types })
    }
}

impl AggregateUDFImpl for Collected {
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
        let field = |(at, parameter): (usize, &super::parameters::Parameter)| {
            let held = state_type(parameter.takes, args.input_fields[at].data_type());
            Arc::new(Field::new(format_state_name(args.name, parameter.name), held, true))
        };
        Ok(self.spec.columns(args.input_fields.len()).map(field).collect())
    }

    fn accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn Accumulator>> {
        let call = self.call(&args)?;
        Ok(Box::new(One { columns: call.empty(), gone: 0, call }))
    }

    fn groups_accumulator_supported(&self, args: AccumulatorArgs<'_>) -> bool {
        !args.is_distinct
    }

    fn create_groups_accumulator(&self, args: AccumulatorArgs<'_>) -> Result<Box<dyn GroupsAccumulator>> {
        let call = self.call(&args)?;
        Ok(Box::new(Many { columns: call.empty(), group: Vec::new(), groups: 0, call }))
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        AggregateOrderSensitivity::Insensitive
    }

    fn documentation(&self) -> Option<&Documentation> {
        Some(&self.documentation)
    }
}

/// A function as it was called.
#[derive(Debug)]
struct Call {
    spec: &'static Spec,
    formula: Formula,
    gives: DataType,
    constants: Vec<f64>,
    types: Vec<DataType>,
}

impl Call {
    fn empty(&self) -> Vec<Column> {
        columns::empty(self.spec, &self.types)
    }
}

/// The rows of one group.
#[derive(Debug)]
struct One {
    call: Call,
    columns: Vec<Column>,
    /// Rows at the front that have left a sliding window.
    gone: usize,
}

impl One {
    fn rows(&self) -> usize {
        self.columns.first().map_or(0, Column::len)
    }

    /// Rows that have left are dropped once they are as many as those that stay.
    fn tidy(&mut self, all: bool) {
        if self.gone > 0 && (all || self.gone * 2 > self.rows()) {
            self.columns.iter_mut().for_each(|column| column.forget(self.gone));
            self.gone = 0;
        }
    }
}

impl Accumulator for One {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let batch = columns::batch(self.call.spec, values, None)?;
        self.columns.iter_mut().zip(&batch.columns).for_each(|(own, more)| own.append(more));
        Ok(())
    }

    /// Frames only move forwards: the rows that leave are those that came first.
    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let batch = columns::batch(self.call.spec, values, None)?;
        self.gone += batch.columns.first().map_or(0, Column::len);
        self.tidy(false);
        Ok(())
    }

    fn supports_retract_batch(&self) -> bool {
        true
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let rows = self.gone..self.rows();
        (self.call.formula)(&Part { columns: &self.columns, rows, constants: &self.call.constants })
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.columns.iter().map(Column::bytes).sum::<usize>()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        self.tidy(true);
        let rows = self.rows();
        let columns = std::mem::replace(&mut self.columns, self.call.empty());
        Ok(columns.into_iter().map(|column| ScalarValue::LargeList(Arc::new(column.state(&[rows])))).collect())
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        for (column, state) in self.columns.iter_mut().zip(states) {
            for list in state.as_list::<i64>().iter().flatten() {
                column.merge(&list)?;
            }
        }
        Ok(())
    }
}

/// The rows of many groups, as they came.
#[derive(Debug)]
struct Many {
    call: Call,
    columns: Vec<Column>,
    /// The group of each row.
    group: Vec<u32>,
    groups: usize,
}

impl Many {
    /// Rows of the groups that are wanted, group by group, and how many each has; the other groups stay.
    fn take(&mut self, emit_to: EmitTo) -> (Vec<Column>, Vec<usize>) {
        let mut lengths = vec![0_usize; self.groups];
        self.group.iter().for_each(|group| lengths[*group as usize] += 1);
        let mut next: Vec<u32> = lengths.iter().scan(0, |from, length| Some(std::mem::replace(from, *from + *length as u32))).collect();
        let place = |group: &u32| {
            let next = &mut next[*group as usize];
            *next += 1;
            *next - 1
        };
        let places: Vec<u32> = self.group.iter().map(place).collect();
        let sorted: Vec<Column> = self.columns.iter().map(|column| column.placed(&places)).collect();
        let count = match emit_to {
            EmitTo::All => self.groups,
            EmitTo::First(count) => count,
        };
        let rows = lengths[..count].iter().sum();
        let (taken, left) = sorted.into_iter().map(|column| column.split(rows)).unzip();
        let rest = lengths.split_off(count);
        self.group = rest.iter().enumerate().flat_map(|(group, length)| std::iter::repeat_n(group as u32, *length)).collect();
        self.groups -= count;
        self.columns = left;
        (taken, lengths)
    }
}

impl GroupsAccumulator for Many {
    fn update_batch(&mut self, values: &[ArrayRef], group_indices: &[usize], filter: Option<&BooleanArray>, groups: usize) -> Result<()> {
        let batch = columns::batch(self.call.spec, values, filter)?;
        self.columns.iter_mut().zip(&batch.columns).for_each(|(own, more)| own.append(more));
        match &batch.counted {
            None => self.group.extend(group_indices.iter().map(|group| *group as u32)),
            Some(counted) => self.group.extend(counted.valid_indices().map(|row| group_indices[row] as u32)),
        }
        self.groups = groups;
        Ok(())
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let (columns, lengths) = self.take(emit_to);
        let mut from = 0;
        let ranges: Vec<_> = lengths
            .iter()
            .map(|length| {
                from += length;
                from - length..from
            })
            .collect();
        let (formula, constants) = (self.call.formula, &self.call.constants);
        let one = |rows: std::ops::Range<usize>| formula(&Part { columns: &columns, rows, constants });
        let values = ranges.into_par_iter().map(one).collect::<Result<Vec<_>>>()?;
        if values.is_empty() {
            return Ok(arrow::array::new_empty_array(&self.call.gives));
        }
        ScalarValue::iter_to_array(values)
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        let (columns, lengths) = self.take(emit_to);
        Ok(columns.into_iter().map(|column| Arc::new(column.state(&lengths)) as ArrayRef).collect())
    }

    fn merge_batch(&mut self, states: &[ArrayRef], group_indices: &[usize], groups: usize) -> Result<()> {
        for (at, (column, state)) in self.columns.iter_mut().zip(states).enumerate() {
            let lists = state.as_list::<i64>();
            for (row, group) in group_indices.iter().enumerate().filter(|(row, _)| lists.is_valid(*row)) {
                let list = lists.value(row);
                column.merge(&list)?;
                if at == 0 {
                    self.group.extend(std::iter::repeat_n(*group as u32, list.len()));
                }
            }
        }
        self.groups = groups;
        Ok(())
    }

    fn convert_to_state(&self, values: &[ArrayRef], filter: Option<&BooleanArray>) -> Result<Vec<ArrayRef>> {
        let batch = columns::batch(self.call.spec, values, filter)?;
        let rows = values.first().map_or(0, arrow::array::Array::len);
        let lengths: Vec<usize> = (0..rows).map(|row| usize::from(batch.counted.as_ref().is_none_or(|own| own.is_valid(row)))).collect();
        Ok(batch.columns.into_iter().map(|column| Arc::new(column.state(&lengths)) as ArrayRef).collect())
    }

    fn size(&self) -> usize {
        size_of_val(self) + 4 * self.group.capacity() + self.columns.iter().map(Column::bytes).sum::<usize>()
    }
}
