//! Rows on their way into the network: gathered from memory-mapped columns, row after row, in an order for learning.
//!
//! In: blocks of encoded rows. Out: [`Feed`], a window of rows whose cells lie side by side. A window of an epoch is drawn as
//! short runs of neighbouring rows from all over the blocks and then shuffled, so that a mini-batch mixes entities and dates
//! while the map is read in runs. Memory holds one window, whatever the number of rows (and the rows between those that teach).

use multiversion::multiversion;
use rand::seq::SliceRandom as _;
use rand::{Rng as _, SeedableRng as _};
use rand_chacha::ChaCha8Rng;
use rayon::prelude::*;

use super::super::rows::{Block, Column, FieldKind, Shape, TaskKind, UNKNOWN};
use super::augment::Partner;
use super::input::{Input, position};
use super::shift::Shift;

/// Rows of a window: 32 mini-batches of 2,048, a few tens of megabytes.
pub(super) const WINDOW: usize = 65_536;
/// Neighbouring rows that are read together: two cache lines of each column.
pub(super) const RUN: usize = 32;

/// A run of rows of one block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Run {
    pub(super) block: usize,
    pub(super) from: usize,
    pub(super) to: usize,
}

/// A window of rows.
#[derive(Debug, Clone, Default)]
pub(super) struct Feed {
    cells: usize,
    tasks: usize,
    values: Vec<u32>,
    /// Buckets of text fields; a text field's cells say where.
    text: Vec<u32>,
    /// Scenario of each row; the number of scenarios for one never seen.
    pub(super) scenario: Vec<u16>,
    labels: Vec<f32>,
    weights: Vec<f32>,
    /// Each row's partner where rows are mixed in pairs; empty where they are not.
    pub(super) partners: Vec<Partner>,
    /// What classes count in each cell; empty where they count as they come.
    pub(super) shifts: Vec<Shift>,
}

/// Training sees a share of categorical values as "unknown", so that "unknown" is learned and no row leans on an id alone.
#[derive(Debug)]
pub(super) struct IdDropout {
    pub(super) rate: f32,
    pub(super) random: ChaCha8Rng,
}

impl Feed {
    /// Number of rows.
    #[inline]
    pub(super) fn rows(&self) -> usize {
        self.scenario.len()
    }

    /// The rows of the window by scenario.
    pub(super) fn by_scenario(&self) -> Vec<u32> {
        let mut rows: Vec<u32> = (0..self.rows() as u32).collect();
        rows.sort_by_key(|row| self.scenario[*row as usize]);
        rows
    }

    /// The cells of a row.
    #[inline]
    pub(super) fn cells(&self, row: usize) -> &[u32] {
        &self.values[row * self.cells..(row + 1) * self.cells]
    }

    /// The buckets that a text field's two cells point to.
    #[inline]
    pub(super) fn text(&self, from: u32, len: u32) -> &[u32] {
        &self.text[from as usize..(from + len) as usize]
    }

    /// Labels of a row, one per task: on the scale on which they are learned, NaN where they teach nothing.
    #[inline]
    pub(super) fn labels(&self, row: usize) -> &[f32] {
        &self.labels[row * self.tasks..(row + 1) * self.tasks]
    }

    /// Weights of a row, one per task.
    #[inline]
    pub(super) fn weights(&self, row: usize) -> &[f32] {
        &self.weights[row * self.tasks..(row + 1) * self.tasks]
    }

    /// The cells of a row, to be changed.
    pub(super) fn cells_mut(&mut self, row: usize) -> &mut [u32] {
        &mut self.values[row * self.cells..(row + 1) * self.cells]
    }

    /// The weights of a row, to be changed.
    pub(super) fn weights_mut(&mut self, row: usize) -> &mut [f32] {
        &mut self.weights[row * self.tasks..(row + 1) * self.tasks]
    }

    /// Which tasks a row teaches, a bit each (of more than 64 the last ones).
    pub(super) fn known(&self, row: usize) -> u64 {
        let lessons = self.labels(row).iter().zip(self.weights(row));
        lessons.fold(0, |known, (label, weight)| known << 1 | u64::from(!label.is_nan() && *weight > 0.0))
    }

    /// Label and weight of a row's lessons in a task: its own, or in a mixed pair both rows' with their shares, if both have one.
    #[inline]
    pub(super) fn lessons(&self, row: usize, task: usize) -> [(f32, f32); 2] {
        let at = |row: usize| (self.labels[row * self.tasks + task], self.weights[row * self.tasks + task]);
        let nothing = (f32::NAN, 0.0);
        let own = at(row);
        let Some(partner) = self.partners.get(row) else { return [own, nothing] };
        let other = at(partner.row as usize);
        let known = |(label, weight): (f32, f32)| !label.is_nan() && weight > 0.0;
        if known(own) && known(other) { [(own.0, own.1 * partner.share), (other.0, other.1 * (1.0 - partner.share))] } else { [nothing; 2] }
    }

