//! The network: which layers follow each other, forward and backward, for one slice of rows.
//!
//! inputs → (EPNet) → experts and gates → towers (PPNet, star) → heads. In: a slice of a window. Out: the heads' numbers; on
//! the way back gradients of the dense weights, and the slope of every input column, from which the embeddings learn. All
//! buffers are made once; a pass allocates nothing.

use super::super::inside::Inside;
use super::super::rows::Shape;
use super::arena::Arena;
use super::augment::Partners;
use super::dense::{ByScenario, Dense, Gradients, Group, Noise, Pass};
use super::feed::Feed;
use super::gate_unit::{GateTrace, GateUnit};
use super::heads::{CellLosses, Heads};
use super::input::Input;
use super::mixture::{Level, Mixture, MixtureTrace};
use super::secant::Plan;
use super::settings::{NetSettings, ScenarioSharing, TaskSharing};
use super::sgemm::{Into, Mat, MatMut};
use super::tower::{Factors, Tower, TowerTrace};
use super::weights::Layout;

/// Rows of a slice: its activations stay in the second-level cache.
pub(super) const SLICE: usize = 256;

/// The form of a network, without weights.
#[derive(Debug, Clone)]
pub(super) struct Network {
    pub(super) input: Input,
    /// EPNet: factors on the inputs.
    gate_inputs: Option<GateUnit>,
    levels: Vec<Mixture>,
    /// PPNet: factors on the towers' hidden units.
    gate_units: Option<GateUnit>,
    towers: Vec<Tower>,
    /// Tells the scenario from the experts' features, for gradient reversal.
    reversal: Option<Dense>,
    pub(super) heads: Heads,
    pub(super) layout: Layout,
    pub(super) own: Layout,
    pub(super) scenarios: usize,
    pub(super) tasks: usize,
}

/// All weights.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Weights {
    /// The dense arena.
    pub(super) dense: Vec<f32>,
    /// Effective weights of the scenarios, made from `dense` by [`Network::prepare`].
    pub(super) own: Vec<f32>,
    /// The embedding tables.
    pub(super) tables: Vec<Arena>,
}

/// Buffers of one worker.
#[derive(Debug, Clone)]
pub(super) struct Workspace {
    groups: Vec<Group>,
    partners: Partners,
    x: Vec<f32>,
    gate_inputs: Option<GateTrace>,
    bent: Vec<f32>,
    d_bent: Vec<f32>,
    levels: Vec<MixtureTrace>,
    gate_units: Option<GateTrace>,
    d_factors: Vec<f32>,
    towers: Vec<TowerTrace>,
    /// One per task. Shape: `[rows, width of its head]`.
    z_task: Vec<Vec<f32>>,
    d_task: Vec<f32>,
    /// Heads' numbers. Shape: `[rows, numbers]`.
    z: Vec<f32>,
    d: Vec<f32>,
    numbers: usize,
    features: Vec<f32>,
    d_features: Vec<f32>,
    guess: Vec<f32>,
    d_guess: Vec<f32>,
    pub(super) noise: Noise,
    pub(super) losses: CellLosses,
}

