//! Where things lie and how they get there: stores, the regions that they serve, lanes between them, suppliers.
//!
//! In: the seed and the products. Out: [`Logistics`], drawn once. What lies where in which week is `stock`'s.

use rand::Rng as _;

use super::catalogue::{Product, cents};
use super::people::REGIONS;
use super::world::{Purpose, dice};

/// The warehouse comes last: the stores before it serve regions.
pub(super) const LOCATIONS: [&str; 4] = ["harbour", "mill", "hill", "warehouse"];
/// Locations that serve regions.
pub(super) const STORES: usize = 3;
/// Place of the warehouse.
pub(super) const WAREHOUSE: usize = 3;
/// The store that serves most of each region: three regions, two, one.
const MAIN_STORE: [usize; REGIONS.len()] = [0, 0, 0, 1, 1, 2];
/// Suppliers with their lead time in days.
pub(super) const SUPPLIERS: [(&str, i32); 4] = [("Ashby", 3), ("Bellmont", 7), ("Corran", 14), ("Dorset", 21)];

/// A way between two locations.
#[derive(Debug, Clone)]
pub(super) struct Lane {
    pub(super) origin: usize,
    pub(super) destination: usize,
    /// For one piece.
    pub(super) unit_cost: f64,
    pub(super) lead_days: i32,
    /// Pieces a week.
    pub(super) capacity: i32,
}

/// Who delivers a product, how fast and for how much.
#[derive(Debug, Clone)]
pub(super) struct Supply {
    pub(super) supplier: usize,
    pub(super) unit_cost: f64,
    /// For one piece and week.
    pub(super) holding_cost: f64,
}

/// What is drawn once for all weeks.
#[derive(Debug, Clone)]
pub(super) struct Logistics {
    /// Share of a region's orders that each store serves.
    pub(super) shares: [[f64; STORES]; REGIONS.len()],
    pub(super) lanes: Vec<Lane>,
    /// One per product.
    pub(super) supply: Vec<Supply>,
}

impl Logistics {
    pub(super) fn new(seed: u64, products: &[Product]) -> Self {
        let mut dice = dice(seed, Purpose::Network, 0, 0);
        let mut shares = [[0.0; STORES]; REGIONS.len()];
        for (region, own) in shares.iter_mut().enumerate() {
            let main = MAIN_STORE[region];
            let other = (main + dice.gen_range(1..STORES)) % STORES;
            own[main] = cents(dice.gen_range(0.75..0.9));
            own[other] = cents(1.0 - own[main]);
        }
        let mut lanes = Vec::new();
        for origin in 0..LOCATIONS.len() {
            for destination in (0..LOCATIONS.len()).filter(|destination| *destination != origin) {
                // Between stores things go by hand; from the warehouse, by lorry. The hill is far from everything.
                let (cost, lead) = if origin == WAREHOUSE || destination == WAREHOUSE { (0.4, 1) } else { (0.9, 2) };
                let far = if origin == 2 || destination == 2 { 1.5 } else { 1.0 };
                let unit_cost = cents(cost * far * dice.gen_range(0.9..1.2));
                let capacity = if origin == WAREHOUSE { 2_000 } else { 120 };
                lanes.push(Lane { origin, destination, unit_cost, lead_days: lead + i32::from(far > 1.0), capacity });
            }
        }
        let supply = products.iter().map(|product| {
            let unit_cost = cents(product.price * (1.0 - product.margin));
            // Half to one and a half per cent of what it cost, a week.
            Supply { supplier: dice.gen_range(0..SUPPLIERS.len()), unit_cost, holding_cost: unit_cost * dice.gen_range(0.005..0.015) }
        });
        Self { shares, lanes, supply: supply.collect() }
    }

    /// The store that serves an order of a region.
    pub(super) fn store(&self, region: u8, at: f64) -> usize {
        let mut left = at;
        for (store, share) in self.shares[region as usize].iter().enumerate() {
            left -= share;
            if left < 0.0 {
                return store;
            }
        }
        MAIN_STORE[region as usize]
    }

    /// Days from the warehouse to a store.
    pub(super) fn days_to(&self, store: usize) -> i32 {
        self.lanes.iter().find(|lane| lane.origin == WAREHOUSE && lane.destination == store).map_or(1, |lane| lane.lead_days)
    }

    /// Days until a product's supplier delivers.
    pub(super) fn lead_days(&self, product: usize) -> i32 {
        SUPPLIERS[self.supply[product].supplier].1
    }
}
