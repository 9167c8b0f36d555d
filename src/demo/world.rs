//! The world between two weeks: who there is, what is sold, what everybody did in the last four weeks.
//!
//! In: [`Settings`]. Out: [`World`], a few hundred bytes per user and product. What happens in a week is `week`'s.

use jiff::civil::Date;
use rand::SeedableRng as _;
use rand_chacha::ChaCha8Rng;

use super::catalogue::{self, BRANDS, CATEGORIES, Patterns, Product, Shelf};
use super::effects::Coefficients;
use super::logistics::Logistics;
use super::people::{self, Person};
use super::stock::Stock;
use super::{Settings, aftermath};

/// 2025-12-25, a Thursday: day 0 of the world, in days since 1970-01-01.
pub(super) const FIRST_DAY: i32 = 20_447;
/// Weeks of the world.
pub(super) const WEEKS: usize = 13;
/// Weeks that features look back.
pub(super) const LOOK_BACK: usize = 4;
/// From this week on every feature has its whole past, and the job's snapshots learn.
pub(super) const SETTLED_WEEK: usize = 6;
/// Impressions of a user over all weeks, on average.
const EVENTS_PER_USER: u64 = 180;

/// Everybody and everything.
pub(super) struct World {
    pub(super) seed: u64,
    pub(super) people: Vec<Person>,
    pub(super) products: Vec<Product>,
    pub(super) patterns: Patterns,
    pub(super) coefficients: Coefficients,
    /// One per user.
    pub(super) past: Vec<PersonPast>,
    /// One per product.
    pub(super) shown: Vec<ProductPast>,
    /// Log of 1 + the impressions of an average product in four weeks.
    pub(super) usual_views_log: f64,
    /// Stores, lanes, suppliers.
    pub(super) logistics: Logistics,
    /// What lies where.
    pub(super) stock: Stock,
    /// What became of each user's orders of the last week; one per user.
    pub(super) followed: Vec<Followed>,
    /// Users who send most of what they order back.
    pub(super) abusive: Vec<bool>,
}

/// What became of a user's orders of the last week.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Followed {
    pub(super) orders: u8,
    /// Those delivered after the promised day.
    pub(super) late: u8,
    pub(super) returned: u8,
    /// Those of things that need explaining.
    pub(super) intricate: u8,
}

/// What a user did in the last four weeks. The rings are indexed by week modulo [`LOOK_BACK`].
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct PersonPast {
    pub(super) category_clicks: [[u8; CATEGORIES.len()]; LOOK_BACK],
    pub(super) brand_clicks: [[u8; BRANDS.len()]; LOOK_BACK],
    /// Bit `k`: the user came on the day that lies `k + 1` days back.
    pub(super) days: u32,
}

/// Where a product was shown in the last four weeks.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct ProductPast {
    /// Impressions and sum of their slots, by week modulo [`LOOK_BACK`] and scenario.
    pub(super) slots: [[(u32, u64); 4]; LOOK_BACK],
}

impl World {
    pub(super) fn new(settings: &Settings) -> Self {
        let users = (settings.events / EVENTS_PER_USER).max(60) as usize;
        // A catalogue grows with the square root of its traffic.
        let products = ((settings.events as f64).sqrt() * 0.9).max(160.0) as usize;
        let patterns = Patterns::new(settings.seed);
        let people = people::people(settings.seed, users);
        let products_count = products;
        let products = catalogue::products(settings.seed, products);
        let logistics = Logistics::new(settings.seed, &products);
        Self {
            seed: settings.seed,
            stock: Stock::new(settings.seed, &products),
            logistics,
            followed: vec![Followed::default(); users],
            abusive: aftermath::abusive(settings.seed, &people),
            people,
            products,
            patterns,
            coefficients: Coefficients::new(),
            past: vec![PersonPast::default(); users],
            shown: vec![ProductPast::default(); products_count],
            usual_views_log: (settings.events as f64 / WEEKS as f64 * LOOK_BACK as f64 / products_count as f64).ln_1p(),
        }
    }

    /// The products that are on sale when `week` begins.
    pub(super) fn shelf(&self, week: usize) -> Shelf {
        Shelf::new(&self.products, 7 * week as i32)
    }
}

/// What a stream of random numbers is for: each purpose has streams of its own.
#[derive(Debug, Clone, Copy)]
pub(super) enum Purpose {
    Patterns,
    People,
    Products,
    Promotions,
    Counts,
    Behaviour,
    Delivery,
    Tables,
    Network,
    Orders,
    Contacts,
    Stock,
    Campaigns,
}

/// The random numbers of one purpose, week and member: they do not depend on who else drew before.
pub(super) fn dice(seed: u64, purpose: Purpose, week: usize, member: usize) -> ChaCha8Rng {
    let mut dice = ChaCha8Rng::seed_from_u64(seed);
    dice.set_stream(((purpose as u64) << 48) | ((week as u64) << 40) | member as u64);
    dice
}

/// The date of a day since 1970-01-01.
pub(super) fn day(epoch_day: i32) -> Date {
    use jiff::ToSpan as _;
    Date::constant(1970, 1, 1).saturating_add(epoch_day.days())
}

/// The first day of a week.
pub(super) fn week_start(week: usize) -> Date {
    day(FIRST_DAY + 7 * week as i32)
}
