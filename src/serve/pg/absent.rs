//! What no job has: constraints, indexes, triggers, sequences. Drivers ask for them in PostgreSQL that the engine does not plan; the
//! answer is known without it.
//!
//! In: a statement of a driver. Out: the same columns without rows, where every row would need one of those.

use std::ops::ControlFlow;

use datafusion::sql::sqlparser::ast::{
    DataType as SqlType, Expr, FunctionArguments, JoinOperator, Query, SelectItem, SetExpr, Statement, TableFactor, TableWithJoins,
    VisitMut as _, VisitorMut,
};
use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
use datafusion::sql::sqlparser::parser::{Parser, ParserError};

/// System tables without a row of a job.
const TABLES: [&str; 19] = [
    "pg_constraint",
    "pg_index",
    "pg_trigger",
    "pg_policy",
    "pg_policies",
    "pg_inherits",
    "pg_rewrite",
    "pg_sequence",
    "pg_foreign_table",
    "pg_statistic_ext",
    "pg_publication",
    "pg_enum",
    "pg_event_trigger",
    "table_constraints",
    "key_column_usage",
    "constraint_column_usage",
    "constraint_table_usage",
    "referential_constraints",
    "check_constraints",
];

/// Columns of system tables whose other columns are there: storage options, rights, row types of settings.
const COLUMNS: [&str; 4] = ["reloptions", "relacl", "attacl", "boot_val"];

/// Puts what is known in place of what the engine does not plan and nothing here has: NULL for subqueries in a select list that ask the
/// system tables for the default, the identity or the collation of a column (the library does so where such a subquery is a column of its
/// own), for columns of rights and storage, and for arrays made of system tables; no rows for a derived table of what is absent; the name
/// of a type for its oid.
pub(super) fn without_details(statement: &mut Statement) {
    let _ = statement.visit(&mut Everywhere);
}

struct Everywhere;

