//! Experts and gates: the part that the tasks share.
//!
//! In: one stream of features, or one per task and a shared one. Out: one stream per task (and a shared one, where another
//! level follows). Each output is a mixture `Σ_e g_e · h_e` of the experts that its gate may see. The experts' first layers and
//! the gates of one input stream are one product.
//!
//! One expert and no gate is the shared bottom; experts that every gate sees are MMoE; experts of a task beside shared ones
//! are CGC, and several levels of it PLE.
//!
//! # Source
//! Caruana (1997), "Multitask learning"; Ma et al. (2018), "Modeling task relationships in multi-task learning with multi-gate
//! mixture-of-experts", equations 6 to 8; Tang et al. (2020), "Progressive layered extraction", equations 1 to 8.

use multiversion::multiversion;
use ndarray::Array2;

use super::super::inside::{InsideGate, InsideLevel};
use super::dense::{ByScenario, Dense, Gradients, Noise, Pass, add_rows};
use super::secant::{Place, Plan};
use super::settings::TaskSharing;
use super::sgemm::{Into, Mat, MatMut};
use super::weights::{Begin, Decay, Layout, Slot};
use super::wide;

/// An expert after its first layer, which lies in its stream's product.
#[derive(Debug, Clone)]
struct Expert {
    /// Its task, or the number of tasks where all share it.
    owner: usize,
    stream: usize,
    /// First column of its first hidden layer in the stream's product.
    column: usize,
    /// The layers after the first.
    layers: Vec<Dense>,
}

/// One output: the experts that it mixes.
#[derive(Debug, Clone)]
struct Gate {
    stream: usize,
    /// First column of its logits in the stream's product.
    column: usize,
    experts: Vec<usize>,
    /// What a scenario adds to the logits. Shape: `[scenarios, experts]`; none where there is nothing to weigh.
    scenario_bias: Option<Slot>,
}

/// One level of experts and gates.
#[derive(Debug, Clone)]
pub(super) struct Mixture {
    streams: Vec<Dense>,
    experts: Vec<Expert>,
    gates: Vec<Gate>,
    /// Width of an expert's first hidden layer.
    first: usize,
    /// Width of an output.
    pub(super) width: usize,
}

/// Activations and slopes of a slice.
#[derive(Debug, Clone)]
pub(super) struct MixtureTrace {
    /// One per stream. Shape: `[rows, stream outputs]`.
    first: Vec<Vec<f32>>,
    d_first: Vec<Vec<f32>>,
    /// One per expert and later layer. Shape: `[rows, layer outputs]`.
    hidden: Vec<Vec<Vec<f32>>>,
    d_hidden: Vec<Vec<Vec<f32>>>,
    /// One per output. Shape: `[rows, experts of the gate]`.
    shares: Vec<Vec<f32>>,
    /// One per output. Shape: `[rows, width]`.
    pub(super) out: Vec<Vec<f32>>,
    pub(super) d_out: Vec<Vec<f32>>,
}

/// What a level is built for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Level<'a> {
    pub(super) name: &'a str,
    pub(super) sharing: TaskSharing,
    pub(super) tasks: usize,
    pub(super) scenarios: usize,
    /// Width of an input stream.
    pub(super) inputs: usize,
    /// Number of input streams: 1, or tasks + 1 after another level.
    pub(super) streams: usize,
    /// Whether another level follows, which needs a shared output.
    pub(super) followed: bool,
    /// Experts that all tasks see.
    pub(super) experts: usize,
    /// Experts of each task, for PLE.
    pub(super) task_experts: usize,
    /// Widths of an expert's layers.
    pub(super) layers: &'a [usize],
}

