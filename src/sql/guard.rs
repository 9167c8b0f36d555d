//! What a statement may do: read. With `--write` also copy a result to a file and keep tables of this session.
//!
//! In: a parsed statement. Out: nothing, or a refusal that names the statement. The plan is looked at once more before it
//! runs ([`verify`]), so that a statement that the syntax tree hides is refused all the same.

use std::ops::ControlFlow;
use std::path::{Component, Path};

use datafusion::error::DataFusionError;
use datafusion::execution::context::SQLOptions;
use datafusion::logical_expr::LogicalPlan;
use datafusion::sql::parser::{CopyToSource, Statement};
use datafusion::sql::sqlparser::ast::{
    CreateTable, ObjectName, ObjectType, Query, SetExpr, Statement as SqlStatement, TableFactor, Visit as _, Visitor,
};

use super::error::SqlError;

/// What the analyst asked to be allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rights {
    /// To read what the job lists.
    Read,
    /// Also `COPY … TO`, and views and tables that end with the session.
    Write,
}

/// Refuses a statement that does more than its rights allow.
///
/// # Errors
/// [`SqlError::Refused`] naming what is refused.
pub fn check(statement: &Statement, rights: Rights) -> Result<(), SqlError> {
    match statement {
        Statement::Statement(statement) => check_sql(statement, rights),
        Statement::Explain(explain) => match explain.statement.as_ref() {
            // EXPLAIN ANALYZE runs what it explains.
            Statement::CopyTo(_) => Err(refused("COPY inside EXPLAIN", Rights::Write)),
            inner => check(inner, Rights::Read),
        },
        Statement::CopyTo(_) if rights == Rights::Read => Err(refused("COPY", rights)),
        Statement::CopyTo(copy) => match &copy.source {
            CopyToSource::Relation(name) => path(name).map_or(Ok(()), |file| Err(unlisted(&file))),
            CopyToSource::Query(query) => visit(query, rights),
        },
        Statement::CreateExternalTable(table) => Err(unlisted(&table.locations.join(", "))),
        Statement::Reset(_) => Err(refused("RESET", rights)),
    }
}

/// Refuses a plan that does more than its rights allow.
///
/// # Errors
/// [`SqlError::Refused`].
pub fn verify(plan: &LogicalPlan, rights: Rights) -> Result<(), SqlError> {
    let write = rights == Rights::Write;
    let options = SQLOptions::new().with_allow_ddl(write).with_allow_dml(write).with_allow_statements(false);
    let told = |error: DataFusionError| refused(error.message().as_ref(), rights);
    options.verify_plan(plan).map_err(told)?;
    // `with_allow_dml` allows COPY, and with it INSERT, which nothing here may do.
    let inserts = matches!(plan, LogicalPlan::Dml(_));
    if inserts { Err(refused("writing rows", rights)) } else { Ok(()) }
}

fn check_sql(statement: &SqlStatement, rights: Rights) -> Result<(), SqlError> {
    match statement {
        SqlStatement::Query(query) => visit(query, rights),
        SqlStatement::Explain { statement, .. } => check_sql(statement, Rights::Read),
        SqlStatement::ExplainTable { table_name, .. } => path(table_name).map_or(Ok(()), |file| Err(unlisted(&file))),
        SqlStatement::ShowFunctions { .. }
        | SqlStatement::ShowVariable { .. }
        | SqlStatement::ShowVariables { .. }
        | SqlStatement::ShowCreate { .. }
        | SqlStatement::ShowColumns { .. }
        | SqlStatement::ShowTables { .. }
        | SqlStatement::ShowDatabases { .. }
        | SqlStatement::ShowSchemas { .. } => Ok(()),
        SqlStatement::CreateView(view) if rights == Rights::Write => visit(&view.query, rights),
        SqlStatement::CreateTable(CreateTable { external: false, location: None, query: Some(query), .. }) if rights == Rights::Write => {
            visit(query, rights)
        }
        SqlStatement::Drop { object_type: ObjectType::Table | ObjectType::View, .. } if rights == Rights::Write => Ok(()),
        other => Err(refused(&kind(other), rights)),
    }
}

