//! Rows picked out of blocks: a block of its own, for work that is too dear for every row.

use super::rows::{Block, Column};

/// At most `most` positions of `rows` rows, spread evenly.
#[must_use]
pub fn spread(rows: usize, most: usize) -> Vec<usize> {
    (0..rows).step_by(rows.div_ceil(most.max(1)).max(1)).collect()
}

/// A column that owns its values.
#[derive(Debug, Clone, PartialEq)]
enum Owned {
    Numeric(Vec<f32>),
    Categorical(Vec<u32>),
    Text { offsets: Vec<i32>, buckets: Vec<u32> },
    Vector(Vec<f32>),
}

impl Owned {
    fn lend(&self) -> Column<'_> {
        match self {
            Self::Numeric(values) => Column::Numeric(values),
            Self::Categorical(entries) => Column::Categorical(entries),
            Self::Text { offsets, buckets } => Column::Text { offsets, buckets },
            Self::Vector(values) => Column::Vector(values),
        }
    }
}

/// Picked rows, in the order in which they were asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct Picked {
    as_of: i32,
    entity: Vec<u64>,
    scenario: Vec<u16>,
    columns: Vec<Owned>,
    labels: Vec<Vec<f32>>,
    weights: Vec<Option<Vec<f32>>>,
}

impl Picked {
    /// The rows at `positions`, counted through all blocks; labels and weights are left behind.
    ///
    /// # Panics
    /// When a position lies beyond the last row.
    #[must_use]
    pub fn new(blocks: &[Block<'_>], positions: &[usize]) -> Self {
        let mut starts = Vec::with_capacity(blocks.len());
        let mut rows = 0;
        for block in blocks {
            starts.push(rows);
            rows += block.rows();
        }
        let places: Vec<(usize, usize)> = positions
            .iter()
            .map(|position| {
                assert!(*position < rows, "row {position} of {rows}");
                let block = starts.partition_point(|start| start <= position) - 1;
                (block, position - starts[block])
            })
            .collect();
        let fields = blocks.first().map_or(0, |block| block.columns.len());
        Self {
            as_of: blocks.first().map_or(0, |block| block.as_of),
            entity: places.iter().map(|(block, row)| blocks[*block].entity[*row]).collect(),
            scenario: places.iter().map(|(block, row)| blocks[*block].scenario[*row]).collect(),
            columns: (0..fields).map(|field| pick(blocks, field, &places)).collect(),
            labels: Vec::new(),
            weights: Vec::new(),
        }
    }

    /// The rows of one block at `positions`, with their labels and weights.
    ///
    /// # Panics
    /// When a position lies beyond the last row.
    #[must_use]
    pub fn labelled(block: &Block<'_>, positions: &[usize]) -> Self {
        let of = |values: &[f32]| positions.iter().map(|row| values[*row]).collect::<Vec<f32>>();
        Self {
            labels: block.labels.iter().map(|labels| of(labels)).collect(),
            weights: block.weights.iter().map(|weights| weights.map(of)).collect(),
            ..Self::new(std::slice::from_ref(block), positions)
        }
    }

    /// The rows as learners see them.
    #[must_use]
    pub fn block(&self) -> Block<'_> {
        Block {
            as_of: self.as_of,
            entity: &self.entity,
            scenario: &self.scenario,
            columns: self.columns.iter().map(Owned::lend).collect(),
            labels: self.labels.iter().map(Vec::as_slice).collect(),
            weights: self.weights.iter().map(Option::as_deref).collect(),
        }
    }
}

fn pick(blocks: &[Block<'_>], field: usize, places: &[(usize, usize)]) -> Owned {
    let column = |block: usize| blocks[block].columns[field];
    match blocks[0].columns[field] {
        Column::Numeric(_) => Owned::Numeric(
            places.iter().map(|(block, row)| if let Column::Numeric(values) = column(*block) { values[*row] } else { f32::NAN }).collect(),
        ),
        Column::Categorical(_) => Owned::Categorical(
            places.iter().map(|(block, row)| if let Column::Categorical(entries) = column(*block) { entries[*row] } else { 0 }).collect(),
        ),
        Column::Text { .. } => {
            let (mut offsets, mut all) = (vec![0], Vec::new());
            for (block, row) in places {
                if let Column::Text { offsets, buckets } = column(*block) {
                    all.extend_from_slice(&buckets[offsets[*row] as usize..offsets[row + 1] as usize]);
                }
                offsets.push(all.len() as i32);
            }
            Owned::Text { offsets, buckets: all }
        }
        Column::Vector(_) => {
            let mut all = Vec::new();
            for (block, row) in places {
                if let Column::Vector(values) = column(*block) {
                    let width = values.len() / blocks[*block].rows().max(1);
                    all.extend_from_slice(&values[row * width..(row + 1) * width]);
                }
            }
            Owned::Vector(all)
        }
    }
}