impl Network {
    /// Lays a network out.
    pub(super) fn new(shape: &Shape, settings: &NetSettings, tasks: TaskSharing, scenarios: ScenarioSharing, reversal: bool) -> Self {
        let (mut layout, mut own) = (Layout::default(), Layout::default());
        let (n_tasks, n_scenarios) = (shape.tasks.len(), shape.scenarios.len());
        let input = Input::new(shape, settings, &mut layout);
        let personal = scenarios == ScenarioSharing::Pepnet;
        let gate_inputs = personal.then(|| {
            let widths = (input.width, settings.gate_width, input.width);
            GateUnit::new("gate_inputs", widths, n_scenarios, &mut layout, &mut own)
        });
        let depth = if tasks == TaskSharing::Ple { settings.levels } else { 1 };
        let mut levels: Vec<Mixture> = Vec::new();
        for at in 0..depth {
            let level = Level {
                name: &format!("level{at}"),
                sharing: tasks,
                tasks: n_tasks,
                scenarios: n_scenarios,
                inputs: levels.last().map_or(input.width, |before| before.width),
                streams: levels.last().map_or(1, Mixture::outputs),
                followed: at + 1 < depth,
                experts: settings.experts,
                task_experts: settings.task_experts,
                layers: &settings.expert_layers,
            };
            levels.push(Mixture::new(&level, &mut layout, &mut own));
        }
        layout.shared = layout.len;
        let units: usize = settings.tower_layers.iter().sum();
        let gate_units = (personal && units > 0).then(|| {
            let widths = (input.width, settings.gate_width, n_tasks * units);
            GateUnit::new("gate_units", widths, n_scenarios, &mut layout, &mut own)
        });
        let by = if scenarios == ScenarioSharing::Star { ByScenario::Everything } else { ByScenario::Bias };
        let last = levels.last().map_or(input.width, |level| level.width);
        let heads = Heads::new(shape);
        let towers = shape.tasks.iter().enumerate().map(|(at, task)| {
            let personal = gate_units.is_some().then_some(at * units);
            let widths = (last, settings.tower_layers.as_slice(), heads.tasks[at].width);
            Tower::new(&format!("tower.{}", task.name), widths, by, personal, n_scenarios, &mut layout, &mut own)
        });
        let towers: Vec<Tower> = towers.collect();
        let features = levels.last().map_or(0, Mixture::feature_width);
        let reversal =
            reversal.then(|| Dense::new("reversal", (features, n_scenarios, 0), ByScenario::Nothing, n_scenarios, &mut layout, &mut own));
        Self { input, gate_inputs, levels, gate_units, towers, reversal, heads, layout, own, scenarios: n_scenarios, tasks: n_tasks }
    }

    /// Fresh weights; the heads begin at `bias`, one slice of numbers per task.
    pub(super) fn begin(&self, bias: &[Vec<f32>], seed: u64) -> Weights {
        let mut random = super::feed::stream(seed, 0);
        let mut dense = self.layout.begin(&mut random);
        let tables = self.input.begin(&mut dense, &mut random);
        for (tower, bias) in self.towers.iter().zip(bias) {
            tower.head.bias().of_mut(&mut dense).copy_from_slice(bias);
        }
        let mut weights = Weights { dense, own: vec![0.0; self.own.len], tables };
        self.prepare(&mut weights);
        weights
    }

    /// Empty gradients.
    pub(super) fn gradients(&self) -> Gradients {
        Gradients { weights: vec![0.0; self.layout.len], own: vec![0.0; self.own.len] }
    }

    /// Buffers for slices of at most `rows` rows.
    pub(super) fn workspace(&self, rows: usize) -> Workspace {
        let wide = |width: usize| vec![0.0; rows * width];
        let gated = self.gate_inputs.is_some();
        let features = self.levels.last().map_or(0, Mixture::feature_width);
        let reversed = if self.reversal.is_some() { features } else { 0 };
        let guesses = if self.reversal.is_some() { self.scenarios } else { 0 };
        Workspace {
            groups: Vec::with_capacity(self.scenarios + 1),
            partners: Partners::default(),
            x: wide(self.input.width),
            gate_inputs: self.gate_inputs.as_ref().map(|gate| gate.trace(rows)),
            bent: if gated { wide(self.input.width) } else { Vec::new() },
            d_bent: if gated { wide(self.input.width) } else { Vec::new() },
            levels: self.levels.iter().map(|level| level.trace(rows)).collect(),
            gate_units: self.gate_units.as_ref().map(|gate| gate.trace(rows)),
            d_factors: self.gate_units.as_ref().map_or_else(Vec::new, |gate| wide(gate.outputs())),
            towers: self.towers.iter().map(|tower| tower.trace(rows)).collect(),
            z_task: self.heads.tasks.iter().map(|head| wide(head.width)).collect(),
            d_task: wide(self.heads.tasks.iter().map(|head| head.width).max().unwrap_or(1)),
            z: wide(self.heads.numbers),
            d: wide(self.heads.numbers),
            numbers: self.heads.numbers,
            features: wide(reversed),
            d_features: wide(reversed),
            guess: wide(guesses),
            d_guess: wide(guesses),
            noise: Noise::none(),
            losses: CellLosses::new(self.scenarios, self.tasks),
        }
    }