/// The words that a statement begins with.
fn kind(statement: &SqlStatement) -> String {
    let text = statement.to_string();
    let words = text.split_whitespace().take_while(|word| word.chars().all(|c| c.is_ascii_uppercase()));
    let kind = words.take(2).collect::<Vec<_>>().join(" ");
    if kind.is_empty() { "this statement".to_owned() } else { kind }
}

fn refused(what: &str, rights: Rights) -> SqlError {
    let hint = match rights {
        Rights::Read => "a session only reads; `polytask sql --write` allows COPY … TO, and views and tables that end with the session",
        Rights::Write => "a session may copy results to files and keep views and tables of its own; it changes nothing of the job",
    };
    SqlError::Refused { what: format!("`{what}`"), hint: hint.to_owned() }
}

/// Refuses to write to a file below one of the folders `kept`.
///
/// # Errors
/// [`SqlError::Refused`] naming the file.
pub fn aside(file: &Path, kept: &[&Path]) -> Result<(), SqlError> {
    // The nearest folder above that exists, without links and dots.
    let real = |path: &Path| {
        let whole = std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf());
        let known = whole.ancestors().find_map(|above| Some((above, above.canonicalize().ok()?)));
        known.map_or_else(|| whole.clone(), |(above, known)| known.join(whole.strip_prefix(above).unwrap_or(Path::new(""))))
    };
    let target = real(file);
    // Dots behind a folder that does not exist could lead anywhere.
    let dots = target.components().any(|part| part == Component::ParentDir);
    if dots || kept.iter().any(|folder| target.starts_with(real(folder))) {
        return Err(SqlError::Refused {
            what: format!("writing `{}`", file.display()),
            hint: "that is a place of the job; write to another folder".to_owned(),
        });
    }
    Ok(())
}

fn unlisted(file: &str) -> SqlError {
    SqlError::Refused {
        what: format!("reading `{file}`"),
        hint: "list the file under [sources.<name>] in job.toml: then it is the table `raw.<name>`".to_owned(),
    }
}

/// The part of a table's name that is a path or an address, if there is one.
fn path(name: &ObjectName) -> Option<String> {
    let endings = [".parquet", ".csv", ".json", ".ndjson", ".tsv", ".arrow", ".avro", ".gz"];
    let mut parts = name.0.iter().filter_map(|part| part.as_ident()).map(|ident| ident.value.clone());
    parts.find(|part| part.contains(['/', '\\']) || endings.iter().any(|ending| part.to_lowercase().ends_with(ending)))
}

/// Looks for what a query hides: statements inside of it, SELECT INTO, files.
struct Hidden {
    rights: Rights,
}

fn visit(query: &Query, rights: Rights) -> Result<(), SqlError> {
    match query.visit(&mut Hidden { rights }) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(error) => Err(error),
    }
}

impl Visitor for Hidden {
    type Break = SqlError;

    fn pre_visit_statement(&mut self, statement: &SqlStatement) -> ControlFlow<SqlError> {
        match statement {
            SqlStatement::Query(_) => ControlFlow::Continue(()),
            other => ControlFlow::Break(refused(&kind(other), self.rights)),
        }
    }

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<SqlError> {
        match query.body.as_ref() {
            SetExpr::Select(select) if select.into.is_some() => ControlFlow::Break(refused("SELECT INTO", self.rights)),
            SetExpr::Insert(statement) | SetExpr::Update(statement) | SetExpr::Delete(statement) | SetExpr::Merge(statement) => {
                ControlFlow::Break(refused(&kind(statement), self.rights))
            }
            _ => ControlFlow::Continue(()),
        }
    }

