//! What the tables are for: events, keys, time, scenario, labels, nights; each guess with its reason.
//!
//! In: [`Table`]s, looked at. Out: one [`Guess`]. Texts are written elsewhere; nothing is read here but a second sample of
//! the events, for what no column tells alone.

mod evidence;
mod keys;
mod labels;
mod nights;
mod scenario;
mod tables;
mod times;

pub(super) use keys::Key;
pub(super) use labels::{Made, Task};
pub(super) use nights::Nights;
pub(super) use scenario::Scenario;
pub(super) use tables::Role;

use super::error::ScaffoldError;
use super::facts::{Column, Table};
use super::names::{self, Names};
use super::time::{Reading, date};
use evidence::Evidence;

/// Columns of the events that describe their item or entity and are looked at, at most.
const ATTRIBUTES: usize = 8;
/// Quantities of the events that features are made of, at most.
const MEASURES: usize = 3;

/// What a job is made of.
pub(super) struct Guess {
    /// All tables.
    pub(super) tables: Vec<Table>,
    /// Their roles, in the same order.
    pub(super) roles: Vec<Role>,
    /// The table of events.
    pub(super) events: usize,
    /// Whom it happened to.
    pub(super) entity: Key,
    /// What it was about.
    pub(super) item: Option<Key>,
    /// Why there is no item, though there is a column for it.
    pub(super) no_item: Option<String>,
    /// Column of the event time.
    pub(super) time: usize,
    /// Why.
    pub(super) time_why: String,
    /// Column of the arrival, and why.
    pub(super) available: Option<(usize, String)>,
    /// Where a row is served.
    pub(super) scenario: Scenario,
    /// What is predicted.
    pub(super) tasks: Vec<Task>,
    /// Whether events carry labels, or only happen.
    pub(super) labelled: bool,
    /// Column of money.
    pub(super) amount: Option<usize>,
    /// Quantity and price whose product is the amount, and the product's name in the clean table.
    pub(super) product: Option<(usize, usize, String)>,
    /// Columns of quantities.
    pub(super) measures: Vec<usize>,
    /// Columns that describe the item.
    pub(super) of_item: Vec<usize>,
    /// Columns that describe the entity.
    pub(super) of_entity: Vec<usize>,
    /// Columns that change from event to event.
    pub(super) of_event: Vec<usize>,
    /// Snapshots and windows.
    pub(super) nights: Nights,
    /// How often rows come back, measured.
    pub(super) measured: Option<String>,
}

impl Guess {
    /// The table of events.
    pub(super) fn events(&self) -> &Table {
        &self.tables[self.events]
    }

    /// A column of the events.
    pub(super) fn column(&self, at: usize) -> &Column {
        &self.events().columns[at]
    }

    /// How the event time is read.
    pub(super) fn time_reading(&self) -> Reading {
        self.column(self.time).as_time.map_or(Reading::Instant, |time| time.reading)
    }

    /// The keys of a row, entity first.
    pub(super) fn keys(&self) -> Vec<&Key> {
        std::iter::once(&self.entity).chain(&self.item).collect()
    }

    /// Name in the clean table of a column of the events; a price that is multiplied has its product's.
    pub(super) fn measure(&self, at: usize) -> &str {
        match &self.product {
            Some((_, price, name)) if *price == at => name,
            _ => &self.column(at).name,
        }
    }

    /// `customer_id x sku`.
    pub(super) fn grain(&self) -> String {
        self.keys().iter().map(|key| key.name.as_str()).collect::<Vec<_>>().join(" x ")
    }
}

/// Guesses what the tables are for.
///
/// # Errors
/// [`ScaffoldError`] when there is no table of events, or it spans too few days.
pub(super) fn guess(tables: Vec<Table>) -> Result<Guess, ScaffoldError> {
    let chosen = tables::events(&tables)?;
    let table = &tables[chosen.table];
    let time = &table.columns[chosen.time];
    let Some(as_time) = time.as_time else { return Err(ScaffoldError::NoTime(names::told(&time.raw))) };
    let scenario = scenario::scenario(table, &chosen);
    let labels = labels::labels(table, &chosen, &scenario);
    let arrival = times::arrival(table, chosen.time);
    let used = chosen.used(&scenario, &labels, arrival);
    let (measures, attributes) = (measures(table, &used, &labels), attributes(table, &used));
    let evidence = Evidence::read(table, &chosen, &labels, arrival, &attributes)?;

    let available = arrival.and_then(|column| evidence.arrival_why(table, chosen.time, column).map(|why| (column, why)));
    let settle = if available.is_some() { evidence.settle_days() } else { 0 };
    let too_short = || ScaffoldError::TooShort {
        file: table.footers.found.told(&table.footers.found.root),
        column: names::told(&time.raw),
        days: as_time.newest - as_time.first + 1,
        first: date(as_time.first),
        newest: date(as_time.newest),
    };
    let plans = nights::possible(as_time, settle);
    if plans.is_empty() {
        return Err(too_short());
    }
    let labelled = labels.are_there();
    let (with_item, nights, measured) = evidence.choose(&plans, labelled, chosen.item.is_some()).ok_or_else(too_short)?;
    let entity = keys::entity(table, &chosen);
    let item = keys::item(table, &chosen).filter(|_| with_item);
    let no_item = keys::item(table, &chosen)
        .filter(|_| !with_item)
        .map(|item| format!("{} is no key: a {} hardly ever meets the same {} again", item.name, entity.base, item.base));
    let tasks = labels::tasks(table, &labels, &evidence, &entity, item.as_ref(), &scenario);
    let (of_item, of_entity, of_event) = evidence.sort_attributes(&attributes, item.is_some());
    let roles = tables::roles(&tables, chosen.table, &entity, item.as_ref());
    Ok(Guess {
        time_why: times::why(table, chosen.time),
        amount: labels.amount(),
        product: labels.product().map(|(quantity, price)| {
            let name = Names::with(table.columns.iter().map(|column| column.name.as_str())).take("amount");
            (quantity, price, name)
        }),
        events: chosen.table,
        time: chosen.time,
        roles,
        tables,
        entity,
        item,
        no_item,
        available,
        scenario,
        tasks,
        labelled,
        measures,
        of_item,
        of_entity,
        of_event,
        nights,
        measured,
    })
}

/// Quantities of the events: numbers that are no codes and no keys; the amount comes first.
fn measures(table: &Table, used: &[usize], labels: &labels::Labels) -> Vec<usize> {
    let amount = labels.amount();
    let others = (0..table.columns.len()).filter(|at| {
        let column = &table.columns[*at];
        column.is_number()
            && column.distinct > 1
            && column.partition.is_none()
            && !used.contains(at)
            && Some(*at) != amount
            && !super::words::sounds_like_a_code(&column.words)
            && !super::words::names_a_row(&column.words)
    });
    amount.into_iter().chain(others).take(MEASURES).collect()
}

/// Columns of the events that say what kind of thing they were about.
fn attributes(table: &Table, used: &[usize]) -> Vec<usize> {
    (0..table.columns.len())
        .filter(|at| {
            let column = &table.columns[*at];
            let coded = column.is_number() && column.whole && super::words::sounds_like_a_code(&column.words);
            let described = column.is_text() && column.characters <= 200.0;
            (coded || described)
                && column.distinct > 1
                && column.distinct * 2 < column.present
                && column.partition.is_none()
                && !used.contains(at)
                && !super::words::names_a_row(&column.words)
                && !super::words::sounds_like_calendar(&column.words)
        })
        .take(ATTRIBUTES)
        .collect()
}