    fn dense_layers(&self) -> impl Iterator<Item = &Dense> {
        self.levels.iter().flat_map(Mixture::layers).chain(self.towers.iter().flat_map(Tower::layers))
    }

    /// Makes the effective weights after the dense weights changed.
    pub(super) fn prepare(&self, weights: &mut Weights) {
        let Weights { dense, own, .. } = weights;
        self.dense_layers().for_each(|layer| layer.prepare(dense, own));
    }

    /// Turns gradients of effective weights into gradients of the dense weights.
    pub(super) fn collect(&self, dense: &[f32], gradients: &mut Gradients) {
        self.dense_layers().for_each(|layer| layer.collect(dense, gradients));
    }

    /// The rows `order` (sorted by scenario) through every layer; the heads' numbers are in [`Workspace::numbers`] then.
    pub(super) fn forward(&self, weights: &Weights, feed: &Feed, order: &[u32], space: &mut Workspace) {
        space.group(feed, order, self.scenarios);
        self.forward_inputs(weights, feed, order, space);
        self.forward_rest(weights, order.len(), space);
    }

    /// The rows `order` as if all were served in `scenario`; the inputs are those of the last [`Network::forward`].
    pub(super) fn forward_under(&self, weights: &Weights, rows: usize, scenario: usize, space: &mut Workspace) {
        space.groups.clear();
        space.groups.push(Group { scenario, from: 0, to: rows });
        if self.gate_inputs.is_some() || self.levels.len() > 1 {
            // Here even the experts depend on the scenario.
            self.forward_rest(weights, rows, space);
        } else {
            self.forward_scenario(weights, rows, space);
        }
    }

    fn forward_inputs(&self, weights: &Weights, feed: &Feed, order: &[u32], space: &mut Workspace) {
        let x = MatMut::new(&mut space.x, order.len(), self.input.width);
        self.input.forward(&weights.dense, &weights.tables, feed, order, x);
        if !feed.partners.is_empty() {
            let x = MatMut::new(&mut space.x, order.len(), self.input.width);
            space.partners.mix(&self.input, (&weights.dense, &weights.tables), feed, order, x);
        }
    }

    /// Everything after the inputs.
    fn forward_rest(&self, weights: &Weights, rows: usize, space: &mut Workspace) {
        let width = self.input.width;
        let pass = Pass { weights: &weights.dense, own: &weights.own, groups: &space.groups };
        if let (Some(gate), Some(trace)) = (&self.gate_inputs, &mut space.gate_inputs) {
            gate.forward(&pass, Mat::new(&space.x, rows, width), trace);
            for ((bent, x), factor) in space.bent.iter_mut().zip(&space.x).zip(&trace.factor).take(rows * width) {
                *bent = x * factor;
            }
        }
        for at in 0..self.levels.len() {
            let (before, own) = space.levels.split_at_mut(at);
            let x = if self.gate_inputs.is_some() { &space.bent } else { &space.x };
            let inputs = inputs(before.last(), &self.levels, at, Mat::new(x, rows, width), rows);
            self.levels[at].forward_experts(&pass, &inputs, &mut own[0], &mut space.noise);
            if at + 1 < self.levels.len() {
                self.levels[at].forward_gates(&pass, &mut own[0]);
            }
        }
        self.forward_scenario(weights, rows, space);
    }

    /// What depends on the scenario even where inputs and experts do not: the last gates, the towers, the heads.
    fn forward_scenario(&self, weights: &Weights, rows: usize, space: &mut Workspace) {
        let pass = Pass { weights: &weights.dense, own: &weights.own, groups: &space.groups };
        let x = Mat::new(if self.gate_inputs.is_some() { &space.bent } else { &space.x }, rows, self.input.width);
        let (Some(level), Some(trace)) = (self.levels.last(), space.levels.last_mut()) else { return };
        level.forward_gates(&pass, trace);
        if let (Some(gate), Some(trace)) = (&self.gate_units, &mut space.gate_units) {
            gate.forward(&pass, x, trace);
        }
        let factors =
            space.gate_units.as_ref().zip(self.gate_units.as_ref()).map(|(trace, gate)| (trace.factor.as_slice(), gate.outputs()));
        let (numbers, mut first) = (self.heads.numbers, 0);
        for (task, tower) in self.towers.iter().enumerate() {
            let mixed = Mat::new(&trace.out[task], rows, level.width);
            let (z, width) = (&mut space.z_task[task], self.heads.tasks[task].width);
            tower.forward(&pass, mixed, factors, &mut space.towers[task], &mut space.noise, MatMut::new(z, rows, width));
            for (row, z) in z.chunks_exact(width).take(rows).enumerate() {
                space.z[row * numbers + first..row * numbers + first + width].copy_from_slice(z);
            }
            first += width;
        }
    }