impl Mixture {
    pub(super) fn new(level: &Level<'_>, layout: &mut Layout, own: &mut Layout) -> Self {
        let first = level.layers[0];
        // The stream that feeds an owner: a task, or `tasks` for what is shared.
        let stream_of = |owner: usize| if level.streams == 1 { 0 } else { owner };
        let mut owners: Vec<usize> = Vec::new();
        match level.sharing {
            TaskSharing::SharedBottom => owners.push(level.tasks),
            TaskSharing::Mmoe => owners.extend(std::iter::repeat_n(level.tasks, level.experts)),
            TaskSharing::Ple => {
                owners.extend(std::iter::repeat_n(level.tasks, level.experts));
                owners.extend((0..level.tasks).flat_map(|task| std::iter::repeat_n(task, level.task_experts)));
            }
        }
        let outputs = level.tasks + usize::from(level.followed);
        let sees = |output: usize, owner: usize| owner == level.tasks || owner == output || output == level.tasks;
        let mut widths = vec![0; level.streams];
        let mut experts: Vec<Expert> = Vec::new();
        for (at, owner) in owners.iter().enumerate() {
            let stream = stream_of(*owner);
            let column = widths[stream];
            widths[stream] += first;
            let mut layers = Vec::new();
            for (depth, pair) in level.layers.windows(2).enumerate() {
                let name = format!("{}.expert{at}.layer{}", level.name, depth + 1);
                layers.push(Dense::new(&name, (pair[0], pair[1], pair[1]), ByScenario::Nothing, level.scenarios, layout, own));
            }
            experts.push(Expert { owner: *owner, stream, column, layers });
        }
        let relu = widths.clone();
        let mut gates = Vec::new();
        for output in 0..outputs {
            let seen: Vec<usize> = (0..owners.len()).filter(|expert| sees(output, owners[*expert])).collect();
            let stream = stream_of(output);
            let column = widths[stream];
            // A gate over one expert has nothing to weigh.
            let weighs = seen.len() > 1;
            widths[stream] += if weighs { seen.len() } else { 0 };
            // The scenario speaks in the gates; an expert's features are the same in every scenario.
            let name = format!("{}.gate{output}.scenario_bias", level.name);
            let scenario_bias = weighs.then(|| layout.add(name, level.scenarios, seen.len(), Begin::Zero, Decay::OwnPart));
            gates.push(Gate { stream, column, experts: seen, scenario_bias });
        }
        let streams = (0..level.streams)
            .map(|stream| {
                let shape = (level.inputs, widths[stream], relu[stream]);
                Dense::new(&format!("{}.stream{stream}", level.name), shape, ByScenario::Nothing, level.scenarios, layout, own)
            })
            .collect();
        Self { streams, experts, gates, first, width: level.layers[level.layers.len() - 1] }
    }

    pub(super) fn trace(&self, rows: usize) -> MixtureTrace {
        let of = |width: usize| vec![0.0; rows * width];
        let first: Vec<Vec<f32>> = self.streams.iter().map(|stream| of(stream.outputs)).collect();
        let hidden: Vec<Vec<Vec<f32>>> =
            self.experts.iter().map(|expert| expert.layers.iter().map(|layer| of(layer.outputs)).collect()).collect();
        let out: Vec<Vec<f32>> = self.gates.iter().map(|_| of(self.width)).collect();
        MixtureTrace {
            d_first: first.clone(),
            first,
            d_hidden: hidden.clone(),
            hidden,
            shares: self.gates.iter().map(|gate| of(gate.experts.len())).collect(),
            d_out: out.clone(),
            out,
        }
    }

