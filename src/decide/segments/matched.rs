//! Names of segments: by size, or those of the night before.
//!
//! In: groups, and the segments that rows were in before. Out: a number for each group. The matching is a linear program: its corners
//! are whole.

use std::collections::BTreeMap;

use microlp::{ComparisonOp, OptimizationDirection, Problem, Variable};
use ndarray::Array2;

use super::super::error::DecideError;

/// A number for each group.
pub(super) fn names(group: &[usize], sizes: &[usize], centres: &Array2<f64>, before: &[Option<i64>]) -> Result<Vec<i64>, DecideError> {
    let mut order: Vec<usize> = (0..sizes.len()).collect();
    order.sort_by(|a, b| {
        let lower = || centres.row(*a).iter().zip(centres.row(*b)).map(|(a, b)| a.total_cmp(b)).find(|order| order.is_ne());
        sizes[*b].cmp(&sizes[*a]).then_with(|| lower().unwrap_or(a.cmp(b)))
    });
    let mut shared: BTreeMap<(usize, i64), f64> = BTreeMap::new();
    for (group, before) in group.iter().zip(before) {
        if let Some(before) = before {
            *shared.entry((*group, *before)).or_default() += 1.0;
        }
    }
    let mut names = matched(&shared, sizes.len())?;
    let last = before.iter().flatten().copied().max().unwrap_or(0).max(0);
    let mut next = last + 1;
    for group in order {
        if names[group].is_none() {
            names[group] = Some(next);
            next += 1;
        }
    }
    Ok(names.into_iter().flatten().collect())
}

/// Pairs of a group and an earlier segment, each in one pair at most, that share most rows together.
fn matched(shared: &BTreeMap<(usize, i64), f64>, groups: usize) -> Result<Vec<Option<i64>>, DecideError> {
    let mut names = vec![None; groups];
    if shared.is_empty() {
        return Ok(names);
    }
    let mut problem = Problem::new(OptimizationDirection::Maximize);
    let total: f64 = shared.values().sum();
    let mut rows: BTreeMap<usize, Vec<(Variable, f64)>> = BTreeMap::new();
    let mut columns: BTreeMap<i64, Vec<(Variable, f64)>> = BTreeMap::new();
    let pairs: Vec<(usize, i64, Variable)> = shared
        .iter()
        .map(|((group, before), count)| {
            let pair = problem.add_var(count / total, (0.0, 1.0));
            rows.entry(*group).or_default().push((pair, 1.0));
            columns.entry(*before).or_default().push((pair, 1.0));
            (*group, *before, pair)
        })
        .collect();
    for row in rows.into_values().chain(columns.into_values()) {
        problem.add_constraint(row.as_slice(), ComparisonOp::Le, 1.0);
    }
    let failed = |message: String| DecideError::Solver(message);
    let solved = problem.solve().map_err(|error| failed(error.to_string()))?;
    let solved = solved.into_solution().map_err(|_| failed("segments were not matched".into()))?;
    for (group, before, pair) in pairs {
        if solved.var_value(pair) > 0.5 {
            names[group] = Some(before);
        }
    }
    Ok(names)
}
