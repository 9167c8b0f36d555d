//! smartcore's regression trees in a form of our own: flat arrays that predict fast and save as plain numbers. The one file
//! that knows smartcore.
//!
//! In: a dense sample. Out: [`Trees`]. smartcore 0.7 has no probabilities, so 0/1 labels go to its regressor, whose mean is
//! one; its forest cannot be read but through serde, which is how its nodes get here.

use serde_json::Value;
use smartcore::ensemble::random_forest_regressor::{RandomForestRegressor, RandomForestRegressorParameters};
use smartcore::linalg::basic::matrix::DenseMatrix;

use super::super::LearnError;
use super::super::saved::Tensors;
use super::{ForestSettings, NAME};

/// A forest of one task. A node without children is a leaf.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Trees {
    /// First node of each tree, then the number of nodes.
    starts: Vec<u32>,
    feature: Vec<u32>,
    /// Largest `f32` not above the split: `x ≤ split` goes to `yes`.
    split: Vec<f32>,
    /// Child within all nodes; 0 for a leaf (no child is node 0).
    yes: Vec<u32>,
    no: Vec<u32>,
    output: Vec<f32>,
}

fn library(message: impl std::fmt::Display) -> LearnError {
    LearnError::Library { learner: NAME, message: message.to_string() }
}

/// Fits a forest. Shapes: `x: [rows][columns]`, `y: [rows]`, `weights: [rows]`.
///
/// # Errors
/// [`LearnError::Library`] when smartcore refuses.
pub(super) fn fit(x: &[Vec<f32>], y: &[f64], weights: &[f64], settings: &ForestSettings, seed: u64) -> Result<Trees, LearnError> {
    let columns = x.first().map_or(0, Vec::len);
    let flat: Vec<f32> = x.iter().flatten().copied().collect();
    let matrix = DenseMatrix::new(x.len(), columns, flat, false).map_err(library)?;
    let parameters = RandomForestRegressorParameters::default()
        .with_n_trees(settings.trees)
        .with_max_depth(settings.depth)
        .with_min_samples_leaf(settings.min_leaf)
        .with_m(((columns as f64).sqrt() * 2.0).ceil() as usize)
        .with_seed(seed);
    let labels = y.to_vec();
    let forest: RandomForestRegressor<f32, f64, DenseMatrix<f32>, Vec<f64>> =
        RandomForestRegressor::fit_with_weights(&matrix, &labels, weights, parameters).map_err(library)?;
    let value = serde_json::to_value(&forest).map_err(library)?;
    Trees::read(&value)
}

/// The largest `f32` that is not above `value`.
fn not_above(value: f64) -> f32 {
    let near = value as f32;
    if f64::from(near) > value { near.next_down() } else { near }
}

impl Trees {
    fn read(forest: &Value) -> Result<Self, LearnError> {
        let missing = |what: &str| library(format!("smartcore's forest has no `{what}`: its layout has changed"));
        let trees = forest["forest_regressor"]["trees"].as_array().ok_or_else(|| missing("trees"))?;
        let mut read = Self::default();
        for tree in trees {
            let nodes = tree["nodes"].as_array().ok_or_else(|| missing("nodes"))?;
            let start = read.feature.len() as u32;
            read.starts.push(start);
            for node in nodes {
                let child = |name: &str| node[name].as_u64().map_or(0, |at| at as u32 + start);
                let leaf = node["true_child"].is_null() || node["false_child"].is_null();
                read.feature.push(node["split_feature"].as_u64().ok_or_else(|| missing("split_feature"))? as u32);
                read.split.push(node["split_value"].as_f64().map_or(0.0, not_above));
                read.yes.push(if leaf { 0 } else { child("true_child") });
                read.no.push(if leaf { 0 } else { child("false_child") });
                read.output.push(node["output"].as_f64().ok_or_else(|| missing("output"))? as f32);
            }
        }
        read.starts.push(read.feature.len() as u32);
        if trees.is_empty() { Err(missing("tree")) } else { Ok(read) }
    }

    /// Mean over the trees for one row.
    pub(super) fn predict(&self, row: &[f32]) -> f64 {
        let trees = self.starts.len() - 1;
        let sum: f64 = self.starts[..trees].iter().map(|start| f64::from(self.output[self.leaf(*start as usize, row)])).sum();
        sum / trees as f64
    }

    fn leaf(&self, mut node: usize, row: &[f32]) -> usize {
        while self.yes[node] != 0 {
            let next = if row[self.feature[node] as usize] <= self.split[node] { self.yes[node] } else { self.no[node] };
            node = next as usize;
        }
        node
    }

