//! One week: who comes, what each user is shown where, and what each does with it.
//!
//! In: the world as it stands when the week begins. Out: parts of the week, each with the impressions of a few hundred
//! users as they are delivered; in the end the world knows what happened. A user's week depends on nobody else's, so parts
//! are made side by side and always come out the same.

use arrow::array::RecordBatch;
use rand::Rng as _;
use rand::seq::SliceRandom as _;
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;
use rayon::prelude::*;

use super::aftermath::Aftermath;
use super::catalogue::{self, BRANDS, CATEGORIES, LAST_SLOT, Shelf, cents};
use super::dirt::{self, Planted};
use super::effects::{CART, CLICK, PURCHASE, SCENARIOS, SHOWN, SPEND, SPEND_NOISE};
use super::logistics::STORES;
use super::people::REGULARS;
use super::signals::{Scales, Signals};
use super::tables;
use super::truth::Spread;
use super::world::{FIRST_DAY, Followed, LOOK_BACK, PersonPast, Purpose, World, dice};
use crate::table_file::FileError;

/// Users of a part.
const PART: usize = 256;
/// A day in microseconds.
pub(super) const DAY: i64 = 86_400_000_000;
/// Share of impressions from a user's own categories, by scenario.
const OWN_CATEGORIES: [f64; 4] = [0.5, 0.35, 0.6, 0.3];
/// Share of products of another brand than the user's own that are looked at twice before they are shown.
const OTHER_BRANDS: f64 = 0.4;
/// Slots by which one page differs from the next.
const SLOT_NOISE: f64 = 1.2;
/// Tries to find a product that the user has not been shown in this scenario this week.
const TRIES: usize = 12;

/// An impression as it happened.
#[derive(Debug, Clone)]
pub(super) struct Impression {
    pub(super) id: i64,
    pub(super) user: u32,
    pub(super) product: u32,
    pub(super) scenario: u8,
    pub(super) slot: u8,
    pub(super) clicked: bool,
    pub(super) carted: bool,
    pub(super) purchased: bool,
    /// Price that was shown.
    pub(super) price: f64,
    /// What the purchase brought; 0 without one.
    pub(super) amount: f64,
    /// Seconds on the product's page after a click.
    pub(super) dwell_seconds: Option<f64>,
    /// Microseconds since 1970-01-01.
    pub(super) occurred_at: i64,
}

/// Parts of a week, side by side.
pub(super) struct Parts {
    pub(super) batches: Vec<RecordBatch>,
    pub(super) events: u64,
    pub(super) planted: Planted,
    pub(super) spread: Spread,
    /// What followed, part by part.
    pub(super) aftermath: Vec<Aftermath>,
}

/// A week that goes on.
pub(super) struct WeekOf<'a> {
    world: &'a mut World,
    week: usize,
    shelf: Shelf,
    scales: Scales,
    discounts: Vec<f64>,
    /// What is known of each product when the week begins.
    products: Vec<Signals>,
    /// Impressions before each user's own; one more entry than users.
    before: Vec<u64>,
    first_id: i64,
    done: usize,
    /// Where products were shown this week: impressions and sum of slots.
    slots: Vec<[(u32, u64); 4]>,
    /// Orders of this week, by product and store.
    sold: Vec<[u16; STORES]>,
    /// What became of this week's orders, by user; next week's service feels it.
    followed: Vec<Followed>,
}

/// What a part of the users did.
struct Done {
    batch: RecordBatch,
    events: u64,
    planted: Planted,
    spread: Spread,
    shown: Vec<(u32, u8, u8)>,
    past: Vec<PersonPast>,
    aftermath: Aftermath,
}

impl<'a> WeekOf<'a> {
    /// A week with `events` impressions, numbered from `first_id`.
    pub(super) fn new(world: &'a mut World, week: usize, events: u64, first_id: i64) -> Self {
        let day = 7 * week as i32;
        let scales = Scales::new(world);
        let discounts = catalogue::discounts(world.seed, week, world.products.len());
        let known = world.products.iter().zip(&world.shown).zip(&discounts);
        let products = known.map(|((product, shown), discount)| scales.of_product(product, *discount, shown, day, world)).collect();
        let before = counts(world, week, events);
        let slots = vec![[(0, 0); 4]; world.products.len()];
        let sold = vec![[0; STORES]; world.products.len()];
        let followed = Vec::with_capacity(world.people.len());
        Self { sold, followed, shelf: world.shelf(week), scales, discounts, products, before, first_id, done: 0, slots, world, week }
    }

