//! Training: passes over the rows in mini-batches, each cut into lanes that workers share.
//!
//! In: blocks of rows. Out: weights. A mini-batch is cut into a fixed number of lanes, each lane into slices; a lane adds its
//! gradients up in the order of its slices, and the lanes are added in their order: the result does not depend on the number
//! of threads. After the first step nothing is allocated.

use rand::seq::SliceRandom as _;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use super::super::prepare::Prepare;
use super::super::rows::{Block, Shape};
use super::super::saved::Tensors;
use super::super::saved::bits::{from_bits, to_bits};
use super::super::{LearnError, Progress};
use super::augment;
use super::balance::{Balancer, BalancerState};
use super::checkpoint;
use super::dense::{Gradients, Noise};
use super::epoch::Epoch;
use super::feed::{Feed, IdDropout, Run, runs, stream, windows};
use super::heads::CellLosses;
use super::network::{Network, SLICE, Weights, Workspace};
use super::optimise::{Clock, Moments};
use super::predict::STRETCH;
use super::settings::TrainSettings;
use super::sgemm::{Mat, MatMut};
use super::tables::{Drift, TableState};
use crate::fingerprint::{GOLDEN, mix};

/// Lanes of a mini-batch, at most: as many workers as can share a step.
const LANES: usize = 4;
/// Numbers of a gradient that one task adds up.
const CHUNK: usize = 1 << 14;
/// Rows on which the conflict of gradients is measured.
const CONFLICT_ROWS: usize = 4096;

/// Lanes of mini-batches of `rows` rows: each has a slice to do, else adding its gradients up costs more than it saves.
fn lanes(rows: usize) -> usize {
    rows.div_ceil(SLICE).clamp(1, LANES)
}

/// What one worker needs.
#[derive(Debug)]
struct Lane {
    space: Workspace,
    /// One per stream of slopes: all tasks together, or each task.
    gradients: Vec<Gradients>,
}

/// A training run.
pub(super) struct Trainer<'a> {
    net: &'a Network,
    shape: &'a Shape,
    settings: &'a TrainSettings,
    seed: u64,
    pub(super) weights: Weights,
    lanes: Vec<Lane>,
    sums: Vec<Gradients>,
    /// Slopes of the input columns of a mini-batch, one per stream. Shape of each: `[batch, inputs]`.
    dx: Vec<Vec<f32>>,
    moments: Moments,
    decays: Vec<f32>,
    tables: Vec<TableState>,
    clock: Clock,
    drift: Drift,
    balancer: Balancer,
    feed: Feed,
    passes: usize,
    prepare: Prepare,
    /// What a row's loss counts in each task, times the rows of its mini-batch, where the pass says so.
    counts: Option<Vec<f64>>,
    /// Rows that the last pass visited.
    pub(super) visited: usize,
    /// Slopes of the rows' own input columns where they were mixed in pairs.
    unmixed: Vec<f32>,
}

/// What a training run needs, beside arrays, to go on between two passes.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct TrainerState {
    passes: usize,
    /// `Σ rate` of every step, by its bits.
    rates: Vec<u64>,
    balancer: BalancerState,
}

/// How much two tasks' gradients on the shared dense weights agree.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Conflict {
    /// `None`: over all scenarios.
    pub(super) scenario: Option<usize>,
    pub(super) tasks: (usize, usize),
    pub(super) cosine: f64,
}

impl<'a> Trainer<'a> {
    pub(super) fn new(net: &'a Network, shape: &'a Shape, settings: &'a TrainSettings, weights: Weights, seed: u64) -> Self {
        let alpha: Vec<f32> = shape.tasks.iter().map(|task| task.alpha).collect();
        let balancer = Balancer::new(settings.balance, &alpha);
        let streams = if balancer.by_task() { net.tasks } else { 1 };
        let gradients = || (0..streams).map(|_| net.gradients()).collect::<Vec<_>>();
        let n_lanes = lanes(settings.batch);
        let rows = settings.batch.div_ceil(n_lanes).min(SLICE);
        Self {
            lanes: (0..n_lanes).map(|_| Lane { space: net.workspace(rows), gradients: gradients() }).collect(),
            sums: gradients(),
            dx: (0..streams).map(|_| vec![0.0; settings.batch * net.input.width]).collect(),
            moments: Moments::new(net.layout.len),
            decays: net.layout.decays(settings.weight_decay, settings.scenario_decay),
            tables: net.input.tables.iter().map(|table| TableState::new(table.entries, table.width)).collect(),
            clock: Clock::new(settings),
            drift: Drift::default(),
            balancer,
            feed: Feed::default(),
            passes: 0,
            prepare: Prepare::NONE,
            counts: None,
            visited: 0,
            unmixed: Vec::new(),
            net,
            shape,
            settings,
            seed,
            weights,
        }
    }

