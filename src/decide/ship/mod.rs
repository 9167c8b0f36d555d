//! Shipping: what to send from where to where, at least cost, to meet what is wanted.
//!
//! In: what lies where, what is wanted where and what meeting it is worth, lanes with a cost for a unit and perhaps a capacity.
//! Out: quantities by item and lane, and what is not met with its reason. Items that share no lane that could fill up are solved on
//! their own.
//!
//! `max Σ (penalty_d − cost_l) q_il`, `Σ_l q_il ≤ supply_io` out of each origin, `Σ_l q_il ≤ demand_id` into each destination,
//! `Σ_i q_il ≤ capacity_l`, `q ≥ 0`. A demand without a penalty is met as far as it can be, whatever that costs.

mod program;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use super::error::DecideError;
use program::Route;

/// What lies somewhere.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "they say what they are")]
pub struct Supply {
    pub item: u32,
    pub origin: u32,
    pub quantity: f64,
}

/// What is wanted somewhere.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "they say what they are")]
pub struct Demand {
    pub item: u32,
    pub destination: u32,
    pub quantity: f64,
    /// Value of a unit that is met; none where it is to be met at any cost.
    pub penalty: Option<f64>,
}

/// A way from an origin to a destination.
#[derive(Debug, Clone, PartialEq)]
#[expect(missing_docs, reason = "they say what they are")]
pub struct Lane {
    pub origin: u32,
    pub destination: u32,
    pub unit_cost: f64,
    /// The most of all items together.
    pub capacity: Option<f64>,
}

/// What is sent.
#[derive(Debug, Clone, PartialEq)]
pub struct Flow {
    /// The item.
    pub item: u32,
    /// Place of its lane among the lanes.
    pub lane: usize,
    /// How much, above 0.
    pub quantity: f64,
}

/// Why a demand is not met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reason {
    /// No origin with a lane there has any left.
    NoSupply,
    /// Nothing leads there from where it lies.
    NoLane,
    /// Every lane from where it lies costs more than meeting it is worth.
    Dearer,
    /// What is left lies behind lanes that are full.
    LaneFull,
}

impl Reason {
    /// As a reader reads it.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::NoSupply => "no supply",
            Self::NoLane => "no lane",
            Self::Dearer => "dearer than the penalty",
            Self::LaneFull => "lane full",
        }
    }
}

/// What is sent, and what that meets.
#[derive(Debug, Clone, PartialEq)]
pub struct Shipped {
    /// By item, then in the order of the lanes.
    pub flows: Vec<Flow>,
    /// What is met of each demand. Shape: `[demands]`.
    pub met: Vec<f64>,
    /// Why a demand is not met whole; none where it is. Shape: `[demands]`.
    pub reasons: Vec<Option<Reason>>,
}

/// Share of a quantity below which it is nothing: the solver's tolerance.
const NOTHING: f64 = 1e-7;

/// Decides what to send.
///
/// Where all quantities of items that are solved together are whole, so is what is sent. Alone an item's program has whole corners.
/// Items that share a full lane have not: there the whole quantities are found by branch and bound over a stated number of nodes,
/// from those of the program rounded down and filled up.
///
/// # Errors
/// [`DecideError`] naming what is no number, below 0, or there twice.
///
/// # Source
/// Dantzig (1951), "Application of the simplex method to a transportation problem"; Ford & Fulkerson (1962), "Flows in networks",
/// for whole corners.
pub fn ship(supply: &[Supply], demand: &[Demand], lanes: &[Lane]) -> Result<Shipped, DecideError> {
    check(supply, demand, lanes)?;
    let there: BTreeMap<(u32, u32), f64> = supply.iter().map(|own| ((own.item, own.origin), own.quantity)).collect();
    let wanted: BTreeMap<(u32, u32), usize> = demand.iter().enumerate().map(|(at, own)| ((own.item, own.destination), at)).collect();
    let items: BTreeSet<u32> = demand.iter().map(|own| own.item).collect();
    // By item: the ways that it could go.
    let mut routes: BTreeMap<u32, Vec<Route>> = BTreeMap::new();
    for item in items {
        for (lane, own) in lanes.iter().enumerate() {
            let (Some(there), Some(demand_at)) = (there.get(&(item, own.origin)), wanted.get(&(item, own.destination))) else { continue };
            let most = there.min(demand[*demand_at].quantity);
            if most > 0.0 && demand[*demand_at].penalty.is_none_or(|penalty| penalty > own.unit_cost) {
                routes.entry(item).or_default().push(Route { item, lane, demand: *demand_at, there: *there, most });
            }
        }
    }
    let mut flows = Vec::new();
    for together in groups(&routes, lanes) {
        let own: Vec<Route> = together.iter().flat_map(|item| routes[item].iter().cloned()).collect();
        flows.extend(program::solve(&own, demand, lanes)?);
    }
    flows.sort_by_key(|flow| (flow.item, flow.lane));
    let mut met = vec![0.0; demand.len()];
    for flow in &flows {
        met[wanted[&(flow.item, lanes[flow.lane].destination)]] += flow.quantity;
    }
    let reasons = reasons(&there, demand, lanes, &flows, &met);
    Ok(Shipped { flows, met, reasons })
}

