//! The input layer: a row's cells become numbers side by side.
//!
//! In: a window of rows. Out: `x: [rows, width]`. A category is its row of an embedding table; a number lies between two
//! knots and is interpolated between their two learned rows, with a row of its own for "missing"; a text is the mean of its
//! n-grams' rows; a vector is itself, with a learned stand-in where it is missing.
//!
//! # Source
//! Gorishniy, Rubachev and Babenko (2022), "On embeddings for numerical features in tabular deep learning", section 3.1
//! (piecewise linear encoding at quantiles).

use multiversion::multiversion;
use rand::Rng as _;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution as _, StandardNormal};

use super::super::rows::{FieldKind, Shape, UNKNOWN};
use super::arena::Arena;
use super::dense::Gradients;
use super::feed::Feed;
use super::settings::NetSettings;
use super::sgemm::{Mat, MatMut};
use super::weights::{Begin, Decay, Layout, Slot};
use super::wide;

/// Standard deviation of a fresh embedding.
const EMBEDDING_SPREAD: f32 = 0.05;
/// A knot further than this many standard deviations from the mean begins as if it lay there.
const FAR: f32 = 3.0;

/// The layer.
#[derive(Debug, Clone)]
pub(super) struct Input {
    fields: Vec<InputField>,
    /// Columns of `x`.
    pub(super) width: usize,
    /// Cells of a row.
    pub(super) cells: usize,
    /// Cells that hold categories.
    pub(super) ids: Vec<usize>,
    /// Entries and width of each embedding table.
    pub(super) tables: Vec<Table>,
}

/// An embedding table.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Table {
    /// The field's name.
    pub(super) name: String,
    pub(super) entries: usize,
    pub(super) width: usize,
    /// First cell of its field.
    cell: usize,
    /// First column of `x` that it fills.
    column: usize,
    text: bool,
}

#[derive(Debug, Clone)]
struct InputField {
    cell: usize,
    column: usize,
    kind: Kind,
}

#[derive(Debug, Clone)]
enum Kind {
    /// Index into the tables; one entry per row, or for text any number.
    Table(usize),
    /// One row per knot, then one for "missing".
    Knots { rows: Slot, begin: Vec<f32> },
    /// What stands in for a missing vector.
    Vector { missing: Slot },
}

/// So many knots are counted through; among more of them halving is faster.
const COUNTED: usize = 64;

/// Where a number lies among its knots: `i + t` between knots `i` and `i + 1`, clamped to the ends; NaN stays NaN.
#[inline]
pub(super) fn position(knots: &[f32], value: f32) -> f32 {
    if value.is_nan() {
        return f32::NAN;
    }
    let above = if knots.len() > COUNTED {
        knots.partition_point(|knot| *knot <= value)
    } else {
        // Knots ascend.
        let mut above = 0_u32;
        for knot in knots {
            above += u32::from(*knot <= value);
        }
        above as usize
    };
    if above == 0 {
        return 0.0;
    }
    if above == knots.len() {
        return (knots.len() - 1) as f32;
    }
    let (low, high) = (knots[above - 1], knots[above]);
    (above - 1) as f32 + (value - low) / (high - low)
}

impl Input {
    pub(super) fn new(shape: &Shape, settings: &NetSettings, layout: &mut Layout) -> Self {
        let mut input = Self { fields: Vec::new(), width: 0, cells: 0, ids: Vec::new(), tables: Vec::new() };
        for field in &shape.fields {
            let (cell, column) = (input.cells, input.width);
            let mut table = |entries: usize, text| {
                input.tables.push(Table { name: field.name.clone(), entries, width: settings.embedding, cell, column, text });
                Kind::Table(input.tables.len() - 1)
            };
            let (kind, cells, width) = match &field.kind {
                FieldKind::Categorical { entries, .. } => {
                    let kind = table(*entries as usize, false);
                    input.ids.push(cell);
                    (kind, 1, settings.embedding)
                }
                FieldKind::Text { buckets } => (table(*buckets as usize, true), 2, settings.embedding),
                FieldKind::Numeric { knots, mean, std, .. } => {
                    let width = settings.numeric_embedding;
                    let rows = layout.add(format!("input.{}.knots", field.name), knots.len() + 1, width, Begin::Zero, Decay::Never);
                    let spread = if *std > 0.0 { *std } else { 1.0 };
                    let begin = knots.iter().map(|knot| ((knot - mean) / spread).clamp(-FAR, FAR)).collect();
                    (Kind::Knots { rows, begin }, 1, width)
                }
                FieldKind::Vector { width } => {
                    let width = *width as usize;
                    let missing = layout.add(format!("input.{}.missing", field.name), 1, width, Begin::Zero, Decay::Never);
                    (Kind::Vector { missing }, width, width)
                }
            };
            input.fields.push(InputField { cell, column, kind });
            input.cells += cells;
            input.width += width;
        }
        input
    }

