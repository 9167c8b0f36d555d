//! Decisions as table functions of SQL: `place((options), (limits))`, `ship`, `segments`, `diversify`.
//!
//! In: calls in FROM, whose queries stand in brackets of their own. Out: tables. A function reads its queries on one partition,
//! whatever the session has, so that a decision is the same in a night and in the shell. The mathematics is `decide`'s; what a
//! session may read is that session's: it plans the queries.

mod cells;
mod decided;
mod diversified;
mod placed;
mod segmented;
mod shipped;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;

use datafusion::catalog::{Session, TableFunctionArgs, TableFunctionImpl};
use datafusion::common::{Result, ScalarValue, plan_err};
use datafusion::datasource::TableProvider;
use datafusion::error::DataFusionError;
use datafusion::logical_expr::{DocSection, Documentation, Expr, LogicalPlan};
use datafusion::prelude::SessionContext;

use crate::decide::DecideError;
use crate::outcome::Hinted;
use decided::Decided;

/// Plans the text of an argument in a session.
pub type Planner = fn(&dyn Session, &str) -> Result<LogicalPlan>;

/// A table function as a reader sees it.
#[derive(Debug)]
pub struct TableFunction {
    /// Its name.
    pub name: &'static str,
    /// How it is written.
    pub syntax: &'static str,
    /// What it gives.
    pub about: &'static str,
    /// A query that runs on a job with a published run.
    pub example: &'static str,
    /// Arguments, at least and at most.
    arguments: (usize, usize),
    make: fn(&Arguments<'_>) -> Result<Decided>,
}

/// Every function.
pub const ALL: [TableFunction; 7] = [
    placed::PLACE,
    placed::PLACE_LIMITS,
    shipped::SHIP,
    shipped::SHIP_UNMET,
    segmented::SEGMENTS,
    segmented::SEGMENT_PROFILES,
    diversified::DIVERSIFY,
];

/// Where random choices of these functions begin: a call has no seed of its own, so that the same rows give the same decision.
const SEED: u64 = 7;
/// Heading of these functions.
const SECTION: &str = "Decisions";

/// Whether a table function of this name takes queries.
#[must_use]
pub fn is_one(name: &str) -> bool {
    ALL.iter().any(|function| function.name == name)
}

/// What each function says of itself.
#[must_use]
pub fn documentation() -> Vec<Documentation> {
    let of = |function: &TableFunction| {
        let section = DocSection { include: true, label: SECTION, description: None };
        Documentation::builder(section, function.about, function.syntax).with_sql_example(function.example).build()
    };
    ALL.iter().map(of).collect()
}

/// Gives a session every function; `planner` plans their queries.
pub fn register(context: &SessionContext, planner: Planner) {
    for function in &ALL {
        context.register_udtf(function.name, Arc::new(Call { function, planner }));
    }
}

struct Call {
    function: &'static TableFunction,
    planner: Planner,
}

impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.function.name)
    }
}

impl TableFunctionImpl for Call {
    fn call_with_args(&self, args: TableFunctionArgs<'_, '_>) -> Result<Arc<dyn TableProvider>> {
        let (name, syntax, (least, most)) = (self.function.name, self.function.syntax, self.function.arguments);
        if args.exprs().len() < least || args.exprs().len() > most {
            let wanted = if least == most { least.to_string() } else { format!("{least} to {most}") };
            return plan_err!("{name} takes {wanted} argument(s), not {}: {syntax}", args.exprs().len());
        }
        let arguments = Arguments { name, syntax, exprs: args.exprs(), session: args.session(), planner: self.planner };
        Ok(Arc::new((self.function.make)(&arguments)?))
    }
}

/// The arguments of a call.
struct Arguments<'a> {
    name: &'static str,
    syntax: &'static str,
    exprs: &'a [Expr],
    session: &'a dyn Session,
    planner: Planner,
}

impl Arguments<'_> {
    /// Whether there is an argument at a place.
    fn has(&self, at: usize) -> bool {
        at < self.exprs.len()
    }

    fn text(&self, at: usize, what: &str) -> Result<&str> {
        match &self.exprs[at] {
            Expr::Literal(ScalarValue::Utf8(Some(text)) | ScalarValue::Utf8View(Some(text)) | ScalarValue::LargeUtf8(Some(text)), _) => {
                Ok(text)
            }
            other => plan_err!("{} takes {what} in place of `{other}`: {}", self.name, self.syntax),
        }
    }

    /// The plan of the query at a place.
    fn query(&self, at: usize) -> Result<LogicalPlan> {
        (self.planner)(self.session, self.text(at, "a query")?)
    }

    /// A column's name: a text, or the name itself, which has become a query on its way.
    fn column(&self, at: usize) -> Result<String> {
        let text = self.text(at, "the name of a column, as a text,")?;
        Ok(text.strip_prefix("select * from ").unwrap_or(text).to_owned())
    }

    fn whole(&self, at: usize, what: &str) -> Result<i64> {
        match self.number(at, what)? {
            number if number.fract() == 0.0 && number.abs() < 1e15 => Ok(number as i64),
            number => plan_err!("{} takes a whole number as {what}, not {number}: {}", self.name, self.syntax),
        }
    }

    fn number(&self, at: usize, what: &str) -> Result<f64> {
        let constant = |expr: &Expr| match expr {
            Expr::Literal(value, _) => value.cast_to(&arrow::datatypes::DataType::Float64).ok(),
            _ => None,
        };
        let found = match &self.exprs[at] {
            Expr::Negative(inner) => constant(inner).map(|value| (value, -1.0)),
            other => constant(other).map(|value| (value, 1.0)),
        };
        match found {
            Some((ScalarValue::Float64(Some(number)), sign)) => Ok(number * sign),
            _ => plan_err!("{} takes a number as {what} in place of `{}`: {}", self.name, self.exprs[at], self.syntax),
        }
    }
}

/// An error of a decision on its way through the engine.
fn told(function: &str, error: &DecideError) -> DataFusionError {
    DataFusionError::External(Box::new(Hinted { message: format!("{function}: {error}"), hint: error.hint() }))
}

/// An error with its own hint.
fn refused(function: &str, message: impl fmt::Display, hint: impl Into<String>) -> DataFusionError {
    DataFusionError::External(Box::new(Hinted { message: format!("{function}: {message}"), hint: hint.into() }))
}
