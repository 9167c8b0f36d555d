//! Less arithmetic in the first layer: what a mini-batch's rows have in common is multiplied once.
//!
//! In: the entries that a mini-batch reads of each embedding table. Out: the first layer's sums and slopes, equal but for
//! rounding. With `E` the entries of a field that are read and `W_f` the field's rows of the first layer's weights, a row's
//! `e·W_f` is its entry's row of `P = E·W_f`, which is made once for a mini-batch. On the way back the slopes `dZ` of the rows
//! that read an entry are added up to `dP`; then `dE = dP·W_fᵀ` and `dW_f = Eᵀ·dP`. A field is folded when it has few entries
//! for the rows; the columns of the others lie side by side and go the plain way.
//!
//! Which fields are folded depends on the mini-batch alone, and all sums have a fixed order: the result does not depend on the
//! number of threads.

use rayon::prelude::*;

use super::input::{Columns, Input};
use super::sgemm::{Into, Mat, MatMut, Op, product};
use super::tables::TableState;
use super::weights::Slot;
use super::wide::{plus, plus_two, wide};

/// A field is folded where so many rows or more share an entry on average: with fewer, adding rows up costs what it saves.
const SHARED_BY: usize = 2;
/// Entries of all folded fields for a row of the mini-batch, at most: a bound on the memory for their products.
const MOST: usize = 4;
/// Entries that one worker multiplies at a time: their products stay in the second-level cache.
const BLOCK: usize = 64;

/// What is folded in the current step, and buffers that are kept from step to step.
#[derive(Debug)]
pub(super) struct Fold {
    /// The first layer's weights. Shape: `[inputs, outputs]`.
    layer: Slot,
    /// The columns of `x` that go the plain way.
    pub(super) columns: Columns,
    /// Their rows of the weights.
    weight: Vec<f32>,
    /// One per table.
    fields: Vec<Field>,
    /// Tables that are folded, in their order.
    folded: Vec<usize>,
}

/// Buffers of a table.
#[derive(Debug, Default)]
struct Field {
    folded: bool,
    /// First column of the table among all.
    column: usize,
    width: usize,
    /// `P`. Shape: `[entries read, outputs]`.
    products: Vec<f32>,
    /// `dW_f`. Shape: `[width, outputs]`.
    slopes: Vec<f32>,
    /// `dP` of a block of entries. Shape: `[BLOCK, outputs]`.
    d_products: Vec<f32>,
    /// The mini-batch's rows by entry: those of entry `i` are `rows[starts[i]..starts[i + 1]]`.
    starts: Vec<u32>,
    rows: Vec<u32>,
}

/// A slice's rows, as they see what is folded.
#[derive(Debug, Clone, Copy)]
pub(super) struct Folded<'a> {
    fold: &'a Fold,
    states: &'a [TableState],
    /// The slice's first row in the mini-batch.
    first: usize,
}

impl Fold {
    /// For a network whose first layer's weights are `layer`.
    pub(super) fn new(input: &Input, layer: Slot) -> Self {
        let field = |table: &super::input::Table| Field { column: table.column, width: table.width, ..Field::default() };
        Self { layer, columns: input.all.clone(), weight: Vec::new(), fields: input.tables.iter().map(field).collect(), folded: Vec::new() }
    }

    /// Chooses what is folded in a step of `rows` rows that reads what `states` say; false where it is nothing.
    pub(super) fn plan(&mut self, input: &Input, states: &[TableState], rows: usize, weights: &[f32]) -> bool {
        let mut order: Vec<usize> = (0..states.len()).filter(|table| !input.tables[*table].text).collect();
        order.sort_by_key(|table| states[*table].touched.len());
        self.fields.iter_mut().for_each(|field| field.folded = false);
        let mut left = MOST * rows;
        for table in order {
            let entries = states[table].touched.len();
            if entries * SHARED_BY > rows || entries > left {
                break;
            }
            left -= entries;
            self.fields[table].folded = true;
        }
        self.folded = (0..states.len()).filter(|table| self.fields[*table].folded).collect();
        if self.folded.is_empty() {
            return false;
        }
        self.columns = input.columns_without(|table| self.fields[table].folded);
        let (layer, outputs) = (self.layer.of(weights), self.layer.cols);
        self.weight.clear();
        for run in &self.columns.runs {
            self.weight.extend_from_slice(&layer[run.start * outputs..run.end * outputs]);
        }
        true
    }

    /// Makes the products of the folded fields' entries.
    pub(super) fn multiply(&mut self, states: &[TableState], tables: &[Vec<f32>], weights: &[f32]) {
        let (layer, outputs) = (self.layer, self.layer.cols);
        self.fields.par_iter_mut().enumerate().filter(|(_, field)| field.folded).for_each(|(table, field)| {
            let (width, touched) = (field.width, &states[table].touched);
            let weight = Mat::new(layer.part(field.column, width).of(weights), width, outputs);
            // What was there is overwritten.
            field.products.resize(touched.len() * outputs, 0.0);
            field.products.par_chunks_mut(BLOCK * outputs).zip(touched.par_chunks(BLOCK)).for_each(|(products, touched)| {
                let entries = gathered(&tables[table], touched, width);
                product(
                    MatMut::new(products, touched.len(), outputs),
                    Into::Set,
                    Mat::new(&entries, touched.len(), width),
                    Op::N,
                    weight,
                    Op::N,
                );
            });
        });
    }