    /// Room for what a block's rows look like inside.
    pub(super) fn inside(&self, rows: usize) -> Inside {
        Inside { levels: self.levels.iter().map(|level| level.inside(rows, self.tasks)).collect() }
    }

    /// Copies what row `from` of the last forward pass looks like inside into row `to`.
    pub(super) fn copy_inside(&self, space: &Workspace, from: usize, into: &mut Inside, to: usize) {
        for ((level, trace), into) in self.levels.iter().zip(&space.levels).zip(&mut into.levels) {
            level.copy_inside(trace, from, into, to);
        }
    }

    /// Losses of the last forward pass, with their slopes in the heads' numbers. `scale: [tasks]`.
    pub(super) fn loss(&self, feed: &Feed, order: &[u32], scale: &[f32], space: &mut Workspace) {
        let z = Mat::new(&space.z, order.len(), self.heads.numbers);
        self.heads.loss(z, feed, order, scale, MatMut::new(&mut space.d, order.len(), self.heads.numbers), &mut space.losses);
    }

    /// From the slopes in the heads' numbers back to the inputs: adds gradients up and fills `dx: [rows, inputs]`.
    /// `reversal` is the weight of gradient reversal per row.
    pub(super) fn backward(
        &self,
        weights: &Weights,
        feed: &Feed,
        order: &[u32],
        reversal: f32,
        space: &mut Workspace,
        gradients: &mut Gradients,
        mut dx: MatMut<'_>,
    ) {
        let reversal = (reversal > 0.0).then_some((feed, order, reversal));
        self.backward_rest(weights, order.len(), reversal, space, gradients, dx.again());
        if feed.partners.is_empty() {
            self.input.backward(feed, order, dx.view(), gradients);
        } else {
            space.partners.backward(&self.input, feed, order, dx.view(), gradients);
        }
    }