    /// Whether a row teaches any task.
    #[inline]
    pub(super) fn teaches(&self, row: usize) -> bool {
        self.labels(row).iter().zip(self.weights(row)).any(|(label, weight)| !label.is_nan() && *weight > 0.0)
    }

    /// Replaces the window by the rows of `runs`.
    pub(super) fn fill(&mut self, input: &Input, shape: &Shape, blocks: &[Block<'_>], runs: &[Run], mut drop: Option<&mut IdDropout>) {
        let rows: usize = runs.iter().map(|run| run.to - run.from).sum();
        self.cells = input.cells;
        self.tasks = shape.tasks.len();
        self.values.clear();
        self.values.resize(rows * self.cells, 0);
        self.text.clear();
        self.partners.clear();
        self.scenario.clear();
        self.labels.clear();
        self.labels.resize(rows * self.tasks, f32::NAN);
        self.weights.clear();
        self.weights.resize(rows * self.tasks, 1.0);
        for run in runs {
            let known = shape.scenarios.len() as u16;
            self.scenario.extend(blocks[run.block].scenario[run.from..run.to].iter().map(|scenario| (*scenario).min(known)));
        }
        self.fill_parts(input, shape, blocks, runs);
        if let Some(drop) = &mut drop
            && drop.rate > 0.0
        {
            for row in 0..rows {
                if !self.teaches(row) {
                    continue;
                }
                for cell in &input.ids {
                    if drop.random.r#gen::<f32>() < drop.rate {
                        self.values[row * self.cells + cell] = UNKNOWN;
                    }
                }
            }
        }
    }

    /// Cells, labels and weights, which workers share: what a row becomes does not depend on the other rows. The buckets of text fields
    /// are laid one after the other afterwards.
    fn fill_parts(&mut self, input: &Input, shape: &Shape, blocks: &[Block<'_>], runs: &[Run]) {
        let (cells, tasks) = (self.cells, self.tasks);
        let mut parts = Vec::with_capacity(runs.len().div_ceil(PART));
        let (mut values, mut labels, mut weights) = (&mut self.values[..], &mut self.labels[..], &mut self.weights[..]);
        for runs in runs.chunks(PART) {
            let rows: usize = runs.iter().map(|run| run.to - run.from).sum();
            let (part_values, part_labels, part_weights);
            (part_values, values) = values.split_at_mut(rows * cells);
            (part_labels, labels) = labels.split_at_mut(rows * tasks);
            (part_weights, weights) = weights.split_at_mut(rows * tasks);
            parts.push(Part { runs, cells, values: part_values, labels: part_labels, weights: part_weights, text: Vec::new() });
        }
        parts.par_iter_mut().for_each(|part| part.fill(input, shape, blocks));
        let texts: Vec<usize> =
            (0..shape.fields.len()).filter(|field| matches!(shape.fields[*field].kind, FieldKind::Text { .. })).collect();
        if texts.is_empty() {
            return;
        }
        for part in &mut parts {
            let before = self.text.len() as u32;
            self.text.append(&mut part.text);
            for row in part.values.chunks_exact_mut(cells) {
                for field in &texts {
                    row[input.cell(*field)] += before;
                }
            }
        }
    }
}

/// Runs that one worker fills at a time.
const PART: usize = 64;

/// Rows of a window on their way into it.
struct Part<'a> {
    runs: &'a [Run],
    cells: usize,
    values: &'a mut [u32],
    labels: &'a mut [f32],
    weights: &'a mut [f32],
    /// Buckets of these rows' text fields; their cells say where.
    text: Vec<u32>,
}

impl Part<'_> {
    fn fill(&mut self, input: &Input, shape: &Shape, blocks: &[Block<'_>]) {
        let mut first = 0;
        for run in self.runs {
            let block = &blocks[run.block];
            for (field, column) in block.columns.iter().enumerate() {
                self.fill_column(input.cell(field), &shape.fields[field].kind, *column, run, first);
            }
            let tasks = shape.tasks.len();
            for task in 0..tasks.min(block.labels.len()) {
                for (at, row) in (run.from..run.to).enumerate() {
                    let place = (first + at) * tasks + task;
                    self.labels[place] = taught(shape, block, task, row);
                    self.weights[place] = block.weights[task].map_or(1.0, |weights| weights[row]);
                }
            }
            first += run.to - run.from;
        }
    }

    fn fill_column(&mut self, cell: usize, kind: &FieldKind, column: Column<'_>, run: &Run, first: usize) {
        let cells = self.cells;
        let out = &mut self.values[first * cells..];
        match (kind, column) {
            (FieldKind::Numeric { knots, .. }, Column::Numeric(values)) => {
                place_numbers(out, cells, cell, knots, &values[run.from..run.to]);
            }
            (FieldKind::Categorical { entries: known, .. }, Column::Categorical(entries)) => {
                for (at, entry) in entries[run.from..run.to].iter().enumerate() {
                    out[at * cells + cell] = if entry < known { *entry } else { UNKNOWN };
                }
            }
            (FieldKind::Text { buckets: known }, Column::Text { offsets, buckets }) => {
                for (out, row) in out.chunks_exact_mut(cells).zip(run.from..run.to) {
                    let own = &buckets[offsets[row] as usize..offsets[row + 1] as usize];
                    out[cell] = self.text.len() as u32;
                    out[cell + 1] = own.len() as u32;
                    self.text.extend(own.iter().map(|bucket| bucket % known));
                }
            }
            (FieldKind::Vector { width }, Column::Vector(values)) => {
                let width = *width as usize;
                for (out, vector) in out.chunks_exact_mut(cells).zip(values[run.from * width..run.to * width].chunks_exact(width.max(1))) {
                    for (out, value) in out[cell..cell + width].iter_mut().zip(vector) {
                        *out = value.to_bits();
                    }
                }
            }
            // Shapes are checked before a block gets here.
            _ => {}
        }
    }
}