    /// The level as elementary operations: where each output lies, from where the input streams lie.
    pub(super) fn plan<'a>(&'a self, plan: &mut Plan<'a>, inputs: &[Place]) -> Vec<Place> {
        let products: Vec<Place> = self.streams.iter().zip(inputs).map(|(stream, input)| plan.linear(stream, *input)).collect();
        let mut expert = |expert: &'a Expert| {
            let first = plan.relu(products[expert.stream], expert.column, self.first);
            expert.layers.iter().fold(first, |from, layer| plan.layer(layer, from))
        };
        let experts: Vec<Place> = self.experts.iter().map(&mut expert).collect();
        let mut output = |gate: &Gate| {
            let parts: Vec<Place> = gate.experts.iter().map(|expert| experts[*expert]).collect();
            if let [only] = parts[..] {
                return only;
            }
            let shares = plan.softmax(products[gate.stream], gate.column, parts.len(), gate.scenario_bias);
            plan.mixture(shares, parts)
        };
        self.gates.iter().map(&mut output).collect()
    }

    /// Number of outputs.
    pub(super) fn outputs(&self) -> usize {
        self.gates.len()
    }

    /// Every dense layer, for effective weights.
    pub(super) fn layers(&self) -> impl Iterator<Item = &Dense> {
        self.streams.iter().chain(self.experts.iter().flat_map(|expert| &expert.layers))
    }

    /// Columns of the features that experts yield, side by side: what the probe for scenarios looks at.
    pub(super) fn feature_width(&self) -> usize {
        self.experts.len() * self.width
    }

    /// An expert's outputs, of all rows that there is room for.
    fn features<'a>(&self, trace: &'a MixtureTrace, expert: usize) -> Mat<'a> {
        if let Some(last) = trace.hidden[expert].last() {
            return Mat::new(last, last.len() / self.width, self.width);
        }
        let Expert { stream, column, .. } = &self.experts[expert];
        let (first, wide) = (&trace.first[*stream], self.streams[*stream].outputs);
        Mat::new(first, first.len() / wide, wide).cols(*column, column + self.width)
    }

    /// Copies the experts' outputs of row `row` side by side.
    pub(super) fn copy_features(&self, trace: &MixtureTrace, row: usize, into: &mut [f32]) {
        for (expert, into) in into.chunks_exact_mut(self.width).enumerate() {
            into.copy_from_slice(self.features(trace, expert).row(row));
        }
    }

    /// Room for what a block's rows look like inside.
    pub(super) fn inside(&self, rows: usize, tasks: usize) -> InsideLevel {
        let task = |own: usize| (own < tasks).then_some(own);
        let gate = |(output, gate): (usize, &Gate)| InsideGate {
            task: task(output),
            experts: gate.experts.clone(),
            shares: Array2::zeros((rows, gate.experts.len())),
        };
        InsideLevel {
            experts: self.experts.iter().map(|expert| task(expert.owner)).collect(),
            features: Array2::zeros((rows, self.feature_width())),
            width: self.width,
            gates: self.gates.iter().enumerate().map(gate).collect(),
        }
    }

    /// Copies what row `from` of a slice looks like inside into row `to`.
    pub(super) fn copy_inside(&self, trace: &MixtureTrace, from: usize, level: &mut InsideLevel, to: usize) {
        let mut features = level.features.row_mut(to);
        for expert in 0..self.experts.len() {
            let own = self.features(trace, expert).row(from);
            features.iter_mut().skip(expert * self.width).zip(own).for_each(|(into, own)| *into = *own);
        }
        for (gate, shares) in level.gates.iter_mut().zip(&trace.shares) {
            let n = gate.experts.len();
            gate.shares.row_mut(to).iter_mut().zip(&shares[from * n..]).for_each(|(into, own)| *into = *own);
        }
    }

    /// The experts' layers: everything that does not depend on the scenario. `inputs` are the streams.
    pub(super) fn forward_experts(&self, pass: &Pass<'_>, inputs: &[Mat<'_>], trace: &mut MixtureTrace, noise: &mut Noise) {
        let rows = inputs[0].rows;
        for ((stream, x), first) in self.streams.iter().zip(inputs).zip(&mut trace.first) {
            stream.forward(pass, *x, MatMut::new(first, rows, stream.outputs), noise);
        }
        self.forward_hidden(pass, rows, trace, noise);
    }

    /// The experts' layers after the first.
    fn forward_hidden(&self, pass: &Pass<'_>, rows: usize, trace: &mut MixtureTrace, noise: &mut Noise) {
        for (expert, hidden) in self.experts.iter().zip(&mut trace.hidden) {
            let first = Mat::new(&trace.first[expert.stream], rows, self.streams[expert.stream].outputs)
                .cols(expert.column, expert.column + self.first);
            for depth in 0..expert.layers.len() {
                let layer = &expert.layers[depth];
                let (before, own) = hidden.split_at_mut(depth);
                let x = before.last().map_or(first, |before| Mat::new(before, rows, layer.inputs));
                layer.forward(pass, x, MatMut::new(&mut own[0], rows, layer.outputs), noise);
            }
        }
    }

    /// The mixtures, each row in the scenario of its group.
    pub(super) fn forward_gates(&self, pass: &Pass<'_>, trace: &mut MixtureTrace) {
        for (output, gate) in self.gates.iter().enumerate() {
            for group in pass.groups {
                let own =
                    gate.scenario_bias.filter(|slot| group.scenario < slot.rows).map(|slot| slot.part(group.scenario, 1).of(pass.weights));
                self.mix(output, gate, own, (group.from, group.to), trace);
            }
        }
    }

    /// One output of the rows `from..to`, which are served in one scenario: `own` is what it adds to the logits.
    fn mix(&self, output: usize, gate: &Gate, own: Option<&[f32]>, (from, to): (usize, usize), trace: &mut MixtureTrace) {
        let n = gate.experts.len();
        let mut shares = std::mem::take(&mut trace.shares[output]);
        let mut out = std::mem::take(&mut trace.out[output]);
        let part = &mut shares[from * n..to * n];
        if n == 1 {
            part.fill(1.0);
        } else {
            let wide = self.streams[gate.stream].outputs;
            let logits = Mat::new(&trace.first[gate.stream], to, wide).rows(from, to).cols(gate.column, gate.column + n);
            weigh(logits, own, part);
        }
        for (place, expert) in gate.experts.iter().enumerate() {
            let features = self.features(trace, *expert).rows(from, to);
            mix(MatMut::new(&mut out, to, self.width).part(from, to), place == 0, Mat::new(&shares, to, n).rows(from, to), place, features);
        }
        trace.shares[output] = shares;
        trace.out[output] = out;
    }

    /// From the slopes in `trace.d_out` back to the slopes of the input streams, which `d_inputs` are set to. `extra` is a slope
    /// on the experts' outputs themselves (gradient reversal), side by side as [`Mixture::copy_features`] lays them.
    pub(super) fn backward(
        &self,
        pass: &Pass<'_>,
        inputs: &[Mat<'_>],
        trace: &mut MixtureTrace,
        extra: Option<Mat<'_>>,
        scale: f32,
        gradients: &mut Gradients,
        d_inputs: &mut [MatMut<'_>],
    ) {
        let rows = inputs[0].rows;
        self.backward_hidden(pass, rows, trace, extra, scale, gradients);
        for (at, stream) in self.streams.iter().enumerate() {
            let y = Mat::new(&trace.first[at], rows, stream.outputs);
            let d = MatMut::new(&mut trace.d_first[at], rows, stream.outputs);
            stream.backward(pass, inputs[at], y, d, scale, gradients, Some((d_inputs[at].again(), Into::Set)));
        }
    }

    /// The way back to the streams' products.
    fn backward_hidden(
        &self,
        pass: &Pass<'_>,
        rows: usize,
        trace: &mut MixtureTrace,
        extra: Option<Mat<'_>>,
        scale: f32,
        gradients: &mut Gradients,
    ) {
        for expert in 0..self.experts.len() {
            self.d_features(trace, expert, rows).fill(0.0);
        }
        for output in 0..self.gates.len() {
            self.backward_gate(pass, rows, output, trace, gradients);
        }
        if let Some(extra) = extra {
            for row in 0..rows {
                for (expert, d) in extra.row(row).chunks_exact(self.width).enumerate() {
                    super::dense::add(self.d_features(trace, expert, rows).row(row), d);
                }
            }
        }
        for (expert, (hidden, d_hidden)) in self.experts.iter().zip(trace.hidden.iter().zip(&mut trace.d_hidden)) {
            let wide = self.streams[expert.stream].outputs;
            let columns = (expert.column, expert.column + self.first);
            let first = Mat::new(&trace.first[expert.stream], rows, wide).cols(columns.0, columns.1);
            for depth in (0..expert.layers.len()).rev() {
                let layer = &expert.layers[depth];
                let (d_before, d_own) = d_hidden.split_at_mut(depth);
                let x = if depth == 0 { first } else { Mat::new(&hidden[depth - 1], rows, layer.inputs) };
                let dx = match d_before.last_mut() {
                    Some(before) => MatMut::new(before, rows, layer.inputs),
                    None => MatMut::new(&mut trace.d_first[expert.stream], rows, wide).cols(columns.0, columns.1),
                };
                let (y, d) = (Mat::new(&hidden[depth], rows, layer.outputs), MatMut::new(&mut d_own[0], rows, layer.outputs));
                layer.backward(pass, x, y, d, scale, gradients, Some((dx, Into::Set)));
            }
        }
    }

    /// Where the slopes of an expert's outputs on the first `rows` rows lie.
    fn d_features<'a>(&self, trace: &'a mut MixtureTrace, expert: usize, rows: usize) -> MatMut<'a> {
        let Expert { stream, column, .. } = &self.experts[expert];
        match trace.d_hidden[expert].last_mut() {
            Some(last) => MatMut::new(last, rows, self.width),
            None => MatMut::new(&mut trace.d_first[*stream], rows, self.streams[*stream].outputs).cols(*column, column + self.width),
        }
    }

    fn backward_gate(&self, pass: &Pass<'_>, rows: usize, output: usize, trace: &mut MixtureTrace, gradients: &mut Gradients) {
        let gate = &self.gates[output];
        let (n, wide) = (gate.experts.len(), self.streams[gate.stream].outputs);
        let shares = std::mem::take(&mut trace.shares[output]);
        let d_out = std::mem::take(&mut trace.d_out[output]);
        let (shares_of, d_of) = (Mat::new(&shares, rows, n), Mat::new(&d_out, rows, self.width));
        if n > 1 {
            let mut d_first = std::mem::take(&mut trace.d_first[gate.stream]);
            let mut d = MatMut::new(&mut d_first, rows, wide).cols(gate.column, gate.column + n);
            for (place, expert) in gate.experts.iter().enumerate() {
                dots(d.again(), place, self.features(trace, *expert), d_of);
            }
            unweigh(d.again(), shares_of);
            for group in pass.groups {
                if let Some(slot) = gate.scenario_bias.filter(|slot| group.scenario < slot.rows) {
                    let sum = slot.part(group.scenario, 1).of_mut(&mut gradients.weights);
                    add_rows(sum, d.view().rows(group.from, group.to));
                }
            }
            trace.d_first[gate.stream] = d_first;
        }
        for (place, expert) in gate.experts.iter().enumerate() {
            unmix(self.d_features(trace, *expert, rows), shares_of, place, d_of);
        }
        trace.shares[output] = shares;
        trace.d_out[output] = d_out;
    }
}

