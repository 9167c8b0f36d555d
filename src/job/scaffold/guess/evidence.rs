//! What only rows can tell: whether pairs come back, whether one label implies another, how late rows arrive, what a
//! column describes.
//!
//! In: a sample of some columns of the events. Out: [`Evidence`]. Memory is bounded by the sample.

use std::collections::{HashMap, HashSet};
use std::hash::{DefaultHasher, Hasher as _};

use arrow::array::{Array, ArrayRef, AsArray as _};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type};

use super::labels::Labels;
use super::nights::Nights;
use super::tables::Chosen;
use crate::job::scaffold::error::ScaffoldError;
use crate::job::scaffold::facts::Table;
use crate::job::scaffold::names::count;
use crate::job::scaffold::time::{DAY, date};

/// Rows of each outcome that a first night wants to see.
const WANTED: u64 = 20;
/// Rows of each outcome without which there is nothing to learn.
const LEAST: u64 = 10;
/// Share of events of a pair that is known already, from which pairs are said to come back.
const COMES_BACK: f64 = 0.05;
/// Share of rows whose arrival must not lie before their event.
const IN_ORDER: f64 = 0.99;
/// Days that rows may come late, at most, before arrival means something else.
const LATEST: i32 = 28;

/// What a second sample of the events showed.
pub(super) struct Evidence {
    whole: bool,
    read: u64,
    rows: u64,
    /// Hash of the entity, hash of the pair, day.
    seen: Vec<(u64, u64, i32)>,
    /// Rows of a pair that was seen on an earlier day.
    returns: u64,
    /// Rows in which a label (first) is 1 and another (second) is not.
    without: Vec<Vec<u64>>,
    /// Rows with an amount in which a label is not 1.
    unpaid: Vec<u64>,
    paid: u64,
    /// Days from event to arrival.
    lags: Vec<i32>,
    arrived_before: u64,
    never_arrived: u64,
    /// For each attribute: distinct items, items with values, entities, entities with values.
    pairs: Vec<[HashSet<u64>; 4]>,
}

impl Evidence {
    /// Reads a sample.
    ///
    /// # Errors
    /// [`ScaffoldError`] naming the file.
    pub(super) fn read(
        table: &Table,
        chosen: &Chosen,
        labels: &Labels,
        arrival: Option<usize>,
        attributes: &[usize],
    ) -> Result<Self, ScaffoldError> {
        let binaries = labels.binaries();
        let fixed = [chosen.entity, chosen.item.unwrap_or(chosen.entity), chosen.time];
        let columns: Vec<usize> = fixed
            .into_iter()
            .chain([arrival.unwrap_or(chosen.time), labels.amount().unwrap_or(chosen.time)])
            .chain(binaries.iter().copied())
            .chain(attributes.iter().copied())
            .collect();
        // A column is read once, however often it is looked at.
        let mut distinct = columns.clone();
        distinct.sort_unstable();
        distinct.dedup();
        let place: Vec<usize> = columns.iter().map(|column| distinct.partition_point(|known| known < column)).collect();
        let reading = |column: usize| table.columns[column].as_time.map(|time| time.reading);
        let mut evidence = Self {
            whole: false,
            read: 0,
            rows: table.rows(),
            seen: Vec::new(),
            returns: 0,
            without: vec![vec![0; binaries.len()]; binaries.len()],
            unpaid: vec![0; binaries.len()],
            paid: 0,
            lags: Vec::new(),
            arrived_before: 0,
            never_arrived: 0,
            pairs: attributes.iter().map(|_| Default::default()).collect(),
        };
        let mut first_days: HashMap<u64, i32> = HashMap::new();
        evidence.read = table.footers.sample(&distinct, &mut |arrays| {
            let array = |at: usize| &arrays[place[at]];
            let days = |at: usize, column: usize| match reading(column) {
                Some(reading) => reading.micros(array(at)),
                None => vec![None; array(at).len()],
            };
            let batch = Batch {
                entity: hashes(array(0)),
                item: hashes(array(1)),
                time: days(2, chosen.time),
                arrival: arrival.map(|column| days(3, column)),
                amount: labels.amount().map(|_| numbers(array(4))),
                labels: (0..binaries.len()).map(|label| numbers(array(5 + label))).collect(),
                attributes: (0..attributes.len()).map(|at| hashes(array(5 + binaries.len() + at))).collect(),
            };
            evidence.add(&batch, &mut first_days);
        })?;
        evidence.whole = evidence.read == evidence.rows;
        Ok(evidence)
    }

