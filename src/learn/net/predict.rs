//! The network asked about rows: raw outputs, the experts' features, what goes on inside.
//!
//! In: weights and a block. Out: numbers row by row, the same whatever the number of threads. Nothing is learned here.

use ndarray::Array2;
use rayon::prelude::*;

use super::super::LearnError;
use super::super::inside::Inside;
use super::super::rows::{Block, Shape};
use super::feed::{Feed, runs};
use super::network::{Network, SLICE, Weights, Workspace};

/// Rows that one worker takes at a time when nothing is learned.
pub(super) const STRETCH: usize = 2048;

/// Raw outputs of a block. With `under` every row is also scored as if it were served in each scenario, from one pass of what
/// the scenarios share.
///
/// # Shapes
/// Returns `[rows × tasks]`, and with `under` after it `[rows × scenarios × tasks]`.
pub(super) fn predict(net: &Network, shape: &Shape, weights: &Weights, block: &Block<'_>, under: bool) -> (Vec<f32>, Vec<f32>) {
    let (tasks, scenarios) = (net.tasks, net.scenarios);
    let blocks = std::slice::from_ref(block);
    let parts: Vec<(Vec<f32>, Vec<f32>)> = runs(blocks, STRETCH)
        .par_iter()
        .map_init(
            || (Feed::default(), net.workspace(SLICE)),
            |(feed, space), run| {
                feed.fill(&net.input, shape, blocks, std::slice::from_ref(run), None);
                let mut own = vec![0.0; feed.rows() * tasks];
                let mut others = vec![0.0; if under { feed.rows() * scenarios * tasks } else { 0 }];
                for order in feed.by_scenario().chunks(SLICE) {
                    net.forward(weights, feed, order, space);
                    for (at, row) in order.iter().enumerate() {
                        for task in 0..tasks {
                            own[*row as usize * tasks + task] = net.heads.raw(task, space.numbers(at));
                        }
                    }
                    for scenario in 0..if under { scenarios } else { 0 } {
                        net.forward_under(weights, order.len(), scenario, space);
                        for (at, row) in order.iter().enumerate() {
                            for task in 0..tasks {
                                let place = (*row as usize * scenarios + scenario) * tasks + task;
                                others[place] = net.heads.raw(task, space.numbers(at));
                            }
                        }
                    }
                }
                (own, others)
            },
        )
        .collect();
    let (own, others): (Vec<_>, Vec<_>) = parts.into_iter().unzip();
    (own.concat(), others.concat())
}

/// Walks a block's rows, each in its own scenario; `each` gets the layers' buffers, a row's place in them, and the row.
fn walk(
    net: &Network,
    shape: &Shape,
    weights: &Weights,
    block: &Block<'_>,
    mut each: impl FnMut(&Workspace, usize, usize) -> Result<(), LearnError>,
) -> Result<(), LearnError> {
    let blocks = std::slice::from_ref(block);
    let (mut feed, mut space) = (Feed::default(), net.workspace(SLICE));
    for run in runs(blocks, STRETCH) {
        feed.fill(&net.input, shape, blocks, std::slice::from_ref(&run), None);
        for order in feed.by_scenario().chunks(SLICE) {
            net.forward(weights, &feed, order, &mut space);
            for (at, row) in order.iter().enumerate() {
                each(&space, at, run.from + *row as usize)?;
            }
        }
    }
    Ok(())
}

/// The experts' features of a block, side by side. Shape: `[rows, experts · width]`.
pub(super) fn features(net: &Network, shape: &Shape, weights: &Weights, block: &Block<'_>) -> Result<Array2<f32>, LearnError> {
    let mut all = Array2::zeros((block.rows(), net.feature_width()));
    walk(net, shape, weights, block, |space, at, row| {
        let mut into = all.row_mut(row);
        let into = into.as_slice_mut().ok_or_else(|| LearnError::Shape("the features do not lie row by row".into()))?;
        net.copy_features(space, at, into);
        Ok(())
    })?;
    Ok(all)
}

/// Shares of the gates and features of the experts of a block.
pub(super) fn inside(net: &Network, shape: &Shape, weights: &Weights, block: &Block<'_>) -> Result<Inside, LearnError> {
    let mut found = net.inside(block.rows());
    walk(net, shape, weights, block, |space, at, row| {
        net.copy_inside(space, at, &mut found, row);
        Ok(())
    })?;
    Ok(found)
}
