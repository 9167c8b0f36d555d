//! Contributions of each field to each raw output of the network: integrated gradients from the average training row.
//!
//! With `f(x, s)` a raw output, `x̄` the mean of the input columns over training rows and `∅` the shared part alone:
//! `f(x, s) = f(x̄, ∅) + Σ_fields IG(x; f(·, ∅)) + Σ_fields [IG(x; f(·, s)) − IG(x; f(·, ∅))] + [f(x̄, s) − f(x̄, ∅)]`. The first sum
//! is what all scenarios share, the second what belongs to the row's scenario, the last term the scenario itself. Within the
//! shared sum the mean over the tasks is shared by the tasks, the rest belongs to the task.
//!
//! The way from `x̄` to `x` is walked in equal steps with the slope at each step's middle. What the slopes miss of the true change
//! of `f` (units of relu that wake on the way) is spread over the fields by the size of their parts, so that the contributions
//! add up but for rounding. How much was missed is told beside them; rows that miss more
//! than a hundredth of the output's spread walk the way again in smaller steps.
//!
//! # Source
//! Sundararajan, Taly and Yan (2017), "Axiomatic attribution for deep networks", section 3.

use ndarray::{Array2, Array3, Axis};
use rayon::prelude::*;

use super::super::Attribution;
use super::super::rows::{Block, Shape};
use super::dense::{Gradients, add};
use super::feed::{Feed, Run, runs, teaching};
use super::network::{Network, Weights, Workspace};

/// Steps of the way; a row that misses too much walks it again in more of them. What is missed falls as one over the steps: it is
/// what the units of relu that wake on the way leave over.
const STEPS: [usize; 2] = [24, 96];
/// What a row may miss at first, as a share of the raw output's standard deviation over training rows.
const MISSED: f64 = 0.01;
/// Rows that one worker explains at a time.
const STRETCH: usize = 128;

/// Where contributions begin, and what they are measured by.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Background {
    /// Mean of the input columns over training rows.
    pub(super) x: Vec<f32>,
    /// Standard deviation of each raw output of the shared part over the same rows. Shape: `[tasks]`.
    pub(super) spread: Vec<f32>,
}

/// The background of rows of `blocks` that teach a task, at most one window of them spread over all.
pub(super) fn background(net: &Network, shape: &Shape, weights: &Weights, blocks: &[Block<'_>]) -> Background {
    let (all, _) = teaching(shape, blocks, STRETCH);
    let every = all.len().div_ceil(super::feed::WINDOW / STRETCH).max(1);
    let picked: Vec<Run> = all.into_iter().step_by(every).collect();
    let mut sums = vec![0.0_f64; net.input.width];
    let mut outputs = vec![[0.0_f64; 2]; net.tasks];
    let mut rows = 0;
    let mut feed = Feed::default();
    let mut space = net.workspace(STRETCH);
    let mut x = vec![0.0; STRETCH * net.input.width];
    for run in &picked {
        feed.fill(&net.input, shape, blocks, std::slice::from_ref(run), None);
        let order: Vec<u32> = (0..feed.rows() as u32).filter(|row| feed.teaches(*row as usize)).collect();
        if order.is_empty() {
            continue;
        }
        let x = &mut x[..order.len() * net.input.width];
        net.inputs(weights, &feed, &order, x);
        for row in x.chunks_exact(net.input.width) {
            sums.iter_mut().zip(row).for_each(|(sum, x)| *sum += f64::from(*x));
        }
        net.forward_from(weights, x, net.scenarios, &mut space);
        for row in 0..order.len() {
            for (task, [sum, squares]) in outputs.iter_mut().enumerate() {
                let raw = f64::from(net.heads.raw(task, space.numbers(row)));
                *sum += raw;
                *squares += raw * raw;
            }
        }
        rows += order.len();
    }
    let n = rows.max(1) as f64;
    let spread = |[sum, squares]: &[f64; 2]| (squares / n - (sum / n) * (sum / n)).max(0.0).sqrt() as f32;
    Background { x: sums.iter().map(|sum| (sum / n) as f32).collect(), spread: outputs.iter().map(spread).collect() }
}

/// One worker's buffers.
struct Desk {
    feed: Feed,
    space: Workspace,
    scratch: Gradients,
    x: Vec<f32>,
    kept: Vec<f32>,
    between: Vec<f32>,
    dx: Vec<f32>,
}

/// Contributions of rows. Shape: `[rows, tasks, fields]`; and what their integrals missed. Shape: `[rows, tasks]`.
#[derive(Debug, Clone)]
struct Parts {
    values: Array3<f64>,
    missed: Array2<f64>,
}

/// What a network's numbers are explained with.
struct Explainer<'a> {
    net: &'a Network,
    shape: &'a Shape,
    weights: &'a Weights,
    background: &'a Background,
    /// Raw outputs of the background row, served in each scenario and in none. Shape: `[scenarios + 1][tasks]`.
    bases: Vec<Vec<f32>>,
}