/// Items that are solved together: those that share a lane which all of them together could fill.
fn groups(routes: &BTreeMap<u32, Vec<Route>>, lanes: &[Lane]) -> Vec<Vec<u32>> {
    let mut asked = vec![0.0; lanes.len()];
    for route in routes.values().flatten() {
        asked[route.lane] += route.most;
    }
    let shared = |lane: usize| lanes[lane].capacity.is_some_and(|capacity| asked[lane] > capacity);
    let mut group_of_lane: BTreeMap<usize, usize> = BTreeMap::new();
    let mut groups: Vec<Vec<u32>> = Vec::new();
    for (item, own) in routes {
        let full: BTreeSet<usize> = own.iter().map(|route| route.lane).filter(|lane| shared(*lane)).collect();
        let joined: BTreeSet<usize> = full.iter().filter_map(|lane| group_of_lane.get(lane).copied()).collect();
        let mut members: Vec<u32> = joined.iter().flat_map(|group| std::mem::take(&mut groups[*group])).collect();
        members.push(*item);
        members.sort_unstable();
        groups.push(members);
        let at = groups.len() - 1;
        for group in group_of_lane.values_mut().filter(|group| joined.contains(group)) {
            *group = at;
        }
        group_of_lane.extend(full.into_iter().map(|lane| (lane, at)));
    }
    groups.retain(|members| !members.is_empty());
    groups
}

fn reasons(there: &BTreeMap<(u32, u32), f64>, demand: &[Demand], lanes: &[Lane], flows: &[Flow], met: &[f64]) -> Vec<Option<Reason>> {
    let mut left = there.clone();
    let mut on_lane = vec![0.0; lanes.len()];
    for flow in flows {
        if let Some(left) = left.get_mut(&(flow.item, lanes[flow.lane].origin)) {
            *left -= flow.quantity;
        }
        on_lane[flow.lane] += flow.quantity;
    }
    let mut into: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
    for (at, lane) in lanes.iter().enumerate() {
        into.entry(lane.destination).or_default().push(at);
    }
    let lies: BTreeSet<u32> = there.iter().filter(|(_, quantity)| **quantity > 0.0).map(|((item, _), _)| *item).collect();
    let reason = |own: &Demand, met: f64| {
        if own.quantity - met <= own.quantity * NOTHING {
            return None;
        }
        if !lies.contains(&own.item) {
            return Some(Reason::NoSupply);
        }
        let ways = into.get(&own.destination).into_iter().flatten().copied();
        let ways: Vec<usize> = ways.filter(|lane| there.get(&(own.item, lanes[*lane].origin)).is_some_and(|there| *there > 0.0)).collect();
        if ways.is_empty() {
            return Some(Reason::NoLane);
        }
        let dear = |lane: &usize| own.penalty.is_some_and(|penalty| penalty <= lanes[*lane].unit_cost);
        if ways.iter().all(dear) {
            return Some(Reason::Dearer);
        }
        let some_left = |lane: &usize| left[&(own.item, lanes[*lane].origin)] > there[&(own.item, lanes[*lane].origin)] * NOTHING;
        let full = |lane: &usize| lanes[*lane].capacity.is_some_and(|capacity| on_lane[*lane] >= capacity * (1.0 - NOTHING));
        if ways.iter().any(|lane| some_left(lane) && !dear(lane) && full(lane)) {
            return Some(Reason::LaneFull);
        }
        Some(if ways.iter().any(|lane| some_left(lane) && dear(lane)) { Reason::Dearer } else { Reason::NoSupply })
    };
    demand.iter().zip(met).map(|(own, met)| reason(own, *met)).collect()
}

fn check(supply: &[Supply], demand: &[Demand], lanes: &[Lane]) -> Result<(), DecideError> {
    let number = |what: &str, row: usize, found: f64| {
        if !found.is_finite() {
            return Err(DecideError::NotANumber { what: what.to_owned(), row: row + 1, found: found.to_string() });
        }
        if found < 0.0 { Err(DecideError::Negative { what: what.to_owned(), row: row + 1, found }) } else { Ok(()) }
    };
    let mut seen = BTreeSet::new();
    for (row, own) in supply.iter().enumerate() {
        number("`quantity` of the supply", row, own.quantity)?;
        if !seen.insert((own.item, own.origin)) {
            return Err(DecideError::Twice { what: "item and origin of the supply:", name: format!("row {}", row + 1) });
        }
    }
    seen.clear();
    for (row, own) in demand.iter().enumerate() {
        number("`quantity` of the demand", row, own.quantity)?;
        number("`penalty` of the demand", row, own.penalty.unwrap_or(0.0))?;
        if !seen.insert((own.item, own.destination)) {
            return Err(DecideError::Twice { what: "item and destination of the demand:", name: format!("row {}", row + 1) });
        }
    }
    seen.clear();
    for (row, own) in lanes.iter().enumerate() {
        number("`unit_cost` of the lanes", row, own.unit_cost)?;
        number("`capacity` of the lanes", row, own.capacity.unwrap_or(0.0))?;
        if !seen.insert((own.origin, own.destination)) {
            return Err(DecideError::Twice { what: "lane:", name: format!("row {}", row + 1) });
        }
    }
    Ok(())
}