    /// The same with rows that are prepared.
    pub(super) fn prepared(self, prepare: &Prepare) -> Self {
        Self { prepare: *prepare, ..self }
    }

    /// Passes so far.
    pub(super) fn passes(&self) -> usize {
        self.passes
    }

    /// What it takes to go on after this pass.
    pub(super) fn state(&self, tensors: &mut Tensors) -> TrainerState {
        checkpoint::put("weights", &self.weights, tensors);
        tensors.put("moves", &[self.clock.moves.len()], &self.clock.moves);
        for (name, moments) in [("m", &self.moments.m), ("v", &self.moments.v)] {
            tensors.put(name, &[moments.len()], moments);
        }
        for (at, table) in self.tables.iter().enumerate() {
            tensors.put(&format!("table.{at}.moments"), &[table.moments.len()], table.moments.iter());
        }
        TrainerState { passes: self.passes, rates: to_bits(&self.clock.rates), balancer: self.balancer.state() }
    }

    /// Goes on from a state.
    ///
    /// # Errors
    /// [`LearnError::Saved`] when it does not fit this network; nothing has changed then.
    pub(super) fn go_on(&mut self, state: &TrainerState, tensors: &Tensors) -> Result<(), LearnError> {
        let weights = checkpoint::get("weights", self.net, tensors)?;
        let steps = state.rates.len();
        if steps == 0 || !self.balancer.fits(&state.balancer) {
            return Err(LearnError::Saved("the state belongs to other tasks".into()));
        }
        let moves = tensors.get("moves", &[steps])?;
        let dense = self.net.layout.len;
        let moments = Moments { m: tensors.get("m", &[dense])?, v: tensors.get("v", &[dense])? };
        let mut tables = Vec::with_capacity(self.tables.len());
        for (at, table) in self.net.input.tables.iter().enumerate() {
            let moments = tensors.get(&format!("table.{at}.moments"), &[2 * table.entries * table.width])?;
            // Between passes every row is up to date.
            tables.push(TableState::at(table.entries, table.width, moments.into(), steps.saturating_sub(1) as u32));
        }
        (self.weights, self.moments, self.tables, self.passes) = (weights, moments, tables, state.passes);
        self.clock.go_on(moves, from_bits(&state.rates));
        self.balancer.go_on(&state.balancer);
        Ok(())
    }

