//! The text of a client as statements, in the dialect that it is written in.
//!
//! In: SQL. Out: statements that may run. What people write is in the engine's own dialect; what drivers ask of the system tables
//! is PostgreSQL's, and rewritten into what the engine knows.

use std::ops::ControlFlow;

use datafusion::sql::parser::Statement as Parsed;
use datafusion::sql::sqlparser::ast::{Expr, ObjectName, Query, SetExpr, Statement, Value, Visit as _, VisitMut, Visitor, VisitorMut};
use datafusion::sql::sqlparser::dialect::PostgreSqlDialect;
use datafusion::sql::sqlparser::parser::Parser;
use datafusion::sql::sqlparser::tokenizer::{Token, Tokenizer};
use datafusion_postgres::datafusion_pg_catalog::sql::PostgresCompatibilityParser;

use super::absent::{expression, setting, without_details, without_rows};
use super::manner::is_manner;
use crate::ingest::sql::bounded;
use crate::sql::guard::{self, Rights};
use crate::sql::told::{Names, retell};
use crate::sql::{Analyst, SqlError};

/// A statement that may run.
#[derive(Clone)]
pub(super) enum Asked {
    /// For the engine; and what it is asked instead where it cannot plan that.
    Question(Box<Parsed>, Option<Box<Parsed>>),
    /// For the protocol.
    Manner(Box<Statement>),
}

/// Names of what drivers ask of the system, beside those that begin with `pg_`.
const SYSTEM: [&str; 18] = [
    "information_schema",
    "current_schema",
    "current_schemas",
    "current_database",
    "current_catalog",
    "current_user",
    "current_setting",
    "session_user",
    "version",
    "operator",
    "format",
    "oid",
    "regclass",
    "regtype",
    "regproc",
    "regprocedure",
    "regnamespace",
    "to_regtype",
];
/// Words that a statement of the protocol begins with.
const MANNER: [&str; 16] = [
    "declare",
    "set",
    "show",
    "begin",
    "start",
    "commit",
    "end",
    "rollback",
    "abort",
    "savepoint",
    "release",
    "deallocate",
    "discard",
    "close",
    "reset",
    "unlisten",
];

/// The number of values `$1`, `$2`, … that a text asks for.
pub(super) fn values(sql: &str) -> usize {
    let tokens = Tokenizer::new(&PostgreSqlDialect {}, sql).tokenize().unwrap_or_default();
    let place = |token: &Token| if let Token::Placeholder(name) = token { name.trim_start_matches('$').parse().ok() } else { None };
    tokens.iter().filter_map(place).max().unwrap_or(0)
}

/// Gives each `$n` the type that is said of it, for the engine would guess another or none.
pub(super) fn with_types(statement: &mut Parsed, type_of: &dyn Fn(usize) -> Option<&'static str>) {
    struct Typed<'a>(&'a dyn Fn(usize) -> Option<&'static str>);
    impl VisitorMut for Typed<'_> {
        type Break = ();

        fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
            let Expr::Value(value) = &*expr else { return ControlFlow::Continue(()) };
            let Value::Placeholder(name) = &value.value else { return ControlFlow::Continue(()) };
            let at = name.trim_start_matches('$').parse::<usize>().ok();
            let typed = at.and_then(self.0).map(|of| expression(&format!("cast({name} as {of})")));
            if let Some(Ok(typed)) = typed {
                *expr = typed;
            }
            ControlFlow::Continue(())
        }
    }
    match statement {
        Parsed::Statement(statement) => drop(VisitMut::visit(statement.as_mut(), &mut Typed(type_of))),
        Parsed::Explain(explain) => with_types(&mut explain.statement, type_of),
        _ => {}
    }
}

/// The statements of a text, each allowed to run.
pub(super) fn parse(analyst: &Analyst, drivers: &PostgresCompatibilityParser, sql: &str) -> Result<Vec<Asked>, SqlError> {
    let question = |statement: Parsed| Asked::Question(Box::new(statement), None);
    bounded(sql, &PostgreSqlDialect {}).map_err(|error| retell(&error, sql, Names::default))?;
    if !is_drivers(sql) {
        return Ok(analyst.parse(sql)?.into_iter().map(question).collect());
    }
    // Where it is no PostgreSQL either, the engine's dialect says what is wrong.
    let Ok(statements) = drivers.parse(sql) else { return Ok(analyst.parse(sql)?.into_iter().map(question).collect()) };
    let ask = |mut statement: Statement| {
        let _ = VisitMut::visit(&mut statement, &mut Escapes);
        if is_manner(&statement)? {
            return Ok(Asked::Manner(Box::new(statement)));
        }
        if matches!(statement, Statement::Declare { .. }) {
            let hint = "read the rows as they come, or some with LIMIT; in SQLAlchemy without `stream_results`";
            return Err(SqlError::Refused { what: "a cursor of the server (`DECLARE`)".to_owned(), hint: hint.to_owned() });
        }
        let parsed = |statement: Statement| Box::new(Parsed::Statement(Box::new(statement)));
        let mut statement = setting(&statement).unwrap_or(statement);
        let empty = without_rows(&statement).map(parsed);
        without_details(&mut statement);
        let statement = parsed(statement);
        guard::check(&statement, Rights::Read)?;
        Ok(Asked::Question(statement, empty))
    };
    statements.into_iter().map(ask).collect()
}

/// `like 'pg/_%' escape '/'` with the one escape that the engine knows. (A doubled escape, which no driver writes, is not undone.)
struct Escapes;

