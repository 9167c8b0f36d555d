//! Users: who they are, what they like, how often they come.
//!
//! In: the seed and their number. Out: [`Person`]s, each from random numbers of its own. What they do is `week`'s.

use rand::Rng as _;
use rand_chacha::ChaCha8Rng;
use rand_distr::StandardNormal;
use rayon::prelude::*;

use super::catalogue::{BRANDS, CATEGORIES};
use super::world::{Purpose, WEEKS, dice};

/// Customer segments, with how far each one's effect lies from the middle.
pub(super) const SEGMENTS: [(&str, f64); 4] = [("bargain hunter", -1.2), ("occasional", -0.4), ("regular", 0.4), ("enthusiast", 1.8)];
/// Age groups, with their effects.
pub(super) const AGE_GROUPS: [(&str, f64); 5] = [("18-24", -1.4), ("25-34", -0.6), ("35-49", 0.2), ("50-64", 1.0), ("65+", 1.4)];
/// Regions; where a user lives does nothing.
pub(super) const REGIONS: [&str; 6] = ["north", "south", "east", "west", "centre", "islands"];
/// The first users come every week, so that there is always somebody.
pub(super) const REGULARS: usize = 8;
/// Numbers of an embedding.
pub(super) const WIDTH: usize = 8;

/// A user.
#[derive(Debug, Clone)]
pub(super) struct Person {
    pub(super) segment: u8,
    /// Not everybody told it.
    pub(super) age_group: Option<u8>,
    pub(super) region: u8,
    /// Day of the world; negative for most.
    pub(super) signed_up: i32,
    /// Of length 1.
    pub(super) taste: [f32; WIDTH],
    /// Categories and brands that the user is shown more often.
    pub(super) categories: [u8; 2],
    pub(super) brands: [u8; 2],
    /// Share of weeks in which the user comes.
    pub(super) loyalty: f64,
    /// Impressions of a week in which the user comes, against those of others.
    pub(super) activity: f64,
}

/// All users; the first has the id 1.
pub(super) fn people(seed: u64, users: usize) -> Vec<Person> {
    (0..users).into_par_iter().map(|user| person(user, &mut dice(seed, Purpose::People, 0, user))).collect()
}

fn person(user: usize, dice: &mut ChaCha8Rng) -> Person {
    let normal = |dice: &mut ChaCha8Rng| -> f64 { dice.sample(StandardNormal) };
    // One in ten signs up while the events are recorded; the others did within the last years.
    let signed_up = if dice.gen_bool(0.1) && user >= REGULARS {
        dice.gen_range(0..7 * WEEKS as i32)
    } else {
        -((5.6 + 0.8 * normal(dice)).exp() as i32).clamp(1, 2500)
    };
    Person {
        segment: pick(dice, &[0.3, 0.35, 0.25]),
        age_group: (!dice.gen_bool(0.04)).then(|| pick(dice, &[0.15, 0.25, 0.3, 0.2])),
        region: dice.gen_range(0..REGIONS.len() as u8),
        signed_up,
        taste: unit(dice),
        categories: two_of(dice, CATEGORIES.len() as u8),
        brands: two_of(dice, BRANDS.len() as u8),
        loyalty: dice.gen_range(0.5..0.95),
        activity: (0.5 * normal(dice)).exp(),
    }
}

/// Index by the given shares; what they leave is the last.
fn pick(dice: &mut ChaCha8Rng, shares: &[f64]) -> u8 {
    let mut left: f64 = dice.r#gen();
    for (at, share) in shares.iter().enumerate() {
        left -= share;
        if left < 0.0 {
            return at as u8;
        }
    }
    shares.len() as u8
}

fn two_of(dice: &mut ChaCha8Rng, count: u8) -> [u8; 2] {
    let first = dice.gen_range(0..count);
    let second = (first + dice.gen_range(1..count)) % count;
    [first, second]
}

/// A random direction.
pub(super) fn unit(dice: &mut ChaCha8Rng) -> [f32; WIDTH] {
    let numbers: [f32; WIDTH] = std::array::from_fn(|_| dice.sample(StandardNormal));
    let length = numbers.iter().map(|number| number * number).sum::<f32>().sqrt().max(1e-6);
    numbers.map(|number| number / length)
}
