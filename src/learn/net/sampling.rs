//! How often a pass visits a row, and what a visit weighs, so that what is learned stays true of the rows.
//!
//! In: labels, and what the job asks for: negatives per positive, a share of the rarest positives, shares of scenarios. Out: for each row
//! an expected number of visits `μ`. A pass visits it `⌊μ⌋` times and once more with chance `μ − ⌊μ⌋`, drawn anew in every pass by a hash
//! of the row's place: the same for any number of threads, and nothing is remembered.
//!
//! What a visit weighs undoes the sampling in two parts. Between the classes of a binary task it is not undone by weights, which would
//! let few negatives count for many and be learned by heart: each class of a cell keeps the weight that its visits have, `k₁` and `k₀`,
//! and the loss is taken at odds that are `k₁ / k₀` times the rows' own ([`super::shift`]). Within a class, where rows are visited at
//! different rates (a click that was bought, one that was not), a visit weighs `1/μ` against the others. So probabilities need no
//! correction afterwards, in any cell, also where a row teaches several tasks and the later ones of a chain.
//!
//! # Source
//! Horvitz and Thompson (1952), "A generalization of sampling without replacement from a finite universe"; King and Zeng (2001),
//! "Logistic regression in rare events data", sections 4.1, prior correction, and 4.2, weighting.

use super::super::prepare::{Batches, Prepare};
use super::super::rows::{Block, Shape, TaskKind};
use super::feed::lesson;
use crate::fingerprint::mix;

/// Positives that a cell counts with at least when its negatives are thinned: a cell in which nothing ever happens still has to say so.
const LEAST_POSITIVES: u64 = 20;
/// Visits of a row in a pass, at most.
pub(super) const MOST_VISITS: f32 = 20.0;

/// Visits of a pass.
#[derive(Debug, Clone)]
pub(super) struct Sampling {
    scenarios: usize,
    /// Visits that a lesson asks for, without and with an event. Shape: `[(scenarios + 1) · tasks]`.
    lessons: Vec<[f32; 2]>,
    /// Factor on the visits of a scenario's rows, and what the scenario counts in the loss. Shape: `[scenarios + 1]`.
    scenario: Vec<(f32, f32)>,
    /// Weight of all rows that teach a task. Shape: `[tasks]`.
    weight: Vec<f64>,
    /// What the visits of each class weigh against its rows, without and with an event: `k₀` and `k₁`, 1 in the mean over a cell's rows.
    /// Shape: `[(scenarios + 1) · tasks]`.
    classes: Vec<[f64; 2]>,
    seed: u64,
}

/// Labels of a cell: rows without and with an event.
type Classes = [u64; 2];

/// Whether a label says that something happened. A number that has no "nothing" says so always.
fn event(kind: TaskKind, label: f64) -> bool {
    kind == TaskKind::Regression || label > 0.0
}

