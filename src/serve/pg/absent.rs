//! What no job has: constraints, indexes, triggers, sequences. Drivers ask for them in PostgreSQL that the engine does not plan; the
//! answer is known without it.
//!
//! In: a statement of a driver. Out: the same columns without rows, where every row would need one of those.

use std::ops::ControlFlow;

use arrow::array::{ArrayRef, new_null_array};
use arrow::datatypes::DataType;
use datafusion::common::Result;
use datafusion::execution::context::SessionContext;
use datafusion::logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility};
use datafusion::sql::sqlparser::ast::{
    Expr, JoinOperator, Query, SelectItem, SetExpr, Statement, TableFactor, TableWithJoins, Value, VisitMut as _, VisitorMut,
};
use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
use datafusion::sql::sqlparser::parser::Parser;

/// System tables without a row of a job.
const TABLES: [&str; 12] = [
    "pg_constraint",
    "pg_index",
    "pg_trigger",
    "pg_policy",
    "pg_inherits",
    "pg_rewrite",
    "pg_sequence",
    "pg_foreign_table",
    "pg_statistic_ext",
    "pg_publication",
    "pg_enum",
    "pg_event_trigger",
];

/// Functions that tell of such things, of settings or of comments: here they give NULL.
const FUNCTIONS: [&str; 6] =
    ["to_regtype", "current_setting", "pg_get_indexdef", "obj_description", "shobj_description", "col_description"];

/// Gives a session these functions.
pub(super) fn register(context: &SessionContext) {
    for name in FUNCTIONS {
        context.register_udf(ScalarUDF::from(Nothing { name, signature: Signature::variadic_any(Volatility::Immutable) }));
    }
}

/// A function of anything that gives NULL.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Nothing {
    name: &'static str,
    signature: Signature,
}

impl ScalarUDFImpl for Nothing {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(DataType::Utf8)
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let none: ArrayRef = new_null_array(&DataType::Utf8, args.number_rows);
        Ok(ColumnarValue::Array(none))
    }
}

/// Puts NULL in place of details in a select list that nothing has here: of subqueries that ask the system tables for the default, the
/// identity or the collation of a column (the library does so where such a subquery is a column of its own), and of storage options.
pub(super) fn without_details(statement: &mut Statement) {
    struct Lists;
    impl VisitorMut for Lists {
        type Break = ();

        fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
            if let SetExpr::Select(select) = query.body.as_mut() {
                for item in &mut select.projection {
                    let _ = item.visit(&mut Details);
                }
            }
            ControlFlow::Continue(())
        }
    }
    struct Details;
    impl VisitorMut for Details {
        type Break = ();

        fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
            let absent = match expr {
                Expr::Subquery(query) => query.to_string().contains("pg_"),
                // Of `pg_class`, whose other columns are there.
                Expr::CompoundIdentifier(names) => names.last().is_some_and(|name| name.value == "reloptions"),
                _ => false,
            };
            if absent {
                *expr = Expr::value(Value::Null);
            }
            ControlFlow::Continue(())
        }
    }
    let _ = statement.visit(&mut Lists);
}

/// The statement without rows, if all of its rows need what no job has.
pub(super) fn without_rows(statement: &Statement) -> Option<Statement> {
    let Statement::Query(query) = statement else { return None };
    if !needs_absent(query) {
        return None;
    }
    let SetExpr::Select(select) = query.body.as_ref() else { return None };
    let columns = select.projection.iter().map(|item| Some(format!("cast(null as text) as \"{}\"", name(item)?.replace('"', ""))));
    let columns: Vec<String> = columns.collect::<Option<_>>()?;
    let sql = format!("select {} where false", columns.join(", "));
    Parser::new(&PostgreSqlDialect {}).try_with_sql(&sql).ok()?.parse_statement().ok()
}

/// What a column of the answer is called.
fn name(item: &SelectItem) -> Option<String> {
    match item {
        SelectItem::ExprWithAlias { alias, .. } => Some(alias.value.clone()),
        SelectItem::UnnamedExpr(Expr::Identifier(name)) => Some(name.value.clone()),
        SelectItem::UnnamedExpr(Expr::CompoundIdentifier(names)) => names.last().map(|name| name.value.clone()),
        SelectItem::UnnamedExpr(Expr::Function(call)) => call.name.0.last()?.as_ident().map(|name| name.value.clone()),
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
        let parsed = Parser::new(&PostgreSqlDialect {}).try_with_sql(sql).and_then(|mut parser| parser.parse_statement());
        without_rows(&parsed.unwrap_or_else(|error| panic!("{sql}: {error}"))).map(|statement| statement.to_string())
    }

    #[test]
    fn details_of_columns_are_null_and_other_subqueries_stay() {
        let sql = "select case when a then (select b from pg_attrdef) end, (select max(x) from scores), t.reloptions from t where c in (select d from pg_class)";
        let parsed = Parser::new(&PostgreSqlDialect {}).try_with_sql(sql).and_then(|mut parser| parser.parse_statement());
        let mut statement = parsed.unwrap_or_else(|error| panic!("{error}"));
        without_details(&mut statement);
        let expect = "SELECT CASE WHEN a THEN NULL END, (SELECT max(x) FROM scores), NULL FROM t WHERE c IN (SELECT d FROM pg_class)";
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
            "select * from pg_constraint",
            "select relname from pg_class",
            "show all",
        ] {
            assert_eq!(of(sql), None, "{sql}");
        }
    }
}
