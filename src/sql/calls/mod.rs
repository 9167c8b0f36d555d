//! Table functions: rows of a query scored, explained and summed up; figures of runs side by side.
//!
//! In: calls in FROM, as `score((select …))`. Out: tables, each a plan over the inner query's plan, so that nothing is held and
//! only the columns that are read are read. Functions of values and aggregates are `functions`'.

mod explained;
mod figures;
mod model;
mod predicted;
mod scored;
mod summarized;

use std::fmt;
use std::ops::ControlFlow;
use std::sync::Arc;

use datafusion::catalog::view::ViewTable;
use datafusion::catalog::{Session, TableFunctionArgs, TableFunctionImpl};
use datafusion::common::{DataFusionError, Result, ScalarValue, plan_err};
use datafusion::datasource::TableProvider;
use datafusion::logical_expr::{DocSection, Documentation, Expr, LogicalPlan, ScalarUDF};
use datafusion::prelude::SessionContext;
use datafusion::sql::parser::{CopyToSource, Statement};
use datafusion::sql::sqlparser::ast::{Expr as SqlExpr, Statement as SqlStatement, TableFactor, VisitMut as _, VisitorMut};

use super::error::SqlError;
use super::guard::{self, Rights};
use super::store::Store;
use crate::ingest::arguments;
use crate::ingest::sql::statements;
use crate::table_functions;
use model::Model;
pub use model::{Contribution, Models, RunModel};

/// A table function as a reader sees it.
#[derive(Debug)]
pub struct Call {
    /// Its name.
    pub name: &'static str,
    /// How it is written.
    pub syntax: &'static str,
    /// What it gives.
    pub about: &'static str,
    /// A query that runs on a job with a published run.
    pub example: &'static str,
    make: fn(&Calls, &[String], &dyn Session) -> Result<LogicalPlan>,
}

/// Every table function.
pub const CALLS: [Call; 6] =
    [scored::SCORE, scored::SCORE_UNDER, explained::EXPLAIN, summarized::SUMMARIZE, figures::IMPORTANCE, figures::COMPARE_RUNS];

/// Name, syntax and meaning of every table function of a session, those that decide among them.
#[must_use]
pub fn described() -> Vec<(&'static str, &'static str, &'static str)> {
    let own = CALLS.iter().map(|call| (call.name, call.syntax, call.about));
    own.chain(table_functions::ALL.iter().map(|function| (function.name, function.syntax, function.about))).collect()
}

/// Heading of these functions.
const SECTION: &str = "Models and runs";

/// The kind of each function, and what it says of itself.
pub(super) fn documentation() -> Vec<(&'static str, Documentation)> {
    let of = |call: &Call| {
        let section = DocSection { include: true, label: SECTION, description: None };
        ("table function", Documentation::builder(section, call.about, call.syntax).with_sql_example(call.example).build())
    };
    let decisions = table_functions::documentation().into_iter().map(|own| ("table function", own));
    std::iter::once(("scalar", predicted::documentation())).chain(CALLS.iter().map(of)).chain(decisions).collect()
}

/// What calls share: the tables, and the model of the current run once it was needed.
struct Calls {
    store: Arc<Store>,
    models: Models,
    model: std::sync::OnceLock<Arc<Model>>,
}

impl Calls {
    /// The model of the run that `current` means.
    fn model(&self) -> Result<Arc<Model>> {
        if let Some(model) = self.model.get() {
            return Ok(Arc::clone(model));
        }
        let model = Arc::new(Model::open(&self.store, &self.models).map_err(own)?);
        Ok(Arc::clone(self.model.get_or_init(|| model)))
    }
}

/// An error of ours on its way through the engine.
fn own(error: SqlError) -> DataFusionError {
    DataFusionError::External(Box::new(error))
}

/// One table function.
struct Function {
    call: &'static Call,
    calls: Arc<Calls>,
}

impl fmt::Debug for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.call.name)
    }
}

