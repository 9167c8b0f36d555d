//! The linear program of items that are shipped together, by microlp.
//!
//! In: the ways that each item could go. Out: how much goes each way, whole where all quantities are.

use std::collections::BTreeMap;

use microlp::{ComparisonOp, OptimizationDirection, Problem, SolveOptions, SolveOutcome, Variable};

use super::super::error::DecideError;
use super::{Demand, Flow, Lane, NOTHING};

/// Nodes of branch and bound where whole quantities are not found at once: a count and no clock.
const NODES: u64 = 200;
/// The largest quantity of an integer program.
const LARGEST: f64 = 1e9;

/// An item on a lane.
#[derive(Debug, Clone)]
pub(super) struct Route {
    pub(super) item: u32,
    pub(super) lane: usize,
    /// Place of its demand.
    pub(super) demand: usize,
    /// What lies at the lane's origin.
    pub(super) there: f64,
    /// The most that could go.
    pub(super) most: f64,
}

/// What goes where.
pub(super) fn solve(routes: &[Route], demand: &[Demand], lanes: &[Lane]) -> Result<Vec<Flow>, DecideError> {
    let whole = |value: f64| value.fract() == 0.0 && value < LARGEST;
    let is_whole = routes
        .iter()
        .all(|route| whole(route.there) && whole(demand[route.demand].quantity) && lanes[route.lane].capacity.is_none_or(whole));
    let (program, variables) = program(routes, demand, lanes, Kind::Real);
    let mut quantities = solved(program.solve(), &variables)?;
    if is_whole {
        let off = |quantity: &f64| (quantity - quantity.round()).abs() > 1e-6;
        if quantities.iter().any(off) {
            let begun = filled(routes, demand, lanes, &quantities);
            let (program, variables) = self::program(routes, demand, lanes, Kind::Whole);
            let mut settings = SolveOptions::default();
            settings.node_limit = Some(NODES);
            settings.warm_start = Some(variables.iter().copied().zip(begun.iter().copied()).collect());
            // Where the library gives up, what was filled up stands.
            quantities = solved(program.solve_with(settings), &variables).unwrap_or(begun);
        }
        for quantity in &mut quantities {
            *quantity = quantity.round();
        }
    }
    let flows = routes.iter().zip(quantities).filter(|(route, quantity)| *quantity > route.most * NOTHING);
    Ok(flows.map(|(route, quantity)| Flow { item: route.item, lane: route.lane, quantity }).collect())
}

/// Which numbers a program's variables may be.
#[derive(Clone, Copy)]
enum Kind {
    Real,
    Whole,
}

fn solved(outcome: Result<SolveOutcome, microlp::Error>, variables: &[Variable]) -> Result<Vec<f64>, DecideError> {
    let outcome = outcome.map_err(|error| DecideError::Solver(error.to_string()))?;
    let solution = outcome.into_solution().map_err(|_| DecideError::Solver("no shipment was found".into()))?;
    Ok(variables.iter().map(|variable| solution.var_value(*variable).max(0.0)).collect())
}

/// Terms of a sum, and the most that it may be.
type Row = (Vec<(Variable, f64)>, f64);

fn program(routes: &[Route], demand: &[Demand], lanes: &[Lane], kind: Kind) -> (Problem, Vec<Variable>) {
    let mut problem = Problem::new(OptimizationDirection::Maximize);
    let at_any_cost = at_any_cost(routes, demand, lanes);
    let mut rows: BTreeMap<(u8, u32, usize), Row> = BTreeMap::new();
    let variables = routes.iter().map(|route| {
        let lane = &lanes[route.lane];
        let worth = demand[route.demand].penalty.unwrap_or(at_any_cost) - lane.unit_cost;
        let variable = match kind {
            Kind::Real => problem.add_var(worth, (0.0, route.most)),
            Kind::Whole => problem.add_integer_var(worth, (0, route.most as i32)),
        };
        let mut add = |key, most| rows.entry(key).or_insert((Vec::new(), most)).0.push((variable, 1.0));
        add((0, route.item, lane.origin as usize), route.there);
        add((1, route.item, route.demand), demand[route.demand].quantity);
        if let Some(capacity) = lane.capacity {
            add((2, 0, route.lane), capacity);
        }
        variable
    });
    let variables = variables.collect();
    for (row, most) in rows.into_values() {
        problem.add_constraint(row.as_slice(), ComparisonOp::Le, most);
    }
    (problem, variables)
}

/// More than any way of rearranging shipments could save: meeting one unit more may move one unit on every lane, there and back.
fn at_any_cost(routes: &[Route], demand: &[Demand], lanes: &[Lane]) -> f64 {
    let dearest = routes.iter().map(|route| lanes[route.lane].unit_cost).fold(0.0, f64::max);
    let worth = routes.iter().filter_map(|route| demand[route.demand].penalty).fold(0.0, f64::max);
    let mut places: Vec<(u8, usize)> =
        routes.iter().flat_map(|route| [(0, lanes[route.lane].origin as usize), (1, route.demand)]).collect();
    places.sort_unstable();
    places.dedup();
    1.0 + worth + dearest * (1.0 + places.len() as f64)
}

/// Whole quantities: those of the program rounded down, then as much more as goes, the greatest worth first.
fn filled(routes: &[Route], demand: &[Demand], lanes: &[Lane], quantities: &[f64]) -> Vec<f64> {
    let mut own: Vec<f64> = quantities.iter().map(|quantity| (quantity + 1e-6).floor()).collect();
    let mut there: BTreeMap<(u32, u32), f64> = BTreeMap::new();
    let mut wanted: BTreeMap<usize, f64> = BTreeMap::new();
    let mut room: BTreeMap<usize, f64> = BTreeMap::new();
    for (route, own) in routes.iter().zip(&own) {
        *there.entry((route.item, lanes[route.lane].origin)).or_insert(route.there) -= own;
        *wanted.entry(route.demand).or_insert(demand[route.demand].quantity) -= own;
        *room.entry(route.lane).or_insert(lanes[route.lane].capacity.unwrap_or(f64::INFINITY)) -= own;
    }
    let worth = |at: usize| demand[routes[at].demand].penalty.unwrap_or(f64::MAX) - lanes[routes[at].lane].unit_cost;
    let mut order: Vec<usize> = (0..routes.len()).collect();
    order.sort_by(|a, b| {
        worth(*b).total_cmp(&worth(*a)).then(lanes[routes[*a].lane].unit_cost.total_cmp(&lanes[routes[*b].lane].unit_cost))
    });
    for at in order {
        let route = &routes[at];
        let key = (route.item, lanes[route.lane].origin);
        let more = there[&key].min(wanted[&route.demand]).min(room[&route.lane]).max(0.0);
        own[at] += more;
        for left in [there.get_mut(&key), wanted.get_mut(&route.demand), room.get_mut(&route.lane)].into_iter().flatten() {
            *left -= more;
        }
    }
    own
}
