//! Small placements: prices by a linear program, and the best placement by branch and bound, both by microlp.
//!
//! In: an instance of a few hundred options. Out: prices that are optimal for the relaxation; a placement that is the best one, or the
//! best of a stated number of nodes with a bound. The one file that knows microlp's integers.

use microlp::{ComparisonOp, Error, OptimizationDirection, Problem, SolutionStatus, SolveOptions, Variable};

use super::super::error::DecideError;
use super::built::Options;
use super::prices::{Priced, Units, bound_of};
use super::round::Used;
use super::{EXACT_WORK, SLACK};

/// A placement and a bound.
pub(super) struct Answer {
    pub(super) placed: Used,
    pub(super) bound: f64,
}

/// Optimal prices of the relaxation, by its dual: `min Σ p⁺ at_most − Σ p⁻ at_least + Σ_c π_c` with `π_c + p·aᵢ ≥ vᵢ`, `π, p⁺, p⁻ ≥ 0`.
///
/// microlp tells no duals, so that the dual is what it is asked for.
pub(super) fn prices(options: &Options) -> Result<Priced, DecideError> {
    let units = Units::of(options);
    let choices: Vec<usize> = (0..options.choices()).collect();
    let found = dual(options, &choices, &units, 1.0)?;
    Ok(Priced { bound: bound_of(options, &found), prices: found })
}

/// Prices for some of the choices, with limits scaled down to their `share`.
pub(super) fn dual(options: &Options, choices: &[usize], units: &Units, share: f64) -> Result<Vec<f64>, DecideError> {
    let mut problem = Problem::new(OptimizationDirection::Minimize);
    let open = (0.0, f64::INFINITY);
    let mut touched = vec![false; options.limits.len()];
    for option in choices.iter().flat_map(|choice| options.of_choice(*choice)) {
        options.uses(*option as usize).for_each(|(resource, _)| touched[resource] = true);
    }
    let variables: Vec<(Option<Variable>, Option<Variable>)> = (options.limits.iter().zip(&units.amounts).zip(touched))
        .map(|((limit, unit), touched)| {
            let up = (touched && limit.at_most.is_finite()).then(|| problem.add_var(limit.at_most * share / unit, open));
            let low = (touched && limit.at_least > 0.0).then(|| problem.add_var(-limit.at_least * share / unit, open));
            (up, low)
        })
        .collect();
    for choice in choices {
        let own = problem.add_var(1.0, open);
        for option in options.of_choice(*choice) {
            let mut row = vec![(own, 1.0)];
            for (resource, amount) in options.uses(*option as usize) {
                let amount = amount / units.amounts[resource];
                let (up, low) = variables[resource];
                row.extend(up.map(|up| (up, amount)));
                row.extend(low.map(|low| (low, -amount)));
            }
            problem.add_constraint(row, ComparisonOp::Ge, options.values[*option as usize] / units.value);
        }
    }
    let solved = match problem.solve() {
        Ok(outcome) => outcome.into_solution().map_err(|_| DecideError::Solver("no prices were found".into()))?,
        // An unbounded dual is an infeasible relaxation: the least uses exclude each other.
        Err(Error::Unbounded) => return Err(excluding(options, choices, units)),
        Err(error) => return Err(DecideError::Solver(error.to_string())),
    };
    let value = |variable: Option<Variable>| variable.map_or(0.0, |variable| solved.var_value(variable).max(0.0));
    Ok(variables.iter().zip(&units.amounts).map(|((up, low), unit)| (value(*up) - value(*low)) * units.value / unit).collect())
}

