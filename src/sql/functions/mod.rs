//! polytask's functions in SQL: the figures of the report over any rows, what columns know of each other, how they have moved.
//!
//! In: a DataFusion session. Out: the session with every function, each with its documentation (`information_schema.routines`,
//! `docs/sql-functions.md`). A function computes by the code that the night computes with. Not here: which tables a session has.
//!
//! Common to all: a row counts only where every argument that needs a value has one (NULL leaves it out). Constants (`bins`, `k`,
//! `resamples`) are the same for all rows of a query.

mod association;
mod collected;
mod columns;
mod drift;
mod function;
mod intervals;
mod metrics;
mod page;
mod parameters;
mod rowwise;
mod shaping;
mod summary;
mod summed;
mod windowed;

use datafusion::logical_expr::AggregateUDF;
use datafusion::prelude::SessionContext;

pub(super) use summary::Summary;

/// Every aggregate function.
fn aggregates() -> Vec<AggregateUDF> {
    [metrics::all(), intervals::all(), association::all(), drift::all()].into_iter().flatten().collect()
}

/// The page of the documentation that lists every function: `docs/sql-functions.md`.
#[must_use]
pub fn page() -> String {
    let mut entries: Vec<page::Entry> = Vec::new();
    entries.extend(aggregates().iter().filter_map(|function| Some(("aggregate", function.documentation()?.clone()))));
    entries.extend(shaping::scalars().iter().filter_map(|function| Some(("scalar", function.documentation()?.clone()))));
    entries.extend(shaping::windows().iter().filter_map(|function| Some(("window", function.documentation()?.clone()))));
    entries.extend(super::calls::documentation());
    page::page(&entries)
}

/// Gives a session every function.
pub fn register(context: &SessionContext) {
    for function in aggregates() {
        context.register_udaf(function);
    }
    for function in shaping::scalars() {
        context.register_udf(function);
    }
    for function in shaping::windows() {
        context.register_udwf(function);
    }
}