    /// Number of fields.
    pub(super) fn fields(&self) -> usize {
        self.fields.len()
    }

    /// Hides a field of a row: a category is unknown then, a number or a vector missing, a text without words.
    pub(super) fn hide(&self, field: usize, cells: &mut [u32]) {
        let InputField { cell, kind, .. } = &self.fields[field];
        match kind {
            Kind::Table(table) if self.tables[*table].text => cells[cell + 1] = 0,
            Kind::Table(_) => cells[*cell] = UNKNOWN,
            Kind::Knots { .. } => cells[*cell] = f32::NAN.to_bits(),
            Kind::Vector { missing } => cells[*cell..cell + missing.cols].fill(f32::NAN.to_bits()),
        }
    }

    /// First cell of a field.
    pub(super) fn cell(&self, field: usize) -> usize {
        self.fields[field].cell
    }

    /// Columns of `x` that a field fills.
    pub(super) fn columns(&self, field: usize) -> std::ops::Range<usize> {
        let end = self.fields.get(field + 1).map_or(self.width, |next| next.column);
        self.fields[field].column..end
    }

    /// Fresh embeddings; numbers begin as their standardised value times a random slope (1 where the embedding has one column).
    pub(super) fn begin(&self, weights: &mut [f32], random: &mut ChaCha8Rng) -> Vec<Arena> {
        for field in &self.fields {
            let Kind::Knots { rows, begin } = &field.kind else { continue };
            let width = rows.cols;
            let slopes: Vec<f32> = (0..width).map(|_| if width == 1 { 1.0 } else { random.gen_range(-1.0..1.0) }).collect();
            for (row, value) in rows.of_mut(weights).chunks_exact_mut(width).zip(begin) {
                row.iter_mut().zip(&slopes).for_each(|(weight, slope)| *weight = slope * value);
            }
        }
        let normal = |random: &mut ChaCha8Rng| -> f32 {
            let value: f32 = StandardNormal.sample(random);
            value * EMBEDDING_SPREAD
        };
        self.tables.iter().map(|table| (0..table.entries * table.width).map(|_| normal(random)).collect::<Vec<_>>().into()).collect()
    }

    /// Fills `x` for the rows `order` of the window. Field after field: what a field asks for lies close together, and one row's lookups do
    /// not wait for another's.
    pub(super) fn forward(&self, weights: &[f32], tables: &[Arena], feed: &Feed, order: &[u32], mut x: MatMut<'_>) {
        for field in &self.fields {
            match &field.kind {
                Kind::Table(table) => {
                    let spec = &self.tables[*table];
                    let x = x.again().cols(field.column, field.column + spec.width);
                    if spec.text {
                        mean_texts(x, feed, order, field.cell, &tables[*table]);
                    } else {
                        look_up(x, feed, order, field.cell, &tables[*table]);
                    }
                }
                Kind::Knots { rows, .. } => {
                    let x = x.again().cols(field.column, field.column + rows.cols);
                    interpolate(x, feed, order, field.cell, rows.of(weights));
                }
                Kind::Vector { missing } => {
                    for (at, row) in order.iter().enumerate() {
                        let own = &feed.cells(*row as usize)[field.cell..field.cell + missing.cols];
                        let x = &mut x.row(at)[field.column..field.column + missing.cols];
                        if own.first().is_some_and(|first| f32::from_bits(*first).is_nan()) {
                            x.copy_from_slice(missing.of(weights));
                        } else {
                            x.iter_mut().zip(own).for_each(|(x, own)| *x = f32::from_bits(*own));
                        }
                    }
                }
            }
        }
    }

    /// Gradients of what lies in the dense arena: knots and stand-ins. The tables' are taken from `dx` by [`Input::touch`].
    pub(super) fn backward(&self, feed: &Feed, order: &[u32], dx: Mat<'_>, gradients: &mut Gradients) {
        for field in &self.fields {
            match &field.kind {
                Kind::Table(_) => {}
                Kind::Knots { rows, .. } => {
                    let dx = dx.cols(field.column, field.column + rows.cols);
                    learn_knots(rows.of_mut(&mut gradients.weights), feed, order, field.cell, dx);
                }
                Kind::Vector { missing } => {
                    for (at, row) in order.iter().enumerate() {
                        if f32::from_bits(feed.cells(*row as usize)[field.cell]).is_nan() {
                            let dx = &dx.row(at)[field.column..field.column + missing.cols];
                            super::dense::add(missing.of_mut(&mut gradients.weights), dx);
                        }
                    }
                }
            }
        }
    }

