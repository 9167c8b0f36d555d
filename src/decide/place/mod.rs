//! Placement: which options to take for the greatest value under limits of resources.
//!
//! In: options with a value, at most one of each choice, and what each uses of which resource; limits. Out: what is taken, its value,
//! a bound that no placement exceeds, and the price of each resource. Small instances are solved exactly, or until a stated number of
//! nodes; large ones by prices, with the gap that the prices prove.
//!
//! `max Σ vᵢ xᵢ` over `xᵢ ∈ {0, 1}`, `Σ_{i in a choice} xᵢ ≤ 1`, `at_least_r ≤ Σ a_ri xᵢ ≤ at_most_r`.

mod blocks;
mod built;
mod exact;
mod prices;
mod round;
#[cfg(test)]
mod tests;

pub use built::{Builder, Limit, Options};

use super::error::DecideError;
use round::Used;

/// Options up to which branch and bound is tried.
pub const EXACT_OPTIONS: usize = 5000;
/// Options times nodes of branch and bound, at most: about two seconds. A count and no clock, so that every machine ends at the same node.
pub const EXACT_WORK: u64 = 10_000_000;
/// Gap, as a share of the bound, below which neither placement nor bound are worked on.
const NEAR: f64 = 1e-3;
/// Slack of a limit, as a share of it: sums of floats differ in their last digits by the order of their terms.
const SLACK: f64 = 1e-9;

/// A placement and what is known of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Placement {
    /// Whether each option is taken. Shape: `[options]`.
    pub taken: Vec<bool>,
    /// Value of what is taken.
    pub value: f64,
    /// No placement is worth more.
    pub bound: f64,
    /// What is used of each resource. Shape: `[limits]`.
    pub used: Vec<f64>,
    /// Value of one more unit of each limit, in the linear relaxation; below 0 where a least use costs value. Shape: `[limits]`.
    pub prices: Vec<f64>,
}

impl Placement {
    /// `(bound − value) / bound`: the share of value that could be missing; 0 where nothing has value.
    #[must_use]
    pub fn gap(&self) -> f64 {
        let scale = self.bound.abs();
        if scale > 0.0 { ((self.bound - self.value) / scale).max(0.0) } else { 0.0 }
    }
}

/// Chooses options.
///
/// The linear relaxation gives prices and the bound `Σ_choices max(0, max (v − p·a)) + Σ p⁺ at_most − Σ p⁻ at_least`, true for any
/// prices; taking options by `v − p·a`, meeting least uses and improving by exchanges gives the placement. Up to [`EXACT_OPTIONS`]
/// options, branch and bound starts from it and ends with the best placement or after [`EXACT_WORK`] with a better bound.
///
/// # Errors
/// [`DecideError`] naming the resource whose least use cannot be met.
///
/// # Source
/// Everett (1963), "Generalized Lagrange multiplier method for solving problems of optimum allocation of resources"; Fisher (1981), "The
/// Lagrangian relaxation method for solving integer programming problems".
pub fn place(options: &Options, seed: u64) -> Result<Placement, DecideError> {
    built::refuse_impossible(options)?;
    let small = options.len() <= EXACT_OPTIONS;
    let mut found = if small { exact::prices(options)? } else { prices::prices(options, seed) };
    let mut rounded = round::round(options, &found.prices);
    if rounded.as_ref().is_ok_and(|placed| placed.value(options) < found.bound * (1.0 - NEAR)) {
        rounded = rounded.map(|placed| exact::polished(options, &found.prices, placed));
        found.bound = found.bound.min(blocks::bound(options, &found.prices));
    }
    let rounded = if small { exact::improved(options, rounded)? } else { exact::Answer { placed: rounded?, bound: f64::INFINITY } };
    Ok(told(options, &rounded.placed, found.bound.min(rounded.bound), found.prices))
}

/// The placement as it is handed out: sums over what is taken, in the order of the options.
fn told(options: &Options, placed: &Used, bound: f64, prices: Vec<f64>) -> Placement {
    let taken: Vec<bool> = (0..options.len()).map(|option| placed.takes(options, option)).collect();
    let mut used = vec![0.0; options.limits.len()];
    let mut value = 0.0;
    for option in (0..options.len()).filter(|option| taken[*option]) {
        value += options.values[option];
        for (resource, amount) in options.uses(option) {
            used[resource] += amount;
        }
    }
    // The bound is a sum of floats too: what is reached is below it but for rounding.
    Placement { taken, value, bound: bound.max(value), used, prices }
}