    /// The way back to the slopes of the input columns.
    fn backward_rest(
        &self,
        weights: &Weights,
        rows: usize,
        reversal: Option<(&Feed, &[u32], f32)>,
        space: &mut Workspace,
        gradients: &mut Gradients,
        mut dx: MatMut<'_>,
    ) {
        let width = self.input.width;
        let scale = space.noise.scale;
        let Workspace { groups, x, gate_inputs, bent, d_bent, levels, gate_units, d_factors, towers, z_task, d_task, d, .. } = space;
        let pass = Pass { weights: &weights.dense, own: &weights.own, groups };
        let seen = Mat::new(if self.gate_inputs.is_some() { bent } else { x }, rows, width);
        let Some(level) = self.levels.last() else { return };
        d_factors.fill(0.0);
        let (numbers, mut first) = (self.heads.numbers, 0);
        for (task, tower) in self.towers.iter().enumerate() {
            let Some(trace) = levels.last_mut() else { return };
            let wide = self.heads.tasks[task].width;
            for (row, out) in d_task.chunks_exact_mut(wide).take(rows).enumerate() {
                out.copy_from_slice(&d[row * numbers + first..row * numbers + first + wide]);
            }
            first += wide;
            let (mixed, d_mixed) = (Mat::new(&trace.out[task], rows, level.width), MatMut::new(&mut trace.d_out[task], rows, level.width));
            let factors = gate_units.as_ref().zip(self.gate_units.as_ref()).map(|(trace, gate)| Factors {
                wide: gate.outputs(),
                factor: &trace.factor,
                d: d_factors,
            });
            let head = (Mat::new(&z_task[task], rows, wide), MatMut::new(d_task, rows, wide));
            tower.backward(&pass, mixed, head, factors, &mut towers[task], scale, gradients, d_mixed);
        }
        if let (Some(gate), Some(trace)) = (&self.gate_units, gate_units.as_mut()) {
            gate.backward(&pass, seen, trace, d_factors, gradients);
        }
        let extra = match reversal.filter(|_| self.reversal.is_some()) {
            Some((feed, order, reversal)) => {
                self.reverse(
                    &pass,
                    feed,
                    order,
                    reversal,
                    (&mut space.features, &mut space.d_features),
                    (&mut space.guess, &mut space.d_guess),
                    levels,
                    gradients,
                );
                Some(Mat::new(&space.d_features, rows, level.feature_width()))
            }
            None => None,
        };
        for at in (0..self.levels.len()).rev() {
            let (before, own) = levels.split_at_mut(at);
            let extra = extra.filter(|_| at + 1 == self.levels.len());
            match before.last_mut() {
                None => self.levels[at].backward(&pass, &[seen], &mut own[0], extra, scale, gradients, &mut [dx.again()]),
                Some(before) => {
                    let width = self.levels[at - 1].width;
                    let inputs: Vec<Mat<'_>> = before.out.iter().map(|out| Mat::new(out, rows, width)).collect();
                    let mut d_inputs: Vec<MatMut<'_>> = before.d_out.iter_mut().map(|d| MatMut::new(d, rows, width)).collect();
                    self.levels[at].backward(&pass, &inputs, &mut own[0], extra, scale, gradients, &mut d_inputs);
                }
            }
        }
        if let (Some(gate), Some(trace)) = (&self.gate_inputs, gate_inputs.as_mut()) {
            for row in 0..rows {
                for (column, d) in dx.row(row).iter_mut().enumerate() {
                    let at = row * width + column;
                    d_bent[at] = *d * x[at];
                    *d *= trace.factor[at];
                }
            }
            gate.backward(&pass, Mat::new(x, rows, width), trace, d_bent, gradients);
        }
    }

    /// The input columns of rows. Shape: `[rows, inputs]`.
    pub(super) fn inputs(&self, weights: &Weights, feed: &Feed, order: &[u32], x: &mut [f32]) {
        self.input.forward(&weights.dense, &weights.tables, feed, order, MatMut::new(x, order.len(), self.input.width));
    }

    /// Heads' numbers of given input columns, all rows being served in `scenario` (the number of scenarios: in none).
    pub(super) fn forward_from(&self, weights: &Weights, x: &[f32], scenario: usize, space: &mut Workspace) {
        let rows = x.len() / self.input.width;
        space.x[..x.len()].copy_from_slice(x);
        space.groups.clear();
        space.groups.push(Group { scenario, from: 0, to: rows });
        self.forward_rest(weights, rows, space);
    }