impl TableFunctionImpl for Function {
    fn call_with_args(&self, args: TableFunctionArgs<'_, '_>) -> Result<Arc<dyn TableProvider>> {
        let text = |expr: &Expr| match expr {
            Expr::Literal(ScalarValue::Utf8(Some(text)) | ScalarValue::Utf8View(Some(text)) | ScalarValue::LargeUtf8(Some(text)), _) => {
                Ok(text.clone())
            }
            _ => plan_err!("{} takes a query or a text in place of `{expr}`: {}", self.call.name, self.call.syntax),
        };
        let texts = args.exprs().iter().map(text).collect::<Result<Vec<_>>>()?;
        let wanted = self.call.syntax.matches(',').count() + usize::from(!self.call.syntax.ends_with("()"));
        if texts.len() != wanted {
            return plan_err!("{} takes {wanted} argument(s), not {}: {}", self.call.name, texts.len(), self.call.syntax);
        }
        let plan = (self.call.make)(&self.calls, &texts, args.session())?;
        Ok(Arc::new(ViewTable::new(plan, None)))
    }
}

/// Gives a session every table function.
pub(super) fn register(context: &SessionContext, store: &Arc<Store>, models: Models) {
    let calls = Arc::new(Calls { store: Arc::clone(store), models, model: std::sync::OnceLock::new() });
    context.register_udf(ScalarUDF::from(predicted::Predict::new(Arc::clone(&calls))));
    for call in &CALLS {
        context.register_udtf(call.name, Arc::new(Function { call, calls: Arc::clone(&calls) }));
    }
    table_functions::register(context, planned);
}

/// Plans the query of an argument. It may do no more than any query of a session that reads.
fn planned(session: &dyn Session, sql: &str) -> Result<LogicalPlan> {
    let mut statements = statements(sql)?;
    let (Some(mut statement), true) = (statements.pop_front(), statements.is_empty()) else {
        return plan_err!("a table function takes one query");
    };
    guard::check(&statement, Rights::Read).map_err(own)?;
    if !matches!(&statement, Statement::Statement(inner) if matches!(inner.as_ref(), SqlStatement::Query(_))) {
        return plan_err!("a table function takes a query that gives rows");
    }
    quote(&mut statement);
    let plan = arguments::within(session, statement)?;
    guard::verify(&plan, Rights::Read).map_err(own)?;
    Ok(plan)
}

/// Lets a table function take a query, or the name of a table, as it stands: the engine passes on constants only. And `predict` know
/// the names of its columns, which the engine does not pass on.
pub(super) fn quote(statement: &mut Statement) {
    match statement {
        Statement::Statement(inner) => drop(inner.visit(&mut Quoting)),
        Statement::Explain(explain) => quote(&mut explain.statement),
        Statement::CopyTo(copy) => {
            if let CopyToSource::Query(query) = &mut copy.source {
                let _ = query.visit(&mut Quoting);
            }
        }
        _ => {}
    }
}

struct Quoting;

impl VisitorMut for Quoting {
    type Break = ();

    fn pre_visit_expr(&mut self, expr: &mut SqlExpr) -> ControlFlow<()> {
        if let SqlExpr::Function(call) = expr
            && call.name.to_string().eq_ignore_ascii_case(predicted::NAME)
        {
            predicted::name_columns(call);
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<()> {
        arguments::quote_factor(factor, |name| table_functions::is_one(name) || CALLS.iter().any(|call| call.name == name));
        ControlFlow::Continue(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_in_a_call_becomes_its_text() {
        let sql = "select * from score((select a from score_under(snapshots.frame, 'it''s') where a = 'x')) as s";
        let mut statements = statements(sql).unwrap_or_else(|error| panic!("{error}"));
        let Some(mut statement) = statements.pop_front() else { panic!("a statement") };
        quote(&mut statement);
        let text = "SELECT a FROM score_under(snapshots.frame, 'it''s') WHERE a = 'x'";
        assert!(format!("{statement:?}").contains(&format!("SingleQuotedString({text:?})")), "{statement:?}");
    }
}