    /// The view of a slice.
    pub(super) fn slice<'a>(&'a self, states: &'a [TableState], first: usize) -> Folded<'a> {
        Folded { fold: self, states, first }
    }

    /// From the slopes `d: [batch, outputs]` of the first layer's sums to those of the folded tables' entries, which are left in
    /// their states, and of the folded fields' weights.
    pub(super) fn backward(&mut self, d: Mat<'_>, states: &mut [TableState], tables: &[Vec<f32>], weights: &[f32]) {
        let layer = self.layer;
        let work = self.fields.par_iter_mut().zip(states).zip(tables);
        work.filter(|((field, _), _)| field.folded).for_each(|((field, state), values)| field.backward(d, state, values, layer, weights));
    }

    /// Puts the weights' slopes where they belong: `layer`'s part of `gradients` holds those of the plain columns at its top.
    pub(super) fn unfold(&self, gradients: &mut [f32]) {
        let outputs = self.layer.cols;
        let slopes = self.layer.of_mut(gradients);
        let mut end = self.columns.width;
        for run in self.columns.runs.iter().rev() {
            // Rows only move down, so none is overwritten before it has moved.
            slopes.copy_within((end - run.len()) * outputs..end * outputs, run.start * outputs);
            end -= run.len();
        }
        for field in self.folded.iter().map(|table| &self.fields[*table]) {
            slopes[field.column * outputs..(field.column + field.width) * outputs].copy_from_slice(&field.slopes);
        }
    }
}

impl Field {
    fn backward(&mut self, d: Mat<'_>, state: &mut TableState, values: &[f32], layer: Slot, weights: &[f32]) {
        let (width, outputs) = (self.width, layer.cols);
        let weight = Mat::new(layer.part(self.column, width).of(weights), width, outputs);
        let TableState { touched, places, sums, .. } = state;
        self.sort(places, touched.len());
        sums.resize(touched.len() * width, 0.0);
        self.slopes.resize(width * outputs, 0.0);
        self.d_products.resize(BLOCK * outputs, 0.0);
        for (block, (touched, sums)) in touched.chunks(BLOCK).zip(sums.chunks_mut(BLOCK * width)).enumerate() {
            let Self { d_products, starts, rows, .. } = &mut *self;
            wide(
                #[inline(always)]
                || {
                    for (at, sum) in d_products.chunks_exact_mut(outputs).enumerate().take(touched.len()) {
                        let entry = block * BLOCK + at;
                        let rows = &rows[starts[entry] as usize..starts[entry + 1] as usize];
                        let Some((first, rows)) = rows.split_first() else { continue };
                        sum.copy_from_slice(d.row(*first as usize));
                        let pairs = rows.chunks_exact(2);
                        if let [last] = pairs.remainder() {
                            plus(sum, d.row(*last as usize));
                        }
                        pairs.for_each(|pair| plus_two(sum, d.row(pair[0] as usize), d.row(pair[1] as usize)));
                    }
                },
            );
            let entries = gathered(values, touched, width);
            let (entries, d) = (Mat::new(&entries, touched.len(), width), Mat::new(&self.d_products, touched.len(), outputs));
            product(MatMut::new(sums, touched.len(), width), Into::Set, d, Op::N, weight, Op::T);
            let into = if block == 0 { Into::Set } else { Into::Add };
            product(MatMut::new(&mut self.slopes, width, outputs), into, entries, Op::T, d, Op::N);
        }
    }

    /// Sorts the rows by their entries' places.
    fn sort(&mut self, places: &[u32], entries: usize) {
        let Self { starts, rows, .. } = self;
        starts.clear();
        starts.resize(entries + 2, 0);
        for place in places {
            starts[*place as usize + 2] += 1;
        }
        for at in 2..starts.len() {
            starts[at] += starts[at - 1];
        }
        rows.resize(places.len(), 0);
        for (row, place) in places.iter().enumerate() {
            let next = &mut starts[*place as usize + 1];
            rows[*next as usize] = row as u32;
            *next += 1;
        }
    }
}

/// Entries of a table side by side.
fn gathered(values: &[f32], entries: &[u32], width: usize) -> Vec<f32> {
    let mut all = Vec::with_capacity(entries.len() * width);
    for entry in entries {
        all.extend_from_slice(&values[*entry as usize * width..(*entry as usize + 1) * width]);
    }
    all
}

impl<'a> Folded<'a> {
    /// The columns of `x` that are left.
    pub(super) fn columns(&self) -> &'a Columns {
        &self.fold.columns
    }

    /// Their rows of the first layer's weights.
    pub(super) fn weight(&self) -> Mat<'a> {
        Mat::new(&self.fold.weight, self.fold.columns.width, self.fold.layer.cols)
    }

    /// Adds the folded fields' part of the first layer to `y: [rows, outputs]`.
    pub(super) fn add_products(&self, mut y: MatMut<'_>) {
        let outputs = self.fold.layer.cols;
        let product = |table: usize, row: usize| {
            let place = self.states[table].places[self.first + row] as usize;
            &self.fold.fields[table].products[place * outputs..(place + 1) * outputs]
        };
        wide(
            #[inline(always)]
            || {
                for row in 0..y.rows {
                    let y = y.row(row);
                    let pairs = self.fold.folded.chunks_exact(2);
                    if let [last] = pairs.remainder() {
                        plus(y, product(*last, row));
                    }
                    pairs.for_each(|pair| plus_two(y, product(pair[0], row), product(pair[1], row)));
                }
            },
        );
    }
}
