//! Functions of one row.
//!
//! In: a [`Spec`](super::parameters::Spec) and a formula over the arguments of a batch. Out: a DataFusion scalar function. Not here: what the formulas are
//! (`shaping`).

use arrow::array::ArrayRef;
use arrow::datatypes::DataType;
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::{ColumnarValue, Documentation, ScalarFunctionArgs, ScalarUDFImpl, Signature};

use super::function::Function;

/// What a batch of arguments comes to: arguments, constants, rows.
pub(super) type Formula = fn(&[ColumnarValue], &[f64], usize) -> Result<ArrayRef>;

/// A function of one row.
pub(super) type Rowwise = Function<Formula>;

impl ScalarUDFImpl for Rowwise {
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

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let constant = |at: usize| match args.args.get(at)? {
            ColumnarValue::Scalar(ScalarValue::Float64(number)) => *number,
            _ => None,
        };
        let constants = self.spec.constants_by(args.args.len(), constant)?;
        Ok(ColumnarValue::Array((self.formula)(&args.args, &constants, args.number_rows)?))
    }

    fn documentation(&self) -> Option<&Documentation> {
        Some(&self.documentation)
    }
}
