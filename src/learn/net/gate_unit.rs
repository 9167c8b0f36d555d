//! The gate that personalises: a factor between 0 and 2 for each unit, made from the scenario and the inputs.
//!
//! `δ = 2 · sigmoid(relu(x·W + b + c_s)·W' + b')`. The inputs are only looked at: no slope flows back into them, so that the
//! gate bends the features without being torn by them.
//!
//! # Source
//! Chang et al. (2023), "PEPNet: Parameter and Embedding Personalized Network", equations 3 to 7 (Gate NU, EPNet, PPNet).

use super::dense::{ByScenario, Dense, Gradients, Noise, Pass};
use super::secant::{Place, Plan};
use super::sgemm::{Into, Mat, MatMut};
use super::weights::Layout;

/// The scale of the sigmoid: a gate that knows nothing passes everything.
const RANGE: f32 = 2.0;

/// The unit.
#[derive(Debug, Clone)]
pub(super) struct GateUnit {
    hidden: Dense,
    out: Dense,
}

/// What a pass leaves for the way back.
#[derive(Debug, Clone)]
pub(super) struct GateTrace {
    hidden: Vec<f32>,
    /// `δ`. Shape: `[rows, outputs]`.
    pub(super) factor: Vec<f32>,
    d_hidden: Vec<f32>,
}

impl GateUnit {
    pub(super) fn new(
        name: &str,
        (inputs, hidden, outputs): (usize, usize, usize),
        scenarios: usize,
        layout: &mut Layout,
        own: &mut Layout,
    ) -> Self {
        Self {
            hidden: Dense::new(&format!("{name}.hidden"), (inputs, hidden, hidden), ByScenario::Bias, scenarios, layout, own),
            out: Dense::new(&format!("{name}.out"), (hidden, outputs, 0), ByScenario::Nothing, scenarios, layout, own),
        }
    }

    pub(super) fn trace(&self, rows: usize) -> GateTrace {
        GateTrace {
            hidden: vec![0.0; rows * self.hidden.outputs],
            factor: vec![0.0; rows * self.out.outputs],
            d_hidden: vec![0.0; rows * self.hidden.outputs],
        }
    }

    /// The unit as elementary operations: where its factors lie.
    pub(super) fn plan<'a>(&'a self, plan: &mut Plan<'a>, x: Place) -> Place {
        let hidden = plan.layer(&self.hidden, x);
        let out = plan.linear(&self.out, hidden);
        plan.sigmoid(out, RANGE)
    }

    /// Number of factors.
    pub(super) fn outputs(&self) -> usize {
        self.out.outputs
    }

    /// Fills `trace.factor`.
    pub(super) fn forward(&self, pass: &Pass<'_>, x: Mat<'_>, trace: &mut GateTrace) {
        let rows = x.rows;
        self.hidden.forward(pass, x, MatMut::new(&mut trace.hidden, rows, self.hidden.outputs), &mut Noise::none());
        let hidden = Mat::new(&trace.hidden, rows, self.hidden.outputs);
        self.out.forward(pass, hidden, MatMut::new(&mut trace.factor, rows, self.out.outputs), &mut Noise::none());
        for factor in &mut trace.factor[..rows * self.out.outputs] {
            *factor = RANGE / (1.0 + (-*factor).exp());
        }
    }

    /// `d: [rows, outputs]` comes in as the loss's slope in `δ`.
    pub(super) fn backward(&self, pass: &Pass<'_>, x: Mat<'_>, trace: &mut GateTrace, d: &mut [f32], gradients: &mut Gradients) {
        let (rows, outputs) = (x.rows, self.out.outputs);
        for (d, factor) in d[..rows * outputs].iter_mut().zip(&trace.factor) {
            *d *= factor * (1.0 - factor / RANGE);
        }
        let hidden = Mat::new(&trace.hidden, rows, self.hidden.outputs);
        let factor = Mat::new(&trace.factor, rows, outputs);
        let d_hidden = MatMut::new(&mut trace.d_hidden, rows, self.hidden.outputs);
        self.out.backward(pass, hidden, factor, MatMut::new(d, rows, outputs), 1.0, gradients, Some((d_hidden, Into::Set)));
        self.hidden.backward(pass, x, hidden, MatMut::new(&mut trace.d_hidden, rows, self.hidden.outputs), 1.0, gradients, None);
    }
}
