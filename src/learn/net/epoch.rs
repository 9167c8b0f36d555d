//! The rows of one pass, window by window, in the order in which they are learned from.
//!
//! In: blocks and what the job asks for. Out: windows of rows, prepared. Where it asks for nothing, a pass visits every row that teaches
//! once ([`super::feed`]). Else ([`Sampling`]) a row's further visits lie in runs of their own, so that they meet other rows.

use rand::seq::SliceRandom as _;
use rand_chacha::ChaCha8Rng;

use super::super::prepare::{Batches, Prepare};
use super::super::rows::{Block, Shape};
use super::augment;
use super::feed::{Feed, IdDropout, RUN, Run, WINDOW, lesson, order, windows};
use super::input::Input;
use super::sampling::{MOST_VISITS, Sampling};
use super::shift;
use crate::fingerprint::mix;

/// A pass over the rows.
pub(super) struct Epoch<'a> {
    shape: &'a Shape,
    blocks: &'a [Block<'a>],
    prepare: Prepare,
    seed: u64,
    pass: usize,
    windows: Windows,
    /// Visits of the pass.
    pub(super) rows: usize,
}

enum Windows {
    /// Every row once.
    Plain(Vec<Vec<Run>>),
    /// Rows that were drawn.
    Drawn { sampling: Sampling, windows: Vec<Vec<Drawn>> },
}

/// A run of which those rows count that have more visits than `round`; `place` rows that teach come before it.
#[derive(Debug, Clone, Copy)]
struct Drawn {
    run: Run,
    round: u32,
    place: u64,
}

impl<'a> Epoch<'a> {
    /// Draws the rows of pass `pass`.
    pub(super) fn new(
        prepare: &Prepare,
        shape: &'a Shape,
        blocks: &'a [Block<'a>],
        (seed, pass): (u64, usize),
        random: &mut ChaCha8Rng,
    ) -> Self {
        let (windows, rows) = match Sampling::new(prepare, shape, blocks, seed) {
            None => {
                let (windows, rows) = windows(shape, blocks, random);
                (Windows::Plain(windows), rows)
            }
            Some(sampling) => {
                let (mut runs, rows) = drawn(&sampling, shape, blocks, pass);
                runs.shuffle(random);
                let windows = runs.chunks(WINDOW / RUN).map(<[Drawn]>::to_vec).collect();
                (Windows::Drawn { sampling, windows }, rows)
            }
        };
        Self { shape, blocks, prepare: *prepare, seed, pass, windows, rows }
    }

    /// Number of windows.
    pub(super) fn windows(&self) -> usize {
        match &self.windows {
            Windows::Plain(windows) => windows.len(),
            Windows::Drawn { windows, .. } => windows.len(),
        }
    }

    /// What a row's loss counts in each task, times the rows of its mini-batch, where that is known beforehand: a mini-batch of drawn rows
    /// that were weighed by its own sum would lean towards the rows that came in numbers. Shape: `[tasks]`.
    pub(super) fn scale(&self) -> Option<Vec<f64>> {
        match &self.windows {
            Windows::Plain(_) => None,
            Windows::Drawn { sampling, .. } => {
                let of = |weight: &f64| if *weight > 0.0 { self.rows as f64 / weight } else { 0.0 };
                Some(sampling.weight().iter().map(of).collect())
            }
        }
    }

    /// Sets what classes count against each other, for all windows.
    pub(super) fn weigh(&self, feed: &mut Feed) {
        let sampling = match &self.windows {
            Windows::Plain(_) => None,
            Windows::Drawn { sampling, .. } => Some(sampling),
        };
        feed.shifts = shift::shifts(self.prepare.class_weights, sampling, self.shape, self.blocks);
    }

    /// Replaces the rows of `feed` by those of window `at`; `done` rows that teach came before it in this pass.
    pub(super) fn fill(&self, at: usize, done: usize, feed: &mut Feed, input: &Input, drop: &mut IdDropout) {
        match &self.windows {
            Windows::Plain(windows) => feed.fill(input, self.shape, self.blocks, &windows[at], Some(drop)),
            Windows::Drawn { sampling, windows } => {
                let runs: Vec<Run> = windows[at].iter().flat_map(|drawn| self.rows_of(sampling, *drawn)).collect();
                feed.fill(input, self.shape, self.blocks, &runs, Some(drop));
                let rows = runs.iter().flat_map(|run| (run.from..run.to).map(|row| (run.block, row)));
                for (place, (block, row)) in rows.enumerate() {
                    sampling.weigh_visit(self.shape, &self.blocks[block], row, feed.weights_mut(place));
                }
            }
        }
        if self.prepare.feature_masking > 0.0 {
            augment::mask(feed, input, self.prepare.feature_masking, mix(self.seed ^ mix(self.pass as u64)), done as u64);
        }
    }

    /// The order in which the rows of the window are learned from.
    pub(super) fn order(&self, feed: &Feed, random: &mut ChaCha8Rng) -> Vec<u32> {
        let order = order(feed, random);
        if self.prepare.batches == Batches::Balanced { interleaved(&order, &feed.scenario, self.shape.scenarios.len()) } else { order }
    }

    /// The rows of a run that count, as runs of neighbours.
    fn rows_of(&self, sampling: &Sampling, Drawn { run, round, mut place }: Drawn) -> Vec<Run> {
        let block = &self.blocks[run.block];
        let mut found: Vec<Run> = Vec::with_capacity(RUN);
        for row in run.from..run.to {
            let Some(visits) = sampling.visits(self.shape, block, row, (self.pass, place)) else { continue };
            place += 1;
            if visits <= round {
                continue;
            }
            match found.last_mut() {
                Some(last) if last.to == row => last.to = row + 1,
                _ => found.push(Run { block: run.block, from: row, to: row + 1 }),
            }
        }
        found
    }
}