/// `shares = softmax(logits + own)`.
#[multiversion(targets = "simd", dispatcher = "direct")]
fn weigh(logits: Mat<'_>, own: Option<&[f32]>, shares: &mut [f32]) {
    let n = logits.cols;
    for row in 0..logits.rows {
        let shares = &mut shares[row * n..(row + 1) * n];
        wide::copy(shares, logits.row(row));
        if let Some(own) = own {
            wide::add(shares, own);
        }
        softmax(shares);
    }
}

/// Adds an expert's features, each row's times its share in column `place`, to `out`; the first expert sets it.
#[multiversion(targets = "simd", dispatcher = "direct")]
fn mix(mut out: MatMut<'_>, first: bool, shares: Mat<'_>, place: usize, features: Mat<'_>) {
    for row in 0..out.rows {
        let share = shares.row(row)[place];
        if first {
            wide::pairs(out.row(row), features.row(row), |out, h| *out = share * h);
        } else {
            wide::add_times(out.row(row), share, features.row(row));
        }
    }
}

/// Slopes in an expert's share, into column `place`: `h · d`, row by row.
#[multiversion(targets = "simd", dispatcher = "direct")]
fn dots(mut slopes: MatMut<'_>, place: usize, features: Mat<'_>, d: Mat<'_>) {
    for row in 0..d.rows {
        slopes.row(row)[place] = wide::dot(features.row(row), d.row(row));
    }
}

