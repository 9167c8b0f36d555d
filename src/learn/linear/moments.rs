//! Second moments of the design, per scenario: all that a least-squares fit needs to know of any number of rows.
//!
//! In: training blocks. Out: [`Moments`]: `Σ w x xᵀ`, `Σ w x y`, `Σ w y²` with `x` the terms and a 1. Memory depends on the
//! columns, not on the rows. Blocks go to a fixed number of lanes and lanes are added in order: the same bits for any
//! number of threads.

use ndarray::linalg::general_mat_mul;
use ndarray::{Array1, Array2, Axis};
use rayon::prelude::*;

use super::super::design::{Design, Use, taught};
use super::super::rows::{Block, Shape};
use super::super::{Examples, LearnError, Progress};

/// Lanes: more than the cores of the machines we run on, few enough that their matrices are small beside the data.
const LANES: usize = 4;
/// Rows that are expanded at a time: their design stays in cache while it is multiplied.
const STRETCH: usize = 2048;

/// Moments of the rows that teach one group of tasks, by scenario (the last one: scenarios never named).
#[derive(Debug, Clone)]
pub(super) struct Moments {
    /// `Σ w x xᵀ`. Shape of each: `[terms + 1, terms + 1]`; the last row and column belong to the 1.
    pub(super) xx: Vec<Array2<f64>>,
    /// `Σ w x y`. Shape of each: `[terms + 1, tasks]`.
    pub(super) xy: Vec<Array2<f64>>,
    /// `Σ w y²`. Shape of each: `[tasks]`.
    pub(super) yy: Vec<Array1<f64>>,
    /// Rows, whatever they weigh. Shape: `[scenarios + 1]`.
    pub(super) rows: Vec<u64>,
}

impl Moments {
    fn zeros(terms: usize, tasks: usize, scenarios: usize) -> Self {
        let scenarios = scenarios + 1;
        Self {
            xx: vec![Array2::zeros((terms + 1, terms + 1)); scenarios],
            xy: vec![Array2::zeros((terms + 1, tasks)); scenarios],
            yy: vec![Array1::zeros(tasks); scenarios],
            rows: vec![0; scenarios],
        }
    }

    pub(super) fn add(&mut self, other: &Self) {
        for (own, other) in self.xx.iter_mut().zip(&other.xx).chain(self.xy.iter_mut().zip(&other.xy)) {
            *own += other;
        }
        for (own, other) in self.yy.iter_mut().zip(&other.yy) {
            *own += other;
        }
        self.rows.iter_mut().zip(&other.rows).for_each(|(own, other)| *own += other);
    }

    /// Weight of all rows.
    pub(super) fn weight(&self) -> f64 {
        self.xx.iter().map(|xx| xx[[xx.nrows() - 1, xx.nrows() - 1]]).sum()
    }
}

/// Tasks that are taught by the same rows with the same weights: they are fitted together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Group {
    pub(super) tasks: Vec<usize>,
}

/// Groups tasks by the rows that teach them, in the order of the tasks.
pub(super) fn groups(examples: &Examples<'_>) -> Vec<Group> {
    let tasks = examples.shape.tasks.len();
    let same = |a: usize, b: usize| {
        examples.blocks.iter().all(|block| {
            let mut rows = taught(examples.shape, block, a).map(|(row, _, weight)| (row, weight));
            let mut others = taught(examples.shape, block, b).map(|(row, _, weight)| (row, weight));
            loop {
                match (rows.next(), others.next()) {
                    (None, None) => return true,
                    (a, b) if a != b => return false,
                    _ => {}
                }
            }
        })
    };
    let mut groups: Vec<Group> = Vec::new();
    for task in 0..tasks {
        match groups.iter_mut().find(|group| same(group.tasks[0], task)) {
            Some(group) => group.tasks.push(task),
            None => groups.push(Group { tasks: vec![task] }),
        }
    }
    groups
}

/// Which rows count: all, or the entities of one half.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Half {
    All,
    Even,
    Odd,
}

impl Half {
    pub(in super::super) fn holds(self, entity: u64) -> bool {
        match self {
            Self::All => true,
            Self::Even => entity.is_multiple_of(2),
            Self::Odd => entity % 2 == 1,
        }
    }
}

