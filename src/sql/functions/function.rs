//! What every function has in common, whatever kind of function the engine takes it for: its description and its formula.
//!
//! In: a [`Spec`] and a formula. Out: [`Function`]; two are one function when they have one name. Not here: how a kind of function
//! is called (`collected`, `summed`, `rowwise`, `windowed`).

use std::hash::{Hash, Hasher};

use arrow::datatypes::DataType;
use datafusion::logical_expr::{Documentation, Signature, Volatility};

use super::parameters::Spec;

/// A function with a formula of type `F`, one type for each kind of function.
#[derive(Debug)]
pub(super) struct Function<F> {
    pub(super) spec: &'static Spec,
    pub(super) gives: DataType,
    pub(super) formula: F,
    pub(super) signature: Signature,
    pub(super) documentation: Documentation,
}

impl<F> Function<F> {
    pub(super) fn new(spec: &'static Spec, gives: DataType, formula: F) -> Self {
        let signature = Signature::user_defined(Volatility::Immutable);
        Self { spec, gives, formula, signature, documentation: spec.documentation() }
    }
}

impl<F> PartialEq for Function<F> {
    fn eq(&self, other: &Self) -> bool {
        self.spec.name == other.spec.name
    }
}

impl<F> Eq for Function<F> {}

impl<F> Hash for Function<F> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.spec.name.hash(state);
    }
}