    pub(super) fn put(&self, tensors: &mut Tensors, task: usize) {
        // Node numbers below 2^24 are exact in f32, and a forest of the allowed size has fewer.
        let whole = |values: &[u32]| values.iter().map(|value| *value as f32).collect::<Vec<_>>();
        let nodes = self.feature.len();
        tensors.put(&format!("trees_{task}_starts"), &[self.starts.len()], &whole(&self.starts));
        tensors.put(&format!("trees_{task}_feature"), &[nodes], &whole(&self.feature));
        tensors.put(&format!("trees_{task}_split"), &[nodes], &self.split);
        tensors.put(&format!("trees_{task}_yes"), &[nodes], &whole(&self.yes));
        tensors.put(&format!("trees_{task}_no"), &[nodes], &whole(&self.no));
        tensors.put(&format!("trees_{task}_output"), &[nodes], &self.output);
    }

    /// Reads what [`Trees::put`] wrote; every node is checked, so that a damaged file cannot lead outside or in circles.
    pub(super) fn get(tensors: &Tensors, task: usize, trees: usize, nodes: usize, columns: usize) -> Result<Self, LearnError> {
        let array = |name: &str, length: usize| tensors.get(&format!("trees_{task}_{name}"), &[length]);
        let whole = |values: Vec<f32>| values.into_iter().map(|value| value as u32).collect::<Vec<_>>();
        let read = Self {
            starts: whole(array("starts", trees.saturating_add(1))?),
            feature: whole(array("feature", nodes)?),
            split: array("split", nodes)?,
            yes: whole(array("yes", nodes)?),
            no: whole(array("no", nodes)?),
            output: array("output", nodes)?,
        };
        let sound = trees > 0
            && read.starts.iter().all(|start| (*start as usize) <= nodes)
            && read.starts[..trees].iter().all(|start| (*start as usize) < nodes)
            && read.feature.iter().all(|feature| (*feature as usize) < columns)
            && (0..nodes).all(|at| {
                [read.yes[at], read.no[at]].iter().all(|child| *child == 0 || ((*child as usize) > at && (*child as usize) < nodes))
            });
        if sound { Ok(read) } else { Err(LearnError::Saved(format!("a node of the trees of task {task} leads nowhere"))) }
    }

    pub(super) fn trees(&self) -> usize {
        self.starts.len() - 1
    }

    pub(super) fn nodes(&self) -> usize {
        self.feature.len()
    }
}

#[cfg(test)]
mod tests {
    use smartcore::ensemble::random_forest_regressor::RandomForestRegressor;

    use super::*;

    #[test]
    fn our_trees_predict_what_smartcore_predicts() {
        let x: Vec<Vec<f32>> = (0..200).map(|i| vec![((i * 37) % 101) as f32 / 7.0, ((i * 17) % 53) as f32, (i % 5) as f32]).collect();
        let y: Vec<f64> = x.iter().map(|row| f64::from(u8::from(row[0] * row[1] > 120.0)) + f64::from(row[2]) / 10.0).collect();
        let matrix = DenseMatrix::new(200, 3, x.iter().flatten().copied().collect(), false).expect("a matrix");
        let parameters = RandomForestRegressorParameters::default().with_n_trees(5).with_max_depth(6).with_seed(3);
        let forest: RandomForestRegressor<f32, f64, DenseMatrix<f32>, Vec<f64>> =
            RandomForestRegressor::fit(&matrix, &y, parameters).expect("a forest");
        let trees = Trees::read(&serde_json::to_value(&forest).expect("serde")).expect("nodes");
        let theirs = forest.predict(&matrix).expect("predictions");
        for (row, theirs) in x.iter().zip(theirs) {
            // Outputs are kept as f32: 24 bits.
            assert!((trees.predict(row) - theirs).abs() < 1e-6, "{} {theirs}", trees.predict(row));
        }
    }

    #[test]
    fn upstream_still_has_no_probabilities() {
        use smartcore::ensemble::random_forest_classifier::{RandomForestClassifier, RandomForestClassifierParameters};
        let matrix = DenseMatrix::new(4, 1, vec![0.0_f32, 1.0, 2.0, 3.0], false).expect("a matrix");
        let labels = vec![0_u32, 0, 1, 1];
        let forest = RandomForestClassifier::fit(&matrix, &labels, RandomForestClassifierParameters::default()).expect("a forest");
        // A vote is a class, never a share: were it a float, the regressor on 0/1 labels would no longer be needed.
        let votes: Vec<u32> = forest.predict(&matrix).expect("votes");
        assert!(votes.iter().all(|vote| *vote < 2));
    }
}
