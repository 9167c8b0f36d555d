//! The layer that every other one is built from: `y = relu(x·W + b)`, with parts that belong to the row's scenario.
//!
//! In: a slice of rows sorted by scenario. Out: activations; on the way back, gradients. A scenario may have its own bias
//! `c_s`, and its own weights as a factor on the shared ones: `y = relu(x·(W ⊙ (1 + U_s)) + b + c_s)`. A scenario that was
//! never seen has neither: it is served by the shared part.
//!
//! # Source
//! Sheng et al. (2021), "One Model to Serve All: Star Topology Adaptive Recommender", equation 9: `W ⊙ W_s`, `b + b_s`. Here
//! `W_s = 1 + U_s`, so that weight decay on `U_s` pulls a small scenario towards the shared weights.

use multiversion::multiversion;

use super::sgemm::{Into, Mat, MatMut, Op, product};
use super::weights::{Begin, Decay, Layout, Slot};
use super::wide;

/// Rows of a slice that are served in one scenario.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Group {
    /// Index of the scenario; the number of scenarios for one never seen.
    pub(super) scenario: usize,
    pub(super) from: usize,
    pub(super) to: usize,
}

/// What a pass over a slice reads.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pass<'a> {
    /// The dense weights.
    pub(super) weights: &'a [f32],
    /// The scenarios' effective weights `W ⊙ (1 + U_s)`, made anew after every update.
    pub(super) own: &'a [f32],
    /// The slice's rows by scenario.
    pub(super) groups: &'a [Group],
}

/// Gradients of a pass, in the layouts of [`Pass::weights`] and [`Pass::own`].
#[derive(Debug, Clone, Default)]
pub(super) struct Gradients {
    pub(super) weights: Vec<f32>,
    pub(super) own: Vec<f32>,
}

/// Which parts of a layer belong to the scenario.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ByScenario {
    /// None.
    Nothing,
    /// A bias.
    Bias,
    /// A bias and a factor on every weight.
    Everything,
}

/// Dropout of hidden units. The numbers of a slice depend on the seed, the step and the slice, not on the thread.
///
/// # Source
/// Srivastava et al. (2014), "Dropout", with the survivors scaled up in training instead of scaled down in use.
#[derive(Debug, Clone, Copy)]
pub(super) struct Noise {
    state: u64,
    drop_below: u32,
    pub(super) scale: f32,
}

impl Noise {
    /// No dropout.
    pub(super) fn none() -> Self {
        Self { state: 1, drop_below: 0, scale: 1.0 }
    }

    /// Drops a share `rate` of the units.
    pub(super) fn new(rate: f32, seed: u64) -> Self {
        Self { state: seed | 1, drop_below: (rate * u32::MAX as f32) as u32, scale: 1.0 / (1.0 - rate) }
    }

    /// xorshift64* (Marsaglia 2003; Vigna 2016).
    pub(super) fn next(&mut self) -> u32 {
        self.state ^= self.state >> 12;
        self.state ^= self.state << 25;
        self.state ^= self.state >> 27;
        (self.state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 32) as u32
    }

    fn apply(&mut self, units: &mut [f32]) {
        if self.drop_below == 0 {
            return;
        }
        for unit in units {
            *unit = if self.next() < self.drop_below { 0.0 } else { *unit * self.scale };
        }
    }
}

/// The layer.
#[derive(Debug, Clone)]
pub(super) struct Dense {
    pub(super) inputs: usize,
    pub(super) outputs: usize,
    /// The first so many outputs go through relu and dropout; the others stay linear (gate logits, heads).
    relu: usize,
    weight: Slot,
    bias: Slot,
    scenario_bias: Option<Slot>,
    scenario_weight: Option<Own>,
    scenarios: usize,
}

#[derive(Debug, Clone, Copy)]
struct Own {
    /// `U`. Shape: `[scenarios · inputs, outputs]`.
    factor: Slot,
    /// `W ⊙ (1 + U)`, in the arena of effective weights.
    effective: Slot,
}

