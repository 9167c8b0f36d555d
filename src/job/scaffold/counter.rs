//! Counting the values of one column over a sample.
//!
//! In: batches of a column. Out: a [`Column`]. Memory holds a hash for each distinct value, and the times.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::hash::{DefaultHasher, Hasher as _};

use arrow::array::{Array, ArrayRef, AsArray as _};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type, Int64Type, UInt64Type};

use super::facts::{Column, FEW, Family};
use super::time::{self, AsTime, DAY, Reading};
use super::words::{self, words};
use crate::job::PartitionType;

/// The family of a type, before its values are seen.
pub(super) fn family(data_type: &DataType) -> Family {
    match data_type {
        DataType::Dictionary(_, values) => family(values),
        DataType::Boolean => Family::Bool,
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => Family::Text,
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView | DataType::FixedSizeBinary(_) => Family::Binary,
        DataType::Date32 | DataType::Date64 | DataType::Timestamp(_, _) => Family::Time,
        DataType::FixedSizeList(item, _) | DataType::List(item) | DataType::LargeList(item) if item.data_type().is_floating() => {
            Family::Vector
        }
        other if other.is_integer() => Family::Integer,
        other if other.is_numeric() => Family::Float,
        _ => Family::Other,
    }
}

/// What all values of a column have been so far.
struct All {
    /// Whole numbers, or texts of them.
    whole: bool,
    /// Texts such as `2026-01-31`.
    days: bool,
    /// Numbers such as 20260131.
    digits: bool,
}

/// Counts the values of one column.
pub(super) struct Counter {
    family: Family,
    by_type: Option<Reading>,
    /// Whether whole numbers, or texts, are kept to see if they are times.
    maybe_time: bool,
    present: u64,
    missing: u64,
    nan: bool,
    not_text: bool,
    distinct: HashSet<u64>,
    few: BTreeMap<String, u64>,
    least: f64,
    most: f64,
    characters: u64,
    text_words: u64,
    all: All,
    /// Microseconds of times and written times, or whole numbers that may be times.
    times: Vec<i64>,
    widths: BTreeSet<usize>,
}

impl Counter {
    /// Nothing counted yet.
    pub(super) fn new(name: &str, data_type: &DataType) -> Self {
        let family = family(data_type);
        let words = words(name);
        let maybe_time = match family {
            Family::Text => true,
            Family::Integer | Family::Float => words::sounds_like_time(&words) && !words::ends_as_id(&words),
            _ => false,
        };
        Self {
            family,
            by_type: Reading::of_type(data_type),
            maybe_time,
            present: 0,
            missing: 0,
            nan: false,
            not_text: false,
            distinct: HashSet::new(),
            few: BTreeMap::new(),
            least: f64::INFINITY,
            most: f64::NEG_INFINITY,
            characters: 0,
            text_words: 0,
            all: All { whole: true, days: true, digits: true },
            times: Vec::new(),
            widths: BTreeSet::new(),
        }
    }

    /// Counts a batch.
    pub(super) fn add(&mut self, array: &ArrayRef) {
        match self.family {
            Family::Integer | Family::Bool => self.add_integers(array),
            Family::Float => self.add_floats(array),
            Family::Text => self.add_texts(array),
            Family::Binary | Family::BinaryText => self.add_bytes(array),
            Family::Time => self.add_times(array),
            Family::Vector => self.add_vectors(array),
            Family::Other => {}
        }
    }

    /// One value: its hash, and its text while there are few.
    fn value(&mut self, value: impl std::hash::Hash, text: impl FnOnce() -> String) {
        let mut hasher = DefaultHasher::new();
        value.hash(&mut hasher);
        self.present += 1;
        self.distinct.insert(hasher.finish());
        if self.distinct.len() <= FEW {
            *self.few.entry(text()).or_default() += 1;
        }
    }

    fn number(&mut self, number: f64) {
        self.least = self.least.min(number);
        self.most = self.most.max(number);
        self.all.whole &= number.fract() == 0.0;
        if self.maybe_time {
            self.all.digits &= time::digits(number as i64).is_some();
            self.times.push(number as i64);
        }
    }

    fn add_integers(&mut self, array: &ArrayRef) {
        let is_bool = self.family == Family::Bool;
        if let Some(big) = array.as_primitive_opt::<UInt64Type>() {
            self.missing += big.null_count() as u64;
            for value in big.iter().flatten() {
                self.value(value, || value.to_string());
                self.number(value as f64);
            }
            return;
        }
        let Ok(whole) = cast(array, &DataType::Int64) else { return };
        self.missing += whole.null_count() as u64;
        for value in whole.as_primitive::<Int64Type>().iter().flatten() {
            self.value(value, || if is_bool { (value == 1).to_string() } else { value.to_string() });
            self.number(value as f64);
        }
    }

    fn add_floats(&mut self, array: &ArrayRef) {
        let Ok(wide) = cast(array, &DataType::Float64) else { return };
        for value in wide.as_primitive::<Float64Type>() {
            match value {
                Some(value) if !value.is_nan() => {
                    self.value(value.to_bits(), || value.to_string());
                    self.number(value);
                }
                found => {
                    self.nan |= found.is_some();
                    self.missing += 1;
                }
            }
        }
    }

