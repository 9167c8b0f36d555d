//! Differences that add up: the chain rule from one point to another, with secants where calculus has slopes.
//!
//! In: a network laid out as elementary operations ([`Plan`]), and two inputs. Out: a multiplier `m` for each input column and
//! task with `f(b) − f(a) = Σ m · (b − a)`, exact but for rounding, however far the points lie apart:
//!
//! - `y = x·W + c`: `Δy = Δx·W`;
//! - `y = φ(x)`, unit by unit: `Δy = (φ(b) − φ(a)) / (b − a) · Δx`;
//! - `y = u · v`: `Δy = v̄ · Δu + ū · Δv`, a bar being the mean of both ends;
//! - softmax: the formula of its slope, with the logarithmic mean of a share's two ends in the place of the share.
//!
//! Over a way of many short steps the multipliers become slopes, and their mean the integrated gradients. Here every path
//! counts, also the one through PEPNet's gates, which training looks through.
//!
//! # Source
//! Shrikumar, Greenside and Kundaje (2017), "Learning important features through propagating activation differences",
//! sections 3.2 to 3.5 (multipliers, their chain rule, the rescale rule).

mod operation;
mod plan;

pub(super) use operation::secant;
use plan::Operation;
pub(super) use plan::{Place, Plan};

use super::dense::{Group, Pass, add};
use super::heads::Heads;
use super::network::Weights;
use super::sgemm::{Into, Mat, MatMut};

/// A value of a slice of rows. Shape of each: `[rows, width]`.
#[derive(Debug, Clone)]
struct Value {
    width: usize,
    before: Vec<f32>,
    now: Vec<f32>,
    /// Of what works unit by unit: the secant from `before` to `now`.
    secant: Vec<f32>,
    /// The multipliers of the task at hand; meaningless until `reached`.
    d: Vec<f32>,
    reached: bool,
    /// Of the input and what is linear in it: the way's end, and each task's multipliers added up over the steps.
    end: Vec<f32>,
    sums: Vec<Vec<f32>>,
}

impl Value {
    /// Multipliers to add to, 0 at first. Shape: `[rows, width]`.
    fn open(&mut self, rows: usize) -> &mut [f32] {
        let d = &mut self.d[..rows * self.width];
        if !self.reached {
            d.fill(0.0);
            self.reached = true;
        }
        d
    }

    /// How a product that writes all of `d` treats what it held.
    fn reach(&mut self) -> Into {
        if std::mem::replace(&mut self.reached, true) { Into::Add } else { Into::Set }
    }
}

/// A slice of rows on the way from one input to another. All buffers are made once.
#[derive(Debug, Clone)]
pub(super) struct Way<'a> {
    plan: Plan<'a>,
    values: Vec<Value>,
    /// The common beginning, at the input and at what is linear in it. One row each.
    starts: Vec<Vec<f32>>,
    groups: Vec<Group>,
    rows: usize,
}

impl<'a> Way<'a> {
    /// Buffers for slices of at most `rows` rows.
    pub(super) fn new(plan: Plan<'a>, rows: usize) -> Self {
        let tasks = plan.heads.len();
        let value = |(place, width): (usize, &usize)| {
            let wide = |wanted: bool| vec![0.0; if wanted { rows * width } else { 0 }];
            let entry = place == 0 || plan.enters(place - 1).is_some();
            let unitwise = place > 0 && matches!(plan.operations[place - 1], Operation::Relu { .. } | Operation::Sigmoid { .. });
            let sums = if entry { vec![wide(true); tasks] } else { Vec::new() };
            Value {
                width: *width,
                before: wide(true),
                now: wide(true),
                secant: wide(unitwise),
                d: wide(true),
                reached: false,
                end: wide(entry),
                sums,
            }
        };
        let values: Vec<Value> = plan.widths.iter().enumerate().map(value).collect();
        let starts = values.iter().map(|value| vec![0.0; if value.end.is_empty() { 0 } else { value.width }]).collect();
        Self { plan, values, starts, groups: Vec::with_capacity(1), rows: 0 }
    }