impl VisitorMut for Everywhere {
    type Break = ();

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        let SetExpr::Select(select) = query.body.as_mut() else { return ControlFlow::Continue(()) };
        for item in &mut select.projection {
            // A column that becomes NULL keeps its name.
            if let SelectItem::UnnamedExpr(Expr::CompoundIdentifier(names)) = item
                && let Some(alias) = names.last().filter(|name| COLUMNS.contains(&name.value.as_str())).cloned()
            {
                *item = SelectItem::ExprWithAlias { expr: Expr::CompoundIdentifier(names.clone()), alias };
            }
            let _ = item.visit(&mut Details);
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<()> {
        if let TableFactor::Derived { subquery, .. } = factor
            && needs_absent(subquery)
            && let Some(Statement::Query(empty)) = without_rows(&Statement::Query(subquery.clone()))
        {
            *subquery = empty;
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        let known = match expr {
            // Whether a row type is one that somebody made.
            Expr::Subquery(query) if query.to_string().starts_with("SELECT c.relkind = 'c' FROM pg_catalog.pg_class") => "false".to_owned(),
            Expr::Cast { data_type, .. } if is_type(data_type, "regtype[]") => "NULL".to_owned(),
            // The oid of a name that is made of columns, for the comment of a column.
            Expr::Cast { expr: inner, data_type, .. } if is_type(data_type, "regclass") && matches!(**inner, Expr::Function(_)) => {
                "CAST(NULL AS INT)".to_owned()
            }
            Expr::Cast { expr: inner, data_type, .. } if is_type(data_type, "text") => match inner.as_ref() {
                Expr::Cast { expr: oid, data_type, .. } if is_type(data_type, "regtype") => format!("format_type({oid}, NULL)"),
                _ => return ControlFlow::Continue(()),
            },
            _ => return ControlFlow::Continue(()),
        };
        if let Ok(known) = expression(&known) {
            *expr = known;
        }
        ControlFlow::Continue(())
    }
}

/// Within a select list.
struct Details;

impl VisitorMut for Details {
    type Break = ();

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        let known = match expr {
            Expr::Subquery(query) if query.to_string().contains("pg_") => "NULL",
            Expr::CompoundIdentifier(names) if names.last().is_some_and(|name| COLUMNS.contains(&name.value.as_str())) => "NULL",
            // `array(select …)`.
            Expr::Function(call) if matches!(call.args, FunctionArguments::Subquery(_)) && call.to_string().contains("pg_") => {
                "arrow_cast(NULL, 'List(Utf8)')"
            }
            _ => return ControlFlow::Continue(()),
        };
        if let Ok(known) = expression(known) {
            *expr = known;
        }
        ControlFlow::Continue(())
    }
}

fn is_type(data_type: &SqlType, name: &str) -> bool {
    data_type.to_string().to_lowercase().trim_start_matches("pg_catalog.") == name
}

/// An expression of a text of our own making.
pub(super) fn expression(sql: &str) -> Result<Expr, ParserError> {
    Parser::new(&PostgreSqlDialect {}).try_with_sql(sql)?.parse_expr()
}

/// A statement of a text of our own making.
fn statement(sql: &str) -> Result<Statement, ParserError> {
    Parser::new(&PostgreSqlDialect {}).try_with_sql(sql)?.parse_statement()
}

/// The answer to a statement about a setting of PostgreSQL that drivers cannot do without.
pub(super) fn setting(asked: &Statement) -> Option<Statement> {
    let keys = asked.to_string().to_lowercase() == "select setting from pg_catalog.pg_settings where name = 'max_index_keys'";
    if keys { statement("select '32' as setting").ok() } else { None }
}

/// The statement without rows, if all of its rows need what no job has.
pub(super) fn without_rows(asked: &Statement) -> Option<Statement> {
    let Statement::Query(query) = asked else { return None };
    if !needs_absent(query) {
        return None;
    }
    let SetExpr::Select(select) = query.body.as_ref() else { return None };
    let columns = select.projection.iter().map(|item| Some(format!("cast(null as text) as \"{}\"", name(item)?.replace('"', ""))));
    let columns: Vec<String> = columns.collect::<Option<_>>()?;
    statement(&format!("select {} where false", columns.join(", "))).ok()
}

/// What a column of the answer is called.
fn name(item: &SelectItem) -> Option<String> {
    match item {
        SelectItem::ExprWithAlias { alias, .. } => Some(alias.value.clone()),
        SelectItem::UnnamedExpr(Expr::Identifier(name)) => Some(name.value.clone()),
        SelectItem::UnnamedExpr(Expr::CompoundIdentifier(names)) => names.last().map(|name| name.value.clone()),
        SelectItem::UnnamedExpr(Expr::Function(call)) => call.name.0.last()?.as_ident().map(|name| name.value.clone()),
        SelectItem::Wildcard(_) => Some("nothing".to_owned()),
        _ => None,
    }
}

fn needs_absent(query: &Query) -> bool {
    match query.body.as_ref() {
        SetExpr::Select(select) => select.from.iter().any(joined),
        SetExpr::Query(inner) => needs_absent(inner),
        SetExpr::SetOperation { left, right, .. } => [left, right].iter().all(|side| match side.as_ref() {
            SetExpr::Select(select) => select.from.iter().any(joined),
            _ => false,
        }),
        _ => false,
    }
}

fn joined(from: &TableWithJoins) -> bool {
    let required = |operator: &JoinOperator| {
        matches!(operator, JoinOperator::Join(_) | JoinOperator::Inner(_) | JoinOperator::CrossJoin(_) | JoinOperator::StraightJoin(_))
    };
    absent(&from.relation) || from.joins.iter().any(|join| required(&join.join_operator) && absent(&join.relation))
}

fn absent(table: &TableFactor) -> bool {
    match table {
        TableFactor::Table { name, args: None, .. } => {
            name.0.last().and_then(|part| part.as_ident()).is_some_and(|name| TABLES.contains(&name.value.to_lowercase().as_str()))
        }
        TableFactor::Derived { subquery, .. } => needs_absent(subquery),
        TableFactor::NestedJoin { table_with_joins, .. } => joined(table_with_joins),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(sql: &str) -> Option<String> {
        without_rows(&statement(sql).unwrap_or_else(|error| panic!("{sql}: {error}"))).map(|statement| statement.to_string())
    }

    #[test]
    fn details_of_columns_are_null_and_other_subqueries_stay() {
        let sql = "select case when a then (select b from pg_attrdef) end, (select max(x) from scores), t.reloptions from t where c in (select d from pg_class)";
        let mut statement = statement(sql).unwrap_or_else(|error| panic!("{error}"));
        without_details(&mut statement);
        let expect =
            "SELECT CASE WHEN a THEN NULL END, (SELECT max(x) FROM scores), NULL AS reloptions FROM t WHERE c IN (SELECT d FROM pg_class)";
        assert_eq!(statement.to_string(), expect);
    }

    #[test]
    fn only_what_every_row_needs_makes_an_answer_empty() {
        let empty = "SELECT CAST(NULL AS TEXT) AS \"a\", CAST(NULL AS TEXT) AS \"conname\" WHERE false";
        for sql in [
            "select x as a, c.conname from pg_catalog.pg_constraint c left join pg_class t on true",
            "select min(x) as a, conname from (select * from pg_class join pg_index on true) s",
            "select x as a, conname from pg_class, pg_enum",
        ] {
            assert_eq!(of(sql).as_deref(), Some(empty), "{sql}");
        }
        for sql in [
            "select relname from pg_class left join pg_index on true",
            "select relname from pg_class where exists (select 1 from pg_index)",
            "select relname from pg_class",
            "show all",
        ] {
            assert_eq!(of(sql), None, "{sql}");
        }
    }
}