impl Explainer<'_> {
    /// Integrated gradients of rows that lie in `desk.x`, served in `scenario`, in as many steps as each of them takes.
    fn integrate(&self, rows: usize, scenario: usize, desk: &mut Desk) -> Parts {
        let width = self.net.input.width;
        let mut found = self.walk(rows, scenario, STEPS[0], desk);
        for steps in &STEPS[1..] {
            let far = |missed: f64, task: usize| missed.abs() > MISSED * f64::from(self.background.spread[task]);
            let again: Vec<usize> = (0..rows).filter(|row| (0..self.net.tasks).any(|task| far(found.missed[[*row, task]], task))).collect();
            if again.is_empty() {
                break;
            }
            desk.kept[..rows * width].copy_from_slice(&desk.x[..rows * width]);
            for (to, row) in again.iter().enumerate() {
                desk.x.copy_within(row * width..(row + 1) * width, to * width);
            }
            let own = self.walk(again.len(), scenario, *steps, desk);
            for (from, row) in again.into_iter().enumerate() {
                found.values.index_axis_mut(Axis(0), row).assign(&own.values.index_axis(Axis(0), from));
                found.missed.row_mut(row).assign(&own.missed.row(from));
            }
            let Desk { x, kept, .. } = desk;
            x[..rows * width].copy_from_slice(&kept[..rows * width]);
        }
        found
    }

    /// The way of every row in `steps` steps: the mean slopes, times the way, and what they miss spread by size.
    fn walk(&self, rows: usize, scenario: usize, steps: usize, desk: &mut Desk) -> Parts {
        let (net, width, fields) = (self.net, self.net.input.width, self.shape.fields.len());
        let base = &self.bases[scenario];
        net.forward_from(self.weights, &desk.x[..rows * width], scenario, &mut desk.space);
        let raw = |at: usize| net.heads.raw(at % net.tasks, desk.space.numbers(at / net.tasks));
        let raw: Vec<f32> = (0..rows * net.tasks).map(raw).collect();
        let slopes = if net.enters_by_one_product() {
            self.inner_slopes(rows, scenario, steps, desk)
        } else {
            self.slopes(rows, scenario, steps, desk)
        };
        let mut found = Parts { values: Array3::zeros((rows, net.tasks, fields)), missed: Array2::zeros((rows, net.tasks)) };
        let mut parts = vec![0.0_f64; fields];
        for (task, sums) in slopes.iter().enumerate() {
            for row in 0..rows {
                for (field, part) in parts.iter_mut().enumerate() {
                    let columns = net.input.columns(field);
                    let moved = |column: usize| {
                        let at = row * width + column;
                        f64::from(desk.x[at] - self.background.x[column]) * f64::from(sums[at])
                    };
                    *part = columns.map(moved).sum::<f64>() / steps as f64;
                }
                let missed = f64::from(raw[row * net.tasks + task] - base[task]) - parts.iter().sum::<f64>();
                let size: f64 = parts.iter().map(|part| part.abs()).sum();
                for (field, part) in parts.iter().enumerate() {
                    let share = if size > 0.0 { part.abs() / size } else { 1.0 / fields as f64 };
                    found.values[[row, task, field]] = part + missed * share;
                }
                found.missed[[row, task]] = missed;
            }
        }
        found
    }

    /// Slopes in the input columns, added up over the middles of the steps, by task. Shape of each: `[rows, inputs]`.
    fn slopes(&self, rows: usize, scenario: usize, steps: usize, desk: &mut Desk) -> Vec<Vec<f32>> {
        let (net, width) = (self.net, self.net.input.width);
        let mut sums = vec![vec![0.0; rows * width]; net.tasks];
        for step in 0..steps {
            let place = (step as f32 + 0.5) / steps as f32;
            for (at, between) in desk.between[..rows * width].iter_mut().enumerate() {
                let from = self.background.x[at % width];
                *between = from + place * (desk.x[at] - from);
            }
            net.forward_from(self.weights, &desk.between[..rows * width], scenario, &mut desk.space);
            for (task, sum) in sums.iter_mut().enumerate() {
                net.slopes_of(self.weights, rows, task, &mut desk.space, &mut desk.scratch, &mut desk.dx);
                add(sum, &desk.dx);
            }
        }
        sums
    }

    /// The same where the inputs enter by one product: it is linear along the way, so that the steps begin behind it, and the slopes
    /// are added up there before they go back through it once.
    fn inner_slopes(&self, rows: usize, scenario: usize, steps: usize, desk: &mut Desk) -> Vec<Vec<f32>> {
        let (net, width, wide) = (self.net, self.net.input.width, self.net.first_width());
        let mut from = vec![0.0; wide];
        net.first_product(self.weights, &self.background.x, &mut from);
        let mut to = vec![0.0; rows * wide];
        net.first_product(self.weights, &desk.x[..rows * width], &mut to);
        let mut between = vec![0.0; rows * wide];
        let mut sums = vec![vec![0.0; rows * wide]; net.tasks];
        for step in 0..steps {
            let place = (step as f32 + 0.5) / steps as f32;
            for (between, to) in between.chunks_exact_mut(wide).zip(to.chunks_exact(wide)) {
                for ((between, from), to) in between.iter_mut().zip(&from).zip(to) {
                    *between = from + place * (to - from);
                }
            }
            net.forward_from_first(self.weights, &between, scenario, &mut desk.space);
            for (task, sum) in sums.iter_mut().enumerate() {
                net.add_first_slopes(self.weights, rows, task, &mut desk.space, &mut desk.scratch, sum);
            }
        }
        let back = |sum: Vec<f32>| {
            let mut dx = vec![0.0; rows * width];
            net.first_back(self.weights, &sum, &mut dx);
            dx
        };
        sums.into_iter().map(back).collect()
    }
}