    fn add(&mut self, batch: &Batch, first_days: &mut HashMap<u64, i32>) {
        for row in 0..batch.time.len() {
            let (Some(entity), Some(item), Some(micros)) = (batch.entity[row], batch.item[row], batch.time[row]) else { continue };
            let (pair, day) = (mix(entity, item), micros.div_euclid(DAY) as i32);
            self.seen.push((entity, pair, day));
            let first = first_days.entry(pair).or_insert(day);
            self.returns += u64::from(*first != day);
            *first = day.min(*first);
            if let Some(arrival) = &batch.arrival {
                match arrival[row] {
                    None => self.never_arrived += 1,
                    Some(arrived) => {
                        // A date of arrival is as good as its day's end.
                        let lag = (arrived.div_euclid(DAY) as i32).saturating_sub(day);
                        self.arrived_before += u64::from(lag < 0);
                        self.lags.push(lag);
                    }
                }
            }
            let happened = |label: &Vec<Option<f64>>| label[row] == Some(1.0);
            for (child, _) in batch.labels.iter().enumerate().filter(|(_, label)| happened(label)) {
                for (parent, other) in batch.labels.iter().enumerate() {
                    self.without[child][parent] += u64::from(!happened(other));
                }
            }
            if batch.amount.as_ref().is_some_and(|amount| amount[row].is_some_and(|amount| amount > 0.0)) {
                self.paid += 1;
                for (unpaid, label) in self.unpaid.iter_mut().zip(&batch.labels) {
                    *unpaid += u64::from(!happened(label));
                }
            }
            for (sets, values) in self.pairs.iter_mut().zip(&batch.attributes) {
                let Some(value) = values[row] else { continue };
                sets[0].insert(item);
                sets[1].insert(mix(item, value));
                sets[2].insert(entity);
                sets[3].insert(mix(entity, value));
            }
        }
    }

    /// Whether one label never happened without another.
    pub(super) fn implies(&self, child: usize, parent: usize) -> bool {
        self.without[child][parent] == 0
    }

    /// Whether an amount was never seen without a label.
    pub(super) fn amount_implies(&self, label: usize) -> bool {
        self.paid > 0 && self.unpaid[label] == 0
    }

    /// Why a column is the arrival; `None` when it is not.
    pub(super) fn arrival_why(&self, table: &Table, time: usize, arrival: usize) -> Option<String> {
        let rows = self.lags.len() as u64 + self.never_arrived;
        let in_order = self.lags.len() as u64 - self.arrived_before;
        if rows == 0 || (in_order as f64) < IN_ORDER * rows as f64 || self.settle_days() > LATEST {
            return None;
        }
        let within = match self.settle_days() {
            0 => "on the same day".to_owned(),
            1 => "within a day".to_owned(),
            days => format!("within {days} days"),
        };
        Some(format!(
            "{}: not before {} in {:.1} % of the rows, and {within} in 99 %",
            table.columns[arrival].name,
            table.columns[time].name,
            in_order as f64 * 100.0 / rows as f64,
        ))
    }

    /// Days within which 99 % of the rows have arrived.
    pub(super) fn settle_days(&self) -> i32 {
        let mut lags = self.lags.clone();
        lags.sort_unstable();
        let at = (lags.len().saturating_sub(1) as f64 * 0.99) as usize;
        lags.get(at).copied().unwrap_or(0).max(0)
    }

