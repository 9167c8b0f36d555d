//! The columns of an argument: looked for by name, brought to the type that a decision computes with.
//!
//! In: schemas and batches. Out: arrays of numbers, texts, lists; dense numbers for values of any type. A column that is not there
//! or has another type is told while planning.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{Array as _, ArrayRef, AsArray as _, Float64Array, ListArray, RecordBatch, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, FieldRef, Float64Type, Schema, SchemaRef};
use arrow::row::{OwnedRow, RowConverter, SortField};
use datafusion::common::Result;
use datafusion::logical_expr::LogicalPlan;

use super::refused;
use crate::decide::DecideError;

/// What a column holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Holds {
    Number,
    Text,
    Texts,
    Numbers,
    Any,
}

impl Holds {
    fn fits(self, found: &DataType) -> bool {
        let list = |wanted: Holds| match found {
            DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) => wanted.fits(item.data_type()),
            _ => false,
        };
        *found == DataType::Null
            || match self {
                Self::Number => found.is_numeric(),
                Self::Text => {
                    matches!(found, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View)
                        || matches!(found, DataType::Dictionary(_, value) if self.fits(value))
                }
                Self::Texts => list(Self::Text),
                Self::Numbers => list(Self::Number),
                Self::Any => true,
            }
    }

    fn word(self) -> &'static str {
        match self {
            Self::Number => "a number",
            Self::Text => "a text",
            Self::Texts => "a list of texts",
            Self::Numbers => "a list of numbers",
            Self::Any => "anything",
        }
    }
}

/// One argument of a function: what it is called in messages, and the columns of its query.
pub(super) struct Table<'a> {
    pub(super) function: &'static str,
    pub(super) name: &'static str,
    pub(super) schema: &'a Schema,
}

impl Table<'_> {
    /// Refuses a query without a column of this name and type.
    pub(super) fn needs(&self, column: &str, holds: Holds) -> Result<()> {
        if self.may_have(column, holds)? {
            return Ok(());
        }
        let known: Vec<&str> = self.schema.fields().iter().map(|field| field.name().as_str()).collect();
        let hint = format!("the query of the {} yields: {}; name one by `… as {column}`", self.name, known.join(", "));
        Err(refused(self.function, format!("no column `{column}` in the {}", self.name), hint))
    }

    /// Whether there is a column of this name, which then has this type.
    pub(super) fn may_have(&self, column: &str, holds: Holds) -> Result<bool> {
        let Ok(field) = self.schema.field_with_name(column) else { return Ok(false) };
        if holds.fits(field.data_type()) {
            return Ok(true);
        }
        let hint = format!("cast it in the query of the {}", self.name);
        Err(refused(self.function, format!("`{column}` of the {} is {}, not {}", self.name, field.data_type(), holds.word()), hint))
    }
}

/// The schema of a query's rows, each column there at most once.
pub(super) fn schema_of(function: &'static str, name: &str, plan: &LogicalPlan) -> Result<SchemaRef> {
    let fields: Vec<FieldRef> = plan.schema().fields().iter().map(|field| Arc::new(field.as_ref().clone().with_nullable(true))).collect();
    for (at, field) in fields.iter().enumerate() {
        if fields[..at].iter().any(|other| other.name() == field.name()) {
            let hint = "give one of them another name, or leave it out";
            return Err(refused(function, format!("two columns `{}` in the {name}", field.name()), hint));
        }
    }
    Ok(Arc::new(Schema::new(fields)))
}

/// A column of the answer.
pub(super) fn field(name: &str, held: DataType) -> Field {
    Field::new(name, held, true)
}

fn column(batch: &RecordBatch, name: &str) -> Result<ArrayRef> {
    let found = batch.column_by_name(name).cloned();
    found.ok_or_else(|| datafusion::error::DataFusionError::Internal(format!("column `{name}` is gone")))
}

/// A column in the type in which the answer has it.
pub(super) fn carried(batch: &RecordBatch, field: &Field) -> Result<ArrayRef> {
    let own = column(batch, field.name())?;
    Ok(if own.data_type() == field.data_type() { own } else { cast(&own, field.data_type())? })
}

