//! The shell: pieces of input run one after the other, results shown, errors told and survived.
//!
//! In: pieces from a person or a script. Out: stdout, stderr, files. Typing is `editor`'s, commands are `commands`'.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use arrow::array::RecordBatch;
use arrow::datatypes::{Schema, SchemaRef};
use datafusion::sql::parser::Statement;
use tokio::runtime::Runtime;

use super::ask::{Unanswered, ask, grouped};
use super::commands;
use super::editor::{Editor, Typed};
use super::pager;
use super::statements::{Piece, drops, edits, interrupted, pieces};
use crate::cli::Failure;
use crate::cli::console::{error, say, say_all, tell};
use crate::outcome::Ending;
use crate::publish::folder;
use crate::sql::Analyst;
use crate::sql::format::{Format, ResultWriter, SHOWN_ROWS, expanded, table};

/// Whether the shell goes on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Then {
    Next,
    Quit,
}

/// A shell.
pub(super) struct Shell {
    pub(super) analyst: Arc<Analyst>,
    pub(super) runtime: Arc<Runtime>,
    pub(super) format: Format,
    pub(super) timing: bool,
    pub(super) expanded: bool,
    /// File that results are written to.
    pub(super) out: Option<PathBuf>,
    /// The last SQL that was run.
    pub(super) last: String,
    /// The rows that it showed.
    pub(super) rows: Vec<RecordBatch>,
    person: bool,
    /// A statement that a command interrupted: it stands on the next line again.
    begun: String,
}

impl Shell {
    pub(super) fn new(analyst: Analyst, runtime: Runtime, format: Format, person: bool) -> Self {
        Self {
            analyst: Arc::new(analyst),
            runtime: Arc::new(runtime),
            format,
            timing: person,
            expanded: false,
            out: None,
            last: String::new(),
            rows: Vec::new(),
            person,
            begun: String::new(),
        }
    }

    /// Talks with a person until they leave.
    pub(super) fn talk(&mut self) -> Result<Ending, Failure> {
        // From the first wait on, Ctrl-C no longer ends the process: a pager or an editor may have the terminal.
        self.runtime.spawn(tokio::signal::ctrl_c());
        let mut editor = Editor::new(Arc::clone(&self.analyst), Arc::clone(&self.runtime));
        say(&self.greeting());
        loop {
            match editor.read(&std::mem::take(&mut self.begun)) {
                Typed::Text(text) => {
                    if self.heard(&text) == Then::Quit {
                        return Ok(Ending::Published);
                    }
                }
                Typed::Nothing => {}
                Typed::Leave => return Ok(Ending::Published),
                Typed::Broken(message) => return Err(Failure { message, hint: None, ending: Ending::Io }),
            }
        }
    }

    fn greeting(&self) -> String {
        let (run, date) = self.analyst.at();
        let run = run.map_or_else(|| "no run yet".to_owned(), |run| format!("current run {run}"));
        let date = date.map_or_else(|| "no as-of date".to_owned(), |date| format!("features as of {date}"));
        format!("{}: {run}, {date}. \\? lists commands, \\dt tables, \\q leaves.", self.analyst.job().title)
    }

    /// Runs what was typed; an error is told and ends nothing.
    fn heard(&mut self, text: &str) -> Then {
        let mut all = pieces(text);
        if let Some((open, command)) = interrupted(text) {
            if drops(command) {
                tell("dropped what was typed");
                return Then::Next;
            }
            if edits(command) {
                open.trim().clone_into(&mut self.last);
            } else {
                open.clone_into(&mut self.begun);
            }
            all = vec![Piece::Command(command.to_owned())];
        }
        for piece in &all {
            match self.piece(piece) {
                Ok(Then::Next) => {}
                Ok(Then::Quit) => return Then::Quit,
                Err(Unanswered::Stopped) => {
                    tell("stopped");
                    break;
                }
                // A pager that was left early.
                Err(Unanswered::Read) => break,
                Err(Unanswered::Failed(failure)) => {
                    error(&failure.message, failure.hint.as_deref());
                    break;
                }
            }
        }
        Then::Next
    }

    /// Runs a script; the first error ends it. Nothing of it runs where a statement of it does not parse or is refused.
    pub(super) fn script(&mut self, text: &str) -> Result<(), Failure> {
        let all = pieces(text);
        for piece in &all {
            if let Piece::Sql(sql, from) = piece {
                self.analyst.parse(&in_its_line(sql, *from))?;
            }
        }
        for piece in &all {
            match self.piece(piece) {
                Ok(Then::Next) => {}
                Ok(Then::Quit) | Err(Unanswered::Read) => break,
                Err(unanswered) => return Err(ended(unanswered)),
            }
        }
        Ok(())
    }

    /// Writes the one result of the scripts to a file.
    pub(super) fn write_to(&mut self, out: &Path, scripts: &[String]) -> Result<Ending, Failure> {
        let mut all: Vec<Piece> = scripts.iter().flat_map(|script| pieces(script)).collect();
        let (Some(Piece::Sql(sql, from)), true) = (all.pop(), all.is_empty()) else {
            return Err(Failure::usage("`--out` takes the result of one statement", "give one `-c`, or run the statements one by one"));
        };
        self.out = Some(out.to_path_buf());
        match self.sql(&sql, from) {
            Ok(()) => Ok(Ending::Published),
            Err(unanswered) => Err(ended(unanswered)),
        }
    }

