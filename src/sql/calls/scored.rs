//! `score` and `score_under`: the rows of a query with what the current run's model publishes for them.
//!
//! In: a query with the columns that the model reads. Out: its rows, and `p_<task>` for each task: calibrated, chained, and by the
//! stand-in of a cell where there is one, as the night publishes them.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, StringArray, StructArray};
use arrow::datatypes::{DataType, Field, Fields};
use datafusion::catalog::Session;
use datafusion::common::{Result, plan_err};
use datafusion::functions::core::expr_fn::get_field;
use datafusion::logical_expr::{
    ColumnarValue, Expr, LogicalPlan, LogicalPlanBuilder, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility, lit,
};

use super::model::{Model, ROWS};
use super::{Call, Calls, own, planned};

pub(super) const SCORE: Call = Call {
    name: "score",
    syntax: "score((query))",
    about: "the query's rows with p_<task> for each task: what the model of the current run (or --run) publishes for them, calibrated. \
            The query has the columns of snapshots.frame that the model reads; changed values are scored as they are changed. The query stands for itself: it does not see a WITH around it",
    example: "select scenario, avg(p_purchase) from score((select * from snapshots.frame where split = 'tonight')) group by scenario",
    make: |calls, texts, session| scored(calls, &texts[0], None, session),
};

pub(super) const SCORE_UNDER: Call = Call {
    name: "score_under",
    syntax: "score_under((query), 'scenario')",
    about: "as score, with each row scored as if it were served in the scenario; that is in `under`. A prediction for rows that look like \
            this there, not the effect of moving them",
    example: "select avg(p_purchase) from score_under((select * from snapshots.frame where split = 'tonight'), 'home')",
    make: |calls, texts, session| scored(calls, &texts[0], Some(&texts[1]), session),
};

fn scored(calls: &Calls, sql: &str, under: Option<&str>, session: &dyn Session) -> Result<LogicalPlan> {
    let model = calls.model()?;
    let known = model.scenarios();
    if let Some(under) = under.filter(|under| !known.iter().any(|name| name == under)) {
        return plan_err!("`{under}` is no scenario of the model: {}", known.join(", "));
    }
    let (rows, columns) = model.reads(planned(session, sql)?)?;
    let tasks = model.tasks();
    let function = ScalarUDF::from(Scores::new(model, under.map(str::to_owned)));
    // The same call for every task: the engine computes it once.
    let call = function.call(columns);
    let mut list: Vec<Expr> = rows.schema().columns().into_iter().map(Expr::Column).collect();
    list.extend(under.map(|under| lit(under).alias("under")));
    list.extend(tasks.iter().map(|task| get_field(call.clone(), task.as_str()).alias(format!("p_{task}"))));
    LogicalPlanBuilder::from(rows).project(list)?.alias(ROWS)?.build()
}

/// The model as a function of the columns that it reads, giving a struct of predictions.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Scores {
    model: Arc<Model>,
    under: Option<String>,
    signature: Signature,
    fields: Fields,
}

impl Scores {
    fn new(model: Arc<Model>, under: Option<String>) -> Self {
        let fields = model.tasks().into_iter().map(|task| Field::new(task, DataType::Float64, false)).collect();
        Self { model, under, signature: Signature::variadic_any(Volatility::Immutable), fields }
    }
}

impl ScalarUDFImpl for Scores {
    fn name(&self) -> &'static str {
        "predictions"
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Struct(self.fields.clone()))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let served: Option<ArrayRef> =
            self.under.as_ref().map(|under| Arc::new(StringArray::from(vec![under.as_str(); args.number_rows])) as ArrayRef);
        let batch = self.model.batch(&args, served.as_ref())?;
        let found = self.model.published(&batch).map_err(own)?;
        let columns = found.into_iter().map(|values| Arc::new(Float64Array::from(values)) as ArrayRef).collect();
        Ok(ColumnarValue::Array(Arc::new(StructArray::try_new(self.fields.clone(), columns, None)?)))
    }
}
