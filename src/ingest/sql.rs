//! SQL text to a plan: one SELECT per file, the tables it names, typed parameters in place of `$name`.
//!
//! In: a [`Query`] and [`Params`]. Out: a parsed [`Select`] or a DataFusion plan. Values enter the syntax tree as typed
//! literals; no text is ever pasted into SQL.

use std::collections::VecDeque;
use std::ops::ControlFlow;

use datafusion::common::TableReference;
use datafusion::dataframe::DataFrame;
use datafusion::error::DataFusionError;
use datafusion::prelude::SessionContext;
use datafusion::sql::parser::{DFParserBuilder, Statement};
use datafusion::sql::resolve::resolve_table_references;
use datafusion::sql::sqlparser::ast::{
    CastKind, DataType, Expr, Statement as SqlStatement, TimezoneInfo, Value, Visit as _, VisitMut, visit_expressions,
    visit_expressions_mut,
};
use datafusion::sql::sqlparser::dialect::{Dialect, GenericDialect};
use datafusion::sql::sqlparser::parser::ParserError;
use datafusion::sql::sqlparser::tokenizer::{Location, Token, TokenWithSpan, Tokenizer};

use super::arguments::{self, Called};
use super::error::IngestError;
use crate::job::{AsOf, Job, Param, Query};

/// A parsed SELECT.
#[derive(Debug, Clone)]
pub struct Select {
    file: String,
    statement: SqlStatement,
    /// Tables that it names, common table expressions left out.
    pub tables: Vec<TableReference>,
}

/// The typed parameters of a query.
#[derive(Debug, Clone)]
pub struct Params {
    values: Vec<(String, Param)>,
    as_of: Option<AsOf>,
    horizon_end: Option<AsOf>,
}

impl Params {
    /// The job's own parameters, for queries that are not bound to a date.
    #[must_use]
    pub fn of(job: &Job) -> Self {
        Self { values: job.params.clone(), as_of: None, horizon_end: None }
    }

    /// The same with `$as_of`, `$as_of_date` and `$horizon_end`.
    #[must_use]
    pub fn at(&self, as_of: &AsOf, horizon_end: &AsOf) -> Self {
        Self { values: self.values.clone(), as_of: Some(as_of.clone()), horizon_end: Some(horizon_end.clone()) }
    }

    /// The same with one more value, before those of the job.
    #[must_use]
    pub fn with(mut self, name: &str, value: Param) -> Self {
        self.values.insert(0, (name.to_owned(), value));
        self
    }

    fn literal(&self, name: &str) -> Option<Expr> {
        match name {
            "as_of" => return self.as_of.as_ref().map(instant),
            "as_of_date" => return self.as_of.as_ref().map(|as_of| cast(as_of.date().to_string(), DataType::Date)),
            "horizon_end" => return self.horizon_end.as_ref().map(instant),
            _ => {}
        }
        let (_, value) = self.values.iter().find(|(known, _)| known == name)?;
        Some(match value {
            Param::Int(number) => cast(number.to_string(), DataType::BigInt(None)),
            Param::Float(number) => cast(format!("{number:e}"), DataType::Double(datafusion::sql::sqlparser::ast::ExactNumberInfo::None)),
            Param::Text(text) => Expr::value(Value::SingleQuotedString(text.clone())),
            Param::Bool(truth) => Expr::value(Value::Boolean(*truth)),
            Param::Date(date) => cast(date.to_string(), DataType::Date),
        })
    }

    /// What a query may name, in words.
    #[must_use]
    pub fn names(&self) -> String {
        let own = self.as_of.iter().flat_map(|_| ["$as_of", "$as_of_date", "$horizon_end"]).map(str::to_owned);
        let names: Vec<String> = own.chain(self.values.iter().map(|(name, _)| format!("${name}"))).collect();
        if names.is_empty() { "none here".into() } else { names.join(", ") }
    }
}

fn instant(as_of: &AsOf) -> Expr {
    let instant = jiff::Timestamp::from_microsecond(as_of.micros()).map(|time| time.to_string()).unwrap_or_default();
    cast(instant, DataType::Timestamp(None, TimezoneInfo::WithTimeZone))
}

fn cast(text: String, data_type: DataType) -> Expr {
    Expr::Cast { kind: CastKind::Cast, expr: Box::new(Expr::value(Value::SingleQuotedString(text))), data_type, array: false, format: None }
}

/// The statements of a text.
///
/// Brackets are looked at first: where a text with open ones is wrong, the parser tries each of them in several ways, and the ways of
/// nested ones multiply.
///
/// # Errors
/// [`DataFusionError::SQL`] with line and column in its message.
pub fn statements(sql: &str) -> Result<VecDeque<Statement>, DataFusionError> {
    let dialect = GenericDialect {};
    bounded(sql, &dialect)?;
    DFParserBuilder::new(sql).with_dialect(&dialect).build()?.parse_statements()
}

