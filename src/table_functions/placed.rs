//! `place` and `place_limits`: which options are taken under limits of resources, and what each limit is worth.
//!
//! In: queries of options and limits. Out: the options with `taken`; the limits with what is used and their shadow prices.

use std::sync::Arc;

use arrow::array::{Array as _, ArrayRef, AsArray as _, BooleanArray, Float64Array, RecordBatch};
use arrow::datatypes::{DataType, Field, Float64Type, Schema, SchemaRef};
use datafusion::common::Result;
use datafusion::logical_expr::LogicalPlan;

use super::cells::{self, Holds, Table, field};
use super::decided::{Decided, Work};
use super::{Arguments, SEED, TableFunction, refused, told};
use crate::decide::DecideError;
use crate::decide::place::{Builder, Options, Placement, place};

pub(super) const PLACE: TableFunction = TableFunction {
    name: "place",
    syntax: "place((options), (limits))",
    about: "the options with `taken`: those that are worth most together under the limits. An option has a `value` and may have a \
    `choice`, of which one option is taken at most, \
            and `resources` (list of texts) with `amounts` (list of numbers): what it uses of which. Other columns are carried. A \
            limit has `resource`, `at_most` and \
            `at_least` (NULL = none). Up to 5000 options branch and bound seeks the best placement, to the end or for a stated number of \
            nodes; more are placed by the prices of a linear program and exchanges. place_limits((options), (limits)) tells the \
            bound and how far below it the value can be. An error names the resource whose \
            `at_least` cannot be met. Among equals the earlier row is taken: write an ORDER BY into the query of the options",
    example: "select household_id, product_id, taken from place(( \
              select household_id, product_id, purchase as value, household_id as choice, \
                  make_array('slots') as resources, make_array(1.0) as amounts \
              from current.scores order by household_id, product_id \
              ), (select 'slots' as resource, 20.0 as at_most, cast(null as double) as at_least)) where taken",
    arguments: (2, 2),
    make: |arguments| made(arguments, Answer::Options),
};

pub(super) const PLACE_LIMITS: TableFunction = TableFunction {
    name: "place_limits",
    syntax: "place_limits((options), (limits))",
    about: "the limits of place((options), (limits)): resource, at_least, at_most, used, shadow_price (what one more unit of the \
    limit would add to the value, in the linear relaxation; \
            below 0 where a least use costs value), and of the whole placement value, bound (no placement \
            is worth more) and gap = (bound - value) / bound",
    example: "select resource, used, shadow_price, gap from place_limits(( \
              select purchase as value, make_array('slots', scenario) as resources, make_array(1.0, 1.0) as amounts \
              from current.scores order by household_id, product_id \
              ), ( \
              select 'slots' as resource, 20.0 as at_most, 0.0 as at_least \
              union all select distinct scenario, cast(null as double), 2.0 from current.scores \
              )) order by resource",
    arguments: (2, 2),
    make: |arguments| made(arguments, Answer::Limits),
};

/// Which of the two tables is asked for.
#[derive(Clone, Copy)]
enum Answer {
    Options,
    Limits,
}

fn made(arguments: &Arguments<'_>, answer: Answer) -> Result<Decided> {
    let function = arguments.name;
    let (options, limits) = (arguments.query(0)?, arguments.query(1)?);
    let rows = options_of(function, &options)?;
    limits_of(function, &limits)?;
    let mut carried: Vec<Field> = rows.fields().iter().map(|field| field.as_ref().clone()).collect();
    carried.retain(|field| !["resources", "amounts"].contains(&field.name().as_str()));
    let schema = match answer {
        Answer::Options if rows.field_with_name("taken").is_ok() => {
            return Err(refused(function, "the options have a column `taken`, which is what they are told", "give it another name"));
        }
        Answer::Options => Schema::new(carried.into_iter().chain([field("taken", DataType::Boolean)]).collect::<Vec<_>>()),
        Answer::Limits => {
            let number = |name: &str| field(name, DataType::Float64);
            let numbers = ["at_least", "at_most", "used", "shadow_price", "value", "bound", "gap"].map(number);
            Schema::new(std::iter::once(field("resource", DataType::Utf8)).chain(numbers).collect::<Vec<_>>())
        }
    };
    let schema = Arc::new(schema);
    let own = Arc::clone(&schema);
    let work = Work::Whole(Arc::new(move |tables: &[RecordBatch]| {
        let built = built(function, &tables[0], &tables[1])?;
        let placed = place(&built, SEED).map_err(|error| told(function, &error))?;
        match answer {
            Answer::Options => with_taken(&tables[0], &placed, &own),
            Answer::Limits => with_prices(&tables[1], &built, &placed, &own),
        }
    }));
    Ok(Decided { name: function, inputs: vec![options, limits], schema, work })
}

