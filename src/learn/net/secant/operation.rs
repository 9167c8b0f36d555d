//! What each operation does: its value, and the multipliers that it hands back.

use super::super::dense::{Pass, add};
use super::super::sgemm::{Mat, MatMut};
use super::super::weights::Slot;
use super::Value;
use super::plan::Operation;

/// Below this distance, relative to 1, a secant is the slope in the middle.
const NEAR: f64 = 1e-5;

/// The value that an operation yields now.
pub(super) fn forward(operation: &Operation<'_>, pass: &Pass<'_>, rows: usize, read: &[Value], own: &mut Value) {
    let width = own.width;
    match operation {
        Operation::Linear { layer, from } => {
            layer.linear(pass, Mat::new(&read[*from].now, rows, layer.inputs), MatMut::new(&mut own.now, rows, width));
        }
        Operation::Relu { from, column } => {
            for (row, now) in own.now.chunks_exact_mut(width).enumerate().take(rows) {
                let x = &read[*from].now[row * read[*from].width + column..];
                now.iter_mut().zip(x).for_each(|(now, x)| *now = x.max(0.0));
            }
        }
        Operation::Sigmoid { from, range } => {
            own.now.iter_mut().zip(&read[*from].now).take(rows * width).for_each(|(now, x)| *now = range / (1.0 + (-x).exp()));
        }
        Operation::Softmax { from, column, bias } => {
            for (row, now) in own.now.chunks_exact_mut(width).enumerate().take(rows) {
                let at = row * read[*from].width + column;
                now.copy_from_slice(&read[*from].now[at..at + width]);
                if let Some(bias) = scenario_bias(*bias, pass) {
                    add(now, bias);
                }
                super::super::mixture::softmax(now);
            }
        }
        Operation::Mixture { shares, parts } => {
            own.now[..rows * width].fill(0.0);
            for (at, part) in parts.iter().enumerate() {
                for (row, now) in own.now.chunks_exact_mut(width).enumerate().take(rows) {
                    let share = read[*shares].now[row * parts.len() + at];
                    now.iter_mut().zip(&read[*part].now[row * width..]).for_each(|(now, h)| *now += share * h);
                }
            }
        }
        Operation::Product { unit, factor, column } => {
            for (row, now) in own.now.chunks_exact_mut(width).enumerate().take(rows) {
                let factors = &read[*factor].now[row * read[*factor].width + column..];
                let units = &read[*unit].now[row * width..];
                now.iter_mut().zip(units).zip(factors).for_each(|((now, unit), factor)| *now = unit * factor);
            }
        }
    }
}

/// Adds an operation's multipliers to those of what it reads.
pub(super) fn backward(operation: &Operation<'_>, pass: &Pass<'_>, rows: usize, read: &mut [Value], own: &Value) {
    let width = own.width;
    let d = |row: usize| &own.d[row * width..(row + 1) * width];
    match operation {
        Operation::Linear { layer, from } => {
            let into = read[*from].reach();
            layer.back(pass, Mat::new(&own.d, rows, width), MatMut::new(&mut read[*from].d, rows, layer.inputs), into);
        }
        Operation::Relu { from, column } => {
            let wide = read[*from].width;
            let back = read[*from].open(rows);
            for row in 0..rows {
                let secants = &own.secant[row * width..];
                let back = back[row * wide + column..].iter_mut();
                back.zip(d(row)).zip(secants).for_each(|((back, d), secant)| *back += d * secant);
            }
        }
        Operation::Sigmoid { from, .. } => {
            let back = read[*from].open(rows).iter_mut();
            back.zip(&own.d).zip(&own.secant).for_each(|((back, d), secant)| *back += d * secant);
        }
        Operation::Softmax { from, column, bias } => {
            let from = &mut read[*from];
            from.open(rows);
            let bias = scenario_bias(*bias, pass);
            for row in 0..rows {
                let at = row * from.width + column..row * from.width + column + width;
                softmax_back(&from.before[at.clone()], &from.now[at.clone()], bias, d(row), &mut from.d[at]);
            }
        }
        Operation::Mixture { shares, parts } => {
            for (at, part) in parts.iter().enumerate() {
                let n = parts.len();
                for row in 0..rows {
                    let (of, place) = (row * width..(row + 1) * width, row * n + at);
                    let ends = read[*part].before[of.clone()].iter().zip(&read[*part].now[of.clone()]);
                    let mean: f32 = ends.zip(d(row)).map(|((a, b), d)| (a + b) / 2.0 * d).sum();
                    let share = f32::midpoint(read[*shares].before[place], read[*shares].now[place]);
                    read[*shares].open(rows)[place] += mean;
                    read[*part].open(rows)[of].iter_mut().zip(d(row)).for_each(|(back, d)| *back += share * d);
                }
            }
        }
        Operation::Product { unit, factor, column } => {
            let wide = read[*factor].width;
            for row in 0..rows {
                for (at, d) in d(row).iter().enumerate() {
                    let (of_unit, of_factor) = (row * width + at, row * wide + column + at);
                    let mean = |value: &Value, at: usize| f32::midpoint(value.before[at], value.now[at]);
                    let (by_unit, by_factor) = (mean(&read[*factor], of_factor), mean(&read[*unit], of_unit));
                    read[*unit].open(rows)[of_unit] += by_unit * d;
                    read[*factor].open(rows)[of_factor] += by_factor * d;
                }
            }
        }
    }
}

