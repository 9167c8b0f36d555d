//! `diversify`: of each list the rows to show, no two too much alike.
//!
//! In: a query of candidates by list. Out: its picked rows with their place. Lists stream: what is held is one list at a time.

use std::sync::Arc;

use arrow::array::AsArray as _;
use arrow::array::{Array as _, ArrayRef, Float64Array, Int64Array, RecordBatch, UInt64Array};
use arrow::compute::{concat_batches, partition, take_record_batch};
use arrow::datatypes::{DataType, Field, Float64Type, Schema, SchemaRef};
use datafusion::common::Column;
use datafusion::common::Result;
use datafusion::execution::SendableRecordBatchStream;
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use futures::TryStreamExt as _;

use super::cells::{self, Holds, Table, field};
use super::decided::{Decided, Work, cut};
use super::{Arguments, TableFunction, refused, told};
use crate::decide::diversify::{CONSIDERED, List, Settings, diversify};

pub(super) const DIVERSIFY: TableFunction = TableFunction {
    name: "diversify",
    syntax: "diversify((query), k, lambda [, considered])",
    about: "of each list the k rows to show, by greedy maximal marginal relevance: each is picked for lambda * value / greatest \
    value of the list - (1 - lambda) * its greatest likeness to a row picked before. \
            The query has `list` (whose list: of any type), `value`, and perhaps `category` (likeness 1 where it is the same) and \
            `embedding` (list of numbers: the cosine, at least 0); with both the mean of both. Other \
            columns are carried; `place` (from 1) and `marginal` are added. Of a list the `considered` most valued rows are looked \
            at (1000). A query that is ordered by `list` first is read as it is, and \
            among equals its earlier row is picked; else it is sorted",
    example: "select list, product_id, place, marginal from diversify(( \
              select household_id as list, product_id, purchase as value, product_category as category \
              from current.scores inner join products using (product_id) order by list, product_id \
              ), 3, 0.7) order by list, place",
    arguments: (3, 4),
    make: made,
};

fn made(arguments: &Arguments<'_>) -> Result<Decided> {
    let function = arguments.name;
    let rows = arguments.query(0)?;
    let considered = if arguments.has(3) { arguments.whole(3, "considered")? } else { CONSIDERED as i64 };
    let settings = Settings::new(arguments.whole(1, "k")?, arguments.number(2, "lambda")?, considered.max(1))
        .map_err(|error| told(function, &error))?;
    let schema = cells::schema_of(function, "candidates", &rows)?;
    let table = Table { function, name: "candidates", schema: &schema };
    table.needs("list", Holds::Any)?;
    table.needs("value", Holds::Number)?;
    table.may_have("category", Holds::Any)?;
    table.may_have("embedding", Holds::Numbers)?;
    if let Some(taken) = ["place", "marginal"].iter().find(|name| schema.field_with_name(name).is_ok()) {
        return Err(refused(
            function,
            format!("the candidates have a column `{taken}`, which is what they are told"),
            "give it another name",
        ));
    }
    let carried = schema.fields().iter().map(|field| field.as_ref().clone());
    let added = [field("place", DataType::Int64), field("marginal", DataType::Float64)];
    let schema = Arc::new(Schema::new(carried.chain(added).collect::<Vec<Field>>()));
    let own = Arc::clone(&schema);
    let rows = by_list(rows)?;
    let work = Work::Streamed(Arc::new(move |rows| streamed(function, rows, settings, Arc::clone(&own))));
    Ok(Decided { name: function, inputs: vec![rows], schema, work })
}

/// The rows list by list.
fn by_list(rows: LogicalPlan) -> Result<LogicalPlan> {
    let first = if let LogicalPlan::Sort(sort) = &rows { sort.expr.first() } else { None };
    let is_list = |expr: &Expr| matches!(expr, Expr::Column(column) if column.name == "list") || expr.schema_name().to_string() == "list";
    if first.is_some_and(|first| is_list(&first.expr)) {
        return Ok(rows);
    }
    let columns = rows.schema().columns();
    let comparable = |column: &&Column| {
        let found = rows.schema().field_with_unqualified_name(&column.name).map(|field| field.data_type().is_nested());
        found.is_ok_and(|nested| !nested) && !["list", "value"].contains(&column.name.as_str())
    };
    let of = |name: &str| columns.iter().find(|column| column.name == name).cloned().map(Expr::Column);
    let mut order = vec![of("list").map(|list| list.sort(true, true)), of("value").map(|value| value.sort(false, false))];
    // The other columns settle what would be left to chance.
    order.extend(columns.iter().filter(comparable).map(|column| Some(Expr::Column(column.clone()).sort(true, true))));
    LogicalPlanBuilder::from(rows).sort(order.into_iter().flatten())?.build()
}

/// What is known between two batches: the rows of the list that is not over yet, and how many rows came before them.
struct Open {
    rows: SendableRecordBatchStream,
    list: Vec<RecordBatch>,
    read: usize,
    over: bool,
}

