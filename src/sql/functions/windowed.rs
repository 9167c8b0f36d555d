//! Functions of a row among all rows of its window's partition.
//!
//! In: a [`Spec`](super::parameters::Spec) and a formula over a partition. Out: a DataFusion window function; frames do not matter to it. Not here: aggregates
//! over frames (`collected`, `summed`); what the formulas are (`shaping`).

use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::Result;
use datafusion::logical_expr::function::{PartitionEvaluatorArgs, WindowUDFFieldArgs};
use datafusion::logical_expr::{Documentation, PartitionEvaluator, Signature, WindowUDFImpl};

use super::function::Function;

/// What a partition comes to: arguments in the window's order, constants.
pub(super) type Formula = fn(&[ArrayRef], &[f64]) -> Result<ArrayRef>;

/// A function of a row among the rows of its partition.
pub(super) type Windowed = Function<Formula>;

impl WindowUDFImpl for Windowed {
    fn name(&self) -> &str {
        self.spec.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, given: &[DataType]) -> Result<Vec<DataType>> {
        self.spec.coerce(given)
    }

    fn field(&self, args: WindowUDFFieldArgs<'_>) -> Result<FieldRef> {
        Ok(Arc::new(Field::new(args.name(), self.gives.clone(), true)))
    }

    fn partition_evaluator(&self, args: PartitionEvaluatorArgs<'_>) -> Result<Box<dyn PartitionEvaluator>> {
        Ok(Box::new(Evaluator { formula: self.formula, constants: self.spec.constants(args.input_exprs())? }))
    }

    fn documentation(&self) -> Option<&Documentation> {
        Some(&self.documentation)
    }
}

#[derive(Debug)]
struct Evaluator {
    formula: Formula,
    constants: Vec<f64>,
}

impl PartitionEvaluator for Evaluator {
    fn evaluate_all(&mut self, values: &[ArrayRef], _: usize) -> Result<ArrayRef> {
        (self.formula)(values, &self.constants)
    }
}
