//! `segments` and `segment_profiles`: who is alike, and what sets each kind apart.
//!
//! In: a query of entities with numbers, perhaps the segments of the night before. Out: a segment for each entity; a row for each
//! segment and column.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{Array as _, ArrayRef, AsArray as _, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Int64Type, Schema, SchemaRef};
use datafusion::common::Result;
use ndarray::Array2;

use super::cells::{self, Holds, Table, field};
use super::decided::{Decided, Work};
use super::{Arguments, SEED, TableFunction, refused, told};
use crate::decide::DecideError;
use crate::decide::segments::{Range, Rows, Segments, segments};

pub(super) const SEGMENTS: TableFunction = TableFunction {
    name: "segments",
    syntax: "segments((query), 'entity', least, most [, (previous)])",
    about: "the entities of the query in segments by k-means over its numbers (standardised; NULL counts as the mean, a constant \
    column, text and dates not at all): \
            the entity, segment, distance to the segment's centre in standard deviations, previous_segment. How many segments there \
            are, from least to most, is the number with the greatest mean \
            silhouette over a sample of 20000 entities. Segments are numbered by falling size; with `previous` (the entity and \
            `segment`) each keeps the \
            number of the one that it shares most entities with, and the number of segments \
            stays unless another silhouette is greater by 0.02",
    example: "select segment, count(*) as households, avg(distance) from segments(( \
              select household_id, count(*) as products, sum(purchases_26w) as purchases, min(days_since_purchase) as days_since \
              from snapshots.frame where split = 'tonight' group by household_id \
              ), 'household_id', 2, 5) group by segment order by segment",
    arguments: (4, 5),
    make: |arguments| made(arguments, Answer::Entities),
};

pub(super) const SEGMENT_PROFILES: TableFunction = TableFunction {
    name: "segment_profiles",
    syntax: "segment_profiles((query), 'entity', least, most [, (previous)])",
    about: "what sets the segments of segments(…) apart, a row for each segment and column: segment, size, feature, mean within the \
    segment, overall_mean, \
            z = (mean - overall_mean) / overall standard deviation, rank by the size of z within the segment, \
            and the mean silhouette of the number of segments (NULL where least = most)",
    example: "select segment, size, feature, mean, overall_mean, z from segment_profiles(( \
              select household_id, count(*) as products, sum(purchases_26w) as purchases, min(days_since_purchase) as days_since \
              from snapshots.frame where split = 'tonight' group by household_id \
              ), 'household_id', 2, 5) where rank <= 2 order by segment, rank",
    arguments: (4, 5),
    make: |arguments| made(arguments, Answer::Profiles),
};

/// Which of the two tables is asked for.
#[derive(Clone, Copy)]
enum Answer {
    Entities,
    Profiles,
}

fn made(arguments: &Arguments<'_>, answer: Answer) -> Result<Decided> {
    let function = arguments.name;
    let mut inputs = vec![arguments.query(0)?];
    let entity = arguments.column(1)?;
    let (least, most) = (arguments.whole(2, "the least number of segments")?, arguments.whole(3, "the most segments")?);
    let range = Range { least: usize::try_from(least).unwrap_or(0), most: usize::try_from(most).unwrap_or(0) };
    let rows = cells::schema_of(function, "entities", &inputs[0])?;
    Table { function, name: "entities", schema: &rows }.needs(&entity, Holds::Any)?;
    if arguments.has(4) {
        inputs.push(arguments.query(4)?);
        let before = cells::schema_of(function, "previous segments", &inputs[1])?;
        let before = Table { function, name: "previous segments", schema: &before };
        before.needs(&entity, Holds::Any)?;
        before.needs("segment", Holds::Number)?;
    }
    let is_number = |field: &Field| *field.name() != entity && (field.data_type().is_numeric() || *field.data_type() == DataType::Boolean);
    let columns: Vec<String> = rows.fields().iter().filter(|field| is_number(field)).map(|field| field.name().clone()).collect();
    let held = rows.field_with_name(&entity).map_or(DataType::Null, |field| field.data_type().clone());
    let (whole, number) = (|name: &str| field(name, DataType::Int64), |name: &str| field(name, DataType::Float64));
    let schema = Arc::new(Schema::new(match answer {
        Answer::Entities => vec![field(&entity, held), whole("segment"), number("distance"), whole("previous_segment")],
        Answer::Profiles => vec![
            whole("segment"),
            whole("size"),
            field("feature", DataType::Utf8),
            number("mean"),
            number("overall_mean"),
            number("z"),
            whole("rank"),
            number("silhouette"),
        ],
    }));
    let own = Arc::clone(&schema);
    let work = Work::Whole(Arc::new(move |tables: &[RecordBatch]| {
        let rows = rows_of(function, &entity, &columns, tables)?;
        // Nobody is in no segment: an empty table is what it is on a first night, and while a job is checked.
        let found = if rows.keys.is_empty() { None } else { Some(segments(&rows, range, SEED).map_err(|error| told(function, &error))?) };
        match answer {
            Answer::Entities => entities(&tables[0], &rows, found, &own),
            Answer::Profiles => profiles(&rows, found, &own),
        }
    }));
    Ok(Decided { name: function, inputs, schema, work })
}