/// Whether the brackets of a text are closed and not too deep in each other, and its chains not too long: to be asked before it is
/// parsed, for parser and planner go as deep as the text does, each step on the stack.
///
/// # Errors
/// [`DataFusionError::SQL`] with line and column in its message.
pub fn bounded(sql: &str, dialect: &dyn Dialect) -> Result<(), DataFusionError> {
    let told = |(what, at): (String, Location)| {
        let message = format!("{what} at Line: {}, Column: {}", at.line, at.column);
        DataFusionError::SQL(Box::new(ParserError::ParserError(message)), None)
    };
    if sql.len() > LONGEST {
        return Err(told((format!("the text has more than {LONGEST} bytes"), Location { line: 1, column: 1 })));
    }
    // What cannot be cut into tokens is the parser's to tell.
    let Ok(tokens) = Tokenizer::new(dialect, sql).tokenize_with_location() else { return Ok(()) };
    brackets(&tokens).and_then(|()| links(&tokens)).map_err(told)
}

/// Bytes of a text of statements, at most.
const LONGEST: usize = 1 << 20;
/// Operators, joins and set operations of a text, at most: a chain of so many fits into the stack of a main thread, and those of
/// [`STACK`] bytes hold it many times over.
const LINKS: usize = 2500;
/// Bytes of stack of a thread that parses or plans what others have written.
pub const STACK: usize = 64 << 20;

/// Whether what could be one chain of operations is not too long.
fn links(tokens: &[TokenWithSpan]) -> Result<(), (String, Location)> {
    const WORDS: [&str; 14] =
        ["and", "or", "not", "union", "except", "intersect", "join", "between", "like", "ilike", "is", "in", "collate", "case"];
    let is_link = |token: &Token| match token {
        Token::Word(word) => word.quote_style.is_none() && WORDS.contains(&word.value.to_lowercase().as_str()),
        Token::Number(..)
        | Token::SingleQuotedString(_)
        | Token::Whitespace(_)
        | Token::Comma
        | Token::SemiColon
        | Token::LParen
        | Token::RParen
        | Token::Placeholder(_)
        | Token::EOF => false,
        _ => true,
    };
    match tokens.iter().filter(|own| is_link(&own.token)).nth(LINKS) {
        Some(own) => Err((format!("the text has more than {LINKS} operators and joins"), own.span.start)),
        None => Ok(()),
    }
}

/// Brackets that lie in each other at most.
const DEEPEST: usize = 16;

/// Whether every bracket is closed by its own kind, and none lies too deep.
fn brackets(tokens: &[TokenWithSpan]) -> Result<(), (String, Location)> {
    let mut open: Vec<(&Token, &str, Location)> = Vec::new();
    for TokenWithSpan { token, span } in tokens {
        let closed_by = match token {
            Token::LParen => Some((&Token::RParen, "(")),
            Token::LBracket => Some((&Token::RBracket, "[")),
            Token::LBrace => Some((&Token::RBrace, "{")),
            _ => None,
        };
        match token {
            _ if let Some((end, shown)) = closed_by => {
                open.push((end, shown, span.start));
                if open.len() > DEEPEST {
                    return Err((format!("brackets lie in each other more than {DEEPEST} deep"), span.start));
                }
            }
            Token::RParen | Token::RBracket | Token::RBrace => match open.pop() {
                Some((end, ..)) if end == token => {}
                Some((_, shown, at)) => return Err((format!("`{shown}` is not closed before `{token}`"), at)),
                None => return Err((format!("`{token}` closes nothing"), span.start)),
            },
            Token::SemiColon | Token::EOF if !open.is_empty() => break,
            _ => {}
        }
    }
    open.pop().map_or(Ok(()), |(_, shown, at)| Err((format!("`{shown}` is not closed"), at)))
}

/// Parses a query file.
///
/// # Errors
/// [`IngestError::Sql`] naming the file: no statement, several, or one that is not a SELECT.
pub fn parse(query: &Query) -> Result<Select, IngestError> {
    let wrong = |message: String, hint: &str| IngestError::Sql { file: query.file.clone(), message, hint: hint.to_owned() };
    let mut statements = statements(&query.sql)
        .map_err(|error| wrong(error.strip_backtrace(), "the place is named in the message; the dialect is DataFusion's"))?;
    let (first, more) = (statements.pop_front(), !statements.is_empty());
    let Some(Statement::Statement(statement)) = first else {
        return Err(wrong("it holds no SELECT".into(), "each query file is one SELECT"));
    };
    if more || !matches!(*statement, SqlStatement::Query(_)) {
        return Err(wrong("it is not a single SELECT".into(), "each query file is one SELECT; it cannot create, insert or set"));
    }
    let whole = Statement::Statement(statement.clone());
    let (mut tables, _) =
        resolve_table_references(&whole, true).map_err(|error| wrong(error.strip_backtrace(), "check the names of its tables"))?;
    if let ControlFlow::Break(name) = visit_expressions(&*statement, unrepeatable) {
        let message = format!("`{name}` gives something else every time: the night could not be repeated");
        return Err(wrong(message, "`$as_of` and `$as_of_date` are the night's own now; for a sample take rows by a hash of their key"));
    }
    let mut called = Called::default();
    let _ = statement.visit(&mut called);
    tables.retain(|table| !called.is_function(table.table()));
    tables.append(&mut called.tables);
    Ok(Select { file: query.file.clone(), statement: *statement, tables })
}