/// Contributions of a block's rows.
pub(super) fn attribute(net: &Network, shape: &Shape, weights: &Weights, background: &Background, block: &Block<'_>) -> Attribution {
    let (tasks, fields, width) = (net.tasks, shape.fields.len(), net.input.width);
    let mut space = net.workspace(1);
    let of_background = |scenario: usize| -> Vec<f32> {
        net.forward_from(weights, &background.x, scenario, &mut space);
        (0..tasks).map(|task| net.heads.raw(task, space.numbers(0))).collect()
    };
    let bases: Vec<Vec<f32>> = (0..=net.scenarios).map(of_background).collect();
    let base = bases[net.scenarios].clone();
    let explainer = Explainer { net, shape, weights, background, bases };
    let blocks = std::slice::from_ref(block);
    let desk = || Desk {
        feed: Feed::default(),
        space: net.workspace(STRETCH),
        scratch: net.gradients(),
        x: vec![0.0; STRETCH * width],
        kept: vec![0.0; STRETCH * width],
        between: vec![0.0; STRETCH * width],
        dx: vec![0.0; STRETCH * width],
    };
    let parts: Vec<([Array3<f32>; 3], Array2<f32>)> = runs(blocks, STRETCH)
        .par_iter()
        .map_init(desk, |desk, run| {
            desk.feed.fill(&net.input, shape, blocks, std::slice::from_ref(run), None);
            let rows = desk.feed.rows();
            let empty = || Array3::<f32>::zeros((rows, tasks, fields + 1));
            let (mut shared, mut scenario_part, mut task_part) = (empty(), empty(), empty());
            let mut missed = Array2::<f32>::zeros((rows, tasks));
            for (scenario, own) in explainer.bases.iter().enumerate() {
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
                        let common = plain.values.index_axis(Axis(0), at).column(field).sum() / tasks as f64;
                        for task in 0..tasks {
                            let value = plain.values[[at, task, field]];
                            shared[[row, task, field]] = common as f32;
                            task_part[[row, task, field]] = (value - common) as f32;
                            scenario_part[[row, task, field]] = (served.values[[at, task, field]] - value) as f32;
                        }
                    }
                    for task in 0..tasks {
                        let way = [&plain, &served].map(|parts| parts.missed[[at, task]].abs() as f32);
                        missed[[row, task]] = way[0].max(way[1]);
                        scenario_part[[row, task, fields]] = own[task] - base[task];
                    }
                }
            }
            ([shared, scenario_part, task_part], missed)
        })
        .collect();
    let joined = |which: usize| {
        let views: Vec<_> = parts.iter().map(|(part, _)| part[which].view()).collect();
        ndarray::concatenate(Axis(0), &views).unwrap_or_else(|_| Array3::zeros((0, tasks, fields + 1)))
    };
    let (shared, scenario_part, task_part) = (joined(0), joined(1), joined(2));
    let missed: Vec<_> = parts.iter().map(|(_, missed)| missed.view()).collect();
    let missed = ndarray::concatenate(Axis(0), &missed).unwrap_or_else(|_| Array2::zeros((0, tasks)));
    Attribution { base, values: &shared + &scenario_part + &task_part, shared, scenario_part, task_part, missed }
}