/// Which least uses fall short, when the sum of what is short, each as a share of its own, is smallest.
fn excluding(options: &Options, choices: &[usize], units: &Units) -> DecideError {
    let mut problem = Problem::new(OptimizationDirection::Minimize);
    let short: Vec<Option<Variable>> = (options.limits.iter().zip(&units.amounts))
        .map(|(limit, unit)| (limit.at_least > 0.0).then(|| problem.add_var(unit / limit.at_least, (0.0, limit.at_least / unit))))
        .collect();
    let rows = relaxed(&mut problem, options, choices, units, |problem, _| problem.add_var(0.0, (0.0, 1.0)));
    for (at, (limit, row)) in options.limits.iter().zip(rows).enumerate() {
        if limit.at_most.is_finite() {
            problem.add_constraint(row.as_slice(), ComparisonOp::Le, limit.at_most / units.amounts[at]);
        }
        if let Some(short) = short[at] {
            let row: Vec<_> = row.into_iter().chain([(short, 1.0)]).collect();
            problem.add_constraint(row.as_slice(), ComparisonOp::Ge, limit.at_least / units.amounts[at]);
        }
    }
    let Some(solved) = problem.solve().ok().and_then(|outcome| outcome.into_solution().ok()) else {
        return DecideError::Excluding { short: vec!["by how much could not be found".into()] };
    };
    let told = options.limits.iter().enumerate().filter_map(|(at, limit)| {
        let missing = solved.var_value(short[at]?) * units.amounts[at];
        (missing > limit.at_least * 1e-6).then(|| format!("`{}` is short of its {} by {:.6}", limit.resource, limit.at_least, missing))
    });
    DecideError::Excluding { short: told.collect() }
}

/// Adds the options of choices, each choice at most once; returns what each resource is made of.
fn relaxed(
    problem: &mut Problem,
    options: &Options,
    choices: &[usize],
    units: &Units,
    mut variable: impl FnMut(&mut Problem, usize) -> Variable,
) -> Vec<Vec<(Variable, f64)>> {
    let mut rows = vec![Vec::new(); options.limits.len()];
    for choice in choices {
        let mut once = Vec::new();
        for option in options.of_choice(*choice) {
            let own = variable(problem, *option as usize);
            once.push((own, 1.0));
            for (resource, amount) in options.uses(*option as usize) {
                rows[resource].push((own, amount / units.amounts[resource]));
            }
        }
        if once.len() > 1 {
            problem.add_constraint(once.as_slice(), ComparisonOp::Le, 1.0);
        }
    }
    rows
}

/// Branch and bound over everything, from a placement that was found already.
pub(super) fn improved(options: &Options, begun: Result<Used, DecideError>) -> Result<Answer, DecideError> {
    let units = Units::of(options);
    let all: Vec<usize> = (0..options.choices()).collect();
    let nodes = EXACT_WORK / (options.len() as u64).max(1000);
    let part = Part { options, units: &units, choices: &all, nodes };
    match part.solve(begun.as_ref().ok()) {
        Ok(Some(Solved { placed, bound })) => {
            let own = placed.value(options);
            // Its integers are within a tolerance: where rounding breaks a limit, what was there before stands.
            let placed = match begun {
                _ if !placed.keeps_limits(options) => begun?,
                Ok(begun) if begun.value(options) > own => begun,
                _ => placed,
            };
            Ok(Answer { bound: bound.max(own * (1.0 - SLACK)), placed })
        }
        Err(Error::Infeasible) if begun.is_err() => Err(begun.err().map_or_else(
            || DecideError::Solver("no placement".into()),
            |error| match error {
                DecideError::NotMet { resource, at_least, .. } => {
                    DecideError::Excluding { short: vec![format!("no whole options use `{resource}` at least {at_least}")] }
                }
                other => other,
            },
        )),
        // Out of nodes without a placement, or a numerical failure: what the prices gave stands.
        _ => Ok(Answer { placed: begun?, bound: f64::INFINITY }),
    }
}

