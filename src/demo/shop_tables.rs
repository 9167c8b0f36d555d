//! The tables of what follows purchases and of what serves them: orders, deliveries, returns, contacts, stock, supply, lanes,
//! areas, campaigns, and the truth about them.
//!
//! In: the world, rows of a part. Out: Parquet files and their numbers of rows. Nothing is wrong in these tables.

use std::sync::Arc;

use arrow::array::{ArrayRef, Date32Array, Float64Array, Int32Array, Int64Array, RecordBatch, StringArray, TimestampMicrosecondArray};

use super::aftermath::{
    Aftermath, CONTACT_BASE, CONTACT_EFFECTS, CONTACT_REASONS, Order, RETURN_BASE, RETURN_EFFECTS, RETURN_REASONS, Return,
};
use super::campaigns::{self, Campaign};
use super::catalogue::CATEGORIES;
use super::effects::SCENARIOS;
use super::error::DemoError;
use super::logistics::{LOCATIONS, SUPPLIERS};
use super::people::{REGIONS, SEGMENTS};
use super::place::Place;
use super::tables::batch;
use super::world::{FIRST_DAY, WEEKS, World};
use crate::table_file::{FileError, Kept, TableWriter, write_one};

fn whole(values: impl Iterator<Item = i64>) -> ArrayRef {
    Arc::new(Int64Array::from_iter_values(values))
}

fn small(values: impl Iterator<Item = i32>) -> ArrayRef {
    Arc::new(Int32Array::from_iter_values(values))
}

fn numbers(values: impl Iterator<Item = f64>) -> ArrayRef {
    Arc::new(Float64Array::from_iter_values(values))
}

fn days(values: impl Iterator<Item = i32>) -> ArrayRef {
    Arc::new(Date32Array::from_iter_values(values))
}

fn instants(values: impl Iterator<Item = i64>) -> ArrayRef {
    Arc::new(TimestampMicrosecondArray::from_iter_values(values).with_timezone("UTC"))
}

fn names<'a>(values: impl Iterator<Item = &'a str>) -> ArrayRef {
    Arc::new(values.map(Some).collect::<StringArray>())
}

fn orders(rows: &[Order]) -> Result<RecordBatch, FileError> {
    batch(vec![
        ("event_id", whole(rows.iter().map(|row| row.event))),
        ("user_id", whole(rows.iter().map(|row| i64::from(row.user) + 1))),
        ("product_id", whole(rows.iter().map(|row| i64::from(row.product) + 1))),
        ("store", names(rows.iter().map(|row| LOCATIONS[row.store as usize]))),
        ("amount", numbers(rows.iter().map(|row| row.amount))),
        ("promised_on", days(rows.iter().map(|row| row.promised_on))),
        ("ordered_at", instants(rows.iter().map(|row| row.ordered_at))),
    ])
}

fn deliveries(rows: &[Order]) -> Result<RecordBatch, FileError> {
    batch(vec![
        ("event_id", whole(rows.iter().map(|row| row.event))),
        ("user_id", whole(rows.iter().map(|row| i64::from(row.user) + 1))),
        ("days_late", small(rows.iter().map(Order::days_late))),
        ("delivered_at", instants(rows.iter().map(|row| row.delivered_at))),
    ])
}

fn returns(rows: &[Order]) -> Result<RecordBatch, FileError> {
    let returned = || rows.iter().filter_map(|row| row.returned.map(|returned: Return| (row, returned)));
    batch(vec![
        ("event_id", whole(returned().map(|(row, _)| row.event))),
        ("user_id", whole(returned().map(|(row, _)| i64::from(row.user) + 1))),
        ("product_id", whole(returned().map(|(row, _)| i64::from(row.product) + 1))),
        ("reason", names(returned().map(|(_, returned)| RETURN_REASONS[returned.reason as usize]))),
        ("ordered_at", instants(returned().map(|(row, _)| row.ordered_at))),
        ("requested_at", instants(returned().map(|(_, returned)| returned.requested_at))),
    ])
}

