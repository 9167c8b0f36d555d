//! The row that says nothing, and rows some of whose fields are taken from it.
//!
//! In: the shape of the columns, a block. Out: blocks to ask a model about. Not here: which fields are taken away.

use super::picked::Picked;
use super::rows::{Block, Column, Field, FieldKind, Shape};

/// The row that says nothing: numbers at their training mean, categories at their most common entry, texts without n-grams, vectors
/// missing.
pub struct Background {
    numbers: Vec<Vec<f32>>,
    entry: Vec<[u32; 1]>,
}

impl Background {
    /// The background of a shape.
    #[must_use]
    pub fn new(shape: &Shape) -> Self {
        let number = |kind: &FieldKind| match kind {
            FieldKind::Numeric { mean, .. } => vec![*mean],
            FieldKind::Vector { width } => vec![f32::NAN; *width as usize],
            _ => Vec::new(),
        };
        let entry = |kind: &FieldKind| match kind {
            FieldKind::Categorical { share, .. } => {
                let most =
                    share.iter().enumerate().fold((0, f32::NEG_INFINITY), |most, (at, own)| if *own > most.1 { (at, *own) } else { most });
                [most.0 as u32]
            }
            _ => [0],
        };
        Self {
            numbers: shape.fields.iter().map(|field| number(&field.kind)).collect(),
            entry: shape.fields.iter().map(|field| entry(&field.kind)).collect(),
        }
    }

    /// The row as a block of one row.
    #[must_use]
    pub fn block(&self, shape: &Shape) -> Block<'_> {
        let column = |(at, field): (usize, &Field)| match &field.kind {
            FieldKind::Numeric { .. } => Column::Numeric(&self.numbers[at]),
            FieldKind::Categorical { .. } => Column::Categorical(&self.entry[at]),
            FieldKind::Text { .. } => Column::Text { offsets: &[0, 0], buckets: &[] },
            FieldKind::Vector { .. } => Column::Vector(&self.numbers[at]),
        };
        let columns = shape.fields.iter().enumerate().map(column).collect();
        Block { as_of: 0, entity: &[0], scenario: &[0], columns, labels: Vec::new(), weights: Vec::new() }
    }
}

/// Rows each of whose columns comes from another row, or from the background.
pub struct Mixed(Vec<Picked>);

impl Mixed {
    /// `from[field][row]` is a row of `rows`, or their number for the background.
    ///
    /// # Panics
    /// When a number lies beyond that.
    #[must_use]
    pub fn new(rows: &Block<'_>, background: &Block<'_>, from: &[Vec<usize>]) -> Self {
        let column = |(field, from): (usize, &Vec<usize>)| Picked::new(&[alone(rows, field), alone(background, field)], from);
        Self(from.iter().enumerate().map(column).collect())
    }

    /// The columns, with entities and scenarios of `like`.
    #[must_use]
    pub fn block<'a>(&'a self, like: &Block<'a>) -> Block<'a> {
        let columns = self.0.iter().map(|column| column.block().columns[0]).collect();
        Block { columns, labels: Vec::new(), weights: Vec::new(), ..like.clone() }
    }
}

/// A block with one of its columns only.
#[must_use]
pub fn alone<'a>(block: &Block<'a>, field: usize) -> Block<'a> {
    Block { columns: vec![block.columns[field]], labels: Vec::new(), weights: Vec::new(), ..block.clone() }
}