fn rows_of(function: &'static str, entity: &str, columns: &[String], tables: &[RecordBatch]) -> Result<Rows> {
    let count = tables[0].num_rows();
    let own = |table: &RecordBatch| table.column_by_name(entity).cloned().ok_or_else(|| refused(function, "the entity is gone", ""));
    let mut keys = vec![own(&tables[0])?];
    if let Some(before) = tables.get(1) {
        keys.push(cast(&own(before)?, keys[0].data_type())?);
    }
    let dense = cells::dense(&keys)?;
    let mut row_of: HashMap<u32, usize> = HashMap::with_capacity(count);
    for (row, number) in dense.numbers[0].iter().enumerate() {
        let Some(number) = number else {
            return Err(refused(function, format!("`{entity}` of row {} is NULL", row + 1), "leave such rows out"));
        };
        if row_of.insert(*number, row).is_some() {
            let name = arrow::util::display::array_value_to_string(&keys[0], row)?;
            return Err(told(function, &DecideError::Twice { what: "entity", name }));
        }
    }
    let mut before = Vec::new();
    if let Some(table) = tables.get(1) {
        before = vec![None; count];
        let segment = cast(table.column_by_name("segment").unwrap_or(&keys[1]), &DataType::Int64)?;
        let segment = segment.as_primitive::<Int64Type>();
        for (row, number) in dense.numbers[1].iter().enumerate() {
            if let Some(at) = number.and_then(|number| row_of.get(&number)) {
                before[*at] = segment.is_valid(row).then(|| segment.value(row));
            }
        }
    }
    let mut values = Array2::from_elem((count, columns.len()), f64::NAN);
    for (at, name) in columns.iter().enumerate() {
        let own = cells::numbers(&tables[0], name)?;
        for (row, value) in own.iter().enumerate().filter_map(|(row, value)| Some((row, value?))) {
            values[(row, at)] = value;
        }
    }
    Ok(Rows { columns: columns.to_vec(), values, keys: cells::hashes(&keys[0])?, before })
}

fn entities(table: &RecordBatch, rows: &Rows, found: Option<Segments>, schema: &SchemaRef) -> Result<RecordBatch> {
    let (segment, distance) = found.map_or_else(Default::default, |found| (found.segment, found.distance));
    let before: Int64Array = (0..rows.keys.len()).map(|row| rows.before.get(row).copied().flatten()).collect();
    let columns: Vec<ArrayRef> = vec![
        cells::carried(table, schema.field(0))?,
        Arc::new(Int64Array::from(segment)),
        Arc::new(Float64Array::from(distance)),
        Arc::new(before),
    ];
    Ok(RecordBatch::try_new(Arc::clone(schema), columns)?)
}

fn profiles(rows: &Rows, found: Option<Segments>, schema: &SchemaRef) -> Result<RecordBatch> {
    let (told, silhouettes) = found.map_or_else(Default::default, |found| (found.profiles, found.silhouettes));
    let silhouette = silhouettes.iter().find(|(number, _)| *number == told.len()).map(|(_, value)| *value);
    let all: Vec<_> =
        told.iter().flat_map(|profile| profile.features.iter().enumerate().map(move |(rank, own)| (profile, rank, own))).collect();
    let columns: Vec<ArrayRef> = vec![
        Arc::new(Int64Array::from_iter_values(all.iter().map(|(profile, ..)| profile.segment))),
        Arc::new(Int64Array::from_iter_values(all.iter().map(|(profile, ..)| profile.size as i64))),
        Arc::new(StringArray::from_iter_values(all.iter().map(|(_, _, own)| rows.columns[own.column].as_str()))),
        Arc::new(all.iter().map(|(_, _, own)| Some(own.mean).filter(|mean| !mean.is_nan())).collect::<Float64Array>()),
        Arc::new(Float64Array::from_iter_values(all.iter().map(|(_, _, own)| own.overall_mean))),
        Arc::new(Float64Array::from_iter_values(all.iter().map(|(_, _, own)| own.z))),
        Arc::new(Int64Array::from_iter_values(all.iter().map(|(_, rank, _)| *rank as i64 + 1))),
        Arc::new(all.iter().map(|_| silhouette).collect::<Float64Array>()),
    ];
    Ok(RecordBatch::try_new(Arc::clone(schema), columns)?)
}
