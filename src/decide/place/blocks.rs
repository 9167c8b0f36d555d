//! A sharper bound than the linear program's: one resource of each choice is kept whole, the others stay priced.
//!
//! In: an instance and prices. Out: a bound. The linear program fills a budget with part of an option; a budget whose options are counted
//! whole cannot be filled as well.

use microlp::{ComparisonOp, OptimizationDirection, Problem, SolutionStatus, SolveOptions, Variable};

use super::built::Options;
use super::prices::Units;

/// Options of a block, at most: a larger one has so many that a part of one does not matter.
const LARGEST: usize = 600;
/// Blocks that are counted whole, at most, those that weigh most: the others stay priced.
const BLOCKS: usize = 256;
/// Nodes of a block, at most.
const NODES: u64 = 300;

/// `Σ_r p⁺ at_most − p⁻ at_least + Σ_blocks max Σ (v − p·a) x`, the resource of a block not among the `r` and its limits kept by whole `x`.
///
/// A block is the choices that use one resource and no resource of another block; resources that weigh most come first. Choices of
/// no block, and blocks that are too large, count as in the linear bound.
///
/// # Source
/// Geoffrion (1974), "Lagrangean relaxation for integer programming", section 3: a relaxation without the integrality property
/// bounds better.
pub(super) fn bound(options: &Options, prices: &[f64]) -> f64 {
    let units = Units::of(options);
    let block_of = blocks(options, prices);
    let mut members: Vec<Vec<usize>> = vec![Vec::new(); options.limits.len()];
    let mut total = 0.0;
    let net = |option: usize, but: Option<usize>| {
        let priced = options.uses(option).filter(|(resource, _)| Some(*resource) != but);
        options.values[option] - priced.map(|(resource, amount)| prices[resource] * amount).sum::<f64>()
    };
    let linear = |choice: usize| options.of_choice(choice).iter().map(|option| net(*option as usize, None)).fold(0.0, f64::max);
    for (choice, block) in block_of.iter().enumerate() {
        match block {
            Some(block) => members[*block].push(choice),
            None => total += linear(choice),
        }
    }
    for (resource, limit) in options.limits.iter().enumerate() {
        let priced = match prices[resource] {
            price if price > 0.0 && limit.at_most.is_finite() => price * limit.at_most,
            price if price < 0.0 => price * limit.at_least,
            _ => 0.0,
        };
        let as_linear = priced + members[resource].iter().map(|choice| linear(*choice)).sum::<f64>();
        let size: usize = members[resource].iter().map(|choice| options.of_choice(*choice).len()).sum();
        let whole = if size == 0 || size > LARGEST {
            None
        } else {
            whole(options, resource, &members[resource], &units, |option| net(option, Some(resource)))
        };
        // Never worse than priced: a search that ends early proves less.
        total += whole.map_or(as_linear, |whole| whole.min(as_linear));
    }
    total
}

/// The block resource of each choice.
fn blocks(options: &Options, prices: &[f64]) -> Vec<Option<usize>> {
    let mut touched: Vec<Vec<usize>> = vec![Vec::new(); options.limits.len()];
    for choice in 0..options.choices() {
        let mut own: Vec<usize> =
            options.of_choice(choice).iter().flat_map(|option| options.uses(*option as usize)).map(|(resource, _)| resource).collect();
        own.sort_unstable();
        own.dedup();
        for resource in own {
            touched[resource].push(choice);
        }
    }
    let weight = |resource: usize| {
        if options.limits[resource].at_most.is_finite() { prices[resource] * options.limits[resource].at_most } else { 0.0 }
    };
    let mut order: Vec<usize> = (0..touched.len()).filter(|resource| prices[*resource] > 0.0).collect();
    order.sort_by(|a, b| weight(*b).total_cmp(&weight(*a)));
    let mut block_of = vec![None; options.choices()];
    let mut count = 0;
    for resource in order {
        if count < BLOCKS && touched[resource].iter().all(|choice| block_of[*choice].is_none()) {
            touched[resource].iter().for_each(|choice| block_of[*choice] = Some(resource));
            count += 1;
        }
    }
    block_of
}

/// What no whole choice of a block exceeds; none where nothing was proved.
fn whole(options: &Options, resource: usize, choices: &[usize], units: &Units, net: impl Fn(usize) -> f64) -> Option<f64> {
    let mut problem = Problem::new(OptimizationDirection::Maximize);
    let mut row: Vec<(Variable, f64)> = Vec::new();
    for choice in choices {
        let mut once = Vec::new();
        for option in options.of_choice(*choice).iter().map(|option| *option as usize) {
            let own = problem.add_binary_var(net(option) / units.value);
            once.push((own, 1.0));
            row.push((own, options.amount(option, resource) / units.amounts[resource]));
        }
        if once.len() > 1 {
            problem.add_constraint(once.as_slice(), ComparisonOp::Le, 1.0);
        }
    }
    // A least use only makes the true answer smaller: without it the bound holds.
    problem.add_constraint(row.as_slice(), ComparisonOp::Le, options.limits[resource].at_most / units.amounts[resource]);
    let mut settings = SolveOptions::default();
    settings.node_limit = Some(NODES);
    let solution = problem.solve_with(settings).ok()?.into_solution().ok()?;
    let proved = if solution.status() == SolutionStatus::Optimal { Some(solution.objective()) } else { solution.stats().best_bound };
    // The solver's limits hold to a tolerance, and its optimum with them.
    proved.map(|proved| (proved + proved.abs() * 1e-6 + 1e-9) * units.value)
}
