//! `predict`: what the current run's model publishes for a row that is put together in the query.
//!
//! In: a task, columns by their names. Out: a number a row. Features that are not given are missing values.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::{Array as _, AsArray as _, Float64Array, RecordBatch, new_null_array};
use arrow::datatypes::{DataType, Field, FieldRef, Fields, Schema};
use datafusion::common::{Result, ScalarValue, plan_err};
use datafusion::logical_expr::{
    ColumnarValue, DocSection, Documentation, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility,
};
use datafusion::sql::sqlparser::ast::{
    Expr as SqlExpr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, Ident, ObjectName, Value,
};

use super::super::told::nearest;
use super::model::Model;
use super::{Calls, own};

/// The function's name.
pub(super) const NAME: &str = "predict";
/// How it is written.
const SYNTAX: &str = "predict('task', feature, …)";

/// What it says of itself.
pub(super) fn documentation() -> Documentation {
    let section = DocSection { include: true, label: super::SECTION, description: None };
    let about = "What the model of the current run (or --run) publishes for a task: the columns that are given are the features of their \
                 names, the scenario among them; what is not given is missing to the model. A value under another name is given by \
                 named_struct('feature', value, …) in place of the columns. Whole rows of frames are scored faster by score(…).";
    let example =
        "select scenario, avg(predict('purchase', scenario, purchases_26w, days_since_purchase)) from snapshots.frame group by scenario";
    Documentation::builder(section, about, SYNTAX).with_sql_example(example).build()
}

/// Gives columns their names: `predict('task', a, t.b)` is `predict('task', named_struct('a', a, 'b', t.b))`.
pub(super) fn name_columns(call: &mut Function) {
    let FunctionArguments::List(list) = &mut call.args else { return };
    let name = |arg: &FunctionArg| match arg {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(SqlExpr::Identifier(name))) => Some(name.value.clone()),
        FunctionArg::Unnamed(FunctionArgExpr::Expr(SqlExpr::CompoundIdentifier(parts))) => parts.last().map(|name| name.value.clone()),
        _ => None,
    };
    let Some((_, columns)) = list.args.split_first() else { return };
    let Some(names) = columns.iter().map(name).collect::<Option<Vec<String>>>().filter(|names| !names.is_empty()) else { return };
    let text = |name: String| FunctionArg::Unnamed(FunctionArgExpr::Expr(SqlExpr::value(Value::SingleQuotedString(name))));
    let columns = list.args.split_off(1);
    let mut named = list.clone();
    named.args = names.into_iter().zip(columns).flat_map(|(name, column)| [text(name), column]).collect();
    let row = Function { name: ObjectName::from(vec![Ident::new("named_struct")]), args: FunctionArguments::List(named), ..call.clone() };
    if let FunctionArguments::List(list) = &mut call.args {
        list.args.push(FunctionArg::Unnamed(FunctionArgExpr::Expr(SqlExpr::Function(row))));
    }
}

/// The function of a session.
pub(super) struct Predict {
    calls: Arc<Calls>,
    signature: Signature,
    documentation: Documentation,
}

impl Predict {
    pub(super) fn new(calls: Arc<Calls>) -> Self {
        Self { calls, signature: Signature::user_defined(Volatility::Immutable), documentation: documentation() }
    }
}

impl std::fmt::Debug for Predict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(NAME)
    }
}

/// A session has one.
impl PartialEq for Predict {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Predict {}

impl Hash for Predict {
    fn hash<H: Hasher>(&self, state: &mut H) {
        NAME.hash(state);
    }
}

/// Place of a task by its name.
fn task(model: &Model, wanted: Option<&ScalarValue>) -> Result<usize> {
    let Some(Some(wanted)) = wanted.and_then(ScalarValue::try_as_str) else {
        return plan_err!("{NAME} takes the name of a task, as a text: {SYNTAX}");
    };
    let known = model.tasks();
    match known.iter().position(|name| name == wanted) {
        Some(at) => Ok(at),
        None => plan_err!("the model has no task `{wanted}`: {}", known.join(", ")),
    }
}

/// Refuses features that the model has not, and rows without a scenario.
fn check(model: &Model, given: &Fields) -> Result<()> {
    let known = model.columns();
    if let Some(odd) = given.iter().find(|field| !known.contains(field.name())) {
        let near = nearest(odd.name(), &known);
        let hint =
            if near.is_empty() { "importance() lists its features".to_owned() } else { format!("did you mean {}?", near.join(" or ")) };
        return plan_err!("the model reads no `{}`: {hint}", odd.name());
    }
    if given.iter().all(|field| *field.name() != model.scenario) {
        return plan_err!("{NAME} needs the scenario: give it the column `{}`", model.scenario);
    }
    Ok(())
}

impl ScalarUDFImpl for Predict {
    fn name(&self) -> &'static str {
        NAME
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, given: &[DataType]) -> Result<Vec<DataType>> {
        match given {
            [_, DataType::Struct(_)] => Ok(vec![DataType::Utf8, given[1].clone()]),
            _ => plan_err!("{NAME} takes a task and columns, or a task and named_struct('feature', value, …): {SYNTAX}"),
        }
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Float64)
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs<'_>) -> Result<FieldRef> {
        let model = self.calls.model()?;
        task(&model, args.scalar_arguments.first().copied().flatten())?;
        if let Some(DataType::Struct(given)) = args.arg_fields.get(1).map(|field| field.data_type()) {
            check(&model, given)?;
        }
        Ok(Arc::new(Field::new(NAME, DataType::Float64, true)))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let model = self.calls.model()?;
        let wanted = if let Some(ColumnarValue::Scalar(name)) = args.args.first() { Some(name) } else { None };
        let at = task(&model, wanted)?;
        let given = ColumnarValue::to_array(&args.args[1], args.number_rows)?;
        let given = given.as_struct();
        let (mut fields, mut columns) = (Vec::new(), Vec::new());
        for name in model.columns() {
            let column = given.column_by_name(&name).map_or_else(|| new_null_array(&DataType::Null, given.len()), Arc::clone);
            fields.push(Field::new(&name, column.data_type().clone(), true));
            columns.push(column);
        }
        let batch = RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)?;
        let mut found = model.published(&batch).map_err(own)?;
        Ok(ColumnarValue::Array(Arc::new(Float64Array::from(found.swap_remove(at)))))
    }

    fn documentation(&self) -> Option<&Documentation> {
        Some(&self.documentation)
    }
}
