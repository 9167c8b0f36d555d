//! Contributions of each field to each raw output of the network: integrated gradients from the average training row.
//!
//! With `f(x, s)` a raw output, `x̄` the mean of the input columns over training rows and `∅` the shared part alone:
//! `f(x, s) = f(x̄, ∅) + Σ_fields IG(x; f(·, ∅)) + Σ_fields [IG(x; f(·, s)) − IG(x; f(·, ∅))] + [f(x̄, s) − f(x̄, ∅)]`. The first sum
//! is what all scenarios share, the second what belongs to the row's scenario, the last term the scenario itself. Within the
//! shared sum the mean over the tasks is shared by the tasks, the rest belongs to the task.
//!
//! The way from `x̄` to `x` is walked in equal steps with the slope at each step's middle. What a step's slopes miss of its true
//! change of `f` (a unit of relu that wakes on the way) is spread over the fields by the size of their parts in that step, so
//! that the contributions add up but for rounding.
//!
//! # Source
//! Sundararajan, Taly and Yan (2017), "Axiomatic attribution for deep networks", section 3.

use ndarray::{Array3, Axis};
use rayon::prelude::*;

use super::super::Attribution;
use super::super::rows::{Block, Shape};
use super::dense::Gradients;
use super::feed::{Feed, Run, runs, teaching};
use super::network::{Network, Weights, Workspace};

/// Steps of the way.
const STEPS: usize = 12;
/// Rows that one worker explains at a time.
const STRETCH: usize = 128;

/// Mean of the input columns over rows of `blocks` that teach a task, at most one window of them spread over all.
pub(super) fn background(net: &Network, shape: &Shape, weights: &Weights, blocks: &[Block<'_>]) -> Vec<f32> {
    let (all, _) = teaching(shape, blocks, STRETCH);
    let every = all.len().div_ceil(super::feed::WINDOW / STRETCH).max(1);
    let picked: Vec<Run> = all.into_iter().step_by(every).collect();
    let mut sums = vec![0.0_f64; net.input.width];
    let mut rows = 0;
    let mut feed = Feed::default();
    let mut x = vec![0.0; STRETCH * net.input.width];
    for run in &picked {
        feed.fill(&net.input, shape, blocks, std::slice::from_ref(run), None);
        let order: Vec<u32> = (0..feed.rows() as u32).filter(|row| feed.teaches(*row as usize)).collect();
        net.inputs(weights, &feed, &order, &mut x[..order.len() * net.input.width]);
        for row in x.chunks_exact(net.input.width).take(order.len()) {
            sums.iter_mut().zip(row).for_each(|(sum, x)| *sum += f64::from(*x));
        }
        rows += order.len();
    }
    sums.iter().map(|sum| (sum / rows.max(1) as f64) as f32).collect()
}

/// One worker's buffers.
struct Desk {
    feed: Feed,
    space: Workspace,
    scratch: Gradients,
    x: Vec<f32>,
    between: Vec<f32>,
    dx: Vec<f32>,
}

/// What a network's numbers are explained with.
struct Explainer<'a> {
    net: &'a Network,
    shape: &'a Shape,
    weights: &'a Weights,
    background: &'a [f32],
}

