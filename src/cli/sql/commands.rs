//! The shell's own commands: what begins with `\`.
//!
//! In: a command and the shell. Out: what it shows or changes. SQL is run by the shell itself.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use arrow::array::{AsArray as _, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::DataType;

use super::ask::Unanswered;
use super::pager;
use super::shell::{Shell, Then};
use super::statements::{drops, pieces};
use crate::cli::Failure;
use crate::cli::console::{say, say_all, tell};
use crate::publish::Columns;
use crate::sql::SqlError;
use crate::sql::calls;
use crate::sql::chart::Chart;
use crate::sql::format::{Format, table};

const HELP: &str = r"\d [TABLE]        the tables, or the columns of one and what they mean
\dt [SCHEMA]      the tables
\df [NAME]        the functions, or those whose name holds NAME with their syntax
\saved            the saved queries; @NAME runs one
\x                a block a row instead of a line a row, and back
\format FORMAT    table, csv, tsv, json, ndjson, markdown, parquet
\o [FILE]         write each result to FILE, replacing it; without FILE back to the terminal
\chart KIND       the last result as bar, line or hist
\watch [SECONDS]  run the last SQL again and again, until Ctrl-C
\timing           tell how long each statement took, or not
\e                edit the last SQL in $EDITOR, then run it
\r                drop what was typed, in the midst of a statement
\? \q             this list; leave, as exit and quit do
SQL ends with ;   Tab completes names, Ctrl-R searches the history, Ctrl-C stops a query.";

/// Every command, for completion.
pub(super) const COMMANDS: [&str; 14] = ["d", "dt", "df", "saved", "x", "format", "o", "chart", "watch", "timing", "e", "r", "?", "q"];

/// Runs a command.
pub(super) fn run(shell: &mut Shell, command: &str) -> Result<Then, Unanswered> {
    let (name, argument) = command.split_once(char::is_whitespace).unwrap_or((command, ""));
    let argument = argument.trim();
    match name {
        "q" | "quit" => return Ok(Then::Quit),
        "?" | "h" | "help" => say(HELP),
        // Nothing is open.
        name if drops(name) => {}
        "d" if !argument.is_empty() => describe(shell, argument)?,
        "d" | "dt" => tables(shell, argument)?,
        "df" => functions(shell, argument)?,
        "saved" => saved(shell)?,
        "x" => {
            shell.expanded = !shell.expanded;
            tell(if shell.expanded { "a block a row" } else { "a line a row" });
        }
        "timing" => {
            shell.timing = !shell.timing;
            tell(if shell.timing { "timing is on" } else { "timing is off" });
        }
        "format" => {
            let names = || Format::ALL.map(|(name, _)| name).join(", ");
            shell.format =
                Format::named(argument).ok_or_else(|| wrong(&format!("`{argument}` is no format"), &format!("formats: {}", names())))?;
        }
        "o" => shell.out = (!argument.is_empty()).then(|| PathBuf::from(argument)),
        "chart" => chart(shell, argument)?,
        "watch" => watch(shell, argument)?,
        "e" | "edit" => edit(shell)?,
        other => return Err(wrong(&format!("there is no command `\\{other}`"), "`\\?` lists the commands")),
    }
    Ok(Then::Next)
}

fn wrong(message: &str, hint: &str) -> Unanswered {
    Unanswered::Failed(Failure::usage(message, hint))
}

fn show(columns: Columns) -> Result<(), Unanswered> {
    let failed = |message: String| Unanswered::from(SqlError::Table { table: "list".into(), message });
    let batch = columns.batch().map_err(failed)?;
    pager::show(&table(&batch.schema(), &[batch])?);
    Ok(())
}

fn tables(shell: &Shell, schema: &str) -> Result<(), Unanswered> {
    let all: Vec<(String, String)> = shell.analyst.tables().into_iter().filter(|(of, _)| schema.is_empty() || of == schema).collect();
    if all.is_empty() {
        return Err(wrong(&format!("there is no table in `{schema}`"), "`\\dt` lists all tables"));
    }
    let comments = shell.analyst.comments();
    let meant = |(schema, table): &(String, String)| match schema.as_str() {
        "public" | "features" => comments.of_table(table).map(str::to_owned),
        _ => None,
    };
    show(
        Columns::new()
            .text("schema", all.iter().map(|(schema, _)| schema))
            .text("table", all.iter().map(|(_, table)| table))
            .text("what", all.iter().map(|pair| meant(pair).unwrap_or_default())),
    )
}

fn describe(shell: &Shell, name: &str) -> Result<(), Unanswered> {
    let sql = format!("select * from {name} limit 0");
    let Some(statement) = shell.analyst.parse(&sql)?.into_iter().next() else { return Ok(()) };
    let schema = shell.runtime.block_on(shell.analyst.run(&sql, statement))?.schema;
    let plain = name.replace('"', "");
    let (of, table) = plain.rsplit_once('.').unwrap_or(("public", &plain));
    let of = if of.starts_with("features@") { "features" } else { of };
    let comments = shell.analyst.comments();
    show(
        Columns::new()
            .text("column", schema.fields().iter().map(|field| field.name()))
            .text("type", schema.fields().iter().map(|field| field.data_type().to_string()))
            .text("meaning", schema.fields().iter().map(|field| comments.of(of, table, field.name()).unwrap_or_default())),
    )
}