/// Runs of [`RUN`] rows that a pass visits (the last of a block fewer), one list for all rounds, and how many visits they have.
fn drawn(sampling: &Sampling, shape: &Shape, blocks: &[Block<'_>], pass: usize) -> (Vec<Drawn>, usize) {
    let (mut found, mut total, mut place) = (Vec::new(), 0, 0);
    for (at, block) in blocks.iter().enumerate() {
        let mut open: Vec<(Option<Drawn>, usize)> = vec![(None, 0); MOST_VISITS as usize];
        for row in 0..block.rows() {
            let Some(visits) = sampling.visits(shape, block, row, (pass, place)) else { continue };
            total += visits as usize;
            for (round, (drawn, rows)) in open.iter_mut().enumerate().take(visits as usize) {
                let run = Run { block: at, from: row, to: row };
                drawn.get_or_insert(Drawn { run, round: round as u32, place }).run.to = row + 1;
                *rows += 1;
                if *rows == RUN {
                    found.extend(drawn.take());
                    *rows = 0;
                }
            }
            place += 1;
        }
        found.extend(open.into_iter().filter_map(|(drawn, _)| drawn));
    }
    (found, total)
}

/// How many rows pass `pass` visits in each scenario, and last in none of them. Shape: `[scenarios + 1]`.
pub(super) fn visited(prepare: &Prepare, shape: &Shape, blocks: &[Block<'_>], (seed, pass): (u64, usize)) -> Vec<u64> {
    let sampling = Sampling::new(prepare, shape, blocks, seed);
    let (mut visited, mut place) = (vec![0; shape.scenarios.len() + 1], 0);
    for block in blocks {
        for row in (0..block.rows()).filter(|row| (0..shape.tasks.len()).any(|task| lesson(shape, block, task, *row).is_some())) {
            let visits = sampling.as_ref().map_or(Some(1), |sampling| sampling.visits(shape, block, row, (pass, place)));
            visited[(block.scenario[row] as usize).min(shape.scenarios.len())] += u64::from(visits.unwrap_or(0));
            place += 1;
        }
    }
    visited
}

/// The same rows, so ordered that every stretch of them has each scenario in its share: the `k`-th of a scenario's `n` rows comes at
/// `(k + ½) / n` of the way.
fn interleaved(order: &[u32], scenario: &[u16], scenarios: usize) -> Vec<u32> {
    let place = |row: u32| (scenario[row as usize] as usize).min(scenarios);
    let mut counts = vec![0_u32; scenarios + 1];
    for row in order {
        counts[place(*row)] += 1;
    }
    let mut seen = vec![0_u32; scenarios + 1];
    let mut placed: Vec<(f64, usize, u32)> = order
        .iter()
        .map(|row| {
            let own = place(*row);
            seen[own] += 1;
            ((f64::from(seen[own]) - 0.5) / f64::from(counts[own]), own, *row)
        })
        .collect();
    placed.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    placed.into_iter().map(|(.., row)| row).collect()
}
