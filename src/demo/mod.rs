//! The generated marketplace: users, products and impressions with known effects, written as Parquet.
//!
//! In: [`Settings`] and a folder. Out: sources, `truth.parquet` (the coefficients that were at work) and `generated.json`
//! (what was written, and what was planted wrong). The job that reads them is [`job`]; running its night is `cli`'s.
//!
//! The world goes on in weeks. What a user likes depends on the product, on the scenario, and on what the user did in the
//! four weeks before the week began: just what `features/*.sql` computes at a weekly snapshot, so the coefficients here are
//! those that a model of the frame should find.

mod aftermath;
mod campaigns;
mod catalogue;
mod dirt;
mod effects;
mod error;
pub mod job;
mod logistics;
mod people;
mod place;
mod shop_tables;
mod signals;
mod stock;
mod tables;
mod truth;
mod week;
mod world;

use std::path::Path;

use jiff::civil::Date;

pub use error::DemoError;
use place::Place;
use truth::Spread;
use week::WeekOf;
use world::{FIRST_DAY, WEEKS, World};

/// What to generate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// Impressions, before some are delivered twice.
    pub events: u64,
    /// Where every random choice begins.
    pub seed: u64,
    /// Threads that generate; the bytes do not depend on them.
    pub threads: usize,
}

impl Settings {
    /// Impressions of `polytask demo`: every cell has hundreds of purchases, and the night takes a minute or two.
    pub const DEFAULT_EVENTS: u64 = 500_000;
    /// Fewest and most impressions.
    pub const EVENTS: std::ops::RangeInclusive<u64> = 10_000..=50_000_000;
}

impl Default for Settings {
    fn default() -> Self {
        Self { events: Self::DEFAULT_EVENTS, seed: 7, threads: std::thread::available_parallelism().map_or(1, usize::from) }
    }
}

/// What was generated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// Tables and their rows.
    pub tables: Vec<(String, u64)>,
    /// The night that has all the data behind it.
    pub suggested_as_of: Date,
    /// Rows that were spoilt on purpose, by table and by what is wrong with them.
    pub planted: Vec<(String, String, u64)>,
}

/// Generates the marketplace below `input`, or recognises it when the same settings were generated there before.
/// `progress` is told how many of the impressions are written.
///
/// Memory grows with users and products, not with impressions.
///
/// # Errors
/// [`DemoError`]: settings out of range, a folder that holds somebody else's data, a disk that is full.
pub fn generate(settings: &Settings, input: &Path, progress: &dyn Fn(u64, u64)) -> Result<Summary, DemoError> {
    if !Settings::EVENTS.contains(&settings.events) {
        return Err(DemoError::Events(settings.events));
    }
    if let Some(summary) = place::recognise(input, settings)? {
        progress(settings.events, settings.events);
        return Ok(summary);
    }
    let threads = settings.threads.max(1);
    // A pool of its own: the night that may follow starts the global one.
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().map_err(|error| DemoError::Threads(error.to_string()))?;
    let place = Place::open(input)?;
    let mut world = pool.install(|| World::new(settings));
    let mut planted = dirt::Planted::default();
    let mut spread = Spread::default();
    let mut tables = Vec::new();
    tables.push(("users".to_owned(), tables::users(&world, &place.file("users.parquet")?, &mut planted)?));
    tables.push(("products".to_owned(), tables::products(&world, &place.file("products.parquet")?, &mut planted)?));
    tables.push(("promotions".to_owned(), tables::promotions(&world, &place.file("promotions.parquet")?)?));
    shop_tables::fixed(&world, &place, &mut tables)?;
    let mut shop = shop_tables::ShopWriters::create(&place, &world)?;
    let (mut written, mut rows) = (0, 0);
    for week in 0..WEEKS {
        let events = share_of(settings.events, week);
        let first_id = written as i64 + 1;
        let file = place.file(&format!("impressions/week={}/part.parquet", world::week_start(week)))?;
        let mut writer = tables::ImpressionWriter::create(&file)?;
        shop.count(&world, week)?;
        let mut ahead = pool.install(|| WeekOf::new(&mut world, week, events, first_id));
        while let Some(part) = pool.install(|| ahead.next(threads * 2))? {
            for delivered in &part.batches {
                writer.write(delivered)?;
            }
            for followed in &part.aftermath {
                shop.follow(followed)?;
            }
            written += part.events;
            planted.add(&part.planted);
            // The first weeks have less than four weeks behind them, and no snapshot of the job learns from them.
            if week >= world::SETTLED_WEEK {
                spread.add(&part.spread);
            }
            progress(written, settings.events);
        }
        ahead.finish();
        rows += writer.finish()?;
    }
    shop.count(&world, WEEKS)?;
    tables.push(("impressions".to_owned(), rows));
    shop.finish(&mut tables)?;
    tables.push(("truth".to_owned(), truth::write(&spread, &world, &place.file("truth.parquet")?)?));
    let suggested_as_of = world::day(FIRST_DAY + 7 * WEEKS as i32);
    let summary = Summary { tables, suggested_as_of, planted: planted.list() };
    place.keep(settings, &summary)?;
    Ok(summary)
}

/// Impressions of a week: all weeks are alike, the first ones take what is left over.
fn share_of(events: u64, week: usize) -> u64 {
    events / WEEKS as u64 + u64::from((week as u64) < events % WEEKS as u64)
}
