//! The marketplace as Arrow tables in Parquet files, with what is wrong in the lists of users and products.
//!
//! In: the world, delivered rows, a path. Out: files and their numbers of rows. What is wrong with impressions is `dirt`'s.

use std::path::Path;
use std::sync::Arc;

use arrow::array::{
    ArrayRef, BooleanArray, Date32Array, FixedSizeListArray, Float32Array, Float64Array, Int32Array, Int64Array, RecordBatch, StringArray,
    TimestampMicrosecondArray,
};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use rand::Rng as _;
use rand_chacha::ChaCha8Rng;

use super::catalogue::{self, BRANDS, CATEGORIES};
use super::dirt::{Delivered, Planted, spelt};
use super::error::DemoError;
use super::people::{AGE_GROUPS, REGIONS, SEGMENTS, WIDTH};
use super::world::{FIRST_DAY, Purpose, WEEKS, World, dice};
use crate::table_file::{FileError, Kept, TableWriter};

/// Share of the rows of a list that stand in it twice.
const LISTED_TWICE: f64 = 0.01;
/// Share of names that are spelt in another way.
const MISSPELT: f64 = 0.06;
/// Share of products without a usable price.
const NO_PRICE: f64 = 0.02;
/// Share of products without a brand.
const NO_BRAND: f64 = 0.02;

pub(super) fn batch(columns: Vec<(&str, ArrayRef)>) -> Result<RecordBatch, FileError> {
    // A column may have NULLs whether or not this batch of it has some: one schema for all batches of a table.
    let fields: Vec<Field> = columns.iter().map(|(name, array)| Field::new(*name, array.data_type().clone(), true)).collect();
    let arrays = columns.into_iter().map(|(_, array)| array).collect();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays).map_err(|error| FileError::Rows(error.to_string()))
}

fn write(path: &Path, batch: &RecordBatch) -> Result<u64, DemoError> {
    Ok(crate::table_file::write_one(path, batch)?)
}

/// Fixed-size lists of numbers.
fn vectors<'a>(rows: impl Iterator<Item = &'a [f32; WIDTH]>) -> Result<ArrayRef, FileError> {
    let values = Float32Array::from_iter_values(rows.flatten().copied());
    let item = Arc::new(Field::new("item", DataType::Float32, true));
    let list =
        FixedSizeListArray::try_new(item, WIDTH as i32, Arc::new(values), None).map_err(|error| FileError::Rows(error.to_string()))?;
    Ok(Arc::new(list))
}

fn ids(rows: &[usize]) -> ArrayRef {
    Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| *row as i64 + 1)))
}

fn dates(days: impl Iterator<Item = i32>) -> ArrayRef {
    Arc::new(Date32Array::from_iter_values(days.map(|day| FIRST_DAY + day)))
}

fn numbers(values: impl Iterator<Item = f64>) -> ArrayRef {
    Arc::new(Float64Array::from_iter_values(values))
}

fn texts<T: AsRef<str>>(values: impl Iterator<Item = Option<T>>) -> ArrayRef {
    Arc::new(values.collect::<StringArray>())
}

/// The rows of a list, some of them twice.
fn listed(count: usize, table: &'static str, dice: &mut ChaCha8Rng, planted: &mut Planted) -> Vec<usize> {
    let mut rows = Vec::with_capacity(count + count / 64);
    for row in 0..count {
        rows.push(row);
        if dice.gen_bool(LISTED_TWICE) {
            rows.push(row);
            planted.count(table, "listed twice", 1);
        }
    }
    rows
}

/// Ways in which the names of a list are spelt, 0 for right.
fn spellings(rows: usize, table: &'static str, what: &'static str, dice: &mut ChaCha8Rng, planted: &mut Planted) -> Vec<u8> {
    let ways: Vec<u8> = (0..rows).map(|_| if dice.gen_bool(MISSPELT) { dice.gen_range(1..=3) } else { 0 }).collect();
    planted.count(table, what, ways.iter().filter(|way| **way != 0).count() as u64);
    ways
}

/// Writes the users.
pub(super) fn users(world: &World, path: &Path, planted: &mut Planted) -> Result<u64, DemoError> {
    let mut dice = dice(world.seed, Purpose::Tables, 0, 0);
    let rows = listed(world.people.len(), "users", &mut dice, planted);
    let ways = spellings(rows.len(), "users", "region misspelt", &mut dice, planted);
    let people = || rows.iter().map(|row| &world.people[*row]);
    let columns = vec![
        ("user_id", ids(&rows)),
        ("segment", texts(people().map(|person| Some(SEGMENTS[person.segment as usize].0)))),
        ("age_group", texts(people().map(|person| person.age_group.map(|group| AGE_GROUPS[group as usize].0)))),
        ("region", texts(people().zip(&ways).map(|(person, way)| Some(spelt(REGIONS[person.region as usize], *way))))),
        ("signed_up_on", dates(people().map(|person| person.signed_up))),
        ("taste", vectors(people().map(|person| &person.taste))?),
    ];
    write(path, &batch(columns)?)
}

