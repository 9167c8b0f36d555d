//! Inside a model that mixes experts: who listens to whom, and whether the experts have become one.
//!
//! In: shares of gates and features of experts, row by row. Out: [`InsideFigure`] rows. Not here: whether sharing helps (the
//! transfer ledger says so), how well a scenario can be told from the features (`evaluate::probe`).

use ndarray::{Array2, ArrayView2, Axis, s};

use super::places;
use super::units::{Draws, UnitSums};
use crate::learn::inside::{Inside, InsideGate, InsideLevel};
use crate::learn::rows::{Block, Shape};

/// Similarity from which two experts count as one: but for a rotation they then yield nearly the same.
pub const COLLAPSED: f64 = 0.95;
/// Entropy below which a gate listens to one expert alone.
pub const DECIDED: f64 = 0.05;

/// One row of the table `inside`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct InsideFigure {
    /// Level of experts, 1 = nearest to the inputs; 0 = the network as a whole.
    pub level: u32,
    /// `gate share`, `gate entropy` (0 = one expert alone, 1 = all alike), `expert similarity` (0 to 1), `scenario probe auc`,
    /// `gradient cosine`.
    pub measure: &'static str,
    /// Scenario, or `*`.
    pub scenario: String,
    /// Task, or `*`; `shared` for the gate of what is shared.
    pub task: String,
    /// Expert: `shared 1`, or `<task> 1`; empty where the measure is of no expert.
    pub expert: String,
    /// The other expert, or the other task.
    pub other: String,
    /// Its value.
    pub value: f64,
    /// Lower end of its 95 % interval over entities.
    pub low: Option<f64>,
    /// Upper end of its 95 % interval over entities.
    pub high: Option<f64>,
    /// Rows.
    pub n: u64,
    /// Two experts that have become one ([`COLLAPSED`]), or a gate that listens to one alone ([`DECIDED`]).
    pub alarm: bool,
}

/// Gate shares and entropies per cell, similarities of experts over all rows.
///
/// Entropy is `−Σ g ln g / ln n` of each row's shares, then the mean over rows. Similarity is linear CKA:
/// `‖YᵀX‖² / (‖XᵀX‖ ‖YᵀY‖)` of the experts' centred features (Frobenius norms): 1 where one is a rotation of the other.
///
/// # Source
/// Kornblith et al. (2019), "Similarity of neural network representations revisited", section 3.
#[must_use]
pub fn figures(shape: &Shape, block: &Block<'_>, inside: &Inside, resamples: usize, seed: u64) -> Vec<InsideFigure> {
    let mut found = Vec::new();
    for (at, level) in inside.levels.iter().enumerate() {
        let names = names(shape, level);
        for gate in level.gates.iter().filter(|gate| gate.experts.len() > 1) {
            found.extend(
                of_gate(shape, block, gate, &names, resamples, seed).into_iter().map(|row| InsideFigure { level: at as u32 + 1, ..row }),
            );
        }
        let similar = similarities(&level.features, level.width, level.experts.len());
        for (a, name) in names.iter().enumerate() {
            for (b, other) in names.iter().enumerate().skip(a + 1) {
                found.push(InsideFigure {
                    level: at as u32 + 1,
                    measure: "expert similarity",
                    scenario: "*".into(),
                    task: "*".into(),
                    expert: name.clone(),
                    other: other.clone(),
                    value: similar[[a, b]],
                    n: block.rows() as u64,
                    alarm: similar[[a, b]] >= COLLAPSED,
                    ..InsideFigure::default()
                });
            }
        }
    }
    found
}

/// Experts as a reader knows them: numbered among those of one owner.
fn names(shape: &Shape, level: &InsideLevel) -> Vec<String> {
    let name = |at: usize| {
        let owner = level.experts[at];
        let number = level.experts[..=at].iter().filter(|other| **other == owner).count();
        format!("{} {number}", owner.map_or("shared", |task| &shape.tasks[task].name))
    };
    (0..level.experts.len()).map(name).collect()
}

fn of_gate(shape: &Shape, block: &Block<'_>, gate: &InsideGate, names: &[String], resamples: usize, seed: u64) -> Vec<InsideFigure> {
    let n = gate.experts.len();
    let mut sums = UnitSums::new(shape.scenarios.len() + 1, n + 1);
    let mut rows = vec![0; shape.scenarios.len() + 1];
    for (row, shares) in gate.shares.axis_iter(Axis(0)).enumerate() {
        let scenario = (block.scenario[row] as usize).min(shape.scenarios.len());
        rows[scenario] += 1;
        let own = sums.row(scenario, block.entity[row]);
        own.iter_mut().zip(shares).for_each(|(sum, share)| *sum += f64::from(*share));
        let entropy: f64 = shares.iter().map(|share| f64::from(*share)).filter(|share| *share > 0.0).map(|share| -share * share.ln()).sum();
        own[n] += entropy / (n as f64).ln();
    }
    let draws = Draws::new(sums.units(), resamples, seed);
    let mut found = Vec::new();
    for (scenario, members) in places(shape) {
        let counted: u64 = members.iter().map(|member| rows[*member]).sum();
        if counted == 0 {
            continue;
        }
        for (at, (value, interval)) in sums.means(&members, &draws).into_iter().enumerate() {
            let expert = gate.experts.get(at);
            found.push(InsideFigure {
                measure: if expert.is_some() { "gate share" } else { "gate entropy" },
                scenario: scenario.to_owned(),
                task: gate.task.map_or("shared", |task| &shape.tasks[task].name).to_owned(),
                expert: expert.map_or_else(String::new, |expert| names[*expert].clone()),
                value,
                low: interval.map(|(low, _)| low),
                high: interval.map(|(_, high)| high),
                n: counted,
                alarm: expert.is_none() && value < DECIDED,
                ..InsideFigure::default()
            });
        }
    }
    found
}

/// Linear CKA of every pair of experts; 0 where one yields nothing that varies. Shapes: `features: [rows, experts · width]` →
/// `[experts, experts]`.
fn similarities(features: &Array2<f32>, width: usize, experts: usize) -> Array2<f64> {
    let mut centred = features.mapv(f64::from);
    if let Some(means) = centred.mean_axis(Axis(0)) {
        centred -= &means;
    }
    let products = centred.t().dot(&centred);
    let size = |block: ArrayView2<'_, f64>| block.iter().map(|value| value * value).sum::<f64>();
    let part = |a: usize, b: usize| size(products.slice(s![a * width..(a + 1) * width, b * width..(b + 1) * width]));
    Array2::from_shape_fn((experts, experts), |(a, b)| {
        let norm = (part(a, a) * part(b, b)).sqrt();
        if norm > 0.0 { (part(a, b) / norm).min(1.0) } else { 0.0 }
    })
}