/// Adds the slopes in an expert's features: `d` times the row's share in column `place`.
#[multiversion(targets = "simd", dispatcher = "direct")]
fn unmix(mut d_features: MatMut<'_>, shares: Mat<'_>, place: usize, d: Mat<'_>) {
    for row in 0..d.rows {
        wide::add_times(d_features.row(row), shares.row(row)[place], d.row(row));
    }
}

/// Slopes in shares become slopes in logits: `g_e · (d_e − Σ g d)`.
#[multiversion(targets = "simd", dispatcher = "direct")]
fn unweigh(mut d: MatMut<'_>, shares: Mat<'_>) {
    for row in 0..d.rows {
        let (d, shares) = (d.row(row), shares.row(row));
        let mut mean = 0.0;
        for at in 0..shares.len() {
            mean += shares[at] * d[at];
        }
        wide::pairs(d, shares, |d, share| *d = share * (*d - mean));
    }
}

/// `exp(x_i) / Σ exp(x_j)`, in place.
#[inline]
pub(super) fn softmax(values: &mut [f32]) {
    let mut most = f32::NEG_INFINITY;
    for value in &*values {
        most = most.max(*value);
    }
    let mut sum = 0.0;
    for value in &mut *values {
        *value = (*value - most).exp();
        sum += *value;
    }
    for value in values {
        *value /= sum;
    }
}