/// Moments of each group.
///
/// # Errors
/// [`LearnError::NotFinite`] naming a field.
pub(super) fn moments(
    examples: &Examples<'_>,
    design: &Design,
    groups: &[Group],
    half: Half,
    purpose: Use,
    progress: &dyn Progress,
) -> Result<Vec<Moments>, LearnError> {
    let shape = examples.shape;
    let parts: Vec<Block<'_>> = examples.blocks.iter().flat_map(|block| block.parts(STRETCH)).collect();
    let total: u64 = parts.iter().map(|part| part.rows() as u64).sum();
    let done = std::sync::atomic::AtomicU64::new(0);
    let empty =
        || groups.iter().map(|group| Moments::zeros(design.terms.len(), group.tasks.len(), shape.scenarios.len())).collect::<Vec<_>>();
    let lanes: Vec<Vec<Moments>> = (0..LANES)
        .into_par_iter()
        .map(|lane| {
            let mut own = empty();
            for part in parts.iter().skip(lane).step_by(LANES) {
                let values = design.expand(part, shape, purpose)?;
                for (moments, group) in own.iter_mut().zip(groups) {
                    add_part(moments, group, shape, part, &values, half);
                }
                let rows = done.fetch_add(part.rows() as u64, std::sync::atomic::Ordering::Relaxed) + part.rows() as u64;
                progress.at("linear: rows", rows, total);
            }
            Ok(own)
        })
        .collect::<Result<_, LearnError>>()?;
    let mut sum = empty();
    for lane in &lanes {
        sum.iter_mut().zip(lane).for_each(|(sum, lane)| sum.add(lane));
    }
    Ok(sum)
}

fn add_part(moments: &mut Moments, group: &Group, shape: &Shape, part: &Block<'_>, values: &Array2<f32>, half: Half) {
    let terms = values.nrows();
    let labels: Vec<Vec<(usize, f64, f64)>> = group.tasks.iter().map(|task| taught(shape, part, *task).collect()).collect();
    for scenario in 0..=shape.scenarios.len() {
        let own = |row: usize| (part.scenario[row] as usize).min(shape.scenarios.len()) == scenario && half.holds(part.entity[row]);
        let rows: Vec<usize> = (0..labels[0].len()).filter(|at| own(labels[0][*at].0)).collect();
        if rows.is_empty() {
            continue;
        }
        moments.rows[scenario] += rows.len() as u64;
        // √w-scaled columns, so that one product gives the weighted moments.
        let mut x = Array2::<f32>::zeros((terms + 1, rows.len()));
        let weights: Vec<f32> = rows.iter().map(|at| labels[0][*at].2.sqrt() as f32).collect();
        for (term, mut out) in values.outer_iter().zip(x.outer_iter_mut()) {
            for ((out, at), weight) in out.iter_mut().zip(&rows).zip(&weights) {
                *out = term[labels[0][*at].0] * weight;
            }
        }
        x.row_mut(terms).iter_mut().zip(&weights).for_each(|(out, weight)| *out = *weight);
        let mut y = Array2::<f32>::zeros((rows.len(), labels.len()));
        for (task, labels) in labels.iter().enumerate() {
            for (out, at) in y.column_mut(task).iter_mut().zip(&rows) {
                *out = labels[*at].1 as f32;
            }
            let squares: f64 = rows.iter().map(|at| labels[*at].2 * labels[*at].1 * labels[*at].1).sum();
            moments.yy[scenario][task] += squares;
        }
        y.axis_iter_mut(Axis(0)).zip(&weights).for_each(|(mut row, weight)| row *= *weight);
        // Products of a stretch in f32, sums of stretches in f64: 2,048 products lose no digit that matters.
        let mut product = Array2::<f32>::zeros((terms + 1, terms + 1));
        general_mat_mul(1.0, &x, &x.t(), 0.0, &mut product);
        moments.xx[scenario].zip_mut_with(&product, |sum, part| *sum += f64::from(*part));
        let product = x.dot(&y);
        moments.xy[scenario].zip_mut_with(&product, |sum, part| *sum += f64::from(*part));
    }
}
