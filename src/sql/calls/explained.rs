//! `explain`: why the current run's model scores the rows of a query as it does.
//!
//! In: a query of few rows with the columns that the model reads. Out: a row for each of its rows, task and feature; contributions
//! add up to the raw output, and what is missing to it is told.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray as _, Float64Array, ListArray, RecordBatch, StringArray, StructArray};
use arrow::buffer::OffsetBuffer;
use arrow::compute::max;
use arrow::datatypes::{DataType, Field, Fields, UInt64Type};
use datafusion::catalog::Session;
use datafusion::common::{Column, Result, exec_err};
use datafusion::functions::core::expr_fn::get_field;
use datafusion::functions_window::expr_fn::row_number;
use datafusion::logical_expr::{
    ColumnarValue, Expr, LogicalPlan, LogicalPlanBuilder, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
};

use super::model::{Contribution, Model, ROWS};
use super::{Call, Calls, own, planned};

/// Rows that are explained at most: each is a hundred rows or more, and takes some hundred times as long as to be scored.
const MOST: usize = 1000;
/// The column that counts them.
const COUNT: &str = "explained row";

pub(super) const EXPLAIN: Call = Call {
    name: "explain",
    syntax: "explain((query))",
    about: "for each of the query's rows (at most 1000), each task and each feature: contribution to the raw output, what of it is shared, \
            of the scenario, of the task; base + all contributions = raw, up to residual. A chained task's contributions are about its step",
    example: "select task, feature, value, contribution from explain((select * from snapshots.frame where split = 'tonight' limit 1)) \
              order by task, abs(contribution) desc",
    make: |calls, texts, session| explained(calls, &texts[0], session),
};

/// Columns of a reason.
const REASON: [(&str, DataType); 10] = [
    ("task", DataType::Utf8),
    ("feature", DataType::Utf8),
    ("value", DataType::Utf8),
    ("contribution", DataType::Float64),
    ("shared", DataType::Float64),
    ("scenario_part", DataType::Float64),
    ("task_part", DataType::Float64),
    ("base", DataType::Float64),
    ("raw", DataType::Float64),
    ("residual", DataType::Float64),
];

fn explained(calls: &Calls, sql: &str, session: &dyn Session) -> Result<LogicalPlan> {
    let model = calls.model()?;
    let (rows, columns) = model.reads(planned(session, sql)?)?;
    let kept: Vec<String> = model.keys.iter().cloned().chain(["as_of".to_owned(), model.scenario.clone()]).collect();
    let kept: Vec<&String> = kept.iter().filter(|name| rows.schema().has_column_with_unqualified_name(name)).collect();
    let function = ScalarUDF::from(Reasons::new(model));
    // Counted in the plan, so that each time it runs is a count of its own; what lies behind the first too many is not read.
    let counted = row_number().alias(COUNT);
    let rows = LogicalPlanBuilder::from(rows).limit(0, Some(MOST + 1))?.window(vec![counted])?.build()?;
    let columns = columns.into_iter().chain([Expr::Column(Column::new_unqualified(COUNT))]).collect();
    let mut list: Vec<Expr> = kept.iter().map(|name| Expr::Column(Column::new(Some(ROWS), *name))).collect();
    list.push(function.call(columns).alias("reason"));
    let unnested = LogicalPlanBuilder::from(rows).project(list)?.unnest_column(Column::new_unqualified("reason"))?;
    let mut list: Vec<Expr> = kept.iter().map(|name| Expr::Column(Column::new(Some(ROWS), *name))).collect();
    let reason = Expr::Column(Column::new_unqualified("reason"));
    list.extend(REASON.iter().map(|(name, _)| get_field(reason.clone(), *name).alias(*name)));
    unnested.project(list)?.alias(ROWS)?.build()
}

/// The model as a function of the columns that it reads, giving a list of reasons.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Reasons {
    model: Arc<Model>,
    signature: Signature,
}

impl Reasons {
    fn new(model: Arc<Model>) -> Self {
        // Volatile, so that a row is explained once and not for each column of its reasons.
        Self { model, signature: Signature::variadic_any(Volatility::Volatile) }
    }
}

fn fields() -> Fields {
    REASON.iter().map(|(name, held)| Field::new(*name, held.clone(), true)).collect()
}

fn item() -> Arc<Field> {
    Arc::new(Field::new_list_field(DataType::Struct(fields()), true))
}

fn reasons(model: &Model, batch: &RecordBatch) -> Result<ArrayRef> {
    let rows = model.contributions(batch).map_err(own)?;
    let offsets = OffsetBuffer::from_lengths(rows.iter().map(Vec::len));
    let all: Vec<&Contribution> = rows.iter().flatten().collect();
    let text = |of: fn(&Contribution) -> Option<&str>| Arc::new(all.iter().map(|part| of(part)).collect::<StringArray>()) as ArrayRef;
    let number = |of: fn(&Contribution) -> f64| Arc::new(all.iter().map(|part| Some(of(part))).collect::<Float64Array>()) as ArrayRef;
    let columns = vec![
        text(|part| Some(&part.task)),
        text(|part| Some(&part.feature)),
        text(|part| part.value.as_deref()),
        number(|part| part.contribution),
        number(|part| part.shared),
        number(|part| part.scenario_part),
        number(|part| part.task_part),
        number(|part| part.base),
        number(|part| part.raw),
        number(|part| part.residual),
    ];
    Ok(Arc::new(ListArray::try_new(item(), offsets, Arc::new(StructArray::try_new(fields(), columns, None)?), None)?))
}

impl ScalarUDFImpl for Reasons {
    fn name(&self) -> &'static str {
        "reasons"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::List(item()))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let counted = args.args.last().map(|count| count.to_array(args.number_rows)).transpose()?;
        let last = counted.as_ref().and_then(|count| max(count.as_primitive_opt::<UInt64Type>()?));
        if last.is_none_or(|last| last > MOST as u64) && args.number_rows > 0 {
            return exec_err!("explain takes at most {MOST} rows: write a LIMIT into its query");
        }
        let batch = self.model.batch(&args, None)?;
        Ok(ColumnarValue::Array(reasons(&self.model, &batch)?))
    }
}
