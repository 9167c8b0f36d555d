//! Gates and experts of the network on the rows of a block.
//!
//! In: a network and a block. Out: [`Inside`], row by row. Means over rows are `explain`'s.

use super::super::inside::Inside;
use super::super::rows::{Block, Shape};
use super::feed::{Feed, runs};
use super::network::{Network, SLICE, Weights};
use super::train::sorted;

/// Rows that are fed at a time.
const STRETCH: usize = 4096;

/// Shares of the gates and features of the experts, each row in its own scenario.
pub(super) fn inside(net: &Network, shape: &Shape, weights: &Weights, block: &Block<'_>) -> Inside {
    let blocks = std::slice::from_ref(block);
    let (mut feed, mut space) = (Feed::default(), net.workspace(SLICE));
    let mut found = net.inside(block.rows());
    for run in runs(blocks, STRETCH) {
        feed.fill(&net.input, shape, blocks, std::slice::from_ref(&run), None);
        for order in sorted(&feed).chunks(SLICE) {
            net.forward(weights, &feed, order, &mut space);
            for (at, row) in order.iter().enumerate() {
                net.copy_inside(&space, at, &mut found, run.from + *row as usize);
            }
        }
    }
    found
}