/// Each number's place among its knots, into cell `cell` of its row.
#[multiversion(targets = "simd", dispatcher = "direct")]
fn place_numbers(out: &mut [u32], cells: usize, cell: usize, knots: &[f32], values: &[f32]) {
    for (at, value) in values.iter().enumerate() {
        out[at * cells + cell] = position(knots, *value).to_bits();
    }
}

/// A label on the scale on which it is learned; NaN where the row teaches the task nothing: no label, or a number whose
/// chain did not get that far. Probabilities of a chain are learned over the entire space, so there an event that could not
/// happen is 0.
pub(super) fn taught(shape: &Shape, block: &Block<'_>, task: usize, row: usize) -> f32 {
    let spec = &shape.tasks[task];
    let label = block.labels[task][row];
    if let Some(parent) = spec.after {
        let before = taught(shape, block, parent, row);
        if before.is_nan() {
            return f32::NAN;
        }
        if before == 0.0 {
            return if spec.kind == TaskKind::Binary { 0.0 } else { f32::NAN };
        }
    }
    // `max` alone would make a label that was not observed a 0.
    if spec.kind == TaskKind::RegressionLog1p && !label.is_nan() { label.max(0.0).ln_1p() } else { label }
}

/// The runs of an epoch, window by window, in an order of its own; and how many rows they teach with.
pub(super) fn windows(shape: &Shape, blocks: &[Block<'_>], random: &mut ChaCha8Rng) -> (Vec<Vec<Run>>, usize) {
    let (mut runs, rows) = teaching(shape, blocks, RUN);
    runs.shuffle(random);
    (runs.chunks(WINDOW / RUN).map(<[Run]>::to_vec).collect(), rows)
}

/// A row's label of a task as [`taught`] has it, and its weight; `None` where the row teaches the task nothing.
pub(super) fn lesson(shape: &Shape, block: &Block<'_>, task: usize, row: usize) -> Option<(f64, f64)> {
    let (label, weight) = (taught(shape, block, task, row), block.weights[task].map_or(1.0, |weights| weights[row]));
    (!label.is_nan() && weight > 0.0).then(|| (f64::from(label), f64::from(weight)))
}

/// Runs that begin and end with a row that teaches a task and hold `most` of them (the last of a block fewer): rows that teach
/// nothing change nothing, not even which rows are learned from side by side. Also returns how many teach.
pub(super) fn teaching(shape: &Shape, blocks: &[Block<'_>], most: usize) -> (Vec<Run>, usize) {
    let (mut found, mut total) = (Vec::new(), 0);
    let teaches = |block: &Block<'_>, row: usize| (0..shape.tasks.len()).any(|task| lesson(shape, block, task, row).is_some());
    for (at, block) in blocks.iter().enumerate() {
        let (mut run, mut rows) = (None::<Run>, 0);
        for row in (0..block.rows()).filter(|row| teaches(block, *row)) {
            let own = run.get_or_insert(Run { block: at, from: row, to: row });
            own.to = row + 1;
            rows += 1;
            total += 1;
            if rows == most {
                found.extend(run.take());
                rows = 0;
            }
        }
        found.extend(run);
    }
    (found, total)
}

/// All rows in their order, in runs of at most `most` rows.
pub(super) fn runs(blocks: &[Block<'_>], most: usize) -> Vec<Run> {
    let of = |(block, rows): (usize, usize)| (0..rows).step_by(most).map(move |from| Run { block, from, to: (from + most).min(rows) });
    blocks.iter().map(Block::rows).enumerate().flat_map(of).collect()
}

/// A random order of the rows of a window that teach a task.
pub(super) fn order(feed: &Feed, random: &mut ChaCha8Rng) -> Vec<u32> {
    let mut order: Vec<u32> = (0..feed.rows() as u32).filter(|row| feed.teaches(*row as usize)).collect();
    order.shuffle(random);
    order
}

/// The random stream `stream` of a seed.
pub(super) fn stream(seed: u64, stream: u64) -> ChaCha8Rng {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    random.set_stream(stream);
    random
}
