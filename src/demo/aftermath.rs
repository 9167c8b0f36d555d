//! What follows a purchase: an order that a store serves, its delivery, perhaps its return, perhaps a contact with the service.
//!
//! In: a user's impressions of a week, and what became of the orders of the week before. Out: orders, deliveries, returns,
//! contacts, each with planted drivers. All random numbers are of streams of their own: what users click and buy does not
//! depend on anything here.

use rand::Rng as _;
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;

use super::catalogue::{CATEGORIES, PRICE_SPREAD, Product};
use super::logistics::WAREHOUSE;
use super::people::Person;
use super::week::{DAY, Impression};
use super::world::{FIRST_DAY, Followed, Purpose, World, dice};

/// Days within which the shop promises to deliver.
const PROMISED_DAYS: i64 = 2;
/// Share of parcels that somebody mislays.
const MISLAID: f64 = 0.05;
/// Logit of a return at the centre of its drivers.
pub(super) const RETURN_BASE: f64 = -3.5;
/// What drives returns, on the logit scale: for a standard deviation of a number, for a fact that holds.
pub(super) const RETURN_EFFECTS: [(&str, f64); 5] =
    [("price_level", 0.7), ("rating", -0.5), ("category", 0.8), ("late", 0.6), ("abusive", 4.2)];
/// How much a category's things come back, in the order of [`CATEGORIES`]; times the effect of `category`.
const RETURN_OF_CATEGORY: [f64; CATEGORIES.len()] = [-0.3, -0.5, -1.2, 0.1, 0.3, 0.4, -0.6, -1.6, 0.8, 0.2, 1.1, 1.3];
/// Why things are sent back.
pub(super) const RETURN_REASONS: [&str; 4] = ["damaged", "not as described", "too late", "changed mind"];
/// Why users turn to the service, with the minutes that an answer takes.
pub(super) const CONTACT_REASONS: [(&str, f64); 4] = [("delivery", 9.0), ("return", 12.0), ("payment", 7.0), ("product", 18.0)];
/// Logit of a contact within a week, by reason.
pub(super) const CONTACT_BASE: [f64; 4] = [-4.3, -4.6, -4.5, -4.4];
/// What drives contacts, by reason: a fact of the user, and its effect on the logit.
pub(super) const CONTACT_EFFECTS: [(usize, &str, f64); 7] = [
    (0, "late deliveries of last week", 2.3),
    (0, "orders of last week", 0.5),
    (1, "returns of last week", 2.6),
    (2, "signed up within 60 days", 1.3),
    (2, "orders of last week", 0.6),
    (3, "intricate orders of last week", 1.4),
    (3, "aged 65 and more", 0.8),
];
/// Categories whose things need explaining: tools, electronics, furniture.
const INTRICATE: [u8; 3] = [4, 10, 11];

/// An order: one purchase.
#[derive(Debug, Clone)]
pub(super) struct Order {
    pub(super) event: i64,
    pub(super) user: u32,
    pub(super) product: u32,
    pub(super) store: u8,
    pub(super) amount: f64,
    pub(super) ordered_at: i64,
    /// Day since 1970-01-01.
    pub(super) promised_on: i32,
    pub(super) delivered_at: i64,
    pub(super) returned: Option<Return>,
}

impl Order {
    /// Days between the promised and the real one.
    pub(super) fn days_late(&self) -> i32 {
        ((self.delivered_at / DAY) as i32 - self.promised_on).max(0)
    }
}

/// A return asked for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Return {
    pub(super) reason: u8,
    pub(super) requested_at: i64,
}

/// A contact with the service.
#[derive(Debug, Clone)]
pub(super) struct Contact {
    pub(super) id: i64,
    pub(super) user: u32,
    pub(super) reason: u8,
    pub(super) minutes: f64,
    pub(super) opened_at: i64,
}

/// What follows a part of the users' week.
#[derive(Debug, Clone, Default)]
pub(super) struct Aftermath {
    pub(super) orders: Vec<Order>,
    pub(super) contacts: Vec<Contact>,
    /// One per user of the part.
    pub(super) followed: Vec<Followed>,
}

/// Who sends most things back: some of those who buy much.
pub(super) fn abusive(seed: u64, people: &[Person]) -> Vec<bool> {
    let mut dice = dice(seed, Purpose::Network, 1, 0);
    people.iter().map(|person| dice.gen_bool(0.07) && person.activity > 1.25 && person.loyalty > 0.6 && person.signed_up < 0).collect()
}