/// A column of numbers; all NULL where the batch has none of that name.
pub(super) fn numbers(batch: &RecordBatch, name: &str) -> Result<Float64Array> {
    let Some(own) = batch.column_by_name(name) else { return Ok(Float64Array::new_null(batch.num_rows())) };
    Ok(cast(own, &DataType::Float64)?.as_primitive::<Float64Type>().clone())
}

/// A column of texts.
pub(super) fn texts(batch: &RecordBatch, name: &str) -> Result<StringArray> {
    Ok(cast(&column(batch, name)?, &DataType::Utf8)?.as_string::<i32>().clone())
}

/// A column of lists, their items in one type; none where the batch has none of that name.
pub(super) fn lists(batch: &RecordBatch, name: &str, item: DataType) -> Result<Option<ListArray>> {
    let Some(own) = batch.column_by_name(name) else { return Ok(None) };
    let list = DataType::List(Arc::new(Field::new_list_field(item, true)));
    Ok(Some(cast(own, &list)?.as_list::<i32>().clone()))
}

/// The value of a row that must have one.
pub(super) fn given(function: &str, array: &Float64Array, what: &str, row: usize) -> Result<f64> {
    if array.is_valid(row) {
        return Ok(array.value(row));
    }
    let error = DecideError::NotANumber { what: what.to_owned(), row: row + 1, found: "NULL".into() };
    Err(super::told(function, &error))
}

/// Dense numbers for the values of columns of one type, in the order of the values: the same value has the same number in every column.
pub(super) struct Dense {
    /// Of each column, each row. NULL has none.
    pub(super) numbers: Vec<Vec<Option<u32>>>,
    /// Column and row of a value, by its number.
    pub(super) examples: Vec<(usize, usize)>,
}

/// Numbers values. Columns are cast to the type of the first.
pub(super) fn dense(columns: &[ArrayRef]) -> Result<Dense> {
    let held = columns[0].data_type().clone();
    let converter = RowConverter::new(vec![SortField::new(held.clone())])?;
    let mut known: HashMap<OwnedRow, u32> = HashMap::new();
    let mut examples = Vec::new();
    let mut numbers = Vec::with_capacity(columns.len());
    for (at, own) in columns.iter().enumerate() {
        let own = if *own.data_type() == held { Arc::clone(own) } else { cast(own, &held)? };
        let rows = converter.convert_columns(&[Arc::clone(&own)])?;
        let number = |row: usize| {
            own.is_valid(row).then(|| {
                *known.entry(rows.row(row).owned()).or_insert_with(|| {
                    examples.push((at, row));
                    examples.len() as u32 - 1
                })
            })
        };
        numbers.push((0..own.len()).map(number).collect::<Vec<_>>());
    }
    // In the order of the values, so that an answer does not depend on the order of rows.
    let mut order: Vec<(OwnedRow, u32)> = known.into_iter().collect();
    order.sort_by(|a, b| a.0.row().cmp(&b.0.row()));
    let mut place = vec![0; order.len()];
    for (new, (_, old)) in order.iter().enumerate() {
        place[*old as usize] = new as u32;
    }
    for number in numbers.iter_mut().flatten().flatten() {
        *number = place[*number as usize];
    }
    let examples = order.iter().map(|(_, old)| examples[*old as usize]).collect();
    Ok(Dense { numbers, examples })
}

/// A hash of each row's value that never changes: FNV-1a over its bytes, mixed once more.
pub(super) fn hashes(own: &ArrayRef) -> Result<Vec<u64>> {
    let converter = RowConverter::new(vec![SortField::new(own.data_type().clone())])?;
    let rows = converter.convert_columns(&[Arc::clone(own)])?;
    let hash = |bytes: &[u8]| {
        let hash = bytes.iter().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3));
        let hash = (hash ^ (hash >> 32)).wrapping_mul(0xd6e8_feb8_6659_fd93);
        hash ^ (hash >> 32)
    };
    Ok(rows.iter().map(|row| hash(row.as_ref())).collect())
}
