//! A network as a list of elementary operations.
//!
//! In: what each part of the network says of itself, in the order of a forward pass. Out: the list that [`super::Way`] walks.

use super::super::dense::Dense;
use super::super::weights::Slot;

/// Which value an operation reads: 0 is the input, `i + 1` what operation `i` yields.
pub(in super::super) type Place = usize;

/// One elementary operation.
#[derive(Debug, Clone)]
pub(super) enum Operation<'a> {
    /// `x·W + b`, with the scenario's parts.
    Linear { layer: &'a Dense, from: Place },
    /// `max(x, 0)` of the columns from `column` on.
    Relu { from: Place, column: usize },
    /// `range · σ(x)`.
    Sigmoid { from: Place, range: f32 },
    /// Shares `e^l / Σ e^l` of the columns from `column` on, after the scenario's bias.
    Softmax { from: Place, column: usize, bias: Option<Slot> },
    /// `Σ_k share_k · part_k`.
    Mixture { shares: Place, parts: Vec<Place> },
    /// `unit · factor`, the factors being the columns from `column` on.
    Product { unit: Place, factor: Place, column: usize },
}

/// A network as elementary operations, each after those that it reads.
#[derive(Debug, Clone)]
pub(in super::super) struct Plan<'a> {
    pub(super) operations: Vec<Operation<'a>>,
    /// Width of each value, the input's first.
    pub(super) widths: Vec<usize>,
    /// The numbers of each task's head.
    pub(super) heads: Vec<Place>,
}

impl<'a> Plan<'a> {
    /// Nothing yet but an input of `inputs` columns.
    pub(in super::super) fn new(inputs: usize) -> Self {
        Self { operations: Vec::new(), widths: vec![inputs], heads: Vec::new() }
    }

    fn then(&mut self, operation: Operation<'a>, width: usize) -> Place {
        self.operations.push(operation);
        self.widths.push(width);
        self.operations.len()
    }

    /// A layer before relu.
    pub(in super::super) fn linear(&mut self, layer: &'a Dense, from: Place) -> Place {
        self.then(Operation::Linear { layer, from }, layer.outputs)
    }

    /// A layer whose outputs all go through relu.
    pub(in super::super) fn layer(&mut self, layer: &'a Dense, from: Place) -> Place {
        let from = self.linear(layer, from);
        self.relu(from, 0, layer.outputs)
    }

    /// Relu of `width` columns from `column` on.
    pub(in super::super) fn relu(&mut self, from: Place, column: usize, width: usize) -> Place {
        self.then(Operation::Relu { from, column }, width)
    }

    /// Numbers between 0 and `range`.
    pub(in super::super) fn sigmoid(&mut self, from: Place, range: f32) -> Place {
        self.then(Operation::Sigmoid { from, range }, self.widths[from])
    }

    /// Shares of `n` columns from `column` on; `bias: [scenarios, n]` is added before.
    pub(in super::super) fn softmax(&mut self, from: Place, column: usize, n: usize, bias: Option<Slot>) -> Place {
        self.then(Operation::Softmax { from, column, bias }, n)
    }

    /// Parts of one width, weighed by shares.
    pub(in super::super) fn mixture(&mut self, shares: Place, parts: Vec<Place>) -> Place {
        let width = self.widths[parts[0]];
        self.then(Operation::Mixture { shares, parts }, width)
    }

    /// Units times as many factors from `column` on.
    pub(in super::super) fn product(&mut self, unit: Place, factor: Place, column: usize) -> Place {
        self.then(Operation::Product { unit, factor, column }, self.widths[unit])
    }

    /// Says where the next task's head yields its numbers.
    pub(in super::super) fn head(&mut self, numbers: Place) {
        self.heads.push(numbers);
    }

    /// Whether an operation is linear along a straight way of the input: its value is interpolated, and its multipliers go back
    /// through it once for all steps.
    pub(super) fn enters(&self, operation: usize) -> Option<&'a Dense> {
        match self.operations[operation] {
            Operation::Linear { layer, from: 0 } => Some(layer),
            _ => None,
        }
    }
}