    /// The network as elementary operations.
    pub(super) fn plan(&self) -> Plan<'_> {
        let mut plan = Plan::new(self.input.width);
        let x = self.gate_inputs.as_ref().map_or(0, |gate| {
            let factor = gate.plan(&mut plan, 0);
            plan.product(0, factor, 0)
        });
        let mut streams = vec![x];
        for level in &self.levels {
            streams = level.plan(&mut plan, &streams);
        }
        let factors = self.gate_units.as_ref().map(|gate| gate.plan(&mut plan, x));
        for (tower, stream) in self.towers.iter().zip(streams) {
            let numbers = tower.plan(&mut plan, stream, factors);
            plan.head(numbers);
        }
        plan
    }

    /// Cross-entropy of the scenario told from the experts' features. The guesser learns to tell; the features learn the
    /// opposite, with weight `strength`.
    ///
    /// # Source
    /// Ganin and Lempitsky (2015), "Unsupervised domain adaptation by backpropagation", equation 4.
    fn reverse(
        &self,
        pass: &Pass<'_>,
        feed: &Feed,
        order: &[u32],
        strength: f32,
        (features, d_features): (&mut [f32], &mut [f32]),
        (guess, d_guess): (&mut [f32], &mut [f32]),
        levels: &[MixtureTrace],
        gradients: &mut Gradients,
    ) {
        let (Some(guesser), Some(level), Some(trace)) = (&self.reversal, self.levels.last(), levels.last()) else { return };
        let (rows, wide, n) = (order.len(), level.feature_width(), self.scenarios);
        for (row, into) in features.chunks_exact_mut(wide).take(rows).enumerate() {
            level.copy_features(trace, row, into);
        }
        let x = Mat::new(features, rows, wide);
        guesser.forward(pass, x, MatMut::new(guess, rows, n), &mut Noise::none());
        for (at, row) in order.iter().enumerate() {
            let truth = feed.scenario[*row as usize] as usize;
            let (guess, d) = (&guess[at * n..(at + 1) * n], &mut d_guess[at * n..(at + 1) * n]);
            let most = guess.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let sum: f32 = guess.iter().map(|guess| (guess - most).exp()).sum();
            for (scenario, (d, guess)) in d.iter_mut().zip(guess).enumerate() {
                let hit = f32::from(u8::from(scenario == truth));
                *d = if truth < n { strength * ((guess - most).exp() / sum - hit) } else { 0.0 };
            }
        }
        let y = Mat::new(guess, rows, n);
        guesser.backward(pass, x, y, MatMut::new(d_guess, rows, n), 1.0, gradients, Some((MatMut::new(d_features, rows, wide), Into::Set)));
        d_features[..rows * wide].iter_mut().for_each(|d| *d = -*d);
    }

    /// Mean cross-entropy with which the guesser tells the scenario of the rows.
    #[cfg(test)]
    pub(super) fn guess_loss(&self, weights: &Weights, feed: &Feed, order: &[u32]) -> f64 {
        let mut space = self.workspace(order.len());
        self.forward(weights, feed, order, &mut space);
        let (mut gradients, n) = (self.gradients(), self.scenarios);
        let pass = Pass { weights: &weights.dense, own: &weights.own, groups: &space.groups };
        let (features, guess) = ((&mut space.features[..], &mut space.d_features[..]), (&mut space.guess[..], &mut space.d_guess[..]));
        self.reverse(&pass, feed, order, 1.0, features, guess, &space.levels, &mut gradients);
        let loss = |(at, row): (usize, &u32)| {
            let guess = &space.guess[at * n..(at + 1) * n];
            let sum: f32 = guess.iter().map(|guess| guess.exp()).sum();
            f64::from(sum.ln() - guess[feed.scenario[*row as usize] as usize])
        };
        order.iter().enumerate().map(loss).sum::<f64>() / order.len() as f64
    }

    /// Copies the experts' features of a row of the last pass.
    pub(super) fn copy_features(&self, space: &Workspace, row: usize, into: &mut [f32]) {
        if let (Some(level), Some(trace)) = (self.levels.last(), space.levels.last()) {
            level.copy_features(trace, row, into);
        }
    }

    /// Width of the experts' features, side by side.
    pub(super) fn feature_width(&self) -> usize {
        self.levels.last().map_or(0, Mixture::feature_width)
    }
}

/// The streams that feed level `at`.
fn inputs<'a>(before: Option<&'a MixtureTrace>, levels: &[Mixture], at: usize, x: Mat<'a>, rows: usize) -> Vec<Mat<'a>> {
    match before {
        None => vec![x],
        Some(before) => before.out.iter().map(|out| Mat::new(out, rows, levels[at - 1].width)).collect(),
    }
}

impl Workspace {
    /// The heads' numbers of a row of the last pass.
    pub(super) fn numbers(&self, row: usize) -> &[f32] {
        &self.z[row * self.numbers..(row + 1) * self.numbers]
    }

    fn group(&mut self, feed: &Feed, order: &[u32], scenarios: usize) {
        self.groups.clear();
        for (at, row) in order.iter().enumerate() {
            let scenario = (feed.scenario[*row as usize] as usize).min(scenarios);
            match self.groups.last_mut() {
                Some(last) if last.scenario == scenario => last.to = at + 1,
                _ => self.groups.push(Group { scenario, from: at, to: at + 1 }),
            }
        }
    }
}