    fn pre_visit_relation(&mut self, name: &ObjectName) -> ControlFlow<SqlError> {
        path(name).map_or(ControlFlow::Continue(()), |file| ControlFlow::Break(unlisted(&file)))
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<SqlError> {
        if let TableFactor::Table { name, args: Some(_), .. } = factor {
            let name = name.to_string().to_lowercase();
            if ["read_", "glob", "parquet_", "sniff_"].iter().any(|begins| name.starts_with(begins)) || name.ends_with("_scan") {
                return ControlFlow::Break(unlisted(&format!("{name}(…)")));
            }
        }
        ControlFlow::Continue(())
    }
}

#[cfg(test)]
mod tests {
    use datafusion::sql::parser::DFParser;

    use super::*;

    #[track_caller]
    fn first(sql: &str) -> Statement {
        DFParser::parse_sql(sql).unwrap_or_else(|error| panic!("{sql}: {error}")).pop_front().unwrap_or_else(|| panic!("{sql}"))
    }

    #[test]
    fn what_reads_is_allowed() {
        for sql in [
            "select 1",
            "values (1), (2)",
            "with a as (select 1 as x) select * from a where x in (select y from b)",
            "explain select 1",
            "explain analyze select * from raw.orders",
            "show tables",
            "show columns from orders",
            "describe orders",
            "select * from generate_series(1, 3)",
        ] {
            check(&first(sql), Rights::Read).unwrap_or_else(|error| panic!("{sql}: {error}"));
        }
    }

    #[test]
    fn what_writes_or_reads_elsewhere_is_refused() {
        for sql in [
            "insert into orders values (1)",
            "update orders set a = 1",
            "delete from orders",
            "merge into orders using b on a = b when matched then delete",
            "create table t as select 1",
            "create view v as select 1",
            "create external table t stored as parquet location 'x.parquet'",
            "drop table orders",
            "truncate table orders",
            "alter table orders add column a int",
            "copy orders to 'x.parquet'",
            "copy (select 1) to 'x.csv'",
            "set datafusion.execution.batch_size = 1",
            "reset datafusion.execution.batch_size",
            "prepare p as select 1",
            "prepare p as insert into orders values (1)",
            "execute p",
            "begin",
            "explain analyze insert into orders values (1)",
            "explain analyze copy orders to 'x.parquet'",
            "explain analyze create table t as select 1",
            "explain explain analyze copy orders to 'x.parquet'",
            "select 1 into t from orders",
            "select * from (select 1 into t from orders) a",
            "with a as (insert into orders values (1)) select 1",
            "select * from 'x.parquet'",
            "select * from \"/etc/passwd\"",
            "select (select count(*) from '../x.csv')",
            "select * from read_parquet('x.parquet')",
            "select * from parquet_scan('x.parquet')",
            "create function f(a int) returns int return a",
            "show catalogs",
        ] {
            let Ok(mut statements) = DFParser::parse_sql(sql) else { continue };
            let statement = statements.pop_front().unwrap_or_else(|| panic!("{sql}"));
            let error = check(&statement, Rights::Read).err().unwrap_or_else(|| panic!("allowed: {sql}"));
            assert!(matches!(error, SqlError::Refused { .. }), "{sql}: {error}");
        }
    }

    #[test]
    fn write_allows_copies_and_tables_of_the_session_only() {
        for sql in [
            "copy orders to 'x.parquet'",
            "copy (select 1) to 'x.csv'",
            "create view v as select 1",
            "create table t as select 1",
            "drop view v",
        ] {
            check(&first(sql), Rights::Write).unwrap_or_else(|error| panic!("{sql}: {error}"));
        }
        for sql in [
            "insert into orders values (1)",
            "create external table t stored as parquet location 'x.parquet'",
            "set datafusion.execution.batch_size = 1",
            "explain analyze copy orders to 'x.parquet'",
            "copy (select * from 'x.csv') to 'y.csv'",
            "create table t as select * from 'x.csv'",
        ] {
            assert!(matches!(check(&first(sql), Rights::Write), Err(SqlError::Refused { .. })), "{sql}");
        }
    }
}