fn contacts(rows: &Aftermath) -> Result<RecordBatch, FileError> {
    let rows = &rows.contacts;
    batch(vec![
        ("contact_id", whole(rows.iter().map(|row| row.id))),
        ("user_id", whole(rows.iter().map(|row| i64::from(row.user) + 1))),
        ("reason", names(rows.iter().map(|row| CONTACT_REASONS[row.reason as usize].0))),
        ("minutes", numbers(rows.iter().map(|row| row.minutes))),
        ("opened_at", instants(rows.iter().map(|row| row.opened_at))),
    ])
}

/// Pieces in every location on the evening before a week begins.
fn stock(world: &World, week: usize) -> Result<RecordBatch, FileError> {
    let all = || (0..world.products.len()).flat_map(|product| (0..LOCATIONS.len()).map(move |location| (product, location)));
    batch(vec![
        ("product_id", whole(all().map(|(product, _)| product as i64 + 1))),
        ("location", names(all().map(|(_, location)| LOCATIONS[location]))),
        ("on_hand", small(all().map(|(product, location)| world.stock.on_hand[product][location]))),
        ("on_order", small(all().map(|(product, location)| world.stock.on_order(product, location)))),
        ("counted_on", days(all().map(|_| FIRST_DAY + 7 * week as i32 - 1))),
    ])
}