    /// One pass over the rows; returns the losses on the way. The embeddings are flushed at its end.
    pub(super) fn pass(&mut self, blocks: &[Block<'_>], what: &str, progress: &dyn Progress) -> CellLosses {
        // On a worker: from outside, each parallel part of a step would be a call that waits.
        rayon::scope(|_| self.learn(blocks, what, progress))
    }

    fn learn(&mut self, blocks: &[Block<'_>], what: &str, progress: &dyn Progress) -> CellLosses {
        let mut random = stream(self.seed, 1 + self.passes as u64);
        let mut drop = IdDropout { rate: self.settings.id_dropout, random: stream(self.seed ^ 0x1d, 1 + self.passes as u64) };
        let mut losses = CellLosses::new(self.net.scenarios, self.net.tasks);
        let mut feed = std::mem::take(&mut self.feed);
        let epoch = Epoch::new(&self.prepare, self.shape, blocks, (self.seed, self.passes), &mut random);
        epoch.weigh(&mut feed);
        (self.counts, self.visited) = (epoch.scale(), epoch.rows);
        let (mut done, total) = (0, epoch.rows);
        progress.at(what, 0, total as u64);
        for window in 0..epoch.windows() {
            epoch.fill(window, done, &mut feed, &self.net.input, &mut drop);
            let mut order = epoch.order(&feed, &mut random);
            for (at, batch) in order.chunks_mut(self.settings.batch).enumerate() {
                // The step size falls smoothly, so that a pass ends with small steps and is judged at its best.
                let through = (done + at * self.settings.batch) as f32 / total.max(1) as f32;
                self.clock.factor = self.settings.rate_decay.powf(self.passes as f32 + through);
                batch.sort_by_key(|row| feed.scenario[*row as usize]);
                if self.prepare.mixup > 0.0 {
                    augment::pair(&mut feed, batch, self.prepare.mixup, self.seed, self.clock.step);
                }
                self.step(&feed, batch, &mut random, &mut losses);
            }
            done += order.len();
            progress.at(what, done as u64, total as u64);
        }
        self.feed = feed;
        self.passes += 1;
        self.flush();
        let means: Vec<f64> = (0..self.net.tasks).map(|task| losses.of_task(task).unwrap_or(f64::NAN)).collect();
        self.balancer.after_pass(&means);
        losses
    }

    /// Brings every embedding row up to date.
    pub(super) fn flush(&mut self) {
        self.drift.prepare(&self.clock, self.clock.step, self.settings.embedding_decay);
        let (clock, drift) = (&self.clock, &self.drift);
        self.tables.par_iter_mut().zip(&mut self.weights.tables).for_each(|(state, values)| state.flush(clock, drift, values));
    }

    /// One mini-batch. `batch` is sorted by scenario.
    pub(super) fn step(&mut self, feed: &Feed, batch: &[u32], random: &mut rand_chacha::ChaCha8Rng, losses: &mut CellLosses) {
        let (net, tasks) = (self.net, self.net.tasks);
        let decay = self.settings.embedding_decay;
        self.drift.prepare(&self.clock, self.clock.step, decay);
        self.clock.tick();
        let (clock, drift) = (&self.clock, &self.drift);
        let (tables, values) = (&mut self.tables, &mut self.weights.tables);
        let read = || {
            let tables = tables.par_iter_mut().zip(values).enumerate();
            tables.for_each(|(at, (state, values))| state.read((at, &net.input), feed, batch, (clock, drift), values));
        };
        let (balancer, counts) = (&self.balancer, self.counts.as_deref());
        let (scale, ()) = rayon::join(|| scale(balancer, counts, feed, batch), read);
        self.run_lanes(feed, batch, &scale);
        let mut mean = CellLosses::new(net.scenarios, tasks);
        for lane in &self.lanes {
            mean.add(&lane.space.losses);
        }
        losses.add(&mean);
        let mean: Vec<f64> = (0..tasks).map(|task| mean.of_task(task).unwrap_or(f64::NAN)).collect();
        self.reduce();
        self.combine(batch.len(), &mean, random);
        self.balancer.after_step(&mean);
        net.collect(&self.weights.dense, &mut self.sums[0]);
        self.moments.step(&self.clock, &mut self.weights.dense, &self.sums[0].weights, &self.decays);
        net.prepare(&mut self.weights);
        let mut dx = &self.dx[0];
        if !feed.partners.is_empty() {
            augment::unmix(feed, batch, dx, net.input.width, &mut self.unmixed);
            dx = &self.unmixed;
        }
        let (clock, dx) = (&self.clock, Mat::new(dx, batch.len(), net.input.width));
        self.tables
            .par_iter_mut()
            .zip(&mut self.weights.tables)
            .enumerate()
            .for_each(|(at, (state, values))| state.step((at, &net.input), feed, batch, dx, clock, decay, values));
    }

    /// Forward and backward for every lane.
    fn run_lanes(&mut self, feed: &Feed, batch: &[u32], scale: &[f32]) {
        let (net, weights, settings) = (self.net, &self.weights, self.settings);
        let width = net.input.width;
        let rows = batch.len().div_ceil(self.lanes.len()).max(1);
        let reversal = settings.invariance / batch.len() as f32;
        let seed = self.seed ^ (self.clock.step as u64).wrapping_mul(GOLDEN);
        let masks: Vec<Vec<f32>> = match self.sums.len() {
            1 => vec![scale.to_vec()],
            _ => (0..net.tasks)
                .map(|task| scale.iter().enumerate().map(|(at, scale)| if at == task { *scale } else { 0.0 }).collect())
                .collect(),
        };
        // One chunk of every stream's slopes for each lane.
        let mut slopes: Vec<Vec<&mut [f32]>> = self.lanes.iter().map(|_| Vec::with_capacity(masks.len())).collect();
        for dx in &mut self.dx {
            let mut chunks = dx[..batch.len() * width].chunks_mut((rows * width).max(1));
            for lane in &mut slopes {
                lane.push(chunks.next().unwrap_or_default());
            }
        }
        self.lanes.par_iter_mut().zip(slopes).enumerate().for_each(|(at, (lane, mut slopes))| {
            for gradients in &mut lane.gradients {
                gradients.weights.fill(0.0);
                gradients.own.fill(0.0);
            }
            lane.space.losses.clear();
            let own = &batch[(at * rows).min(batch.len())..((at + 1) * rows).min(batch.len())];
            for (slice, order) in own.chunks(SLICE).enumerate() {
                lane.space.noise = Noise::new(settings.dropout, mix(seed ^ ((at as u64) << 32 | slice as u64)));
                net.forward(weights, feed, order, &mut lane.space);
                for (stream, mask) in masks.iter().enumerate() {
                    if stream > 0 {
                        // Every task's losses were counted with the first stream.
                        let counted = lane.space.losses.clone();
                        net.loss(feed, order, mask, &mut lane.space);
                        lane.space.losses = counted;
                    } else {
                        net.loss(feed, order, mask, &mut lane.space);
                    }
                    let part = &mut slopes[stream][slice * SLICE * width..];
                    let dx = MatMut::new(part, order.len(), width);
                    net.backward(
                        weights,
                        feed,
                        order,
                        if stream == 0 { reversal } else { 0.0 },
                        &mut lane.space,
                        &mut lane.gradients[stream],
                        dx,
                    );
                }
            }
        });
    }

    /// Adds the lanes' gradients up in their order.
    fn reduce(&mut self) {
        let lanes = &self.lanes;
        for (stream, sum) in self.sums.iter_mut().enumerate() {
            let add = |of: fn(&Gradients) -> &Vec<f32>, sum: &mut Vec<f32>| {
                sum.par_chunks_mut(CHUNK).enumerate().for_each(|(chunk, sum)| {
                    let range = chunk * CHUNK..chunk * CHUNK + sum.len();
                    sum.copy_from_slice(&of(&lanes[0].gradients[stream])[range.clone()]);
                    for lane in &lanes[1..] {
                        super::dense::add(sum, &of(&lane.gradients[stream])[range.clone()]);
                    }
                });
            };
            add(|gradients| &gradients.weights, &mut sum.weights);
            add(|gradients| &gradients.own, &mut sum.own);
        }
    }

    /// Makes one gradient of the tasks' gradients, where they were kept apart.
    fn combine(&mut self, rows: usize, losses: &[f64], random: &mut rand_chacha::ChaCha8Rng) {
        if self.sums.len() == 1 {
            return;
        }
        let gram = gram(&self.sums, self.net.layout.shared);
        let mut order: Vec<usize> = (0..self.net.tasks).collect();
        order.shuffle(random);
        let factors = self.balancer.surgery(&gram, losses, &order);
        let shared = self.net.layout.shared;
        let (first, others) = self.sums.split_at_mut(1);
        first[0].weights[..shared].iter_mut().for_each(|sum| *sum *= factors[0]);
        for (other, factor) in others.iter().zip(&factors[1..]) {
            first[0].weights[..shared].iter_mut().zip(&other.weights).for_each(|(sum, part)| *sum += factor * part);
            super::dense::add(&mut first[0].weights[shared..], &other.weights[shared..]);
            super::dense::add(&mut first[0].own, &other.own);
        }
        let numbers = rows * self.net.input.width;
        let (first, others) = self.dx.split_at_mut(1);
        first[0][..numbers].iter_mut().for_each(|sum| *sum *= factors[0]);
        for (other, factor) in others.iter().zip(&factors[1..]) {
            first[0][..numbers].iter_mut().zip(other).for_each(|(sum, part)| *sum += factor * part);
        }
    }

    /// Losses on rows that are not learned from.
    pub(super) fn evaluate(&self, blocks: &[Block<'_>]) -> CellLosses {
        let empty = || CellLosses::new(self.net.scenarios, self.net.tasks);
        let scale = vec![0.0; self.net.tasks];
        let parts: Vec<CellLosses> = runs(blocks, STRETCH)
            .par_iter()
            .map_init(
                || (Feed::default(), self.net.workspace(SLICE)),
                |(feed, space), run| {
                    feed.fill(&self.net.input, self.shape, blocks, std::slice::from_ref(run), None);
                    space.losses.clear();
                    for order in feed.by_scenario().chunks(SLICE) {
                        self.net.forward(&self.weights, feed, order, space);
                        self.net.loss(feed, order, &scale, space);
                    }
                    space.losses.clone()
                },
            )
            .collect();
        parts.iter().fold(empty(), |mut sum, part| {
            sum.add(part);
            sum
        })
    }

    /// Cosines between the tasks' gradients on the shared dense weights, on a fixed sample of the rows; per scenario and over
    /// all.
    pub(super) fn conflicts(&self, blocks: &[Block<'_>]) -> Vec<Conflict> {
        let (net, tasks) = (self.net, self.net.tasks);
        let mut random = stream(self.seed, 0);
        let picked: Vec<Run> = windows(self.shape, blocks, &mut random).0.into_iter().flatten().take(CONFLICT_ROWS / 32).collect();
        let mut feed = Feed::default();
        feed.fill(&net.input, self.shape, blocks, &picked, None);
        let rows = feed.by_scenario();
        let scale = scale(&self.balancer, self.counts.as_deref(), &feed, &rows);
        let mut all: Vec<Gradients> = (0..tasks).map(|_| net.gradients()).collect();
        let mut found = Vec::new();
        for scenario in 0..net.scenarios {
            let own: Vec<u32> = rows.iter().copied().filter(|row| feed.scenario[*row as usize] as usize == scenario).collect();
            let gradients: Vec<Gradients> = (0..tasks)
                .into_par_iter()
                .map(|task| {
                    let mut space = net.workspace(SLICE);
                    let mut gradients = net.gradients();
                    let mut dx = vec![0.0; SLICE * net.input.width];
                    let mask: Vec<f32> = scale.iter().enumerate().map(|(at, scale)| if at == task { *scale } else { 0.0 }).collect();
                    for order in own.chunks(SLICE) {
                        net.forward(&self.weights, &feed, order, &mut space);
                        net.loss(&feed, order, &mask, &mut space);
                        net.backward(
                            &self.weights,
                            &feed,
                            order,
                            0.0,
                            &mut space,
                            &mut gradients,
                            MatMut::new(&mut dx, order.len(), net.input.width),
                        );
                    }
                    gradients
                })
                .collect();
            all.iter_mut().zip(&gradients).for_each(|(sum, part)| super::dense::add(&mut sum.weights, &part.weights));
            found.extend(cosines(Some(scenario), &gradients, net));
        }
        found.extend(cosines(None, &all, net));
        found
    }
}

/// What a row's loss counts in each task: the task's weight over the weight of the rows that teach it, or over what the pass says.
fn scale(balancer: &Balancer, counts: Option<&[f64]>, feed: &Feed, batch: &[u32]) -> Vec<f32> {
    let weights = balancer.weights();
    if let Some(counts) = counts {
        let of = |(weight, counts): (f32, &f64)| (f64::from(weight) * counts / batch.len().max(1) as f64) as f32;
        return weights.into_iter().zip(counts).map(of).collect();
    }
    let mut sums = vec![0.0_f64; weights.len()];
    for row in batch {
        let (labels, weights) = (feed.labels(*row as usize), feed.weights(*row as usize));
        for task in 0..sums.len() {
            sums[task] += if labels[task].is_nan() { 0.0 } else { f64::from(weights[task]) };
        }
    }
    weights.iter().zip(sums).map(|(weight, sum)| if sum > 0.0 { (f64::from(*weight) / sum) as f32 } else { 0.0 }).collect()
}

fn cosines(scenario: Option<usize>, gradients: &[Gradients], net: &Network) -> Vec<Conflict> {
    let gram = gram(gradients, net.layout.shared);
    let pairs = (0..net.tasks).flat_map(|a| (a + 1..net.tasks).map(move |b| (a, b)));
    pairs.filter_map(|(a, b)| Some(Conflict { scenario, tasks: (a, b), cosine: super::balance::cosine(&gram, net.tasks, a, b)? })).collect()
}

/// Inner products of gradients on the first `shared` weights. Shape: `[tasks × tasks]`.
fn gram(gradients: &[Gradients], shared: usize) -> Vec<f64> {
    let tasks = gradients.len();
    let mut gram = vec![0.0; tasks * tasks];
    for a in 0..tasks {
        for b in a..tasks {
            let inner: f64 =
                gradients[a].weights[..shared].iter().zip(&gradients[b].weights).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum();
            gram[a * tasks + b] = inner;
            gram[b * tasks + a] = inner;
        }
    }
    gram
}