impl Dense {
    /// Lays the layer out. `own` is the layout of effective weights.
    pub(super) fn new(
        name: &str,
        (inputs, outputs, relu): (usize, usize, usize),
        by: ByScenario,
        scenarios: usize,
        layout: &mut Layout,
        own: &mut Layout,
    ) -> Self {
        let weight = layout.add(format!("{name}.weight"), inputs, outputs, Begin::Glorot, Decay::Weights);
        let bias = layout.add(format!("{name}.bias"), 1, outputs, Begin::Zero, Decay::Never);
        let mut at = |what: &str, rows| layout.add(format!("{name}.{what}"), rows, outputs, Begin::Zero, Decay::OwnPart);
        let scenario_bias = (by != ByScenario::Nothing).then(|| at("scenario_bias", scenarios));
        let scenario_weight = (by == ByScenario::Everything).then(|| Own {
            factor: at("scenario_weight", scenarios * inputs),
            effective: own.add(format!("{name}.effective"), scenarios * inputs, outputs, Begin::Zero, Decay::Never),
        });
        Self { inputs, outputs, relu, weight, bias, scenario_bias, scenario_weight, scenarios }
    }

    /// The bias, to begin a head at the base rate of its task.
    pub(super) fn bias(&self) -> Slot {
        self.bias
    }

    /// Makes the effective weights of every scenario.
    pub(super) fn prepare(&self, weights: &[f32], own: &mut [f32]) {
        let Some(place) = self.scenario_weight else { return };
        let shared = self.weight.of(weights);
        let effective = place.effective.of_mut(own).chunks_exact_mut(shared.len().max(1));
        for (effective, factor) in effective.zip(place.factor.of(weights).chunks_exact(shared.len().max(1))) {
            for ((out, w), u) in effective.iter_mut().zip(shared).zip(factor) {
                *out = w * (1.0 + u);
            }
        }
    }

    /// Turns gradients of the effective weights into gradients of `W` and `U`.
    pub(super) fn collect(&self, weights: &[f32], gradients: &mut Gradients) {
        let Some(place) = self.scenario_weight else { return };
        let size = self.inputs * self.outputs;
        let shared = self.weight.of(weights);
        for scenario in 0..self.scenarios {
            let effective = &place.effective.of(&gradients.own)[scenario * size..(scenario + 1) * size];
            let factor = &place.factor.of(weights)[scenario * size..(scenario + 1) * size];
            for (at, d) in self.weight.of_mut(&mut gradients.weights).iter_mut().enumerate() {
                *d += effective[at] * (1.0 + factor[at]);
            }
            let own = &mut place.factor.of_mut(&mut gradients.weights)[scenario * size..(scenario + 1) * size];
            for (at, d) in own.iter_mut().enumerate() {
                *d += effective[at] * shared[at];
            }
        }
    }

