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

/// The secants from before to now of an operation that works unit by unit: the same for every task.
pub(super) fn secants(operation: &Operation<'_>, rows: usize, read: &[Value], own: &mut Value) {
    let n = rows * own.width;
    match operation {
        Operation::Relu { from, column } => {
            let from = &read[*from];
            for (row, secants) in own.secant.chunks_exact_mut(own.width).enumerate().take(rows) {
                let at = row * from.width + column;
                let ends = from.before[at..].iter().zip(&from.now[at..]);
                secants.iter_mut().zip(ends).for_each(|(secant, (a, b))| *secant = relu_secant(*a, *b));
            }
        }
        Operation::Sigmoid { from, range } => {
            let ends = read[*from].before[..n].iter().zip(&read[*from].now);
            own.secant.iter_mut().zip(ends).for_each(|(secant, (a, b))| *secant = range * sigmoid_secant(*a, *b));
        }
        _ => {}
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

/// The secant of a smooth function from `a` to `b`, whose slope is `slope_at`.
pub(in super::super) fn secant(a: f64, b: f64, of: impl Fn(f64) -> f64, slope_at: impl Fn(f64) -> f64) -> f64 {
    if (b - a).abs() < NEAR { slope_at(f64::midpoint(a, b)) } else { (of(b) - of(a)) / (b - a) }
}

/// `(relu(b) − relu(a)) / (b − a)`.
fn relu_secant(a: f32, b: f32) -> f32 {
    match (a > 0.0, b > 0.0) {
        (true, true) => 1.0,
        (false, false) => 0.0,
        (true, false) => a / (a - b),
        (false, true) => b / (b - a),
    }
}

/// The secant of `σ`.
fn sigmoid_secant(a: f32, b: f32) -> f32 {
    let of = |x: f64| 1.0 / (1.0 + (-x).exp());
    secant(f64::from(a), f64::from(b), of, |x| of(x) * (1.0 - of(x))) as f32
}

/// Adds the multipliers of a softmax to `back`. With `s_k` the logarithmic mean of a share's two ends,
/// `Δshare_k = s_k · (Δl_k − Δln Σe^l)`, and since the shares' changes add up to 0, `Δln Σe^l = Σ s_j Δl_j / Σ s_j`. So the multiplier is
/// `s_k · (d_k − Σ s_j d_j / Σ s_j)`: the formula of the slope, with `s` in the place of the shares. What all logits have in common
/// does not matter.
fn softmax_back(a: &[f32], b: &[f32], bias: Option<&[f32]>, d: &[f32], back: &mut [f32]) {
    let logit = |logits: &[f32], at: usize| f64::from(logits[at]) + bias.map_or(0.0, |bias| f64::from(bias[at]));
    let log_sum = |logits: &[f32]| {
        let most = (0..d.len()).map(|at| logit(logits, at)).fold(f64::NEG_INFINITY, f64::max);
        most + (0..d.len()).map(|at| (logit(logits, at) - most).exp()).sum::<f64>().ln()
    };
    let (sum_a, sum_b) = (log_sum(a), log_sum(b));
    let mean = |at: usize| secant(logit(a, at) - sum_a, logit(b, at) - sum_b, f64::exp, f64::exp);
    let (mut total, mut weighed) = (0.0, 0.0);
    for (at, d) in d.iter().enumerate() {
        total += mean(at);
        weighed += mean(at) * f64::from(*d);
    }
    for (at, (back, d)) in back.iter_mut().zip(d).enumerate() {
        *back += (mean(at) * (f64::from(*d) - weighed / total)) as f32;
    }
}

#[cfg(test)]
mod tests {
    use super::super::super::mixture::softmax;
    use super::*;

    /// How far the multipliers of `Σ d · share` miss its change.
    fn missed(a: [f32; 3], b: [f32; 3]) -> (f64, [f32; 3]) {
        let (d, bias, mut back) = ([0.5, -2.0, 1.5], [0.25, 0.0, -1.0], [0.0; 3]);
        softmax_back(&a, &b, Some(&bias), &d, &mut back);
        let value = |logits: [f32; 3]| {
            let mut shares = std::array::from_fn::<f32, 3, _>(|at| logits[at] + bias[at]);
            softmax(&mut shares);
            shares.iter().zip(d).map(|(share, d)| f64::from(share * d)).sum::<f64>()
        };
        let found: f64 = (0..3).map(|at| f64::from(back[at]) * f64::from(b[at] - a[at])).sum();
        ((found - (value(b) - value(a))).abs(), back)
    }

    #[test]
    fn multipliers_of_a_softmax_account_for_its_change() {
        for (a, b) in [
            ([0.0, 1.0, -1.0], [0.5, -2.0, 3.0]),
            ([0.0, 1.0, -1.0], [0.0, 1.0, -1.0]),
            ([3.0, 3.0, 3.0], [30.0, -30.0, 0.0]),
            ([800.0, 0.0, 0.0], [0.0, 800.0, 0.0]),
            ([1e4, -1e4, 0.0], [-1e4, 1e4, 0.0]),
        ] {
            let (missed, back) = missed(a, b);
            assert!(missed < 1e-5 && back.iter().all(|d| d.is_finite()), "{a:?} to {b:?}: {missed}, {back:?}");
        }
    }

    #[test]
    fn what_all_logits_have_in_common_changes_no_multiplier() {
        let (_, plain) = missed([0.0, 1.0, -1.0], [0.5, -2.0, 3.0]);
        let (_, moved) = missed([0.0, 1.0, -1.0], [90.5, 88.0, 93.0]);
        assert!(plain.iter().zip(moved).all(|(plain, moved)| (plain - moved).abs() < 1e-5 && plain.abs() > 1e-2), "{plain:?} {moved:?}");
    }

    #[test]
    fn secants_of_units_are_slopes_of_their_chords() {
        for (a, b, expected) in
            [(1.0, 2.0, 1.0), (-1.0, -2.0, 0.0), (-1.0, 3.0, 0.75), (3.0, -1.0, 0.75), (0.0, 0.0, 0.0), (0.0, 2.0, 1.0_f32)]
        {
            assert!((relu_secant(a, b) - expected).abs() < 1e-7, "{a} to {b}");
        }
        for (a, b) in [(0.0_f32, 1.0_f32), (-60.0, 60.0), (2.0, 2.0 + 1e-6)] {
            let of = |x: f32| 1.0 / (1.0 + (-f64::from(x)).exp());
            let change = f64::from(sigmoid_secant(a, b)) * f64::from(b - a);
            assert!((change - (of(b) - of(a))).abs() < 1e-7, "{a} to {b}");
        }
    }
}
