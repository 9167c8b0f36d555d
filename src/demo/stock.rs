//! What lies where, week by week: the shop's present way to buy, a moving average of what was sold.
//!
//! In: what each store sold in a week. Out: pieces in each location when the next one begins, and what is under way. The shop
//! buys too little of what sells more and more and lets some things lie in the wrong place: what a better plan mends.

use rand::Rng as _;

use super::catalogue::Product;
use super::logistics::{LOCATIONS, Logistics, STORES, WAREHOUSE};
use super::world::{LOOK_BACK, Purpose, dice};

/// Share of a product's first stock at each location.
const FIRST_SHARES: [f64; LOCATIONS.len()] = [0.28, 0.17, 0.08, 0.47];
/// Share of products of which far too much lies in one store.
const MISPLACED: f64 = 0.08;
/// Weeks of usual sales that a store is filled up to, and the warehouse.
const STORE_WEEKS: f64 = 2.0;
const WAREHOUSE_WEEKS: f64 = 6.0;

/// Pieces, by location.
type Pieces = [i32; LOCATIONS.len()];

/// What lies where.
#[derive(Debug, Clone)]
pub(super) struct Stock {
    /// One per product.
    pub(super) on_hand: Vec<Pieces>,
    /// What arrives in the coming weeks, the next one first.
    under_way: Vec<[Pieces; LOOK_BACK]>,
    /// What each store sold, by week modulo [`LOOK_BACK`].
    sold: Vec<[[u16; STORES]; LOOK_BACK]>,
    /// Products that are not bought again.
    discontinued: Vec<bool>,
    /// Product and store of what was put in the wrong place.
    pub(super) misplaced: Vec<(usize, usize)>,
}

impl Stock {
    pub(super) fn new(seed: u64, products: &[Product]) -> Self {
        let mut dice = dice(seed, Purpose::Stock, 0, 0);
        let mut misplaced = Vec::new();
        let mut on_hand = Vec::with_capacity(products.len());
        for (at, product) in products.iter().enumerate() {
            let mut own = FIRST_SHARES.map(|share| (f64::from(product.stock) * share).round() as i32);
            let store = dice.gen_range(0..STORES);
            if dice.gen_bool(MISPLACED) && product.stock > 0 {
                own[store] += product.stock + 40;
                misplaced.push((at, store));
            }
            on_hand.push(own);
        }
        Self {
            on_hand,
            under_way: vec![[[0; LOCATIONS.len()]; LOOK_BACK]; products.len()],
            sold: vec![[[0; STORES]; LOOK_BACK]; products.len()],
            discontinued: products.iter().map(|product| product.stock == 0).collect(),
            misplaced,
        }
    }

    /// Pieces that are on their way to a location.
    pub(super) fn on_order(&self, product: usize, location: usize) -> i32 {
        self.under_way[product].iter().map(|week| week[location]).sum()
    }

    /// A week ends: what was sold is gone, what was under way arrives, and the shop buys.
    pub(super) fn after_week(&mut self, week: usize, sold: &[[u16; STORES]], logistics: &Logistics) {
        for (product, sold) in sold.iter().enumerate() {
            self.sold[product][week % LOOK_BACK] = *sold;
            let own = &mut self.on_hand[product];
            for (store, sold) in sold.iter().enumerate() {
                let missing = (i32::from(*sold) - own[store]).max(0);
                own[store] = (own[store] - i32::from(*sold)).max(0);
                // What a store has not is sent from the warehouse, and else straight from the supplier.
                own[WAREHOUSE] = (own[WAREHOUSE] - missing).max(0);
            }
            for (pieces, arrived) in own.iter_mut().zip(self.under_way[product][0]) {
                *pieces += arrived;
            }
            self.under_way[product].rotate_left(1);
            self.under_way[product][LOOK_BACK - 1] = [0; LOCATIONS.len()];
            if !self.discontinued[product] {
                self.buy(week, product, logistics.lead_days(product));
            }
        }
    }

    fn buy(&mut self, week: usize, product: usize, lead_days: i32) {
        let weeks = (week + 1).min(LOOK_BACK) as f64;
        let usual: [f64; STORES] =
            std::array::from_fn(|store| self.sold[product].iter().map(|sold| f64::from(sold[store])).sum::<f64>() / weeks);
        for (store, usual) in usual.iter().enumerate() {
            let lacking = (STORE_WEEKS * usual).ceil() as i32 - self.on_hand[product][store] - self.on_order(product, store);
            let sent = lacking.clamp(0, self.on_hand[product][WAREHOUSE]);
            self.on_hand[product][WAREHOUSE] -= sent;
            self.under_way[product][0][store] += sent;
        }
        let wanted = (WAREHOUSE_WEEKS * usual.iter().sum::<f64>()).ceil() as i32;
        let position = self.on_hand[product][WAREHOUSE] + self.on_order(product, WAREHOUSE);
        if 2 * position < wanted {
            let after = (lead_days as usize).div_ceil(7).clamp(1, LOOK_BACK) - 1;
            self.under_way[product][after][WAREHOUSE] += wanted - position;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::catalogue::products;
    use super::*;

    #[test]
    fn pieces_are_never_negative_and_a_discontinued_product_is_not_bought_again() {
        let products = products(3, 200);
        let (mut stock, logistics) = (Stock::new(3, &products), Logistics::new(3, &products));
        let gone: Vec<usize> = (0..200).filter(|at| products[*at].stock == 0).collect();
        assert!(!gone.is_empty());
        let sold: Vec<[u16; STORES]> = (0..200).map(|at| [at as u16 % 7, 1, 0]).collect();
        for week in 0..13 {
            stock.after_week(week, &sold, &logistics);
            assert!(stock.on_hand.iter().flatten().all(|pieces| *pieces >= 0));
        }
        assert!(gone.iter().all(|at| stock.on_hand[*at] == [0; LOCATIONS.len()]));
        // What sells is bought again: 6 pieces a week would have emptied nearly every shelf.
        let selling = (0..200).filter(|at| at % 7 == 6 && products[*at].stock > 0);
        assert!(selling.clone().filter(|at| stock.on_hand[*at][0] > 0).count() * 2 > selling.count());
    }
}
