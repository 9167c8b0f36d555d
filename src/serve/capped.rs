//! Functions that make a long text of a short one, or compare two texts letter by letter: with a limit on what one call may cost.
//!
//! In: the engine's functions of a session. Out: the same names, each refusing a batch of rows that would take more memory or time than a
//! session has; the engine counts neither. Not here: the limit of a query's memory (`session`).

use std::sync::Arc;

use arrow::array::AsArray as _;
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type};
use datafusion::common::{Result, exec_err};
use datafusion::execution::FunctionRegistry as _;
use datafusion::logical_expr::{ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature};
use datafusion::prelude::SessionContext;

/// Bytes that a call may make for a batch of rows.
const BYTES: i128 = 64 << 20;
/// Pairs of letters that a call may compare for a batch of rows: about a second.
const PAIRS: i128 = 1 << 30;

/// What a call costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Cost {
    /// The second argument times the length of the first.
    Repeated,
    /// The second argument.
    Padded,
    /// The product of the lengths.
    Compared,
}

const FUNCTIONS: [(&str, Cost); 4] =
    [("repeat", Cost::Repeated), ("lpad", Cost::Padded), ("rpad", Cost::Padded), ("levenshtein", Cost::Compared)];

/// Puts the limits into a session.
pub(super) fn register(context: &SessionContext) {
    for (name, cost) in FUNCTIONS {
        if let Ok(inner) = context.state().udf(name) {
            context.register_udf(ScalarUDF::from(Capped { inner, cost }));
        }
    }
}

/// A function with a limit.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Capped {
    inner: Arc<ScalarUDF>,
    cost: Cost,
}

/// The largest number of an argument.
fn largest(value: &ColumnarValue, rows: usize) -> Result<i128> {
    let numbers = cast(&value.to_array(rows)?, &DataType::Int64)?;
    Ok(numbers.as_primitive::<Int64Type>().iter().flatten().max().unwrap_or(0).max(0).into())
}

/// The longest text of an argument, in bytes.
fn longest(value: &ColumnarValue, rows: usize) -> Result<i128> {
    let texts = cast(&value.to_array(rows)?, &DataType::LargeUtf8)?;
    Ok(texts.as_string::<i64>().iter().flatten().map(str::len).max().unwrap_or(0) as i128)
}

impl ScalarUDFImpl for Capped {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn signature(&self) -> &Signature {
        self.inner.signature()
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        self.inner.inner().return_type(types)
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs) -> Result<arrow::datatypes::FieldRef> {
        self.inner.inner().return_field_from_args(args)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        // A constant is worked out once.
        let constant = args.args.iter().all(|value| matches!(value, ColumnarValue::Scalar(_)));
        let rows = if constant { 1 } else { args.number_rows };
        if let [first, second, ..] = args.args.as_slice() {
            let (cost, most) = match self.cost {
                Cost::Repeated => (longest(first, rows)? * largest(second, rows)?, BYTES),
                Cost::Padded => (largest(second, rows)?, BYTES),
                Cost::Compared => (longest(first, rows)? * longest(second, rows)?, PAIRS),
            };
            if cost * rows as i128 > most {
                return exec_err!("{} would make or compare more than a call of it may: shorten its texts", self.inner.name());
            }
        }
        self.inner.invoke_with_args(args)
    }

    fn documentation(&self) -> Option<&datafusion::logical_expr::Documentation> {
        self.inner.documentation()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn long_texts_are_refused_and_short_ones_made() {
        let context = SessionContext::new();
        register(&context);
        let ask = async |sql: &str| match context.sql(sql).await {
            Ok(frame) => frame.collect().await.map(|batches| batches.iter().map(arrow::array::RecordBatch::num_rows).sum::<usize>()),
            Err(error) => Err(error),
        };
        for sql in [
            "select repeat('ab', 1000)",
            "select lpad('a', 100), rpad('a', 10, 'b')",
            "select levenshtein('kitten', 'sitting')",
            "select repeat('x', 2000) from generate_series(1, 20000)",
            "select repeat(null, 3)",
        ] {
            assert!(ask(sql).await.is_ok(), "{sql}: {:?}", ask(sql).await);
        }
        for sql in [
            "select repeat('x', 1500000000)",
            "select lpad('x', 1000000000)",
            "select repeat('x', value) from generate_series(1, 2000000) where value > 1000000",
            "select levenshtein(repeat('a', 150000), repeat('b', 150000))",
        ] {
            let error = ask(sql).await.err().map(|error| error.to_string()).unwrap_or_default();
            assert!(error.contains("more than a call of it may"), "{sql}: {error}");
        }
    }
}