fn options_of(function: &'static str, plan: &LogicalPlan) -> Result<SchemaRef> {
    let schema = cells::schema_of(function, "options", plan)?;
    let table = Table { function, name: "options", schema: &schema };
    table.needs("value", Holds::Number)?;
    table.may_have("choice", Holds::Any)?;
    if table.may_have("resources", Holds::Texts)? != table.may_have("amounts", Holds::Numbers)? {
        let hint = "what an option uses is in both: make_array('budget') as resources, make_array(price) as amounts";
        return Err(refused(function, "the options have one of `resources` and `amounts`, and not the other", hint));
    }
    Ok(schema)
}

fn limits_of(function: &'static str, plan: &LogicalPlan) -> Result<()> {
    let schema = cells::schema_of(function, "limits", plan)?;
    let table = Table { function, name: "limits", schema: &schema };
    table.needs("resource", Holds::Text)?;
    for column in ["at_most", "at_least"] {
        table.may_have(column, Holds::Number)?;
    }
    Ok(())
}

fn built(function: &str, options: &RecordBatch, limits: &RecordBatch) -> Result<Options> {
    let failed = |error: DecideError| told(function, &error);
    let (names, most, least) = (cells::texts(limits, "resource")?, cells::numbers(limits, "at_most")?, cells::numbers(limits, "at_least")?);
    if let Some(row) = (0..names.len()).find(|row| names.is_null(*row)) {
        return Err(refused(
            function,
            format!("`resource` of row {} of the limits is NULL", row + 1),
            "name every resource that has a limit",
        ));
    }
    let value = |array: &Float64Array, row: usize| array.is_valid(row).then(|| array.value(row));
    let limits = (0..names.len()).map(|row| (names.value(row).to_owned(), value(&most, row), value(&least, row)));
    let mut builder = Builder::new(limits).map_err(failed)?;
    let values = cells::numbers(options, "value")?;
    let choices = options.column_by_name("choice").map(|choice| cells::dense(&[Arc::clone(choice)])).transpose()?;
    let resources = cells::lists(options, "resources", DataType::Utf8)?;
    let amounts = cells::lists(options, "amounts", DataType::Float64)?;
    for row in 0..options.num_rows() {
        let own = cells::given(function, &values, "`value`", row)?;
        let choice = choices.as_ref().and_then(|choices| choices.numbers[0][row]);
        let uses = match (&resources, &amounts) {
            (Some(resources), Some(amounts)) => uses(
                function,
                (resources.is_valid(row).then(|| resources.value(row)), amounts.is_valid(row).then(|| amounts.value(row))),
                row,
            )?,
            _ => Vec::new(),
        };
        builder.push(own, choice, uses.iter().map(|(resource, amount)| (resource.as_str(), *amount))).map_err(failed)?;
    }
    Ok(builder.build())
}

/// Resources and amounts of an option, in pairs.
fn uses(function: &str, (resources, amounts): (Option<ArrayRef>, Option<ArrayRef>), row: usize) -> Result<Vec<(String, f64)>> {
    let length = |list: &Option<ArrayRef>| list.as_ref().map_or(0, arrow::array::Array::len);
    if length(&resources) != length(&amounts) {
        let error = DecideError::Lengths { row: row + 1, resources: length(&resources), amounts: length(&amounts) };
        return Err(told(function, &error));
    }
    let (Some(resources), Some(amounts)) = (resources, amounts) else { return Ok(Vec::new()) };
    let (resources, amounts) = (resources.as_string::<i32>(), amounts.as_primitive::<Float64Type>());
    let pair = |at: usize| {
        if resources.is_null(at) {
            return Err(refused(function, format!("a resource of row {} is NULL", row + 1), "leave out what an option does not use"));
        }
        if amounts.is_null(at) {
            let what = format!("the amount of `{}`", resources.value(at));
            return Err(told(function, &DecideError::NotANumber { what, row: row + 1, found: "NULL".into() }));
        }
        Ok((resources.value(at).to_owned(), amounts.value(at)))
    };
    (0..resources.len()).map(pair).collect()
}

fn with_taken(options: &RecordBatch, placed: &Placement, schema: &SchemaRef) -> Result<RecordBatch> {
    let carried = schema.fields().iter().take(schema.fields().len() - 1).map(|field| cells::carried(options, field));
    let mut columns = carried.collect::<Result<Vec<_>>>()?;
    columns.push(Arc::new(BooleanArray::from(placed.taken.clone())));
    Ok(RecordBatch::try_new(Arc::clone(schema), columns)?)
}

fn with_prices(limits: &RecordBatch, built: &Options, placed: &Placement, schema: &SchemaRef) -> Result<RecordBatch> {
    let rows = built.limits().len();
    let own = |values: &[f64]| Arc::new(Float64Array::from(values.to_vec())) as ArrayRef;
    let all = |value: f64| Arc::new(Float64Array::from(vec![value; rows])) as ArrayRef;
    let columns: Vec<ArrayRef> = vec![
        Arc::new(cells::texts(limits, "resource")?),
        Arc::new(cells::numbers(limits, "at_least")?),
        Arc::new(cells::numbers(limits, "at_most")?),
        own(&placed.used),
        own(&placed.prices),
        all(placed.value),
        all(placed.bound),
        all(placed.gap()),
    ];
    Ok(RecordBatch::try_new(Arc::clone(schema), columns)?)
}