    /// The next `parts` parts; `None` when the week is over.
    ///
    /// # Errors
    /// [`FileError::Rows`], never on columns of one length.
    pub(super) fn next(&mut self, parts: usize) -> Result<Option<Parts>, FileError> {
        let users = self.world.people.len();
        if self.done >= users {
            return Ok(None);
        }
        let starts: Vec<usize> = (self.done..users).step_by(PART).take(parts).collect();
        let made = starts.par_iter().map(|start| self.part(*start, (start + PART).min(users))).collect::<Result<Vec<Done>, _>>()?;
        let mut all = Parts {
            batches: Vec::with_capacity(made.len()),
            events: 0,
            planted: Planted::default(),
            spread: Spread::default(),
            aftermath: Vec::with_capacity(made.len()),
        };
        for (start, done) in starts.iter().zip(made) {
            for (product, scenario, slot) in done.shown {
                let (views, sum) = &mut self.slots[product as usize][scenario as usize];
                *views += 1;
                *sum += u64::from(slot);
            }
            for order in &done.aftermath.orders {
                let sold = &mut self.sold[order.product as usize][order.store as usize];
                *sold = sold.saturating_add(1);
            }
            self.followed.extend_from_slice(&done.aftermath.followed);
            all.aftermath.push(done.aftermath);
            self.world.past[*start..*start + done.past.len()].copy_from_slice(&done.past);
            all.batches.push(done.batch);
            all.events += done.events;
            all.planted.add(&done.planted);
            all.spread.add(&done.spread);
        }
        self.done = (self.done + parts * PART).min(users);
        Ok(Some(all))
    }

    /// The world after the week.
    pub(super) fn finish(self) {
        for (past, slots) in self.world.shown.iter_mut().zip(self.slots) {
            past.slots[self.week % LOOK_BACK] = slots;
        }
        self.world.stock.after_week(self.week, &self.sold, &self.world.logistics);
        self.world.followed = self.followed;
    }

    fn part(&self, from: usize, to: usize) -> Result<Done, FileError> {
        let mut impressions = Vec::new();
        let mut spread = Spread::default();
        let mut aftermath = Aftermath::default();
        let mut past = Vec::with_capacity(to - from);
        for user in from..to {
            let before = impressions.len();
            past.push(self.user(user, &mut impressions, &mut spread));
            aftermath.follow(self.world, self.week, user, &impressions[before..]);
        }
        let shown = impressions.iter().map(|one| (one.product, one.scenario, one.slot)).collect();
        let mut planted = Planted::default();
        let delivered = dirt::deliver(self.world, self.week, from, &impressions, &mut planted);
        Ok(Done { batch: tables::impressions(&delivered)?, events: impressions.len() as u64, planted, spread, shown, past, aftermath })
    }

    /// One user's week; returns what the user's past is after it.
    fn user(&self, user: usize, out: &mut Vec<Impression>, spread: &mut Spread) -> PersonPast {
        let (world, now) = (&*self.world, self.week % LOOK_BACK);
        let count = (self.before[user + 1] - self.before[user]) as usize;
        let mut dice = dice(world.seed, Purpose::Behaviour, self.week, user);
        let own = self.scales.of_person(&world.people[user], &world.past[user], 7 * self.week as i32);
        let mut after = world.past[user];
        after.category_clicks[now] = [0; CATEGORIES.len()];
        after.brand_clicks[now] = [0; BRANDS.len()];
        after.days <<= 7;
        let mut seen: Vec<(u8, u32)> = Vec::with_capacity(count);
        for (at, occurred_at) in times(self.week, count, &mut dice).into_iter().enumerate() {
            let scenario = scenario(&mut dice);
            let product = self.product(user, scenario, &seen, &mut dice);
            seen.push((scenario as u8, product));
            let offered = &world.products[product as usize];
            let signals = self.scales.of_pair(
                (&world.people[user], &world.past[user], &own),
                (offered, &world.shown[product as usize], &self.products[product as usize]),
                scenario,
            );
            spread.observe(&signals);
            let id = self.first_id + (self.before[user] as usize + at) as i64;
            let impression = self.impression(id, (user, product, scenario), occurred_at, &signals, &mut dice);
            if impression.clicked {
                let clicks = &mut after.category_clicks[now][offered.category as usize];
                *clicks = clicks.saturating_add(1);
                let clicks = &mut after.brand_clicks[now][offered.brand as usize];
                *clicks = clicks.saturating_add(1);
            }
            let day_of_week = (occurred_at / DAY) as i32 - FIRST_DAY - 7 * self.week as i32;
            after.days |= 1 << (6 - day_of_week);
            out.push(impression);
        }
        after
    }