fn functions(shell: &mut Shell, name: &str) -> Result<(), Unanswered> {
    let known = known_functions();
    let sql = if name.is_empty() {
        format!(
            "select routine_name as function, lower(min(function_type)) as kind, min(split_part(description, '. ', 1)) as what
             from {known} group by routine_name order by routine_name"
        )
    } else {
        format!(
            "select routine_name as function, lower(min(function_type)) as kind, min(syntax_example) as syntax, min(description) as what
             from {known} where routine_name like '%{}%' group by routine_name order by routine_name",
            name.to_lowercase().replace('\'', "''")
        )
    };
    let Some(statement) = shell.analyst.parse(&sql)?.into_iter().next() else { return Ok(()) };
    let before = std::mem::take(&mut shell.rows);
    let (schema, rows) = shell.collect(&sql, statement)?;
    let found = std::mem::replace(&mut shell.rows, before);
    if rows == 0 {
        return Err(wrong(&format!("no function's name holds `{name}`"), "`\\df` lists all functions"));
    }
    let text = if name.is_empty() { table(&schema, &found)? } else { told(&found)? };
    pager::show(&text);
    Ok(())
}

/// `information_schema.routines`, with what the session's table functions say of themselves: the engine has no place for that.
fn known_functions() -> String {
    let text = |text: &str| format!("'{}'", text.replace('\'', "''"));
    let calls: Vec<String> = calls::described()
        .into_iter()
        .map(|(name, syntax, about)| format!("({}, {}, {})", text(name), text(syntax), text(about)))
        .collect();
    format!(
        "(select routines.routine_name, routines.function_type, coalesce(calls.about, routines.description) as description,
          coalesce(calls.syntax, routines.syntax_example) as syntax_example
          from information_schema.routines left join (values {}) as calls(name, syntax, about) on calls.name = routines.routine_name)",
        calls.join(", ")
    )
}

/// Functions with their syntax and all that they say of themselves, folded to the terminal.
fn told(found: &[RecordBatch]) -> Result<String, Unanswered> {
    let failed = |error: arrow::error::ArrowError| wrong(&error.to_string(), "`\\df` lists all functions");
    let width = pager::size().0.min(120) - 4;
    let mut text = String::new();
    for batch in found {
        let columns = batch.columns().iter().map(|column| cast(column, &DataType::Utf8)).collect::<Result<Vec<_>, _>>().map_err(failed)?;
        let at = |column: usize, row: usize| columns[column].as_string::<i32>().iter().nth(row).flatten().unwrap_or_default().to_owned();
        for row in 0..batch.num_rows() {
            let (name, kind, syntax, what) = (at(0, row), at(1, row), at(2, row), at(3, row));
            text.push_str(&format!("{}  ({kind})\n", if syntax.is_empty() { name } else { syntax }));
            let mut line = String::new();
            for word in what.split_whitespace() {
                if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > width {
                    text.push_str(&format!("    {line}\n"));
                    line.clear();
                }
                line.push_str(if line.is_empty() { "" } else { " " });
                line.push_str(word);
            }
            text.push_str(&format!("    {line}\n"));
        }
    }
    Ok(text)
}

fn saved(shell: &Shell) -> Result<(), Unanswered> {
    let queries = &shell.analyst.job().queries.explore;
    show(
        Columns::new()
            .text("query", queries.iter().map(|query| format!("@{}", query.name)))
            .text("what", queries.iter().map(|query| query.header.lines().next().unwrap_or_default())),
    )
}

fn chart(shell: &Shell, kind: &str) -> Result<(), Unanswered> {
    let kind =
        Chart::named(kind).ok_or_else(|| wrong(&format!("`{kind}` is no chart"), "`\\chart bar`, `\\chart line` or `\\chart hist`"))?;
    let drawn = kind.draw(&shell.rows, pager::size().0 - 1);
    say_all(&drawn.map_err(|message| wrong(&message, "it draws the rows of the last result in the format table"))?);
    Ok(())
}

fn watch(shell: &mut Shell, seconds: &str) -> Result<(), Unanswered> {
    let seconds: f64 = if seconds.is_empty() { 2.0 } else { seconds.parse().unwrap_or(0.0) };
    if !(0.1..=86_400.0).contains(&seconds) || shell.last.is_empty() {
        return Err(wrong("nothing to watch", "`\\watch 5` runs the last SQL again every 5 seconds"));
    }
    loop {
        let sql = shell.last.clone();
        tell(&jiff::Timestamp::now().to_string());
        shell.sql(&sql, 0)?;
        let stopped = shell.runtime.block_on(async {
            tokio::select! {
                () = tokio::time::sleep(Duration::from_secs_f64(seconds)) => false,
                _ = tokio::signal::ctrl_c() => true,
            }
        });
        if stopped {
            return Err(Unanswered::Stopped);
        }
    }
}

fn edit(shell: &mut Shell) -> Result<(), Unanswered> {
    let mut file = tempfile::Builder::new().prefix("polytask-").suffix(".sql").tempfile()?;
    writeln!(file, "{}", shell.last)?;
    let editor = ["VISUAL", "EDITOR"].iter().find_map(|name| std::env::var(name).ok().filter(|editor| !editor.trim().is_empty()));
    let editor = editor.unwrap_or_else(|| "vi".to_owned());
    let words: Vec<&str> = editor.split_whitespace().collect();
    let status = Command::new(words[0]).args(&words[1..]).arg(file.path()).status();
    match status {
        Ok(status) if status.success() => {}
        _ => return Err(wrong(&format!("the editor `{editor}` did not end well"), "$EDITOR names the editor")),
    }
    let text = std::fs::read_to_string(file.path())?;
    say(text.trim_end());
    for piece in pieces(&text) {
        shell.piece(&piece)?;
    }
    Ok(())
}