impl Sampling {
    /// What a job asks for, on these rows; `None` where it asks for nothing.
    pub(super) fn new(prepare: &Prepare, shape: &Shape, blocks: &[Block<'_>], seed: u64) -> Option<Self> {
        if !prepare.samples() {
            return None;
        }
        let tasks = shape.tasks.len();
        let scenarios = shape.scenarios.len();
        let classes = classes(shape, blocks);
        let rate = |[none, some]: &Classes| match prepare.negatives {
            0 => 1.0,
            wanted => (f64::from(wanted) * (*some).max(LEAST_POSITIVES) as f64 / (*none).max(1) as f64).min(1.0) as f32,
        };
        let mut own = Self {
            scenarios,
            lessons: classes.iter().map(|classes| [rate(classes), 1.0]).collect(),
            scenario: vec![(1.0, 1.0); scenarios + 1],
            weight: vec![0.0; tasks],
            classes: vec![[1.0; 2]; classes.len()],
            seed,
        };
        if let Some(rarest) = rarest(shape, &classes).filter(|_| prepare.oversample > 0.0) {
            own.repeat(rarest, f64::from(prepare.oversample), shape, blocks);
        }
        if prepare.batches == Batches::Balanced {
            own.share(f64::from(prepare.scenario_temperature), shape, blocks);
        }
        own.weigh(shape, blocks);
        own.classes = own.class_weights(shape, blocks);
        Some(own)
    }

    fn place(&self, block: &Block<'_>, row: usize) -> usize {
        (block.scenario[row] as usize).min(self.scenarios)
    }

    /// Visits that the lesson which asks for most asks for; 0 where a row teaches nothing.
    fn asked(&self, shape: &Shape, block: &Block<'_>, row: usize) -> f32 {
        let first = self.place(block, row) * shape.tasks.len();
        let of = |(task, lessons): (usize, &[f32; 2])| {
            let (label, _) = lesson(shape, block, task, row)?;
            Some(lessons[usize::from(event(shape.tasks[task].kind, label))])
        };
        self.lessons[first..first + shape.tasks.len()].iter().enumerate().filter_map(of).fold(0.0, f32::max)
    }

    /// Lets positives of the rarest task be visited until they have their share of each scenario.
    fn repeat(&mut self, rarest: usize, share: f64, shape: &Shape, blocks: &[Block<'_>]) {
        // Positives, and the visits of all other rows.
        let mut found = vec![(0_u64, 0.0_f64); self.scenarios + 1];
        for block in blocks {
            for row in 0..block.rows() {
                let (rare, others) = &mut found[self.place(block, row)];
                if lesson(shape, block, rarest, row).is_some_and(|(label, _)| label > 0.0) {
                    *rare += 1;
                } else {
                    *others += f64::from(self.asked(shape, block, row));
                }
            }
        }
        let tasks = shape.tasks.len();
        for (scenario, (rare, others)) in found.into_iter().enumerate().filter(|(_, (rare, _))| *rare > 0) {
            let visits = share / (1.0 - share) * others / rare as f64;
            self.lessons[scenario * tasks + rarest][1] = visits.clamp(1.0, f64::from(MOST_VISITS)) as f32;
        }
    }

    /// Gives each scenario of `n` rows a share of the visits, and of the loss, proportional to `n ^ temperature`. What a scenario counts
    /// is changed on purpose and not undone: the network is told the scenario, so probabilities within one stay what they are.
    fn share(&mut self, temperature: f64, shape: &Shape, blocks: &[Block<'_>]) {
        // Rows that teach, their visits, and the most visits of one of them.
        let mut found = vec![(0_u64, 0.0_f64, 0.0_f64); self.scenarios + 1];
        for block in blocks {
            for row in 0..block.rows() {
                let visits = f64::from(self.asked(shape, block, row));
                let (rows, sum, most) = &mut found[self.place(block, row)];
                *rows += u64::from(visits > 0.0);
                *sum += visits;
                *most = most.max(visits);
            }
        }
        let wanted = |rows: u64| if rows > 0 { (rows as f64).powf(temperature) } else { 0.0 };
        let all: f64 = found.iter().map(|(rows, ..)| wanted(*rows)).sum();
        let (rows, visits) = found.iter().fold((0.0, 0.0), |(rows, visits), found| (rows + found.0 as f64, visits + found.1));
        for ((own, own_visits, most), scenario) in found.into_iter().zip(&mut self.scenario).filter(|((rows, ..), _)| *rows > 0) {
            let share = wanted(own) / all;
            let factor = share * visits / own_visits;
            // A scenario of a handful of rows does not get its share by letting each of them count for thousands.
            let can = (f64::from(MOST_VISITS) / most / factor).min(1.0);
            *scenario = ((factor * can) as f32, (share * rows / own as f64 * can) as f32);
        }
    }

    /// Sums up what the rows of each task count.
    fn weigh(&mut self, shape: &Shape, blocks: &[Block<'_>]) {
        for block in blocks {
            for row in 0..block.rows() {
                let counts = f64::from(self.scenario[self.place(block, row)].1);
                for (task, sum) in self.weight.iter_mut().enumerate() {
                    *sum += lesson(shape, block, task, row).map_or(0.0, |(_, weight)| counts * weight);
                }
            }
        }
    }

    /// What the visits of each class weigh. A task without classes has 1 and 1.
    fn class_weights(&self, shape: &Shape, blocks: &[Block<'_>]) -> Vec<[f64; 2]> {
        let tasks = shape.tasks.len();
        // Weight of a class's rows, and of its visits.
        let mut found = vec![[(0.0, 0.0); 2]; self.classes.len()];
        for block in blocks {
            for row in 0..block.rows() {
                let first = self.place(block, row) * tasks;
                let (visits, _) = self.expected(shape, block, row);
                for (task, own) in
                    found[first..first + tasks].iter_mut().enumerate().filter(|(task, _)| shape.tasks[*task].kind.is_binary())
                {
                    if let Some((label, weight)) = lesson(shape, block, task, row) {
                        let (rows, visited) = &mut own[usize::from(label > 0.0)];
                        *rows += weight;
                        *visited += weight * f64::from(visits);
                    }
                }
            }
        }
        let of = |[none, some]: [(f64, f64); 2]| {
            let (rows, visited) = (none.0 + some.0, none.1 + some.1);
            // A class without rows is as the other one.
            [none, some].map(|own| if own.0 > 0.0 { own.1 / own.0 * rows / visited } else { 1.0 })
        };
        found.into_iter().map(of).collect()
    }

    /// Expected visits of a row, and what each of them counts of the row; no visits where it teaches nothing.
    pub(super) fn expected(&self, shape: &Shape, block: &Block<'_>, row: usize) -> (f32, f32) {
        let (factor, counts) = self.scenario[self.place(block, row)];
        let visits = (self.asked(shape, block, row) * factor).min(MOST_VISITS);
        (visits, if visits > 0.0 { counts / visits } else { 0.0 })
    }

    /// Multiplies a visit's weights, one a task, by what the visit counts.
    pub(super) fn weigh_visit(&self, shape: &Shape, block: &Block<'_>, row: usize, weights: &mut [f32]) {
        let (_, counts) = self.expected(shape, block, row);
        let first = self.place(block, row) * shape.tasks.len();
        for (task, weight) in weights.iter_mut().enumerate() {
            let class = lesson(shape, block, task, row).map_or(0, |(label, _)| usize::from(label > 0.0));
            *weight *= counts * self.classes[first + task][class] as f32;
        }
    }

    /// What the visits of each class weigh against its rows, without and with an event. Shape: `[(scenarios + 1) · tasks]`.
    pub(super) fn classes(&self) -> &[[f64; 2]] {
        &self.classes
    }

    /// Visits of a row in a pass. `place` counts the rows that teach, through all blocks: rows that teach nothing change nothing.
    /// `None` where the row teaches nothing.
    pub(super) fn visits(&self, shape: &Shape, block: &Block<'_>, row: usize, (pass, place): (usize, u64)) -> Option<u32> {
        let (expected, _) = self.expected(shape, block, row);
        let whole = expected.floor();
        // 53 bits: as many as a number has.
        let drawn = (mix(place ^ mix(self.seed ^ mix(pass as u64))) >> 11) as f64 / (1_u64 << 53) as f64;
        (expected > 0.0).then(|| whole as u32 + u32::from(drawn < f64::from(expected - whole)))
    }

    /// Weight of all rows that teach each task.
    pub(super) fn weight(&self) -> &[f64] {
        &self.weight
    }
}

/// Labels of every cell. Shape: `[(scenarios + 1) · tasks]`.
fn classes(shape: &Shape, blocks: &[Block<'_>]) -> Vec<Classes> {
    let tasks = shape.tasks.len();
    let mut found = vec![[0; 2]; (shape.scenarios.len() + 1) * tasks];
    for block in blocks {
        for row in 0..block.rows() {
            let first = (block.scenario[row] as usize).min(shape.scenarios.len()) * tasks;
            for (task, spec) in shape.tasks.iter().enumerate() {
                if let Some((label, _)) = lesson(shape, block, task, row) {
                    found[first + task][usize::from(event(spec.kind, label))] += 1;
                }
            }
        }
    }
    found
}

/// The binary task with the smallest share of positives, the first of equals.
fn rarest(shape: &Shape, classes: &[Classes]) -> Option<usize> {
    let share = |task: usize| {
        let own = classes.iter().skip(task).step_by(shape.tasks.len());
        let [none, some] = own.fold([0, 0], |[a, b], [none, some]| [a + none, b + some]);
        (some > 0).then(|| some as f64 / (none + some) as f64)
    };
    let binary = shape.tasks.iter().enumerate().filter(|(_, task)| task.kind.is_binary());
    binary.filter_map(|(task, _)| Some((task, share(task)?))).min_by(|a, b| a.1.total_cmp(&b.1)).map(|(task, _)| task)
}