/// Improves a placement part by part: the choices about which prices leave most doubt are decided anew by branch and bound, all
/// others staying as they are; first among all choices, then among those of each resource that weighs most.
///
/// # Source
/// Balas & Zemel (1980), "An algorithm for large zero-one knapsack problems", for the core of doubtful choices.
pub(super) fn polished(options: &Options, prices: &[f64], placed: Used) -> Used {
    let units = Units::of(options);
    let net =
        |option: usize| options.values[option] - options.uses(option).map(|(resource, amount)| prices[resource] * amount).sum::<f64>();
    // How much worse the second best of a choice is, nothing being one of them.
    let doubts: Vec<f64> = (0..options.choices())
        .map(|choice| {
            let (mut best, mut second) = (0.0_f64, f64::NEG_INFINITY);
            for own in options.of_choice(choice).iter().map(|option| net(*option as usize)) {
                (best, second) = if own > best { (own, best) } else { (best, second.max(own)) };
            }
            best - second
        })
        .collect();
    let mut order: Vec<usize> = (0..options.choices()).collect();
    order.sort_by(|a, b| doubts[*a].total_cmp(&doubts[*b]));
    let mut weighty: Vec<usize> = (0..options.limits.len()).filter(|at| prices[*at] != 0.0).collect();
    weighty.sort_by(|a, b| (prices[*b].abs() * placed.used_of(*b)).total_cmp(&(prices[*a].abs() * placed.used_of(*a))));
    weighty.truncate(WEIGHTY);
    let neighbourhoods: Vec<Vec<usize>> = std::iter::once(None)
        .chain(weighty.into_iter().map(Some))
        .map(|resource| {
            let mut left = CORE;
            let touches = |choice: usize, resource: usize| {
                options.of_choice(choice).iter().any(|option| options.amount(*option as usize, resource) > 0.0)
            };
            let fits = |choice: &usize| {
                let count = options.of_choice(*choice).len();
                let wanted = count > 0 && count <= left && resource.is_none_or(|resource| touches(*choice, resource));
                left -= if wanted { count } else { 0 };
                wanted
            };
            let mut own: Vec<usize> = order.iter().copied().filter(fits).collect();
            own.sort_unstable();
            own
        })
        .collect();
    let mut placed = placed;
    for _ in 0..POLISHES {
        let before = placed.value(options);
        for choices in &neighbourhoods {
            let part = Part { options, units: &units, choices, nodes: CORE_NODES };
            let Ok(Some(found)) = part.solve(Some(&placed)) else { continue };
            if found.placed.keeps_limits(options) && found.placed.value(options) > placed.value(options) {
                placed = found.placed;
            }
        }
        if placed.value(options) <= before {
            break;
        }
    }
    placed
}

/// Options of a core, at most; nodes that it may take; resources with a core of their own; rounds over all cores. Each bounds the work, and
/// none is a clock.
const CORE: usize = 80;
const CORE_NODES: u64 = 400;
const WEIGHTY: usize = 64;
const POLISHES: usize = 3;

/// Choices to decide on, the others staying as they are.
struct Part<'a> {
    options: &'a Options,
    units: &'a Units,
    choices: &'a [usize],
    nodes: u64,
}

/// A placement, and what none exceeds that leaves the other choices as they are.
struct Solved {
    placed: Used,
    bound: f64,
}

impl Part<'_> {
    /// Decides; none where the nodes ended before a placement was found.
    fn solve(&self, begun: Option<&Used>) -> Result<Option<Solved>, Error> {
        let (options, units) = (self.options, self.units);
        let mut placed = begun.cloned().unwrap_or_else(|| Used::nothing(options));
        self.choices.iter().for_each(|choice| placed.leave(options, *choice));
        let mut problem = Problem::new(OptimizationDirection::Maximize);
        let mut variables: Vec<(usize, Variable)> = Vec::new();
        let rows = relaxed(&mut problem, options, self.choices, units, |problem, option| {
            let own = problem.add_binary_var(options.values[option] / units.value);
            variables.push((option, own));
            own
        });
        for (at, (limit, row)) in options.limits.iter().zip(rows).enumerate().filter(|(_, (_, row))| !row.is_empty()) {
            if limit.at_most.is_finite() {
                problem.add_constraint(row.as_slice(), ComparisonOp::Le, (limit.at_most - placed.used_of(at)).max(0.0) / units.amounts[at]);
            }
            if limit.at_least > placed.used_of(at) {
                problem.add_constraint(row.as_slice(), ComparisonOp::Ge, (limit.at_least - placed.used_of(at)) / units.amounts[at]);
            }
        }
        let hint = begun.map(|begun| {
            let value = |option| if begun.takes(options, option) { 1.0 } else { 0.0 };
            variables.iter().map(|(option, variable)| (*variable, value(*option))).collect()
        });
        let mut settings = SolveOptions::default();
        settings.node_limit = Some(self.nodes);
        settings.warm_start = hint;
        let Ok(solution) = problem.solve_with(settings)?.into_solution() else { return Ok(None) };
        let fixed = placed.value(options);
        for (option, _) in variables.iter().filter(|(_, variable)| solution.var_value(*variable) > 0.5) {
            placed.take(options, *option);
        }
        let proved = solution.stats().best_bound.map_or(f64::INFINITY, |bound| fixed + bound * units.value);
        let bound = if solution.status() == SolutionStatus::Optimal { placed.value(options) } else { proved };
        Ok(Some(Solved { placed, bound }))
    }
}