impl Aftermath {
    /// Adds what follows one user's week.
    pub(super) fn follow(&mut self, world: &World, week: usize, user: usize, impressions: &[Impression]) {
        let mut dice = dice(world.seed, Purpose::Orders, week, user);
        let mut followed = Followed::default();
        for impression in impressions.iter().filter(|impression| impression.purchased) {
            let order = order(world, user, impression, &mut dice);
            let more = |count: u8, holds: bool| count.saturating_add(u8::from(holds));
            followed.orders = more(followed.orders, true);
            followed.late = more(followed.late, order.days_late() > 0);
            followed.returned = more(followed.returned, order.returned.is_some());
            followed.intricate = more(followed.intricate, INTRICATE.contains(&world.products[impression.product as usize].category));
            self.orders.push(order);
        }
        self.contacts(world, week, user);
        self.followed.push(followed);
    }

    fn contacts(&mut self, world: &World, week: usize, user: usize) {
        let person = &world.people[user];
        let day = 7 * week as i32;
        if person.signed_up >= day {
            return;
        }
        let mut dice = dice(world.seed, Purpose::Contacts, week, user);
        let facts = facts(person, world.followed[user], day);
        for (reason, (_, usual)) in CONTACT_REASONS.iter().enumerate() {
            let own = CONTACT_EFFECTS.iter().zip(facts).filter(|((of, ..), _)| *of == reason);
            let logit = CONTACT_BASE[reason] + own.map(|((.., effect), fact)| effect * fact).sum::<f64>();
            let (drawn, at, noise): (f64, f64, f64) = (dice.r#gen(), dice.r#gen(), dice.sample(StandardNormal));
            if drawn < 1.0 / (1.0 + (-logit).exp()) {
                let id = ((week * world.people.len() + user) * CONTACT_REASONS.len() + reason) as i64 + 1;
                let opened_at = (i64::from(FIRST_DAY + day) * DAY) + (at * 7.0 * DAY as f64) as i64;
                let minutes = (usual * (0.3 * noise).exp() * 10.0).round() / 10.0;
                self.contacts.push(Contact { id, user: user as u32, reason: reason as u8, minutes: minutes.max(0.5), opened_at });
            }
        }
    }
}

/// The facts of [`CONTACT_EFFECTS`], in their order.
fn facts(person: &Person, followed: Followed, day: i32) -> [f64; CONTACT_EFFECTS.len()] {
    let count = |pieces: u8| f64::from(pieces.min(2));
    let holds = |fact: bool| f64::from(u8::from(fact));
    [
        count(followed.late),
        count(followed.orders),
        count(followed.returned),
        holds(day - person.signed_up < 60),
        count(followed.orders),
        count(followed.intricate),
        holds(person.age_group == Some(4)),
    ]
}

fn order(world: &World, user: usize, impression: &Impression, dice: &mut ChaCha8Rng) -> Order {
    let person = &world.people[user];
    let product = impression.product as usize;
    let store = world.logistics.store(person.region, dice.r#gen());
    let pieces = &world.stock.on_hand[product];
    // What lies in the store is there soon; what does not comes from the warehouse, or from the supplier.
    let further = if pieces[store] > 0 {
        0
    } else if pieces[WAREHOUSE] > 0 {
        1 + world.logistics.days_to(store)
    } else {
        2 + world.logistics.lead_days(product)
    };
    let mislaid = if dice.gen_bool(MISLAID) { dice.gen_range(1..=4) } else { 0 };
    let hours: i64 = dice.gen_range(10..40);
    let delivered_at = impression.occurred_at + hours * (DAY / 24) + i64::from(further + mislaid) * DAY;
    let mut order = Order {
        event: impression.id,
        user: impression.user,
        product: impression.product,
        store: store as u8,
        amount: impression.amount,
        ordered_at: impression.occurred_at,
        promised_on: (impression.occurred_at / DAY + PROMISED_DAYS) as i32,
        delivered_at,
        returned: None,
    };
    let logit = return_logit(&world.products[product], order.days_late() > 0, world.abusive[user]);
    let [drawn, why, when]: [f64; 3] = std::array::from_fn(|_| dice.r#gen());
    if drawn < 1.0 / (1.0 + (-logit).exp()) {
        let reason = if order.days_late() > 0 && why < 0.5 { 2 } else { [0_u8, 1, 3][((why * 3.0) as usize).min(2)] };
        // Asked for within two days: whoever waits for a late parcel asks before it is there.
        order.returned = Some(Return { reason, requested_at: order.ordered_at + ((0.1 + 1.9 * when) * DAY as f64) as i64 });
    }
    order
}

fn return_logit(product: &Product, late: bool, abusive: bool) -> f64 {
    let facts = [
        product.price_level / PRICE_SPREAD,
        product.rating.map_or(0.0, |rating| (rating - 3.9) / 0.5),
        RETURN_OF_CATEGORY[product.category as usize],
        f64::from(u8::from(late)),
        f64::from(u8::from(abusive)),
    ];
    RETURN_BASE + RETURN_EFFECTS.iter().zip(facts).map(|((_, effect), fact)| effect * fact).sum::<f64>()
}