/// Stops at a call of a function whose value depends on the clock or on chance.
fn unrepeatable(expression: &Expr) -> ControlFlow<String> {
    let Expr::Function(function) = expression else { return ControlFlow::Continue(()) };
    let name = function.name.to_string().to_lowercase();
    let bad = ["now", "current_timestamp", "current_date", "current_time", "today", "random", "rand", "uuid"];
    if bad.contains(&name.as_str()) { ControlFlow::Break(name) } else { ControlFlow::Continue(()) }
}

/// Replaces every `$name` in a syntax tree by its typed value.
///
/// # Errors
/// The first name that has no value.
pub fn bind<Tree: VisitMut>(tree: &mut Tree, params: &Params) -> Result<(), String> {
    bind_but(tree, params, |_| false)
}

/// The same, with those names left as they are that `open` says.
///
/// # Errors
/// As [`bind`].
pub fn bind_but<Tree: VisitMut>(tree: &mut Tree, params: &Params, open: impl Fn(&str) -> bool) -> Result<(), String> {
    let unknown = visit_expressions_mut(tree, |expression| {
        let Expr::Value(value) = expression else { return ControlFlow::Continue(()) };
        let Value::Placeholder(name) = &value.value else { return ControlFlow::Continue(()) };
        let name = name.trim_start_matches('$').to_owned();
        match params.literal(&name) {
            Some(literal) => {
                *expression = literal;
                ControlFlow::Continue(())
            }
            None if open(&name) => ControlFlow::Continue(()),
            None => ControlFlow::Break(name),
        }
    });
    if let ControlFlow::Break(name) = unknown { Err(name) } else { Ok(()) }
}

/// Plans a SELECT in a session, with its parameters bound.
///
/// # Errors
/// [`IngestError::UnknownParam`] or [`IngestError::Plan`], naming the file.
pub async fn plan(session: &SessionContext, select: &Select, params: &Params) -> Result<DataFrame, IngestError> {
    let mut statement = select.statement.clone();
    bind(&mut statement, params).map_err(|name| IngestError::UnknownParam { file: select.file.clone(), name, known: params.names() })?;
    arguments::quote(&mut statement, arguments::takes_queries);
    let failed = |error: datafusion::error::DataFusionError| IngestError::plan(&select.file, &error);
    let state = session.state();
    let plan = state.statement_to_plan(Statement::Statement(Box::new(statement))).await.map_err(failed)?;
    // Type coercion and constant folding find what planning alone does not (a comparison of text with a number).
    state.optimize(&plan).map_err(failed)?;
    Ok(DataFrame::new(state, plan))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrong(sql: &str) -> String {
        statements(sql).map_or_else(|error| error.strip_backtrace(), |found| format!("{} statement(s)", found.len()))
    }

    #[test]
    fn chains_are_not_too_long() {
        let chain = |links: usize| format!("select 1{}", "+1".repeat(links));
        assert!(wrong(&chain(LINKS)).contains("1 statement(s)"));
        assert!(wrong(&chain(LINKS + 1)).contains("more than 2500 operators"), "{}", wrong(&chain(LINKS + 1)));
        assert!(wrong(&format!("select 1{}", " union all select 1".repeat(LINKS + 1))).contains("more than 2500"));
        assert!(wrong(&format!("select '{}'", "x".repeat(LONGEST))).contains("bytes"));
        let list = vec!["1"; 20_000].join(",");
        assert!(wrong(&format!("select * from t where a in ({list})")).contains("1 statement(s)"));
    }

    #[test]
    fn brackets_are_closed_and_do_not_lie_too_deep() {
        assert!(wrong("select (1 + [2][1]) as \"(\", ')' -- (\n; select 2").contains("2 statement(s)"));
        assert!(wrong("select sum(a\nfrom t").contains("`(` is not closed at Line: 1, Column: 11"));
        assert!(wrong("select sum(a; select 1)").contains("`(` is not closed at"));
        assert!(wrong("select (a])").contains("`(` is not closed before `]` at Line: 1, Column: 8"));
        assert!(wrong("select a)").contains("`)` closes nothing at Line: 1, Column: 9"));
        let nested = |deep: usize| format!("select {}1{}", "(".repeat(deep), ")".repeat(deep));
        assert!(wrong(&nested(DEEPEST)).contains("1 statement(s)"), "{}", wrong(&nested(DEEPEST)));
        assert!(wrong(&nested(DEEPEST + 1)).contains("more than 16 deep at Line: 1, Column: 24"), "{}", wrong(&nested(DEEPEST + 1)));
    }
}
