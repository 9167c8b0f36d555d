//! The fitted encoding: batches of a frame in, columns of numbers out.
//!
//! In: a record batch and its as-of day. Out: [`EncodedBatch`], which lends itself as a [`Block`]. A value never seen in
//! training becomes "unknown" and is counted; a scenario never seen becomes [`UNSEEN_SCENARIO`].

use std::collections::{BTreeMap, HashMap};

use arrow::array::{ArrayRef, AsArray as _, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type};
use serde::{Deserialize, Serialize};

use super::EncodeError;
use super::values::{hash_words, numbers, texts, vectors};
use crate::fingerprint::fnv1a;
use crate::learn::rows::{Block, Column, Field, MISSING, Shape, UNKNOWN, UNSEEN_SCENARIO};

/// A fitted encoding.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Encoder {
    shape: Shape,
    fields: Vec<FieldEncoder>,
    entity: String,
    scenario: String,
}

/// How one field is encoded, beside what its [`crate::learn::rows::FieldKind`] says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "type")]
pub(super) enum FieldEncoder {
    Numeric,
    Categorical {
        values: Vec<String>,
        #[serde(skip)]
        entries: HashMap<String, u32>,
    },
    Text {
        buckets: u32,
        words: usize,
    },
    Vector {
        width: u32,
    },
}

impl FieldEncoder {
    pub(super) fn categorical(values: Vec<String>) -> Self {
        let entries = values.iter().enumerate().map(|(at, value)| (value.clone(), at as u32 + 2)).collect();
        Self::Categorical { values, entries }
    }
}

/// Rows whose value was unknown to the encoder, by field; `scenario` stands for scenarios never seen.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Unknowns {
    /// Rows by field.
    pub rows: BTreeMap<String, u64>,
}

impl Unknowns {
    /// Adds another batch's counts.
    pub fn add(&mut self, other: &Self) {
        for (field, rows) in &other.rows {
            *self.rows.entry(field.clone()).or_default() += rows;
        }
    }
}

/// An encoded column that owns its values.
#[derive(Debug, Clone, PartialEq)]
pub enum EncodedColumn {
    /// Shape: `[rows]`, NaN = missing.
    Numeric(Vec<f32>),
    /// Shape: `[rows]`.
    Categorical(Vec<u32>),
    /// Buckets of row `i`: `buckets[offsets[i]..offsets[i + 1]]`.
    Text {
        /// Shape: `[rows + 1]`.
        offsets: Vec<i32>,
        /// All buckets.
        buckets: Vec<u32>,
    },
    /// Shape: `[rows × width]`.
    Vector(Vec<f32>),
}

/// Encoded rows that own their values.
#[derive(Debug, Clone, PartialEq)]
pub struct EncodedBatch {
    /// Day of the as-of date.
    pub as_of: i32,
    /// Hash of the entity. Shape: `[rows]`.
    pub entity: Vec<u64>,
    /// Scenario index. Shape: `[rows]`.
    pub scenario: Vec<u16>,
    /// One per field.
    pub columns: Vec<EncodedColumn>,
    /// One per task, empty when the frame has no labels.
    pub labels: Vec<Vec<f32>>,
    /// One per task, empty when the frame has no labels.
    pub weights: Vec<Option<Vec<f32>>>,
    unknowns: Unknowns,
}

impl EncodedBatch {
    /// The rows as learners see them.
    #[must_use]
    pub fn block(&self) -> Block<'_> {
        Block {
            as_of: self.as_of,
            entity: &self.entity,
            scenario: &self.scenario,
            columns: self.columns.iter().map(EncodedColumn::lend).collect(),
            labels: self.labels.iter().map(Vec::as_slice).collect(),
            weights: self.weights.iter().map(Option::as_deref).collect(),
        }
    }

    /// Rows whose value was unknown.
    #[must_use]
    pub fn unknowns(&self) -> &Unknowns {
        &self.unknowns
    }
}

impl EncodedColumn {
    fn lend(&self) -> Column<'_> {
        match self {
            Self::Numeric(values) => Column::Numeric(values),
            Self::Categorical(entries) => Column::Categorical(entries),
            Self::Text { offsets, buckets } => Column::Text { offsets, buckets },
            Self::Vector(values) => Column::Vector(values),
        }
    }
}

impl Encoder {
    pub(super) fn new(shape: Shape, fields: Vec<FieldEncoder>, entity: String, scenario: String) -> Self {
        Self { shape, fields, entity, scenario }
    }

    /// What the encoded columns mean.
    #[must_use]
    pub fn shape(&self) -> Shape {
        self.shape.clone()
    }

    /// The value of an entry of a categorical field; `None` for numbers, and for "unknown" and "missing".
    #[must_use]
    pub fn value(&self, field: usize, entry: u32) -> Option<&str> {
        match &self.fields[field] {
            FieldEncoder::Categorical { values, .. } => values.get(entry.checked_sub(2)? as usize).map(String::as_str),
            _ => None,
        }
    }

    /// For each field and entry of this encoder, the entry that the same value has in `before`: empty for fields that are not
    /// categorical in both, `None` for a value that `before` does not know.
    #[must_use]
    pub fn entries_of(&self, before: &Self) -> Vec<Vec<Option<u32>>> {
        let entries = |(field, encoder): (&Field, &FieldEncoder)| {
            let place = before.shape.fields.iter().position(|before| before.name == field.name);
            let (FieldEncoder::Categorical { values, .. }, Some(FieldEncoder::Categorical { entries, .. })) =
                (encoder, place.map(|place| &before.fields[place]))
            else {
                return Vec::new();
            };
            [Some(UNKNOWN), Some(MISSING)].into_iter().chain(values.iter().map(|value| entries.get(value).copied())).collect()
        };
        self.shape.fields.iter().zip(&self.fields).map(entries).collect()
    }