/// Writes the products.
pub(super) fn products(world: &World, path: &Path, planted: &mut Planted) -> Result<u64, DemoError> {
    let mut dice = dice(world.seed, Purpose::Tables, 1, 0);
    let rows = listed(world.products.len(), "products", &mut dice, planted);
    let ways = spellings(rows.len(), "products", "category misspelt", &mut dice, planted);
    let mut spoil = |share: f64, what: &'static str| -> Vec<bool> {
        // By product, so that a product that is listed twice is spoilt twice alike.
        let spoilt: Vec<bool> = (0..world.products.len()).map(|_| dice.gen_bool(share)).collect();
        planted.count("products", what, rows.iter().filter(|row| spoilt[**row]).count() as u64);
        spoilt
    };
    let (no_price, no_brand) = (spoil(NO_PRICE, "no usable price"), spoil(NO_BRAND, "no brand"));
    let all = || rows.iter().map(|row| (*row, &world.products[*row]));
    let prices = all().map(|(row, product)| match (no_price[row], row % 2) {
        (false, _) => Some(product.price),
        (true, 0) => Some(-product.price),
        (true, _) => None,
    });
    let columns = vec![
        ("product_id", ids(&rows)),
        ("title", texts(all().map(|(_, product)| Some(&product.title)))),
        ("category", texts(all().zip(&ways).map(|((_, product), way)| Some(spelt(CATEGORIES[product.category as usize].0, *way))))),
        ("brand", texts(all().map(|(row, product)| (!no_brand[row]).then_some(BRANDS[product.brand as usize])))),
        ("price", Arc::new(prices.collect::<Float64Array>()) as ArrayRef),
        ("margin", numbers(all().map(|(_, product)| product.margin))),
        ("stock", Arc::new(Int32Array::from_iter_values(all().map(|(_, product)| product.stock))) as ArrayRef),
        ("rating", Arc::new(all().map(|(_, product)| product.rating).collect::<Float64Array>()) as ArrayRef),
        ("listed_on", dates(all().map(|(_, product)| product.listed))),
        ("embedding", vectors(all().map(|(_, product)| &product.embedding))?),
    ];
    write(path, &batch(columns)?)
}

/// Writes the plan of promotions, the week after the last one included.
pub(super) fn promotions(world: &World, path: &Path) -> Result<u64, DemoError> {
    let mut plan = Vec::new();
    for week in 0..=WEEKS {
        let discounts = catalogue::discounts(world.seed, week, world.products.len());
        plan.extend(
            discounts.into_iter().enumerate().filter(|(_, discount)| *discount > 0.0).map(|(product, discount)| (product, week, discount)),
        );
    }
    let products: Vec<usize> = plan.iter().map(|(product, _, _)| *product).collect();
    let columns = vec![
        ("product_id", ids(&products)),
        ("starts_on", dates(plan.iter().map(|(_, week, _)| 7 * *week as i32))),
        ("discount", numbers(plan.iter().map(|(_, _, discount)| *discount))),
    ];
    write(path, &batch(columns)?)
}

/// Delivered impressions as a batch.
///
/// # Errors
/// [`FileError::Rows`], never on rows of one part.
pub(super) fn impressions(rows: &[Delivered]) -> Result<RecordBatch, FileError> {
    let instants = |of: &dyn Fn(&Delivered) -> Option<i64>| -> ArrayRef {
        Arc::new(rows.iter().map(of).collect::<TimestampMicrosecondArray>().with_timezone("UTC"))
    };
    let truths = |of: &dyn Fn(&Delivered) -> Option<bool>| -> ArrayRef { Arc::new(rows.iter().map(of).collect::<BooleanArray>()) };
    batch(vec![
        ("event_id", Arc::new(Int64Array::from_iter_values(rows.iter().map(|row| row.impression.id))) as ArrayRef),
        ("user_id", Arc::new(rows.iter().map(|row| row.user_id).collect::<Int64Array>())),
        ("product_id", Arc::new(rows.iter().map(|row| row.product_id).collect::<Int64Array>())),
        ("scenario", texts(rows.iter().map(|row| Some(row.scenario.to_string())))),
        ("slot", Arc::new(Int32Array::from_iter_values(rows.iter().map(|row| i32::from(row.impression.slot))))),
        ("price", numbers(rows.iter().map(|row| row.impression.price))),
        ("clicked", truths(&|row| row.clicked)),
        ("dwell_seconds", Arc::new(rows.iter().map(|row| row.impression.dwell_seconds).collect::<Float64Array>())),
        ("carted", truths(&|row| Some(row.impression.carted))),
        ("purchased", truths(&|row| Some(row.impression.purchased))),
        ("amount", numbers(rows.iter().map(|row| row.impression.amount))),
        ("occurred_at", instants(&|row| row.occurred_at)),
        ("arrived_at", instants(&|row| Some(row.arrived_at))),
    ])
}

fn impression_schema() -> SchemaRef {
    let instant = || DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    let fields = [
        ("event_id", DataType::Int64),
        ("user_id", DataType::Int64),
        ("product_id", DataType::Int64),
        ("scenario", DataType::Utf8),
        ("slot", DataType::Int32),
        ("price", DataType::Float64),
        ("clicked", DataType::Boolean),
        ("dwell_seconds", DataType::Float64),
        ("carted", DataType::Boolean),
        ("purchased", DataType::Boolean),
        ("amount", DataType::Float64),
        ("occurred_at", instant()),
        ("arrived_at", instant()),
    ];
    Arc::new(Schema::new(fields.map(|(name, kind)| Field::new(name, kind, true)).to_vec()))
}

/// The file of a week's impressions.
pub(super) struct ImpressionWriter(TableWriter);

impl ImpressionWriter {
    pub(super) fn create(path: &Path) -> Result<Self, DemoError> {
        Ok(Self(TableWriter::create(path, impression_schema(), Kept::Published)?))
    }

    pub(super) fn write(&mut self, batch: &RecordBatch) -> Result<(), DemoError> {
        Ok(self.0.write(batch)?)
    }

    pub(super) fn finish(self) -> Result<u64, DemoError> {
        Ok(self.0.finish()?)
    }
}