impl Explainer<'_> {
    /// Raw outputs of the background row. Shape: `[tasks]`.
    fn base(&self, scenario: usize, space: &mut Workspace) -> Vec<f32> {
        self.net.forward_from(self.weights, self.background, scenario, space);
        (0..self.net.tasks).map(|task| self.net.heads.raw(task, space.numbers(0))).collect()
    }

    /// Raw outputs at share `place` of the way. Shape: `[rows, tasks]`.
    fn at(&self, place: f32, rows: usize, scenario: usize, desk: &mut Desk) -> Vec<f32> {
        let width = self.net.input.width;
        for row in 0..rows {
            for column in 0..width {
                let at = row * width + column;
                desk.between[at] = self.background[column] + place * (desk.x[at] - self.background[column]);
            }
        }
        self.net.forward_from(self.weights, &desk.between[..rows * width], scenario, &mut desk.space);
        let raw = |at: usize| self.net.heads.raw(at % self.net.tasks, desk.space.numbers(at / self.net.tasks));
        (0..rows * self.net.tasks).map(raw).collect()
    }

    /// Integrated gradients of rows that lie in `desk.x`, served in `scenario`. Shape: `[rows, tasks, fields]`.
    fn integrate(&self, rows: usize, scenario: usize, desk: &mut Desk) -> Array3<f64> {
        let (net, width, fields) = (self.net, self.net.input.width, self.shape.fields.len());
        let mut found = Array3::zeros((rows, net.tasks, fields));
        let mut parts = vec![0.0_f64; fields];
        let mut before = self.at(0.0, rows, scenario, desk);
        for step in 0..STEPS {
            let after = self.at((step + 1) as f32 / STEPS as f32, rows, scenario, desk);
            self.at((step as f32 + 0.5) / STEPS as f32, rows, scenario, desk);
            for task in 0..net.tasks {
                net.slopes_of(self.weights, rows, task, &mut desk.space, &mut desk.scratch, &mut desk.dx);
                for row in 0..rows {
                    for (field, part) in parts.iter_mut().enumerate() {
                        let columns = net.input.columns(field);
                        let slope = |column: usize| {
                            let at = row * width + column;
                            f64::from((desk.x[at] - self.background[column]) * desk.dx[at])
                        };
                        *part = columns.map(slope).sum::<f64>() / STEPS as f64;
                    }
                    let at = row * net.tasks + task;
                    let missed = f64::from(after[at] - before[at]) - parts.iter().sum::<f64>();
                    let size: f64 = parts.iter().map(|part| part.abs()).sum();
                    for (field, part) in parts.iter().enumerate() {
                        let share = if size > 0.0 { part.abs() / size } else { 1.0 / fields as f64 };
                        found[[row, task, field]] += part + missed * share;
                    }
                }
            }
            before = after;
        }
        found
    }
}

/// Contributions of a block's rows.
pub(super) fn attribute(net: &Network, shape: &Shape, weights: &Weights, background: &[f32], block: &Block<'_>) -> Attribution {
    let (tasks, fields, width) = (net.tasks, shape.fields.len(), net.input.width);
    let explainer = Explainer { net, shape, weights, background };
    let mut space = net.workspace(STRETCH);
    let base = explainer.base(net.scenarios, &mut space);
    let own: Vec<Vec<f32>> = (0..=net.scenarios).map(|scenario| explainer.base(scenario, &mut space)).collect();
    let blocks = std::slice::from_ref(block);
    let desk = || Desk {
        feed: Feed::default(),
        space: net.workspace(STRETCH),
        scratch: net.gradients(),
        x: vec![0.0; STRETCH * width],
        between: vec![0.0; STRETCH * width],
        dx: vec![0.0; STRETCH * width],
    };
    let parts: Vec<[Array3<f32>; 3]> = runs(blocks, STRETCH)
        .par_iter()
        .map_init(desk, |desk, run| {
            desk.feed.fill(&net.input, shape, blocks, std::slice::from_ref(run), None);
            let rows = desk.feed.rows();
            let empty = || Array3::<f32>::zeros((rows, tasks, fields + 1));
            let (mut shared, mut scenario_part, mut task_part) = (empty(), empty(), empty());
            for (scenario, own) in own.iter().enumerate() {
                let order: Vec<u32> = (0..rows as u32).filter(|row| desk.feed.scenario[*row as usize] as usize == scenario).collect();
                if order.is_empty() {
                    continue;
                }
                net.inputs(weights, &desk.feed, &order, &mut desk.x[..order.len() * width]);
                let plain = explainer.integrate(order.len(), net.scenarios, desk);
                let served = if scenario == net.scenarios { plain.clone() } else { explainer.integrate(order.len(), scenario, desk) };
                for (at, row) in order.iter().enumerate() {
                    let row = *row as usize;
                    for field in 0..fields {
                        let common = plain.index_axis(Axis(0), at).column(field).sum() / tasks as f64;
                        for task in 0..tasks {
                            let value = plain[[at, task, field]];
                            shared[[row, task, field]] = common as f32;
                            task_part[[row, task, field]] = (value - common) as f32;
                            scenario_part[[row, task, field]] = (served[[at, task, field]] - value) as f32;
                        }
                    }
                    for task in 0..tasks {
                        scenario_part[[row, task, fields]] = own[task] - base[task];
                    }
                }
            }
            [shared, scenario_part, task_part]
        })
        .collect();
    let joined = |which: usize| {
        let views: Vec<_> = parts.iter().map(|part| part[which].view()).collect();
        ndarray::concatenate(Axis(0), &views).unwrap_or_else(|_| Array3::zeros((0, tasks, fields + 1)))
    };
    let (shared, scenario_part, task_part) = (joined(0), joined(1), joined(2));
    Attribution { base, values: &shared + &scenario_part + &task_part, shared, scenario_part, task_part }
}