/// What the scenario adds to a gate's logits; all rows of a way are served in one.
fn scenario_bias<'a>(bias: Option<Slot>, pass: &Pass<'a>) -> Option<&'a [f32]> {
    let scenario = pass.groups[0].scenario;
    bias.filter(|slot| scenario < slot.rows).map(|slot| slot.part(scenario, 1).of(pass.weights))
}

/// The secant of a smooth function from `a` to `b`, of slope `slope(x)`.
pub(in super::super) fn secant(a: f32, b: f32, of: impl Fn(f64) -> f64, slope: impl Fn(f64) -> f64) -> f64 {
    let (a, b) = (f64::from(a), f64::from(b));
    if (b - a).abs() < NEAR { slope(f64::midpoint(a, b)) } else { (of(b) - of(a)) / (b - a) }
}

/// `(relu(b) − relu(a)) / (b − a)`.
pub(super) fn relu_secant(a: f32, b: f32) -> f32 {
    match (a > 0.0, b > 0.0) {
        (true, true) => 1.0,
        (false, false) => 0.0,
        (true, false) => a / (a - b),
        (false, true) => b / (b - a),
    }
}

/// The secant of `σ`.
pub(super) fn sigmoid_secant(a: f32, b: f32) -> f32 {
    let of = |x: f64| 1.0 / (1.0 + (-x).exp());
    secant(a, b, of, |x| of(x) * (1.0 - of(x))) as f32
}

/// Adds the multipliers of a softmax to `back`: with `e = e^l` and `r = 1 / Σ e`,
/// `Δ(e_k · r) = r̄ · Δe_k + ē_k · Δr` and `Δr = −ΣΔe / (Σe(a) · Σe(b))`.
fn softmax_back(a: &[f32], b: &[f32], bias: Option<&[f32]>, d: &[f32], back: &mut [f32]) {
    let bias = |at: usize| bias.map_or(0.0, |bias| f64::from(bias[at]));
    let most = a.iter().chain(b).enumerate().map(|(at, l)| f64::from(*l) + bias(at % a.len())).fold(f64::NEG_INFINITY, f64::max);
    let power = |l: f32, at: usize| (f64::from(l) + bias(at) - most).exp();
    let sum = |logits: &[f32]| logits.iter().enumerate().map(|(at, l)| power(*l, at)).sum::<f64>();
    let (sum_a, sum_b) = (sum(a), sum(b));
    let reciprocal = f64::midpoint(1.0 / sum_a, 1.0 / sum_b);
    let by_sum: f64 = d.iter().enumerate().map(|(at, d)| f64::from(*d) * f64::midpoint(power(a[at], at), power(b[at], at))).sum::<f64>()
        / (sum_a * sum_b);
    for (at, (back, d)) in back.iter_mut().zip(d).enumerate() {
        let of = |l: f64| (l + bias(at) - most).exp();
        *back += (secant(a[at], b[at], of, of) * (f64::from(*d) * reciprocal - by_sum)) as f32;
    }
}
