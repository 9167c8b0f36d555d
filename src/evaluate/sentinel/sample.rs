//! The rows that the sentinel looks at: a fixed sample of entities, with classes and ranks of their labels.
//!
//! In: shape and blocks of training rows. Out: a [`Sample`]. Not here: any feature.
//!
//! Memory is bounded: an entity is in the sample when the mixed hash of it is below a bound, and the bound is the highest that
//! keeps at most [`ROWS`] rows. Entities are taken whole, because a feature of many values is fitted on half of them and
//! measured on the others; which are taken depends on their names alone. Where a few entities have more rows than that
//! between them, every k-th of their rows is taken.

use super::{Count, SUPPORT};
use crate::evaluate::entire_space;
use crate::fingerprint::mix;
use crate::learn::rows::{Block, Shape, TaskKind};

/// Rows in the sample, at most. A leak is a matter of nearly all rows, so that 50 rows of each class show it; 200,000 rows
/// hold them for outcomes as rare as 1 in 4,000, and cost 2 MB per task and 3 MB per feature in work.
const ROWS: usize = 200_000;
/// Bounds that are tried, on the leading bits of the hash.
const BOUNDS: usize = 1 << 16;

/// Class of a row whose label is 0.
pub(super) const NEGATIVE: u8 = 0;
/// Class of a row whose label is above 0.
pub(super) const POSITIVE: u8 = 1;
/// Class of a row without a label, or of a task that has no classes.
const NEITHER: u8 = 2;

/// Rows over which a feature is judged.
pub(super) struct Stratum {
    /// Name of the scenario, or `*`.
    pub(super) name: String,
    /// `None` = all rows.
    pub(super) scenario: Option<u16>,
    /// Rows of each class. Shape: `[tasks]`.
    pub(super) classes: Vec<Count>,
}

impl Stratum {
    /// Whether both classes of a task have enough rows.
    pub(super) fn supports(&self, task: usize) -> bool {
        self.classes[task].positives.min(self.classes[task].negatives) >= SUPPORT
    }
}

/// Sampled rows.
pub(super) struct Sample<'a> {
    blocks: &'a [Block<'a>],
    /// Block and row of each sampled row.
    places: Vec<(u32, u32)>,
    /// Scenario of each row.
    scenario: Vec<u16>,
    /// Mixed hash of each row's entity; its lowest bit says in which half the row is.
    pub(super) entity: Vec<u64>,
    /// Labels over the entire space. Shape: `[tasks][rows]`.
    pub(super) labels: Vec<Vec<f32>>,
    /// Shape: `[tasks][rows]`.
    pub(super) class: Vec<Vec<u8>>,
    /// Tasks whose labels are compared as numbers.
    pub(super) numbers: Vec<bool>,
    /// All rows, then each scenario that has any, in the order of the shape.
    pub(super) strata: Vec<Stratum>,
}

/// Rows by rising key. Key and row are sorted as one number, without looking keys up.
pub(super) fn rising(rows: impl Iterator<Item = (u32, u32)>) -> Vec<u32> {
    let mut keys: Vec<u64> = rows.map(|(key, row)| u64::from(key) << 32 | u64::from(row)).collect();
    keys.sort_unstable();
    keys.into_iter().map(|key| key as u32).collect()
}

fn bound_of(mixed: u64) -> usize {
    (mixed >> 48) as usize
}

/// Block and row of the sampled rows.
fn places(blocks: &[Block<'_>], most: usize) -> Vec<(u32, u32)> {
    let labelled = || blocks.iter().enumerate().filter(|(_, block)| !block.labels.is_empty());
    let mut rows = vec![0_usize; BOUNDS];
    for (_, block) in labelled() {
        block.entity.iter().for_each(|entity| rows[bound_of(mix(*entity))] += 1);
    }
    let (mut kept, mut bound) = (0, 0);
    for own in rows {
        if kept + own > most && kept > 0 {
            break;
        }
        kept += own;
        bound += 1;
    }
    let step = kept.div_ceil(most).max(1);
    let rows = labelled().flat_map(|(at, block)| {
        let rows = block.entity.iter().enumerate().filter(move |(_, entity)| bound_of(mix(**entity)) < bound);
        rows.map(move |(row, _)| (at as u32, row as u32))
    });
    rows.step_by(step).collect()
}

/// `0`, `1`, or neither: for tasks that are not binary only where zero means nothing, that is, where no label is below it.
fn classes(kind: TaskKind, labels: &[f32]) -> Vec<u8> {
    let signed = !kind.is_binary() && labels.iter().any(|label| *label < 0.0);
    let class = |label: &f32| match label {
        label if label.is_nan() || signed => NEITHER,
        label if *label > 0.0 => POSITIVE,
        _ => NEGATIVE,
    };
    labels.iter().map(class).collect()
}

impl<'a> Sample<'a> {
    pub(super) fn new(shape: &Shape, blocks: &'a [Block<'a>]) -> Self {
        Self::of(shape, blocks, ROWS)
    }

    pub(super) fn of(shape: &Shape, blocks: &'a [Block<'a>], most: usize) -> Self {
        let places = places(blocks, most);
        let at = |place: &(u32, u32)| (&blocks[place.0 as usize], place.1 as usize);
        let scenario: Vec<u16> = places.iter().map(at).map(|(block, row)| block.scenario[row]).collect();
        let entity = places.iter().map(at).map(|(block, row)| mix(block.entity[row])).collect();
        let own: Vec<Vec<f32>> =
            (0..shape.tasks.len()).map(|task| places.iter().map(at).map(|(block, row)| block.labels[task][row]).collect()).collect();
        let after: Vec<Option<usize>> = shape.tasks.iter().map(|task| task.after).collect();
        let labels = entire_space(&own, &after);
        let class: Vec<Vec<u8>> = shape.tasks.iter().zip(&labels).map(|(task, labels)| classes(task.kind, labels)).collect();
        let mut strata = vec![Stratum { name: "*".into(), scenario: None, classes: vec![Count::default(); class.len()] }];
        for (at, name) in shape.scenarios.iter().enumerate() {
            strata.push(Stratum { name: name.clone(), scenario: Some(at as u16), classes: vec![Count::default(); class.len()] });
        }
        for (task, class) in class.iter().enumerate() {
            for (class, served) in class.iter().zip(&scenario) {
                strata[0].classes[task].add(*class);
                if let Some(own) = strata.get_mut(*served as usize + 1) {
                    own.classes[task].add(*class);
                }
            }
        }
        let numbers = shape.tasks.iter().map(|task| !task.kind.is_binary()).collect();
        Self { blocks, places, scenario, entity, labels, class, numbers, strata }
    }

    /// Number of rows.
    pub(super) fn rows(&self) -> usize {
        self.places.len()
    }

    /// Block and row within it, of each row.
    pub(super) fn rows_of_blocks(&self) -> impl Iterator<Item = (&'a Block<'a>, usize)> + '_ {
        self.places.iter().map(|place| (&self.blocks[place.0 as usize], place.1 as usize))
    }

    /// An order of rows, and the same order within each scenario. Shape: `[strata][rows of it]`.
    pub(super) fn by_stratum(&self, order: Vec<u32>) -> Vec<Vec<u32>> {
        let mut orders: Vec<Vec<u32>> = vec![Vec::new(); self.strata.len()];
        for row in &order {
            if let Some(own) = orders.get_mut(self.scenario[*row as usize] as usize + 1) {
                own.push(*row);
            }
        }
        orders[0] = order;
        orders
    }
}