    fn add_texts(&mut self, array: &ArrayRef) {
        let Ok(texts) = cast(array, &DataType::Utf8) else { return };
        let texts = texts.as_string::<i32>();
        self.missing += texts.null_count() as u64;
        for text in texts.iter().flatten() {
            self.text(text);
        }
        if self.maybe_time && texts.iter().flatten().all(time::looks_written) {
            let plain: ArrayRef = std::sync::Arc::new(texts.clone());
            let micros = Reading::TextInstant.micros(&plain);
            let readable = micros.iter().flatten().count() == texts.len() - texts.null_count();
            self.maybe_time = readable;
            self.all.days &= texts.iter().flatten().all(|text| text.len() == 10);
            self.times.extend(micros.into_iter().flatten());
        } else {
            self.maybe_time = false;
        }
    }

    fn text(&mut self, text: &str) {
        self.value(text, || text.to_owned());
        self.all.whole &= text.parse::<i64>().is_ok();
        self.characters += text.chars().count() as u64;
        self.text_words += text.split_whitespace().count() as u64;
    }

    fn add_bytes(&mut self, array: &ArrayRef) {
        let plain = match array.data_type() {
            DataType::Dictionary(_, values) => cast(array, values).and_then(|plain| cast(&plain, &DataType::Binary)),
            _ => cast(array, &DataType::Binary),
        };
        let Ok(plain) = plain else {
            self.not_text = true;
            return;
        };
        self.missing += plain.null_count() as u64;
        for bytes in plain.as_binary::<i32>().iter().flatten() {
            match std::str::from_utf8(bytes) {
                Ok(text) if !text.chars().any(char::is_control) => self.text(text),
                _ => {
                    self.not_text = true;
                    self.value(bytes, || "bytes".into());
                }
            }
        }
    }

    fn add_times(&mut self, array: &ArrayRef) {
        let Some(reading) = self.by_type else { return };
        for micros in reading.micros(array) {
            match micros {
                None => self.missing += 1,
                Some(micros) => {
                    self.value(micros, || time::date(micros.div_euclid(DAY) as i32));
                    self.times.push(micros);
                }
            }
        }
    }

    fn add_vectors(&mut self, array: &ArrayRef) {
        self.missing += array.null_count() as u64;
        self.present += (array.len() - array.null_count()) as u64;
        let present = |at: &usize| array.is_valid(*at);
        match array.data_type() {
            DataType::FixedSizeList(_, width) => {
                self.widths.insert(usize::try_from(*width).unwrap_or(0));
            }
            DataType::List(_) => {
                self.widths.extend((0..array.len()).filter(present).map(|at| array.as_list::<i32>().value_length(at) as usize));
            }
            _ => self.widths.extend((0..array.len()).filter(present).map(|at| array.as_list::<i64>().value_length(at) as usize)),
        }
    }

    /// How the values can be read as time.
    pub(super) fn reading(&self) -> Option<Reading> {
        if self.by_type.is_some() || self.times.is_empty() || !self.maybe_time {
            return self.by_type.filter(|_| !self.times.is_empty());
        }
        match self.family {
            Family::Text => Some(if self.all.days { Reading::TextDay } else { Reading::TextInstant }),
            _ if self.all.whole => Reading::of_numbers(self.least, self.most, self.all.digits),
            _ => None,
        }
    }

    /// What is known of the column; `known` are the days that footers tell.
    pub(super) fn finish(
        self,
        raw: String,
        name: String,
        data_type: DataType,
        partition: Option<PartitionType>,
        known: Option<(i32, i32)>,
    ) -> Column {
        let reading = self.reading();
        let as_time = reading.and_then(|reading| {
            let day = |value: &i64| match reading {
                Reading::Digits => time::digits(*value),
                Reading::Seconds => value.checked_mul(1_000_000).map(|micros| micros.div_euclid(DAY) as i32),
                Reading::Millis => value.checked_mul(1_000).map(|micros| micros.div_euclid(DAY) as i32),
                Reading::Nanos => Some(value.div_euclid(1_000).div_euclid(DAY) as i32),
                _ => Some(value.div_euclid(DAY) as i32),
            };
            let (first, newest, strays) = time::span(self.times.iter().filter_map(day).collect(), known)?;
            Some(AsTime { reading, first, newest, strays })
        });
        let family = match self.family {
            Family::Binary if !self.not_text && self.present > 0 => Family::BinaryText,
            Family::Vector if self.widths.len() != 1 || self.widths.contains(&0) => Family::Other,
            family => family,
        };
        let mean = |sum: u64| if self.present > 0 { sum as f64 / self.present as f64 } else { 0.0 };
        Column {
            words: words(&raw),
            few: (self.distinct.len() <= FEW && self.present > 0 && family != Family::Vector).then_some(self.few),
            characters: mean(self.characters),
            text_words: mean(self.text_words),
            distinct: self.distinct.len() as u64,
            raw,
            name,
            data_type,
            family,
            partition,
            present: self.present,
            missing: self.missing,
            nan: self.nan,
            least: self.least,
            most: self.most,
            whole: self.all.whole,
            as_time,
        }
    }
}