    /// Columns of `x` that a table fills.
    pub(super) fn table_columns(&self, table: usize) -> std::ops::Range<usize> {
        let spec = &self.tables[table];
        spec.column..spec.column + spec.width
    }

    /// The cell of a table's field.
    pub(super) fn table_cell(&self, table: usize) -> usize {
        self.tables[table].cell
    }

    /// Whether every row reads one entry of table `table`, as it is.
    pub(super) fn reads_one(&self, table: usize) -> bool {
        !self.tables[table].text
    }

    /// Calls `read(row, entry, factor)` for every entry of table `table` that the rows `order` read, row after row: its values
    /// enter the row's columns with that factor.
    #[inline]
    pub(super) fn touch(&self, table: usize, feed: &Feed, order: &[u32], mut read: impl FnMut(usize, u32, f32)) {
        let spec = &self.tables[table];
        for (at, row) in order.iter().enumerate() {
            let cells = feed.cells(*row as usize);
            if spec.text {
                let own = feed.text(cells[spec.cell], cells[spec.cell + 1]);
                let share = 1.0 / own.len().max(1) as f32;
                for bucket in own {
                    read(at, *bucket, share);
                }
            } else {
                read(at, cells[spec.cell], 1.0);
            }
        }
    }
}

/// A number's place among the rows of its knots.
enum Place {
    Missing(usize),
    Between(usize, f32),
}

impl Place {
    /// `rows` counts the knots and the row for "missing" after them.
    #[inline]
    fn of(cell: u32, rows: usize) -> Self {
        let position = f32::from_bits(cell);
        let knots = rows - 1;
        if position.is_nan() {
            Self::Missing(knots)
        } else if knots == 1 {
            // One knot has no neighbour: a constant column.
            Self::Missing(0)
        } else {
            let low = (position as usize).min(knots - 2);
            Self::Between(low, position - low as f32)
        }
    }
}

/// Each row's entry of a table.
#[multiversion(targets = "simd", dispatcher = "direct")]
fn look_up(mut x: MatMut<'_>, feed: &Feed, order: &[u32], cell: usize, values: &[f32]) {
    let width = x.cols;
    for (at, row) in order.iter().enumerate() {
        let entry = feed.cells(*row as usize)[cell] as usize * width;
        wide::copy(x.row(at), &values[entry..entry + width]);
    }
}

/// The mean of each row's entries of a table.
#[multiversion(targets = "simd", dispatcher = "direct")]
fn mean_texts(mut x: MatMut<'_>, feed: &Feed, order: &[u32], cell: usize, values: &[f32]) {
    let width = x.cols;
    for (at, row) in order.iter().enumerate() {
        let cells = feed.cells(*row as usize);
        let buckets = feed.text(cells[cell], cells[cell + 1]);
        let x = x.row(at);
        x.fill(0.0);
        for bucket in buckets {
            let from = *bucket as usize * width;
            wide::add(x, &values[from..from + width]);
        }
        if !buckets.is_empty() {
            let share = 1.0 / buckets.len() as f32;
            for x in x {
                *x *= share;
            }
        }
    }
}

/// Each row's number among its knots.
#[multiversion(targets = "simd", dispatcher = "direct")]
fn interpolate(mut x: MatMut<'_>, feed: &Feed, order: &[u32], cell: usize, knots: &[f32]) {
    let width = x.cols;
    for (at, row) in order.iter().enumerate() {
        let x = x.row(at);
        match Place::of(feed.cells(*row as usize)[cell], knots.len() / width) {
            Place::Missing(knot) => wide::copy(x, &knots[knot * width..(knot + 1) * width]),
            Place::Between(knot, t) => {
                let (low, high) = knots[knot * width..(knot + 2) * width].split_at(width);
                for column in 0..width {
                    x[column] = low[column] + t * (high[column] - low[column]);
                }
            }
        }
    }
}

/// The slopes of the knots' rows, from those of the columns.
#[multiversion(targets = "simd", dispatcher = "direct")]
fn learn_knots(knots: &mut [f32], feed: &Feed, order: &[u32], cell: usize, dx: Mat<'_>) {
    let width = dx.cols;
    let rows = knots.len() / width;
    for (at, row) in order.iter().enumerate() {
        let dx = dx.row(at);
        match Place::of(feed.cells(*row as usize)[cell], rows) {
            Place::Missing(knot) => wide::add(&mut knots[knot * width..(knot + 1) * width], dx),
            Place::Between(knot, t) => {
                let (low, high) = knots[knot * width..(knot + 2) * width].split_at_mut(width);
                wide::add_times(low, 1.0 - t, dx);
                wide::add_times(high, t, dx);
            }
        }
    }
}
