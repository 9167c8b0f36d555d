//! The plan of advertisements: what each campaign shows to whom in which scenario, its money, its limits.
//!
//! In: the seed and the numbers of users. Out: [`Campaign`]s of a week. Whether one was placed is the job's decision: the world
//! does not show advertisements, so what is realised is what users do with the same products where they are shown.

use rand::Rng as _;

use super::catalogue::{CATEGORIES, cents};
use super::effects::SCENARIOS;
use super::people::SEGMENTS;
use super::world::{Purpose, dice};

/// Campaigns of a scenario in a week.
const OF_SCENARIO: usize = 2;

/// A campaign of one week.
#[derive(Debug, Clone)]
pub(super) struct Campaign {
    pub(super) id: i64,
    pub(super) scenario: usize,
    pub(super) category: usize,
    /// A segment, or everybody.
    pub(super) audience: Option<usize>,
    pub(super) budget: f64,
    pub(super) cost_per_impression: f64,
    /// How often a user may see it.
    pub(super) frequency_cap: i32,
    /// Impressions that were promised to the brand.
    pub(super) least_impressions: i64,
}

/// The campaigns of a week.
pub(super) fn of_week(seed: u64, week: usize, users: usize) -> Vec<Campaign> {
    let mut dice = dice(seed, Purpose::Campaigns, week, 0);
    let mut campaigns = Vec::with_capacity(OF_SCENARIO * SCENARIOS.len());
    for scenario in 0..SCENARIOS.len() {
        for _ in 0..OF_SCENARIO {
            let audience = if dice.gen_bool(0.5) { None } else { Some(dice.gen_range(0..SEGMENTS.len())) };
            let cost_per_impression = dice.gen_range(20.0_f64..80.0).round() / 1000.0;
            let impressions = users as f64 * dice.gen_range(0.02..0.1);
            campaigns.push(Campaign {
                id: (week * OF_SCENARIO * SCENARIOS.len() + campaigns.len()) as i64 + 1,
                scenario,
                category: dice.gen_range(0..CATEGORIES.len()),
                audience,
                budget: cents(impressions * cost_per_impression),
                cost_per_impression,
                frequency_cap: dice.gen_range(3..=6),
                least_impressions: if dice.gen_bool(0.5) { (0.1 * impressions) as i64 } else { 0 },
            });
        }
    }
    campaigns
}
