//! What goes wrong on the way to the warehouse: rows delivered twice, late, spoilt, misspelt.
//!
//! In: impressions as they happened. Out: rows as they are delivered, and how many were spoilt in which way. A row is
//! spoilt in one way at most, so the job's cleaning must refuse exactly as many rows for each reason.

use rand::Rng as _;
use rand_chacha::ChaCha8Rng;

use super::effects::SCENARIOS;
use super::week::{DAY, Impression};
use super::world::{Purpose, World, dice};

/// Ways to spoil an impression so that it must be refused: how often, and the reason that the job's clean query gives.
const SPOILT: [(Flaw, f64, &str); 9] = [
    (Flaw::Twice, 0.010, "delivered twice"),
    (Flaw::NoUser, 0.002, "no user"),
    (Flaw::UnknownUser, 0.002, "unknown user"),
    (Flaw::NoProduct, 0.001, "no product"),
    (Flaw::UnknownProduct, 0.003, "unknown product"),
    (Flaw::NoTime, 0.0005, "no time"),
    (Flaw::NoOutcome, 0.002, "no outcome"),
    (Flaw::NegativePrice, 0.002, "price is not positive"),
    (Flaw::NegativeDwell, 0.0005, "negative dwell time"),
];
/// Share of rows whose scenario is spelt in another way; cleaning repairs it.
const MISSPELT: f64 = 0.03;
/// Share of rows that arrive days after they happened.
const LATE: f64 = 0.02;
/// Added to an id that nobody has.
const NOBODY: i64 = 900_000_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Flaw {
    Twice,
    NoUser,
    UnknownUser,
    NoProduct,
    UnknownProduct,
    NoTime,
    NoOutcome,
    NegativePrice,
    NegativeDwell,
}

/// A row as it is delivered.
#[derive(Debug, Clone)]
pub(super) struct Delivered {
    pub(super) impression: Impression,
    pub(super) user_id: Option<i64>,
    pub(super) product_id: Option<i64>,
    pub(super) scenario: Spelling,
    pub(super) clicked: Option<bool>,
    pub(super) occurred_at: Option<i64>,
    pub(super) arrived_at: i64,
}

/// A scenario as somebody spelt it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Spelling {
    name: &'static str,
    way: u8,
}

impl std::fmt::Display for Spelling {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&spelt(self.name, self.way))
    }
}

/// A name in one of the ways in which people type it; 0 is the right one.
pub(super) fn spelt(name: &str, way: u8) -> String {
    match way {
        0 => name.to_owned(),
        1 => name.to_uppercase(),
        2 => format!(" {name}"),
        _ => {
            let mut letters = name.chars();
            letters.next().map_or_else(String::new, |first| format!("{}{} ", first.to_uppercase(), letters.as_str()))
        }
    }
}

/// Rows spoilt, by table and reason.
#[derive(Debug, Clone, Default)]
pub(super) struct Planted(Vec<(&'static str, &'static str, u64)>);

impl Planted {
    pub(super) fn count(&mut self, table: &'static str, what: &'static str, rows: u64) {
        match self.0.iter_mut().find(|(known, flaw, _)| (*known, *flaw) == (table, what)) {
            Some((_, _, sum)) => *sum += rows,
            None => self.0.push((table, what, rows)),
        }
    }

    pub(super) fn add(&mut self, other: &Self) {
        for (table, what, rows) in &other.0 {
            self.count(table, what, *rows);
        }
    }

    /// Sorted by table and reason.
    pub(super) fn list(&self) -> Vec<(String, String, u64)> {
        let mut list: Vec<_> = self.0.iter().map(|(table, what, rows)| ((*table).to_owned(), (*what).to_owned(), *rows)).collect();
        list.sort();
        list
    }
}

/// The rows of a part of the users, as they are delivered.
pub(super) fn deliver(world: &World, week: usize, part: usize, impressions: &[Impression], planted: &mut Planted) -> Vec<Delivered> {
    let mut dice = dice(world.seed, Purpose::Delivery, week, part);
    let mut rows = Vec::with_capacity(impressions.len() + impressions.len() / 64);
    for impression in impressions {
        let row = delivered(impression, &mut dice, planted);
        let Some((flaw, reason)) = flaw(impression, &mut dice) else {
            rows.push(row);
            continue;
        };
        planted.count("impressions", reason, 1);
        if flaw == Flaw::Twice {
            // The second delivery comes an hour later.
            rows.push(Delivered { arrived_at: row.arrived_at + DAY / 24, ..row.clone() });
            rows.push(row);
        } else {
            rows.push(spoil(row, flaw));
        }
    }
    rows
}

/// The row without a flaw that counts: perhaps late, perhaps with its scenario misspelt.
fn delivered(impression: &Impression, dice: &mut ChaCha8Rng, planted: &mut Planted) -> Delivered {
    let late = dice.gen_bool(LATE);
    let delay = if late { dice.gen_range(DAY..6 * DAY) } else { dice.gen_range(1_000_000..DAY / 24) };
    let way = if dice.gen_bool(MISSPELT) { dice.gen_range(1..=3) } else { 0 };
    if late {
        planted.count("impressions", "arrived late", 1);
    }
    if way != 0 {
        planted.count("impressions", "scenario misspelt", 1);
    }
    Delivered {
        user_id: Some(i64::from(impression.user) + 1),
        product_id: Some(i64::from(impression.product) + 1),
        scenario: Spelling { name: SCENARIOS[impression.scenario as usize], way },
        clicked: Some(impression.clicked),
        occurred_at: Some(impression.occurred_at),
        arrived_at: impression.occurred_at + delay,
        impression: impression.clone(),
    }
}

fn flaw(impression: &Impression, dice: &mut ChaCha8Rng) -> Option<(Flaw, &'static str)> {
    let mut left: f64 = dice.r#gen();
    for (flaw, share, reason) in SPOILT {
        left -= share;
        if left < 0.0 {
            // Only who clicked has a dwell time that can be negative.
            return (flaw != Flaw::NegativeDwell || impression.clicked).then_some((flaw, reason));
        }
    }
    None
}

fn spoil(mut row: Delivered, flaw: Flaw) -> Delivered {
    match flaw {
        Flaw::Twice => {}
        Flaw::NoUser => row.user_id = None,
        Flaw::UnknownUser => row.user_id = row.user_id.map(|id| id + NOBODY),
        Flaw::NoProduct => row.product_id = None,
        Flaw::UnknownProduct => row.product_id = row.product_id.map(|id| id + NOBODY),
        Flaw::NoTime => row.occurred_at = None,
        Flaw::NoOutcome => row.clicked = None,
        Flaw::NegativePrice => row.impression.price = -row.impression.price,
        Flaw::NegativeDwell => row.impression.dwell_seconds = row.impression.dwell_seconds.map(|seconds| -seconds),
    }
    row
}