    /// Runs one piece.
    pub(super) fn piece(&mut self, piece: &Piece) -> Result<Then, Unanswered> {
        match piece {
            Piece::Command(command) => return commands::run(self, command),
            Piece::Saved(name) => {
                let sql = self.analyst.saved(name)?.sql.clone();
                self.sql(&sql, 0)?;
            }
            Piece::Sql(sql, from) => self.sql(sql, *from)?,
        }
        Ok(Then::Next)
    }

    /// Runs SQL that begins after `from` lines of its text, so that errors name the line of the whole.
    pub(super) fn sql(&mut self, sql: &str, from: usize) -> Result<(), Unanswered> {
        let text = in_its_line(sql, from);
        sql.clone_into(&mut self.last);
        for statement in self.analyst.parse(&text)? {
            self.one(&text, statement)?;
        }
        Ok(())
    }

    fn one(&mut self, sql: &str, statement: Statement) -> Result<(), Unanswered> {
        let begun = Instant::now();
        if let Some(out) = self.out.clone() {
            let rows = self.to_file(sql, statement, &out)?;
            tell(&format!("{}: {} rows", out.display(), grouped(rows)));
            return Ok(());
        }
        if self.format == Format::Table {
            let (schema, rows) = self.collect(sql, statement)?;
            self.show(&schema, rows, begun).map_err(Unanswered::from)
        } else {
            self.stream(sql, statement, Box::new(std::io::stdout()))?;
            self.told_time(begun);
            Ok(())
        }
    }

    /// The rows that can be shown, and how many there are.
    pub(super) fn collect(&mut self, sql: &str, statement: Statement) -> Result<(SchemaRef, usize), Unanswered> {
        let (mut shown, mut rows, mut schema) = (Vec::new(), 0, Arc::new(Schema::empty()));
        let (analyst, runtime) = (Arc::clone(&self.analyst), Arc::clone(&self.runtime));
        runtime.block_on(ask(&analyst, sql, statement, |columns, batch| {
            schema = Arc::clone(columns);
            if let Some(batch) = batch {
                let left = SHOWN_ROWS.saturating_sub(rows).min(batch.num_rows());
                if left > 0 {
                    shown.push(batch.slice(0, left));
                }
                rows += batch.num_rows();
            }
            Ok(())
        }))?;
        self.rows = shown;
        Ok((schema, rows))
    }

    fn show(&self, schema: &SchemaRef, rows: usize, begun: Instant) -> std::io::Result<()> {
        let mut text = if self.expanded { expanded(schema, &self.rows)? } else { table(schema, &self.rows)? };
        if !schema.fields().is_empty() {
            let more = if rows > SHOWN_ROWS { format!(", the first {} shown", grouped(SHOWN_ROWS)) } else { String::new() };
            let word = if rows == 1 { "row" } else { "rows" };
            text.push_str(&format!("({} {word}{more})\n", grouped(rows)));
        }
        if self.person {
            pager::show(&text);
        } else {
            say_all(&text);
        }
        self.told_time(begun);
        Ok(())
    }

    fn told_time(&self, begun: Instant) {
        if self.timing {
            tell(&format!("{:.3} s", begun.elapsed().as_secs_f64()));
        }
    }

    fn stream(&self, sql: &str, statement: Statement, sink: Box<dyn Write + Send>) -> Result<usize, Unanswered> {
        let (mut sink, mut writer) = (Some(sink), None);
        let format = self.format;
        self.runtime.block_on(ask(&self.analyst, sql, statement, |schema, batch| {
            if let Some(sink) = sink.take() {
                writer = Some(ResultWriter::new(format, Arc::clone(schema), sink)?);
            }
            match (&mut writer, batch) {
                (Some(writer), Some(batch)) => writer.write(batch),
                _ => Ok(()),
            }
        }))?;
        Ok(writer.map_or(Ok(0), ResultWriter::finish)?)
    }

    /// Writes a result to a file, whole or not at all.
    fn to_file(&self, sql: &str, statement: Statement, out: &Path) -> Result<usize, Unanswered> {
        self.analyst.may_write(out)?;
        let out = std::path::absolute(out)?;
        folder::write_whole(&out, |file| self.stream(sql, statement, Box::new(std::io::BufWriter::new(file))))
    }
}

/// SQL that begins after `from` lines.
fn in_its_line(sql: &str, from: usize) -> String {
    format!("{}{sql}", "\n".repeat(from))
}

/// How a script leaves when a statement has no answer.
fn ended(unanswered: Unanswered) -> Failure {
    match unanswered {
        Unanswered::Failed(failure) => failure,
        Unanswered::Read => Failure { message: "the reader of the result is gone".to_owned(), hint: None, ending: Ending::Io },
        Unanswered::Stopped => Failure { message: "stopped by SIGINT".to_owned(), hint: None, ending: Ending::Stopped },
    }
}