/// The files that grow week by week.
pub(super) struct ShopWriters([(&'static str, TableWriter); 5]);

impl ShopWriters {
    /// # Errors
    /// [`DemoError::File`] naming the file.
    pub(super) fn create(place: &Place, world: &World) -> Result<Self, DemoError> {
        let nothing = Aftermath::default();
        let schemas = [
            ("orders", orders(&nothing.orders)?.schema()),
            ("deliveries", deliveries(&nothing.orders)?.schema()),
            ("returns", returns(&nothing.orders)?.schema()),
            ("contacts", contacts(&nothing)?.schema()),
            ("stock", stock(world, 0)?.schema()),
        ];
        let [a, b, c, d, e] = schemas.map(|(name, schema)| {
            let path = place.file(&format!("{name}.parquet"))?;
            Ok::<_, DemoError>((name, TableWriter::create(&path, schema, Kept::Published)?))
        });
        Ok(Self([a?, b?, c?, d?, e?]))
    }

    /// Writes what followed a part of a week.
    ///
    /// # Errors
    /// [`DemoError::File`].
    pub(super) fn follow(&mut self, part: &Aftermath) -> Result<(), DemoError> {
        let batches = [orders(&part.orders)?, deliveries(&part.orders)?, returns(&part.orders)?, contacts(part)?];
        for ((_, writer), batch) in self.0.iter_mut().zip(batches) {
            writer.write(&batch)?;
        }
        Ok(())
    }

    /// Writes what lies where when a week begins.
    ///
    /// # Errors
    /// [`DemoError::File`].
    pub(super) fn count(&mut self, world: &World, week: usize) -> Result<(), DemoError> {
        let [.., (_, writer)] = &mut self.0;
        Ok(writer.write(&stock(world, week)?)?)
    }

    /// # Errors
    /// [`DemoError::File`].
    pub(super) fn finish(self, tables: &mut Vec<(String, u64)>) -> Result<(), DemoError> {
        for (name, writer) in self.0 {
            tables.push((name.to_owned(), writer.finish()?));
        }
        Ok(())
    }
}

/// Writes what is drawn once: supply, lanes, areas, campaigns and the truth about all that follows a purchase.
///
/// # Errors
/// [`DemoError::File`].
pub(super) fn fixed(world: &World, place: &Place, tables: &mut Vec<(String, u64)>) -> Result<(), DemoError> {
    let plan: Vec<(usize, Campaign)> = (0..=WEEKS)
        .flat_map(|week| campaigns::of_week(world.seed, week, world.people.len()).into_iter().map(move |one| (week, one)))
        .collect();
    let made = [
        ("supply", supply(world)?),
        ("lanes", lanes(world)?),
        ("areas", areas(world)?),
        ("campaigns", campaigns(&plan)?),
        ("shop_truth", truth(world)?),
    ];
    for (name, batch) in made {
        tables.push((name.to_owned(), write_one(&place.file(&format!("{name}.parquet"))?, &batch)?));
    }
    Ok(())
}

fn supply(world: &World) -> Result<RecordBatch, FileError> {
    let all = || world.logistics.supply.iter().map(|own| (own, SUPPLIERS[own.supplier]));
    batch(vec![
        ("product_id", whole((1..).take(world.products.len()))),
        ("supplier", names(all().map(|(_, (name, _))| name))),
        ("lead_days", small(all().map(|(_, (_, days))| days))),
        ("unit_cost", numbers(all().map(|(own, _)| own.unit_cost))),
        ("holding_cost", numbers(all().map(|(own, _)| own.holding_cost))),
    ])
}

fn lanes(world: &World) -> Result<RecordBatch, FileError> {
    let all = || world.logistics.lanes.iter();
    batch(vec![
        ("origin", names(all().map(|lane| LOCATIONS[lane.origin]))),
        ("destination", names(all().map(|lane| LOCATIONS[lane.destination]))),
        ("unit_cost", numbers(all().map(|lane| lane.unit_cost))),
        ("lead_days", small(all().map(|lane| lane.lead_days))),
        ("capacity", small(all().map(|lane| lane.capacity))),
    ])
}

fn areas(world: &World) -> Result<RecordBatch, FileError> {
    let shares = world.logistics.shares.iter().enumerate();
    let all: Vec<(usize, usize, f64)> = shares
        .flat_map(|(region, own)| own.iter().enumerate().map(move |(store, share)| (region, store, *share)))
        .filter(|(.., share)| *share > 0.0)
        .collect();
    batch(vec![
        ("region", names(all.iter().map(|(region, ..)| REGIONS[*region]))),
        ("store", names(all.iter().map(|(_, store, _)| LOCATIONS[*store]))),
        ("share", numbers(all.iter().map(|(.., share)| *share))),
    ])
}

fn campaigns(plan: &[(usize, Campaign)]) -> Result<RecordBatch, FileError> {
    let all = || plan.iter().map(|(_, campaign)| campaign);
    let audience: StringArray = all().map(|one| one.audience.map(|segment| SEGMENTS[segment].0)).collect();
    batch(vec![
        ("campaign_id", whole(all().map(|one| one.id))),
        ("scenario", names(all().map(|one| SCENARIOS[one.scenario]))),
        ("category", names(all().map(|one| CATEGORIES[one.category].0))),
        ("audience", Arc::new(audience)),
        ("budget", numbers(all().map(|one| one.budget))),
        ("cost_per_impression", numbers(all().map(|one| one.cost_per_impression))),
        ("frequency_cap", small(all().map(|one| one.frequency_cap))),
        ("least_impressions", whole(all().map(|one| one.least_impressions))),
        ("starts_on", days(plan.iter().map(|(week, _)| FIRST_DAY + 7 * *week as i32))),
    ])
}

/// What was at work: `what` (`return`, `contact`, `abusive user`, `misplaced`), `name`, `id` (a user's or product's), `value`
/// (on the logit scale for returns and contacts).
fn truth(world: &World) -> Result<RecordBatch, FileError> {
    let mut rows: Vec<(&str, String, Option<i64>, Option<f64>)> = vec![("return", "base".into(), None, Some(RETURN_BASE))];
    rows.extend(RETURN_EFFECTS.iter().map(|(name, value)| ("return", (*name).to_owned(), None, Some(*value))));
    for (reason, (name, _)) in CONTACT_REASONS.iter().enumerate() {
        rows.push(("contact", format!("{name}: base"), None, Some(CONTACT_BASE[reason])));
        let own = CONTACT_EFFECTS.iter().filter(|(of, ..)| *of == reason);
        rows.extend(own.map(|(_, fact, value)| ("contact", format!("{name}: {fact}"), None, Some(*value))));
    }
    let abusive = world.abusive.iter().enumerate().filter(|(_, abusive)| **abusive);
    rows.extend(abusive.map(|(user, _)| ("abusive user", String::new(), Some(user as i64 + 1), None)));
    let misplaced = world.stock.misplaced.iter();
    rows.extend(misplaced.map(|(product, store)| ("misplaced", LOCATIONS[*store].to_owned(), Some(*product as i64 + 1), None)));
    batch(vec![
        ("what", names(rows.iter().map(|row| row.0))),
        ("name", names(rows.iter().map(|row| row.1.as_str()))),
        ("id", Arc::new(rows.iter().map(|row| row.2).collect::<Int64Array>())),
        ("value", Arc::new(rows.iter().map(|row| row.3).collect::<Float64Array>())),
    ])
}