    fn weight_of<'a>(&self, pass: &Pass<'a>, scenario: usize) -> Mat<'a> {
        match self.scenario_weight {
            Some(own) if scenario < self.scenarios => {
                Mat::new(own.effective.part(scenario * self.inputs, self.inputs).of(pass.own), self.inputs, self.outputs)
            }
            _ => Mat::new(self.weight.of(pass.weights), self.inputs, self.outputs),
        }
    }

    /// The stretches of rows that one product can serve.
    fn stretches<'a>(&self, groups: &'a [Group], whole: &'a mut [Group; 1], rows: usize) -> &'a [Group] {
        if self.scenario_weight.is_some() {
            return groups;
        }
        whole[0] = Group { scenario: self.scenarios, from: 0, to: rows };
        whole
    }

    /// Shapes: `x: [rows, inputs]`, `y: [rows, outputs]`.
    pub(super) fn forward(&self, pass: &Pass<'_>, x: Mat<'_>, mut y: MatMut<'_>, noise: &mut Noise) {
        self.multiply(pass, x, y.again());
        self.shift(pass, y.again(), self.relu);
        if noise.drop_below > 0 {
            (0..x.rows).for_each(|row| noise.apply(&mut y.row(row)[..self.relu]));
        }
    }

    /// The same before relu.
    pub(super) fn linear(&self, pass: &Pass<'_>, x: Mat<'_>, mut y: MatMut<'_>) {
        self.multiply(pass, x, y.again());
        self.shift(pass, y, 0);
    }

    /// Adds each row's bias and rectifies the first `relu` units.
    fn shift(&self, pass: &Pass<'_>, mut y: MatMut<'_>, relu: usize) {
        let bias = self.bias.of(pass.weights);
        for group in pass.groups {
            let own = self.own_bias(group).map(|slot| slot.of(pass.weights));
            shift(y.part(group.from, group.to), bias, own, relu);
        }
    }

    /// Where the bias of a group's scenario lies.
    fn own_bias(&self, group: &Group) -> Option<Slot> {
        self.scenario_bias.filter(|_| group.scenario < self.scenarios).map(|slot| slot.part(group.scenario, 1))
    }

    /// `y = x·W`, with each row's weights.
    fn multiply(&self, pass: &Pass<'_>, x: Mat<'_>, mut y: MatMut<'_>) {
        let mut whole = [Group { scenario: 0, from: 0, to: 0 }];
        for group in self.stretches(pass.groups, &mut whole, x.rows) {
            product(
                y.part(group.from, group.to),
                Into::Set,
                x.rows(group.from, group.to),
                Op::N,
                self.weight_of(pass, group.scenario),
                Op::N,
            );
        }
    }

    /// Slopes in the inputs of slopes before relu. Shapes: `d: [rows, outputs]`, `dx: [rows, inputs]`.
    pub(super) fn back(&self, pass: &Pass<'_>, d: Mat<'_>, mut dx: MatMut<'_>, into: Into) {
        let mut whole = [Group { scenario: 0, from: 0, to: 0 }];
        for group in self.stretches(pass.groups, &mut whole, d.rows) {
            let d = d.rows(group.from, group.to);
            product(dx.part(group.from, group.to), into, d, Op::N, self.weight_of(pass, group.scenario), Op::T);
        }
    }

    /// Shapes: `x: [rows, inputs]`, `y` and `d: [rows, outputs]`; `d` comes in as the loss's slope in `y` and goes out as
    /// that before relu. `dx: [rows, inputs]`, left out where nothing before the layer learns. Gradients are added up.
    pub(super) fn backward(
        &self,
        pass: &Pass<'_>,
        x: Mat<'_>,
        y: Mat<'_>,
        mut d: MatMut<'_>,
        scale: f32,
        gradients: &mut Gradients,
        dx: Option<(MatMut<'_>, Into)>,
    ) {
        for group in pass.groups {
            let (from, to) = (group.from, group.to);
            unrectify(d.part(from, to), y.rows(from, to), self.relu, scale, self.bias.of_mut(&mut gradients.weights));
            if let Some(slot) = self.own_bias(group) {
                add_rows(slot.of_mut(&mut gradients.weights), d.view().rows(from, to));
            }
        }
        let mut whole = [Group { scenario: 0, from: 0, to: 0 }];
        for group in self.stretches(pass.groups, &mut whole, x.rows) {
            let place = match self.scenario_weight {
                Some(own) if group.scenario < self.scenarios => {
                    own.effective.part(group.scenario * self.inputs, self.inputs).of_mut(&mut gradients.own)
                }
                _ => self.weight.of_mut(&mut gradients.weights),
            };
            let target = MatMut::new(place, self.inputs, self.outputs);
            product(target, Into::Add, x.rows(group.from, group.to), Op::T, d.view().rows(group.from, group.to), Op::N);
        }
        if let Some((dx, into)) = dx {
            self.back(pass, d.view(), dx, into);
        }
    }
}

/// `y = y + b`, then relu on the first `relu` units.
#[multiversion(targets = "simd", dispatcher = "direct")]
fn shift(mut y: MatMut<'_>, bias: &[f32], own: Option<&[f32]>, relu: usize) {
    for row in 0..y.rows {
        let y = y.row(row);
        wide::add(y, bias);
        if let Some(own) = own {
            wide::add(y, own);
        }
        for unit in &mut y[..relu] {
            *unit = unit.max(0.0);
        }
    }
}

/// Slopes in `y` become slopes before relu, and are added up.
#[multiversion(targets = "simd", dispatcher = "direct")]
fn unrectify(mut d: MatMut<'_>, y: Mat<'_>, relu: usize, scale: f32, sum: &mut [f32]) {
    for row in 0..d.rows {
        let d = d.row(row);
        wide::pairs(&mut d[..relu], y.row(row), |d, y| *d = if y > 0.0 { *d * scale } else { 0.0 });
        wide::add(sum, d);
    }
}

/// `sum += Σ_rows d`.
#[multiversion(targets = "simd", dispatcher = "direct")]
pub(super) fn add_rows(sum: &mut [f32], d: Mat<'_>) {
    for row in 0..d.rows {
        wide::add(sum, d.row(row));
    }
}

/// `sum += part`, number by number.
#[multiversion(targets = "simd", dispatcher = "direct")]
pub(super) fn add(sum: &mut [f32], part: &[f32]) {
    wide::add(sum, part);
}
