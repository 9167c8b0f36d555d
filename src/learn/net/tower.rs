//! A task's own layers: hidden layers, then the head's raw numbers.
//!
//! In: the task's mixture of experts. Out: one number per output of the task's head. The scenario speaks through its bias
//! (`none`), through its own weights (`star`), or through factors on the hidden units (`pepnet`).

use super::dense::{ByScenario, Dense, Gradients, Noise, Pass};
use super::secant::{Place, Plan};
use super::sgemm::{Into, Mat, MatMut};
use super::weights::Layout;

/// The layers of one task.
#[derive(Debug, Clone)]
pub(super) struct Tower {
    hidden: Vec<Dense>,
    pub(super) head: Dense,
    /// First column of this task's factors among all of PPNet's; `None` without it.
    personal: Option<usize>,
}

/// Activations and slopes of a slice, one per hidden layer.
#[derive(Debug, Clone)]
pub(super) struct TowerTrace {
    hidden: Vec<Vec<f32>>,
    /// Hidden units times their factors; empty without PPNet.
    bent: Vec<Vec<f32>>,
    d: Vec<Vec<f32>>,
}

/// PPNet's factors of a slice and their slopes. Shape of each: `[rows, wide]`.
pub(super) struct Factors<'a> {
    pub(super) wide: usize,
    pub(super) factor: &'a [f32],
    pub(super) d: &'a mut [f32],
}

impl Tower {
    pub(super) fn new(
        name: &str,
        (inputs, layers, outputs): (usize, &[usize], usize),
        by: ByScenario,
        personal: Option<usize>,
        scenarios: usize,
        layout: &mut Layout,
        own: &mut Layout,
    ) -> Self {
        let mut hidden = Vec::new();
        let mut width = inputs;
        for (depth, units) in layers.iter().enumerate() {
            hidden.push(Dense::new(&format!("{name}.layer{depth}"), (width, *units, *units), by, scenarios, layout, own));
            width = *units;
        }
        let head = Dense::new(&format!("{name}.head"), (width, outputs, 0), by, scenarios, layout, own);
        Self { hidden, head, personal }
    }

    pub(super) fn trace(&self, rows: usize) -> TowerTrace {
        let of = || self.hidden.iter().map(|layer| vec![0.0; rows * layer.outputs]).collect::<Vec<_>>();
        TowerTrace { hidden: of(), bent: if self.personal.is_some() { of() } else { Vec::new() }, d: of() }
    }

    /// Every dense layer, for effective weights.
    pub(super) fn layers(&self) -> impl Iterator<Item = &Dense> {
        self.hidden.iter().chain([&self.head])
    }

    /// The tower as elementary operations: where its numbers lie.
    pub(super) fn plan<'a>(&'a self, plan: &mut Plan<'a>, mut from: Place, factors: Option<Place>) -> Place {
        let mut column = self.personal.unwrap_or(0);
        for layer in &self.hidden {
            from = plan.layer(layer, from);
            if let Some(factors) = factors {
                from = plan.product(from, factors, column);
            }
            column += layer.outputs;
        }
        plan.linear(&self.head, from)
    }

    /// What the layer after hidden layer `depth` reads.
    fn passed<'a>(&self, trace: &'a TowerTrace, depth: usize, rows: usize) -> Mat<'a> {
        let units = if self.personal.is_some() { &trace.bent[depth] } else { &trace.hidden[depth] };
        Mat::new(units, rows, self.hidden[depth].outputs)
    }

    /// Shapes: `x: [rows, inputs]`, `out: [rows, outputs]`; `factors: [rows, wide]` for PPNet.
    pub(super) fn forward(
        &self,
        pass: &Pass<'_>,
        x: Mat<'_>,
        factors: Option<(&[f32], usize)>,
        trace: &mut TowerTrace,
        noise: &mut Noise,
        out: MatMut<'_>,
    ) {
        let rows = x.rows;
        let mut column = self.personal.unwrap_or(0);
        for (depth, layer) in self.hidden.iter().enumerate() {
            let mut hidden = std::mem::take(&mut trace.hidden[depth]);
            let input = if depth == 0 { x } else { self.passed(trace, depth - 1, rows) };
            layer.forward(pass, input, MatMut::new(&mut hidden, rows, layer.outputs), noise);
            if let (Some((factors, wide)), Some(_)) = (factors, self.personal) {
                for row in 0..rows {
                    let factor = &factors[row * wide + column..row * wide + column + layer.outputs];
                    let units = row * layer.outputs..(row + 1) * layer.outputs;
                    for ((bent, unit), factor) in trace.bent[depth][units.clone()].iter_mut().zip(&hidden[units]).zip(factor) {
                        *bent = unit * factor;
                    }
                }
            }
            trace.hidden[depth] = hidden;
            column += layer.outputs;
        }
        let input = if self.hidden.is_empty() { x } else { self.passed(trace, self.hidden.len() - 1, rows) };
        self.head.forward(pass, input, out, &mut Noise::none());
    }

    /// `y` and `d: [rows, outputs]` are the head's; `dx: [rows, inputs]` is overwritten.
    pub(super) fn backward(
        &self,
        pass: &Pass<'_>,
        x: Mat<'_>,
        (y, d): (Mat<'_>, MatMut<'_>),
        mut factors: Option<Factors<'_>>,
        trace: &mut TowerTrace,
        scale: f32,
        gradients: &mut Gradients,
        dx: MatMut<'_>,
    ) {
        let rows = x.rows;
        let last = self.hidden.len();
        let mut slopes = std::mem::take(&mut trace.d);
        let mut dx = Some(dx);
        let before_head = if last == 0 { x } else { self.passed(trace, last - 1, rows) };
        let target = match slopes.last_mut() {
            Some(slope) => Some(MatMut::new(slope, rows, self.hidden[last - 1].outputs)),
            None => dx.take(),
        };
        self.head.backward(pass, before_head, y, d, 1.0, gradients, target.map(|target| (target, Into::Set)));
        let mut column = self.personal.unwrap_or(0) + self.hidden.iter().map(|layer| layer.outputs).sum::<usize>();
        for depth in (0..last).rev() {
            let layer = &self.hidden[depth];
            column -= layer.outputs;
            let (before, own) = slopes.split_at_mut(depth);
            let d = &mut own[0];
            if let (Some(factors), Some(_)) = (factors.as_mut(), self.personal) {
                for row in 0..rows {
                    for unit in 0..layer.outputs {
                        let (place, at) = (row * factors.wide + column + unit, row * layer.outputs + unit);
                        factors.d[place] = d[at] * trace.hidden[depth][at];
                        d[at] *= factors.factor[place];
                    }
                }
            }
            let input = if depth == 0 { x } else { self.passed(trace, depth - 1, rows) };
            let target = match before.last_mut() {
                Some(slope) => Some(MatMut::new(slope, rows, self.hidden[depth - 1].outputs)),
                None => dx.take(),
            };
            let y = Mat::new(&trace.hidden[depth], rows, layer.outputs);
            layer.backward(pass, input, y, MatMut::new(d, rows, layer.outputs), scale, gradients, target.map(|target| (target, Into::Set)));
        }
        trace.d = slopes;
    }
}