fn streamed(function: &'static str, rows: SendableRecordBatchStream, settings: Settings, schema: SchemaRef) -> SendableRecordBatchStream {
    let own = Arc::clone(&schema);
    let begun = Open { rows, list: Vec::new(), read: 0, over: false };
    let picked = futures::stream::try_unfold(begun, move |mut open| {
        let schema = Arc::clone(&own);
        async move {
            while !open.over {
                let complete = match open.rows.try_next().await? {
                    Some(batch) if batch.num_rows() == 0 => continue,
                    Some(batch) => next(&mut open.list, batch)?,
                    None => {
                        open.over = true;
                        std::mem::take(&mut open.list)
                    }
                };
                if complete.is_empty() {
                    continue;
                }
                let complete = concat_batches(&complete[0].schema(), &complete)?;
                let answer = picks(function, &complete, settings, open.read, &schema)?;
                open.read += complete.num_rows();
                return Ok(Some((futures::stream::iter(cut(&answer).into_iter().map(Ok)), open)));
            }
            Ok::<_, datafusion::error::DataFusionError>(None)
        }
    });
    Box::pin(RecordBatchStreamAdapter::new(schema, picked.try_flatten()))
}

/// Takes a batch in; returns the rows of lists that are over by it.
fn next(list: &mut Vec<RecordBatch>, batch: RecordBatch) -> Result<Vec<RecordBatch>> {
    let lists = lists_of(&batch)?;
    let goes_on = match list.last() {
        None => true,
        Some(last) => {
            let pair = concat_batches(&batch.schema(), [&last.slice(last.num_rows() - 1, 1), &batch.slice(0, 1)])?;
            lists_of(&pair)?.len() == 1
        }
    };
    let Some(last) = lists.last().cloned() else { return Ok(Vec::new()) };
    if goes_on && lists.len() == 1 {
        list.push(batch);
        return Ok(Vec::new());
    }
    let mut complete = std::mem::take(list);
    if last.start > 0 {
        complete.push(batch.slice(0, last.start));
    }
    list.push(batch.slice(last.start, last.end - last.start));
    Ok(complete)
}

/// Ranges of rows that follow each other in one list.
fn lists_of(batch: &RecordBatch) -> Result<Vec<std::ops::Range<usize>>> {
    let column =
        batch.column_by_name("list").ok_or_else(|| datafusion::error::DataFusionError::Internal("column `list` is gone".into()))?;
    Ok(partition(&[Arc::clone(column)])?.ranges())
}

/// The picked rows of whole lists.
fn picks(function: &str, rows: &RecordBatch, settings: Settings, before: usize, schema: &SchemaRef) -> Result<RecordBatch> {
    let values = cells::numbers(rows, "value")?;
    let categories = rows.column_by_name("category").map(|own| cells::dense(&[Arc::clone(own)])).transpose()?;
    let embeddings = cells::lists(rows, "embedding", DataType::Float64)?;
    let (mut at, mut places, mut marginals) = (Vec::new(), Vec::new(), Vec::new());
    for range in lists_of(rows)? {
        let mut list = List::default();
        for row in range.clone() {
            list.values.push(cells::given(function, &values, "`value`", row).map_err(|_| missing(function, before + row))?);
        }
        if let Some(categories) = &categories {
            list.categories = range.clone().map(|row| categories.numbers[0][row].map(u64::from)).collect();
        }
        if let Some(embeddings) = &embeddings {
            list.embeddings = flat(function, embeddings, range.clone(), before)?;
        }
        let picked = diversify(&list, settings).map_err(|error| told(function, &error))?;
        for (place, pick) in picked.iter().enumerate() {
            at.push((range.start + pick.row) as u64);
            places.push(place as i64 + 1);
            marginals.push(pick.marginal);
        }
    }
    let taken = take_record_batch(rows, &UInt64Array::from(at))?;
    let carried = schema.fields().iter().take(schema.fields().len() - 2).map(|field| cells::carried(&taken, field));
    let mut columns = carried.collect::<Result<Vec<ArrayRef>>>()?;
    columns.push(Arc::new(Int64Array::from(places)));
    columns.push(Arc::new(Float64Array::from(marginals)));
    Ok(RecordBatch::try_new(Arc::clone(schema), columns)?)
}

fn missing(function: &str, row: usize) -> datafusion::error::DataFusionError {
    let error = crate::decide::DecideError::NotANumber { what: "`value`".into(), row: row + 1, found: "NULL".into() };
    told(function, &error)
}

/// Embeddings of a list in one row; zeros for a row that has none. All others have one length.
fn flat(function: &str, embeddings: &arrow::array::ListArray, rows: std::ops::Range<usize>, before: usize) -> Result<Vec<f32>> {
    let width = rows.clone().filter(|row| embeddings.is_valid(*row)).map(|row| embeddings.value_length(row)).max().unwrap_or(0) as usize;
    let mut flat = Vec::with_capacity(width * rows.len());
    for row in rows {
        if embeddings.is_null(row) || embeddings.value_length(row) == 0 {
            flat.extend(std::iter::repeat_n(0.0, width));
            continue;
        }
        let own = embeddings.value(row);
        let own = own.as_primitive::<Float64Type>();
        if own.len() != width {
            let message = format!("`embedding` of row {} has {} numbers, others of its list have {width}", before + row + 1, own.len());
            return Err(refused(function, message, "embeddings of one list come from one model, and have one length"));
        }
        if own.null_count() > 0 || own.values().iter().any(|value| !value.is_finite()) {
            let message = format!("`embedding` of row {} holds a value that is no number", before + row + 1);
            return Err(refused(function, message, "give NULL in place of the whole embedding where there is none"));
        }
        flat.extend(own.values().iter().map(|value| *value as f32));
    }
    Ok(flat)
}