    /// Encodes rows of one as-of date.
    ///
    /// # Errors
    /// [`EncodeError`] naming the column.
    pub fn encode(&self, batch: &RecordBatch, as_of: i32) -> Result<EncodedBatch, EncodeError> {
        let mut unknowns = Unknowns::default();
        let column = |name: &str, role| batch.column_by_name(name).ok_or_else(|| EncodeError::Missing { column: name.to_owned(), role });
        let names: HashMap<&str, u16> = self.shape.scenarios.iter().enumerate().map(|(at, name)| (name.as_str(), at as u16)).collect();
        let served = texts(&self.scenario, column(&self.scenario, "the scenario")?)?;
        let scenario: Vec<u16> =
            served.iter().map(|name| name.and_then(|name| names.get(name)).copied().unwrap_or(UNSEEN_SCENARIO)).collect();
        count(&mut unknowns, "scenario", scenario.iter().filter(|scenario| **scenario == UNSEEN_SCENARIO).count());
        let entity =
            texts(&self.entity, column(&self.entity, "the entity")?)?.iter().map(|name| fnv1a(name.unwrap_or("").as_bytes())).collect();
        let mut columns = Vec::with_capacity(self.fields.len());
        for (field, encoder) in self.shape.fields.iter().zip(&self.fields) {
            let array = column(&field.name, "a feature")?;
            let encoded = encoder.encode(&field.name, array)?;
            if let EncodedColumn::Categorical(entries) = &encoded {
                count(&mut unknowns, &field.name, entries.iter().filter(|entry| **entry == UNKNOWN).count());
            }
            columns.push(encoded);
        }
        let labelled = self.shape.tasks.iter().all(|task| batch.column_by_name(&format!("y_{}", task.name)).is_some());
        let (mut labels, mut weights) = (Vec::new(), Vec::new());
        if labelled {
            for task in &self.shape.tasks {
                let name = format!("y_{}", task.name);
                labels.push(label(&name, column(&name, "a label")?)?);
                let name = format!("w_{}", task.name);
                let given = batch.column_by_name(&name).map(|array| label(&name, array)).transpose()?;
                // A row whose weight is not known teaches nothing.
                weights.push(given.map(|weights| weights.into_iter().map(|weight| if weight.is_nan() { 0.0 } else { weight }).collect()));
            }
        }
        Ok(EncodedBatch { as_of, entity, scenario, columns, labels, weights, unknowns })
    }

    /// The encoder as JSON: `model/encoder.json`.
    ///
    /// # Errors
    /// [`EncodeError::File`] when it cannot be written as JSON.
    pub fn to_json(&self) -> Result<Vec<u8>, EncodeError> {
        serde_json::to_vec(self).map_err(|error| EncodeError::File {
            what: "write",
            file: "encoder.json".into(),
            message: error.to_string(),
        })
    }

    /// Reads an encoder from JSON.
    ///
    /// # Errors
    /// [`EncodeError::File`] when the text is not an encoder.
    pub fn from_json(bytes: &[u8]) -> Result<Self, EncodeError> {
        let mut encoder: Self = serde_json::from_slice(bytes).map_err(|error| EncodeError::File {
            what: "read",
            file: "encoder.json".into(),
            message: error.to_string(),
        })?;
        for field in &mut encoder.fields {
            if let FieldEncoder::Categorical { values, .. } = field {
                *field = FieldEncoder::categorical(std::mem::take(values));
            }
        }
        Ok(encoder)
    }
}

impl FieldEncoder {
    fn encode(&self, name: &str, array: &ArrayRef) -> Result<EncodedColumn, EncodeError> {
        Ok(match self {
            Self::Numeric => EncodedColumn::Numeric(numbers(name, array)?),
            Self::Categorical { entries, .. } => {
                let values = texts(name, array)?;
                EncodedColumn::Categorical(
                    values.iter().map(|value| value.map_or(MISSING, |value| entries.get(value).copied().unwrap_or(UNKNOWN))).collect(),
                )
            }
            Self::Text { buckets, words } => {
                let mut offsets = vec![0];
                let mut hashed = Vec::new();
                for text in &texts(name, array)? {
                    hash_words(text.unwrap_or(""), *words, *buckets, &mut hashed);
                    offsets.push(hashed.len() as i32);
                }
                EncodedColumn::Text { offsets, buckets: hashed }
            }
            Self::Vector { width } => EncodedColumn::Vector(vectors(name, array, Some(*width))?.1),
        })
    }
}

fn count(unknowns: &mut Unknowns, field: &str, rows: usize) {
    if rows > 0 {
        *unknowns.rows.entry(field.to_owned()).or_default() += rows as u64;
    }
}

/// A label or weight; NULL is NaN.
///
/// # Errors
/// [`EncodeError`] naming the column.
fn label(name: &str, array: &ArrayRef) -> Result<Vec<f32>, EncodeError> {
    let wide = cast(array, &DataType::Float64).map_err(|error| EncodeError::Unreadable {
        column: name.to_owned(),
        role: "a label",
        message: error.to_string(),
    })?;
    let values: Vec<f32> = wide.as_primitive::<Float64Type>().iter().map(|value| value.map_or(f32::NAN, |value| value as f32)).collect();
    // A number that is finite as it was read may be beyond what learning counts in.
    if values.iter().any(|value| value.is_infinite()) { Err(EncodeError::Infinite(name.to_owned())) } else { Ok(values) }
}
