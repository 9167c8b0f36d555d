//! Queries as arguments of table functions: `place((select …), (select …))`.
//!
//! In: a syntax tree. Out: the tree with its queries as texts, which is what the engine passes on to a function; the plan of such a
//! text in a session of a night. What an analyst's text may do is decided where analysts are (`sql`).

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use datafusion::catalog::Session;
use datafusion::common::{Result, TableReference, internal_err, plan_err};
use datafusion::error::DataFusionError;
use datafusion::execution::session_state::SessionState;
use datafusion::logical_expr::LogicalPlan;
use datafusion::sql::parser::Statement;
use datafusion::sql::sqlparser::ast::{
    Expr, FunctionArg, FunctionArgExpr, Statement as SqlStatement, TableFactor, Value, VisitMut, Visitor, VisitorMut,
};

use super::sql::statements;

/// Functions that take constants only: a name among those is a mistake, and not a table.
const OF_CONSTANTS: [&str; 2] = ["generate_series", "range"];
/// Functions whose second argument is the name of a column.
const WITH_COLUMN: [&str; 2] = ["segments", "segment_profiles"];

/// Turns each query, and each name of a table, in the arguments of functions that `takes` names into its text.
pub fn quote<Tree: VisitMut>(tree: &mut Tree, takes: impl Fn(&str) -> bool) {
    let _ = tree.visit(&mut Quoting(takes));
}

/// A factor's arguments as texts. Outer calls first: inner ones stay as they are written, until the outer one's text is parsed.
pub fn quote_factor(factor: &mut TableFactor, takes: impl Fn(&str) -> bool) {
    let TableFactor::Table { name, args: Some(args), .. } = factor else { return };
    let name = name.to_string().to_lowercase();
    if !takes(&name) {
        return;
    }
    for arg in &mut args.args {
        let FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) = arg else { continue };
        let text = match expr {
            Expr::Subquery(query) => query.to_string(),
            Expr::Identifier(_) | Expr::CompoundIdentifier(_) => format!("select * from {expr}"),
            _ => continue,
        };
        *expr = Expr::value(Value::SingleQuotedString(text));
    }
}

struct Quoting<Takes>(Takes);

impl<Takes: Fn(&str) -> bool> VisitorMut for Quoting<Takes> {
    type Break = ();

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<()> {
        quote_factor(factor, &self.0);
        ControlFlow::Continue(())
    }
}

/// Whether a table function's queries are turned into texts, in a session of a night.
pub(super) fn takes_queries(name: &str) -> bool {
    !OF_CONSTANTS.contains(&name)
}

/// Plans the query of an argument in a session of a night.
///
/// # Errors
/// The text does not parse, is not one query, or does not plan.
pub fn planned(session: &dyn Session, sql: &str) -> Result<LogicalPlan> {
    let mut statements = statements(sql)?;
    let (Some(Statement::Statement(mut statement)), true) = (statements.pop_front(), statements.is_empty()) else {
        return plan_err!("a table function takes one query");
    };
    if !matches!(*statement, SqlStatement::Query(_)) {
        return plan_err!("a table function takes a query that gives rows");
    }
    quote(statement.as_mut(), takes_queries);
    within(session, Statement::Statement(statement))
}

/// Plans a statement in the midst of planning another one.
///
/// # Errors
/// The statement does not plan.
pub fn within(session: &dyn Session, statement: Statement) -> Result<LogicalPlan> {
    let Some(state) = session.as_any().downcast_ref::<SessionState>() else {
        return internal_err!("a table function outside of a session");
    };
    // The engine asks for the table in the midst of planning, which cannot wait; looking for the inner tables has to.
    let plan = tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(state.statement_to_plan(statement)));
    // Its places are those of the inner text: told without them.
    plan.map_err(|error| {
        if matches!(error.find_root(), DataFusionError::External(_)) { error } else { DataFusionError::Plan(error.strip_backtrace()) }
    })
}

/// What a tree reads and calls in FROM.
#[derive(Default)]
pub(super) struct Called {
    /// Names of table functions: they read no table of that name.
    functions: BTreeSet<String>,
    /// Names that stand in FROM without arguments.
    plain: BTreeSet<String>,
    /// Tables that are arguments, by their bare name.
    pub(super) tables: Vec<TableReference>,
}

impl Called {
    /// Whether a name is only ever called.
    pub(super) fn is_function(&self, name: &str) -> bool {
        self.functions.contains(name) && !self.plain.contains(name)
    }
}

impl Visitor for Called {
    type Break = ();

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<()> {
        let TableFactor::Table { name, args, .. } = factor else { return ControlFlow::Continue(()) };
        let name = name.to_string().to_lowercase();
        let Some(args) = args else {
            self.plain.insert(name);
            return ControlFlow::Continue(());
        };
        for (at, arg) in args.args.iter().enumerate().filter(|_| takes_queries(&name)) {
            let FunctionArg::Unnamed(FunctionArgExpr::Expr(expr @ (Expr::Identifier(_) | Expr::CompoundIdentifier(_)))) = arg else {
                continue;
            };
            if !(at == 1 && WITH_COLUMN.contains(&name.as_str())) {
                self.tables.push(TableReference::parse_str(&expr.to_string()));
            }
        }
        self.functions.insert(name);
        ControlFlow::Continue(())
    }
}