    /// Chooses between pairs and entities alone, and the horizon; tells what was measured.
    pub(super) fn choose(&self, plans: &[Nights], labelled: bool, has_item: bool) -> Option<(bool, Nights, Option<String>)> {
        let first = plans.first()?.clone();
        if labelled {
            return Some((has_item, first, None));
        }
        if !self.whole {
            // A sample of some rows misses most of a pair's other events: as many as it misses rows.
            let share = self.read as f64 / self.rows.max(1) as f64;
            let returns = self.returns as f64 / self.seen.len().max(1) as f64 / share;
            return Some((has_item && returns >= COMES_BACK, first, None));
        }
        for with_item in [true, false] {
            if with_item && !has_item {
                continue;
            }
            let rates: Vec<(u64, u64)> = plans.iter().map(|plan| self.rate(with_item, plan)).collect();
            let either = |rate: &(u64, u64)| rate.1.min(rate.0 - rate.1);
            let good = rates.iter().position(|rate| either(rate) >= WANTED);
            let best = good.or_else(|| (0..plans.len()).max_by_key(|at| (either(&rates[*at]), std::cmp::Reverse(*at))))?;
            if with_item && either(&rates[best]) < LEAST {
                continue;
            }
            let (plan, (known, back)) = (&plans[best], rates[best]);
            let measured = format!(
                "of {} {} known on {}, {} came back within {} days",
                count(known),
                if with_item { "pairs" } else { "of them" },
                date(plan.newest + 1 - plan.horizon),
                count(back),
                plan.horizon
            );
            return Some((with_item, plan.clone(), Some(measured)));
        }
        None
    }

    /// Keys known at the newest night whose outcome is complete, and those of them that came back.
    fn rate(&self, with_item: bool, plan: &Nights) -> (u64, u64) {
        let night = plan.newest + 1 - plan.horizon;
        let (mut known, mut next) = (HashSet::new(), HashSet::new());
        for (entity, pair, day) in &self.seen {
            let key = if with_item { *pair } else { *entity };
            if *day >= night && *day < night + plan.horizon {
                next.insert(key);
            } else if *day < night && *day >= night - plan.history {
                known.insert(key);
            }
        }
        (known.len() as u64, known.intersection(&next).count() as u64)
    }

    /// Attributes of the item, of the entity, and of neither.
    pub(super) fn sort_attributes(&self, attributes: &[usize], with_item: bool) -> (Vec<usize>, Vec<usize>, Vec<usize>) {
        let mut sorted = (Vec::new(), Vec::new(), Vec::new());
        for (column, [items, item_values, entities, entity_values]) in attributes.iter().zip(&self.pairs) {
            // One value for each, but for a few that changed.
            let fixed = |of: &HashSet<u64>, values: &HashSet<u64>| values.len() as f64 <= 1.1 * of.len() as f64;
            if with_item && fixed(items, item_values) {
                sorted.0.push(*column);
            } else if fixed(entities, entity_values) {
                sorted.1.push(*column);
            } else {
                sorted.2.push(*column);
            }
        }
        sorted
    }
}

/// The columns of some rows, ready to be counted.
struct Batch {
    entity: Vec<Option<u64>>,
    item: Vec<Option<u64>>,
    time: Vec<Option<i64>>,
    arrival: Option<Vec<Option<i64>>>,
    amount: Option<Vec<Option<f64>>>,
    labels: Vec<Vec<Option<f64>>>,
    attributes: Vec<Vec<Option<u64>>>,
}

fn hash(value: impl std::hash::Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    value.hash(&mut hasher);
    hasher.finish()
}

fn mix(a: u64, b: u64) -> u64 {
    hash((a, b))
}

/// A hash for each value; equal values have equal hashes.
fn hashes(array: &ArrayRef) -> Vec<Option<u64>> {
    let plain = match array.data_type() {
        DataType::Dictionary(_, values) => cast(array, values).unwrap_or_else(|_| ArrayRef::clone(array)),
        _ => ArrayRef::clone(array),
    };
    if matches!(plain.data_type(), DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_)) {
        let bytes = cast(&plain, &DataType::Binary);
        return bytes
            .map_or_else(|_| vec![None; plain.len()], |bytes| bytes.as_binary::<i32>().iter().map(|value| value.map(hash)).collect());
    }
    let texts = cast(&plain, &DataType::Utf8);
    texts.map_or_else(|_| vec![None; plain.len()], |texts| texts.as_string::<i32>().iter().map(|value| value.map(hash)).collect())
}

fn numbers(array: &ArrayRef) -> Vec<Option<f64>> {
    let numbers = cast(array, &DataType::Float64);
    numbers.map_or_else(|_| vec![None; array.len()], |numbers| numbers.as_primitive::<Float64Type>().iter().collect())
}
