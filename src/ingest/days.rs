//! Days of a time column: in which local day each row lies, and what the rows of a day hash to.
//!
//! In: record batches of a clean table. Out: [`Days`], from which a snapshot's fingerprint is made: a night rebuilds only
//! the snapshots that would see other rows. Not here: which rows a snapshot sees (`features::view`).

use std::collections::{BTreeMap, HashMap};

use arrow::array::{Array, ArrayRef, AsArray as _, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Date32Type, TimeUnit, TimestampMicrosecondType};
use datafusion::common::hash_utils::{QualityRandomState, create_hashes};
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use crate::job::{TableTime, time};

/// Rows and the sum of their hashes: the sum does not depend on their order.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Content {
    pub(crate) rows: u64,
    pub(crate) hash: u64,
}

/// What a clean table holds, day by day.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Days {
    /// All rows.
    pub(crate) total: Content,
    /// By the first local day after which the row is visible: an as-of date later than this day sees it.
    pub(crate) visible: BTreeMap<i32, Content>,
    /// By the local day of the event.
    pub(crate) events: BTreeMap<i32, Content>,
    /// Rows without a time: never visible.
    pub(crate) timeless: u64,
}

impl Days {
    /// The rows visible at the start of `day`, as text for a fingerprint.
    pub(crate) fn before(&self, day: i32, timed: bool) -> String {
        let content = if timed { sum(self.visible.range(..day).map(|(_, content)| content)) } else { self.total };
        format!("{}:{:016x}", content.rows, content.hash)
    }

    /// The rows whose event lies in `[from, to)`, as text for a fingerprint.
    pub(crate) fn within(&self, from: i32, to: i32) -> String {
        let content = sum(self.events.range(from..to).map(|(_, content)| content));
        format!("{}:{:016x}", content.rows, content.hash)
    }
}

fn sum<'a>(contents: impl Iterator<Item = &'a Content>) -> Content {
    contents.fold(Content::default(), |sum, content| Content { rows: sum.rows + content.rows, hash: sum.hash.wrapping_add(content.hash) })
}

/// Adds batches of a clean table to its [`Days`].
pub(crate) struct DayCounter {
    zone: TimeZone,
    time: Option<TableTime>,
    state: QualityRandomState,
    quarters: HashMap<i64, i32>,
    hashes: Vec<u64>,
    pub(crate) days: Days,
}

impl DayCounter {
    pub(crate) fn new(zone: TimeZone, time: Option<TableTime>) -> Self {
        Self {
            zone,
            time,
            state: QualityRandomState::with_seed(0x706f_6c79),
            quarters: HashMap::new(),
            hashes: Vec::new(),
            days: Days::default(),
        }
    }

    /// Adds a batch.
    ///
    /// # Errors
    /// A sentence when a time column has no time type.
    pub(crate) fn add(&mut self, batch: &RecordBatch) -> Result<(), String> {
        let rows = batch.num_rows();
        self.hashes.clear();
        self.hashes.resize(rows, 0);
        create_hashes(batch.columns(), &self.state, &mut self.hashes).map_err(|error| error.strip_backtrace())?;
        let whole = self.hashes.iter().fold(0_u64, |sum, hash| sum.wrapping_add(*hash));
        self.days.total.rows += rows as u64;
        self.days.total.hash = self.days.total.hash.wrapping_add(whole);
        let Some(time) = self.time.clone() else { return Ok(()) };
        let events = self.local_days(batch, &time.time)?;
        let available = time.available.as_deref().map(|column| self.local_days(batch, column)).transpose()?;
        for row in 0..rows {
            let Some(event) = events[row] else {
                self.days.timeless += 1;
                continue;
            };
            add(&mut self.days.events, event, self.hashes[row]);
            let known = event - time.known_ahead.0;
            match &available {
                None => add(&mut self.days.visible, known, self.hashes[row]),
                Some(days) => match days[row] {
                    Some(day) => add(&mut self.days.visible, known.max(day), self.hashes[row]),
                    None => self.days.timeless += 1,
                },
            }
        }
        Ok(())
    }

    fn local_days(&mut self, batch: &RecordBatch, column: &str) -> Result<Vec<Option<i32>>, String> {
        let array = batch.column_by_name(column).ok_or_else(|| format!("it has no column `{column}`"))?;
        match array.data_type() {
            DataType::Date32 => Ok(array.as_primitive::<Date32Type>().iter().collect()),
            DataType::Timestamp(_, _) => {
                let micros = to_micros(array)?;
                Ok(micros.as_primitive::<TimestampMicrosecondType>().iter().map(|value| value.map(|value| self.local_day(value))).collect())
            }
            other => Err(format!("column `{column}` is {other}, not a timestamp or a date")),
        }
    }

    /// Zones change their offset on quarters of an hour only, so one lookup serves all events of a quarter.
    fn local_day(&mut self, micros: i64) -> i32 {
        let quarter = micros.div_euclid(900_000_000);
        let zone = &self.zone;
        *self.quarters.entry(quarter).or_insert_with(|| {
            // Beyond jiff's calendar (year 9999) a day in UTC is as good.
            jiff::Timestamp::from_microsecond(micros).map_or_else(
                |_| micros.div_euclid(86_400_000_000) as i32,
                |instant| time::epoch_day(instant.to_zoned_datetime(zone.clone()).date()),
            )
        })
    }
}

fn to_micros(array: &ArrayRef) -> Result<ArrayRef, String> {
    let zone = if let DataType::Timestamp(_, zone) = array.data_type() { zone.clone() } else { None };
    cast(array, &DataType::Timestamp(TimeUnit::Microsecond, zone)).map_err(|error| error.to_string())
}

fn add(days: &mut BTreeMap<i32, Content>, day: i32, hash: u64) {
    let content = days.entry(day).or_default();
    content.rows += 1;
    content.hash = content.hash.wrapping_add(hash);
}