    /// A product is shown, and the user does something with it or not.
    fn impression(
        &self,
        id: i64,
        (user, product, scenario): (usize, u32, usize),
        occurred_at: i64,
        signals: &Signals,
        dice: &mut ChaCha8Rng,
    ) -> Impression {
        let offered = &self.world.products[product as usize];
        let effects = |task| self.world.coefficients.predict(scenario, task, signals);
        let clicked = happens(effects(CLICK), dice);
        let carted = clicked && happens(effects(CART), dice);
        let purchased = clicked && happens(effects(PURCHASE), dice);
        let [spend_noise, slot_noise, dwell_noise]: [f64; 3] = std::array::from_fn(|_| dice.sample(StandardNormal));
        let amount = (effects(SPEND) + SPEND_NOISE * spend_noise).exp_m1();
        Impression {
            id,
            user: user as u32,
            product,
            scenario: scenario as u8,
            slot: (offered.slot[scenario] + SLOT_NOISE * slot_noise).round().clamp(1.0, LAST_SLOT) as u8,
            clicked,
            carted,
            purchased,
            price: cents(offered.price * (1.0 - self.discounts[product as usize])),
            amount: if purchased { cents(amount).max(0.01) } else { 0.0 },
            // Twenty seconds in the middle, in tenths.
            dwell_seconds: clicked.then(|| ((3.0 + dwell_noise).exp() * 10.0).round() / 10.0),
            occurred_at,
        }
    }

    /// The product that a user is shown: more often of the user's own categories and brands, and by popularity.
    fn product(&self, user: usize, scenario: usize, seen: &[(u8, u32)], dice: &mut ChaCha8Rng) -> u32 {
        let person = &self.world.people[user];
        let is_new = |product: u32| !seen.contains(&(scenario as u8, product));
        let mut last = 0;
        for _ in 0..TRIES {
            let category = if dice.gen_bool(OWN_CATEGORIES[scenario]) {
                person.categories[usize::from(dice.gen_bool(0.4))] as usize
            } else {
                dice.gen_range(0..CATEGORIES.len() as u32) as usize
            };
            let mut product = self.shelf.draw(category, dice);
            if !person.brands.contains(&self.world.products[product as usize].brand) && dice.gen_bool(OTHER_BRANDS) {
                product = self.shelf.draw(category, dice);
            }
            if is_new(product) {
                return product;
            }
            last = product;
        }
        // Everything popular was shown: the first of any category that was not.
        (0..CATEGORIES.len()).flat_map(|category| self.shelf.of(category)).find(|product| is_new(*product)).unwrap_or(last)
    }
}

/// Impressions before each user's own, `events` in all: systematic sampling of the users' weights, so the sum is exact.
fn counts(world: &World, week: usize, events: u64) -> Vec<u64> {
    let weights: Vec<f64> = (0..world.people.len()).into_par_iter().map(|user| weight(world, week, user)).collect();
    let total: f64 = weights.iter().sum();
    let shift: f64 = dice(world.seed, Purpose::Counts, week, world.people.len()).r#gen();
    let mut before = Vec::with_capacity(weights.len() + 1);
    let mut sum = 0.0;
    before.push(0);
    for (at, weight) in weights.iter().enumerate() {
        sum += weight;
        // The last sum is the total itself: rounding must not lose an impression.
        let share = if at + 1 == weights.len() { 1.0 } else { sum / total };
        before.push(((share * events as f64 + shift).floor() as u64).min(events));
    }
    before
}

/// How much a user is shown in a week; 0 for one who does not come.
fn weight(world: &World, week: usize, user: usize) -> f64 {
    let person = &world.people[user];
    let mut dice = dice(world.seed, Purpose::Counts, week, user);
    let comes = user < REGULARS || (person.signed_up < 7 * week as i32 && dice.gen_bool(person.loyalty));
    let mood: f64 = dice.sample(StandardNormal);
    if comes { person.activity.min(4.0) * (0.3 * mood).exp() } else { 0.0 }
}

/// Instants of a user's impressions in a week, ascending: on a few days, in the daytime.
fn times(week: usize, count: usize, dice: &mut ChaCha8Rng) -> Vec<i64> {
    let mut days: Vec<i64> = (0..7).filter(|_| dice.gen_bool(0.35)).collect();
    if days.is_empty() {
        days.push(dice.gen_range(0..7));
    }
    let first = (i64::from(FIRST_DAY) + 7 * week as i64) * DAY;
    let mut times: Vec<i64> = (0..count)
        .map(|_| {
            let day = days.choose(dice).copied().unwrap_or(0);
            // From 7 in the morning to 11 at night, in milliseconds.
            first + day * DAY + dice.gen_range(7 * 3_600_000..23 * 3_600_000_i64) * 1_000
        })
        .collect();
    times.sort_unstable();
    times
}

fn scenario(dice: &mut ChaCha8Rng) -> usize {
    let mut left: f64 = dice.r#gen();
    for (at, share) in SHOWN.iter().enumerate() {
        left -= share;
        if left < 0.0 {
            return at;
        }
    }
    SCENARIOS.len() - 1
}

fn happens(logit: f64, dice: &mut ChaCha8Rng) -> bool {
    dice.r#gen::<f64>() < 1.0 / (1.0 + (-logit).exp())
}