    /// Goes to the beginning of the way from `from: [inputs]` to each row of `to: [rows, inputs]`, served in `scenario`.
    pub(super) fn begin(&mut self, weights: &Weights, scenario: usize, from: &[f32], to: &[f32]) {
        self.rows = to.len() / from.len();
        self.groups.clear();
        self.groups.push(Group { scenario, from: 0, to: self.rows });
        self.starts[0].copy_from_slice(from);
        self.values[0].end[..to.len()].copy_from_slice(to);
        let pass = Pass { weights: &weights.dense, own: &weights.own, groups: &self.groups };
        let one = [Group { scenario, from: 0, to: 1 }];
        let of_one = Pass { groups: &one, ..pass };
        for operation in 0..self.plan.operations.len() {
            let Some(layer) = self.plan.enters(operation) else { continue };
            let place = operation + 1;
            layer.linear(&of_one, Mat::new(from, 1, from.len()), MatMut::new(&mut self.starts[place], 1, layer.outputs));
            let end = MatMut::new(&mut self.values[place].end, self.rows, layer.outputs);
            layer.linear(&pass, Mat::new(to, self.rows, from.len()), end);
        }
        let rows = self.rows;
        for value in &mut self.values {
            let n = rows * value.width;
            value.sums.iter_mut().for_each(|sum| sum[..n].fill(0.0));
        }
        self.stand(weights, 0.0);
    }

    /// Takes a step, to the share `place` of the way.
    pub(super) fn step(&mut self, weights: &Weights, place: f32) {
        self.values.iter_mut().for_each(|value| std::mem::swap(&mut value.before, &mut value.now));
        self.stand(weights, place);
        for (at, operation) in self.plan.operations.iter().enumerate() {
            let (read, own) = self.values.split_at_mut(at + 1);
            operation::secants(operation, self.rows, read, &mut own[0]);
        }
    }

    /// Every value at the share `place` of the way.
    fn stand(&mut self, weights: &Weights, place: f32) {
        let pass = Pass { weights: &weights.dense, own: &weights.own, groups: &self.groups };
        for (value, start) in self.values.iter_mut().zip(&self.starts) {
            for (now, end) in value.now.chunks_exact_mut(value.width).zip(value.end.chunks_exact(value.width)).take(self.rows) {
                for ((now, from), to) in now.iter_mut().zip(start).zip(end) {
                    *now = from + place * (to - from);
                }
            }
        }
        for (at, operation) in self.plan.operations.iter().enumerate() {
            if self.plan.enters(at).is_some() {
                continue;
            }
            let (read, own) = self.values.split_at_mut(at + 1);
            operation::forward(operation, &pass, self.rows, read, &mut own[0]);
        }
    }

    /// Adds up the multipliers of a task's raw output over the last step.
    pub(super) fn back(&mut self, weights: &Weights, heads: &Heads, task: usize) {
        let pass = Pass { weights: &weights.dense, own: &weights.own, groups: &self.groups };
        self.values.iter_mut().for_each(|value| value.reached = false);
        let head = &mut self.values[self.plan.heads[task]];
        head.open(self.rows);
        let width = head.width;
        let ends = head.before.chunks_exact(width).zip(head.now.chunks_exact(width));
        for (d, (a, b)) in head.d.chunks_exact_mut(width).zip(ends).take(self.rows) {
            heads.raw_secants(task, a, b, d);
        }
        for (at, operation) in self.plan.operations.iter().enumerate().rev() {
            let (read, own) = self.values.split_at_mut(at + 1);
            let own = &mut own[0];
            if !own.reached {
                continue;
            }
            if self.plan.enters(at).is_some() {
                add(&mut own.sums[task][..self.rows * own.width], &own.d);
            } else {
                operation::backward(operation, &pass, self.rows, read, own);
            }
        }
        let input = &mut self.values[0];
        if input.reached {
            add(&mut input.sums[task][..self.rows * input.width], &input.d);
        }
    }

    /// The sum of a task's multipliers over the steps so far. Shape: `[rows, inputs]`.
    pub(super) fn multipliers(&mut self, weights: &Weights, task: usize) -> &[f32] {
        let pass = Pass { weights: &weights.dense, own: &weights.own, groups: &self.groups };
        let (input, others) = self.values.split_at_mut(1);
        let input = &mut input[0];
        let n = self.rows * input.width;
        input.d[..n].copy_from_slice(&input.sums[task][..n]);
        for (at, value) in others.iter().enumerate() {
            let Some(layer) = self.plan.enters(at) else { continue };
            let d = Mat::new(&value.sums[task], self.rows, value.width);
            layer.back(&pass, d, MatMut::new(&mut input.d, self.rows, layer.inputs), Into::Add);
        }
        &input.d[..n]
    }
}