impl VisitorMut for Escapes {
    type Break = ();

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        let (Expr::Like { pattern, escape_char, .. } | Expr::ILike { pattern, escape_char, .. }) = expr else {
            return ControlFlow::Continue(());
        };
        let Some(Value::SingleQuotedString(escape)) = escape_char.as_ref().map(|value| &value.value) else {
            return ControlFlow::Continue(());
        };
        if escape == "\\" {
            return ControlFlow::Continue(());
        }
        let escape = Value::SingleQuotedString(escape.clone());
        if let Ok(rewritten) = expression(&format!("replace({pattern}, {escape}, '\\')")) {
            (**pattern, *escape_char) = (rewritten, None);
        }
        ControlFlow::Continue(())
    }
}

/// Whether a text speaks of the system tables, or to the protocol: by its words, not by what stands in its literals. One that asks of its
/// own tables within a select list stays as it is: the rewriting would put NULL in place of that.
fn is_drivers(sql: &str) -> bool {
    let Ok(tokens) = Tokenizer::new(&PostgreSqlDialect {}, sql).tokenize() else { return false };
    let (mut begins, mut system) = (true, false);
    for token in &tokens {
        match token {
            Token::Whitespace(_) => {}
            Token::SemiColon => begins = true,
            Token::Word(word) => {
                let name = word.value.to_lowercase();
                if begins && word.quote_style.is_none() && MANNER.contains(&name.as_str()) {
                    return true;
                }
                system |= name.starts_with("pg_") || SYSTEM.contains(&name.as_str());
                begins = false;
            }
            _ => begins = false,
        }
    }
    system && !asks_own_tables_in_lists(sql)
}

/// Whether a subquery in a select list reads other tables than the system's.
fn asks_own_tables_in_lists(sql: &str) -> bool {
    struct Lists;
    impl Visitor for Lists {
        type Break = ();

        fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<()> {
            let SetExpr::Select(select) = query.body.as_ref() else { return ControlFlow::Continue(()) };
            select.projection.iter().try_for_each(|item| item.visit(&mut Subqueries))
        }
    }
    struct Subqueries;
    impl Visitor for Subqueries {
        type Break = ();

        fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<()> {
            if let Expr::Subquery(query) = expr { query.visit(&mut Relations) } else { ControlFlow::Continue(()) }
        }
    }
    struct Relations;
    impl Visitor for Relations {
        type Break = ();

        fn pre_visit_relation(&mut self, name: &ObjectName) -> ControlFlow<()> {
            let name = name.to_string().to_lowercase().replace('"', "");
            let last = name.rsplit('.').next().unwrap_or_default();
            let of_system = last.starts_with("pg_") || name.starts_with("information_schema.");
            if of_system { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        }
    }
    let parsed = Parser::new(&PostgreSqlDialect {}).try_with_sql(sql).and_then(|mut parser| parser.parse_statements());
    parsed.is_ok_and(|statements| statements.iter().any(|statement| statement.visit(&mut Lists).is_break()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_has_the_escape_that_the_engine_knows() {
        let drivers = PostgresCompatibilityParser::new();
        let rewritten = |sql: &str| {
            let mut statement = drivers.parse(sql).unwrap_or_else(|error| panic!("{sql}: {error}")).remove(0);
            let _ = VisitMut::visit(&mut statement, &mut Escapes);
            statement.to_string()
        };
        assert_eq!(
            rewritten("select a from b where a not like 'pg/_' || '%' escape '/'"),
            r"SELECT a FROM b WHERE a NOT LIKE replace('pg/_' || '%', '/', '\')"
        );
        let known = r"SELECT a FROM b WHERE a LIKE 'x\_%' ESCAPE '\'";
        assert_eq!(rewritten(known), known);
    }

    #[test]
    fn values_are_counted_and_have_the_types_that_are_said_of_them() {
        assert_eq!(values("select '$9', \"$8\", $2 from a where b = $1 -- $7"), 2);
        let mut statements =
            crate::ingest::sql::statements("select $1, $2 + 1 from a where b = $1").unwrap_or_else(|error| panic!("{error}"));
        let Some(mut statement) = statements.pop_front() else { panic!("a statement") };
        with_types(&mut statement, &|at| (at == 1).then_some("bigint"));
        assert_eq!(statement.to_string(), "SELECT CAST($1 AS BIGINT), $2 + 1 FROM a WHERE b = CAST($1 AS BIGINT)");
    }

    #[test]
    fn the_dialect_is_that_of_what_a_text_speaks_of() {
        for sql in [
            "select oid from pg_class",
            "SELECT current_schema()",
            "select version()",
            "BEGIN",
            "select 1; COMMIT",
            "set application_name = 'x'",
            "SHOW server_version",
            "select 'scores'::regclass",
            "select * from information_schema.columns",
        ] {
            assert!(is_drivers(sql), "{sql}");
        }
        for sql in ["/* a tool */ set application_name = 'x'", "-- a tool\nbegin", "select oid, (select 1 from pg_am) from pg_class"] {
            assert!(is_drivers(sql), "{sql}");
        }
        for sql in [
            "select * from scores",
            "with a as (select 1) select * from a",
            "explain select settled from orders",
            "describe scores",
            "select 'pg_class; begin' from scores where as_of <= current_date",
            "select region, registered from scores",
            "select current_user, (select count(*) from scores) as n",
        ] {
            assert!(!is_drivers(sql), "{sql}");
        }
    }
}
