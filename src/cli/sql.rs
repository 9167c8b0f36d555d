//! `polytask sql`: questions in SQL, one by one or in a shell.
//!
//! In: statements from `-c`, a file, a saved query, a pipe or a person. Out: results on stdout or in a file, errors with their
//! place on stderr. What the tables are is `crate::sql`'s.

mod ask;
mod commands;
mod editor;
mod models;
mod pager;
mod shell;
mod statements;

use std::io::{IsTerminal as _, Read as _};
use std::path::{Path, PathBuf};

use clap::Args;
use jiff::civil::Date;

use super::{Failure, PlaceArgs, QueryArgs};
use crate::job::{Job, Param};
use crate::outcome::Ending;
use crate::publish::Home;
use crate::sql::format::Format;
use crate::sql::guard::Rights;
use crate::sql::{Analyst, Settings};
pub(super) use ask::grouped;
pub(super) use models::models;
use shell::Shell;

/// Arguments of `polytask sql`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  polytask sql queries/marketplace                   the shell; \\? lists its commands\n  \
                        polytask sql queries/marketplace @weakest_cells    a saved query: explore/weakest_cells.sql\n  \
                        polytask sql queries/marketplace -c \"select * from runs.runs\"\n  \
                        polytask sql queries/marketplace --format csv --out scores.csv -c \"select * from current.scores\"\n  \
                        polytask sql queries/marketplace --param user=7 -c 'select * from scores where user_id = $user'\n  \
                        polytask sql queries/marketplace --as-of 2026-03-12 -c \"select * from features.product_price\"\n\n\
                        Tables: raw.<source>, clean tables and features by their names, features.<table> and\n\
                        outcome.<table> as of --as-of, \"features@2026-03-12\".<table> of another date, snapshots.frame,\n\
                        current.*, previous.*, runs.* (all nights).\n\
                        A session reads; --write lets it copy results to files and keep tables of its own.")]
pub(super) struct SqlArgs {
    /// Folder of the job
    job: PathBuf,
    /// A saved query of the job, @name: explore/<name>.sql
    #[arg(value_name = "@SAVED")]
    saved: Option<String>,
    /// SQL to run; may be given several times
    #[arg(short = 'c', long = "command", value_name = "SQL")]
    commands: Vec<String>,
    /// File of SQL to run
    #[arg(short = 'f', long = "file", value_name = "FILE")]
    file: Option<PathBuf>,
    /// How results are written: table, csv, tsv, json, ndjson, markdown or parquet [default: as the name of --out ends, or table]
    #[arg(long, value_name = "FORMAT", value_parser = format)]
    format: Option<Format>,
    /// File that the result is written to, whole or not at all
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    /// Value of $NAME: a number, true, false, a date or a text; 'in quotes' it is a text
    #[arg(long = "param", value_name = "NAME=VALUE", value_parser = param)]
    params: Vec<(String, Param)>,
    /// Date of features and outcomes, YYYY-MM-DD [default: that of the current run]
    #[arg(long, value_name = "DATE")]
    as_of: Option<Date>,
    /// What `current` means: a run's id, or how it begins [default: the published run]
    #[arg(long, value_name = "RUN")]
    run: Option<String>,
    /// Allow COPY … TO, and views and tables that end with the session
    #[arg(long)]
    write: bool,
    #[command(flatten)]
    machine: QueryArgs,
    #[command(flatten)]
    places: PlaceArgs,
}

pub(super) fn format(name: &str) -> Result<Format, String> {
    let names = || Format::ALL.map(|(name, _)| name).join(", ");
    Format::named(name).ok_or_else(|| format!("`{name}` is no format: {}", names()))
}

/// Reads `name=value`.
fn param(text: &str) -> Result<(String, Param), String> {
    let (name, value) = text.split_once('=').ok_or_else(|| format!("`{text}` is not NAME=VALUE"))?;
    let name = name.trim_start_matches('$');
    if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
        return Err(format!("`{name}` is no name of a parameter"));
    }
    let quoted = value.len() >= 2 && value.starts_with('\'') && value.ends_with('\'');
    let value = if quoted {
        Param::Text(value[1..value.len() - 1].to_owned())
    } else if let Ok(number) = value.parse::<i64>() {
        Param::Int(number)
    } else if let Some(number) = value.parse().ok().filter(|number: &f64| number.is_finite()) {
        Param::Float(number)
    } else if let Ok(truth) = value.parse::<bool>() {
        Param::Bool(truth)
    } else if let Some(date) = value.parse::<Date>().ok().filter(|date| date.to_string() == value) {
        Param::Date(date)
    } else {
        Param::Text(value.to_owned())
    };
    Ok((name.to_owned(), value))
}

/// The form that results are written in: the one that is named, or that of the file's name.
pub(super) fn form(named: Option<Format>, out: Option<&Path>) -> Result<Format, Failure> {
    let (None, Some(out)) = (named, out) else { return Ok(named.unwrap_or(Format::Table)) };
    let ending = out.extension().map(|ending| ending.to_string_lossy().to_lowercase()).unwrap_or_default();
    Format::of_ending(&ending).ok_or_else(|| {
        Failure::usage(
            format!("the name `{}` does not say in which format the result is written", out.display()),
            "name one with `--format`, or let the file end in .csv, .tsv, .json, .ndjson, .md, .txt or .parquet",
        )
    })
}

pub(super) fn run(args: &SqlArgs) -> Result<Ending, Failure> {
    let form = form(args.format, args.out.as_deref())?;
    let job = Job::load(&args.job)?;
    let home = Home::of(&job.folder, &args.places.places());
    let threads = args.machine.threads();
    let settings = Settings {
        as_of: args.as_of,
        run: args.run.clone(),
        params: args.params.clone(),
        threads,
        memory: args.machine.memory,
        temp: args.machine.temp,
        rights: if args.write { Rights::Write } else { Rights::Read },
    };
    let analyst = Analyst::open(job, home, settings, models())?;
    let runtime = super::runtime(threads)?;
    let scripts = scripts(args, &analyst)?;
    let mut shell = Shell::new(analyst, runtime, form, scripts.is_none());
    let Some(scripts) = scripts else { return shell.talk() };
    if let Some(out) = &args.out {
        return shell.write_to(out, &scripts);
    }
    if form == Format::Parquet && std::io::stdout().is_terminal() {
        return Err(Failure::usage("Parquet is no text", "name a file with `--out FILE`"));
    }
    scripts.iter().try_for_each(|script| shell.script(script))?;
    Ok(Ending::Published)
}

/// What there is to run; `None` is a person at a terminal.
fn scripts(args: &SqlArgs, analyst: &Analyst) -> Result<Option<Vec<String>>, Failure> {
    let mut scripts = Vec::new();
    if let Some(saved) = &args.saved {
        let name = saved.strip_prefix('@').ok_or_else(|| {
            Failure::usage(format!("`{saved}` is no saved query"), format!("a saved query is named `@{saved}`; SQL comes after `-c`"))
        })?;
        scripts.push(analyst.saved(name)?.sql.clone());
    }
    scripts.extend(args.commands.iter().cloned());
    if let Some(file) = &args.file {
        let text = std::fs::read_to_string(file).map_err(|error| Failure {
            message: format!("cannot read `{}`: {error}", file.display()),
            hint: None,
            ending: Ending::Io,
        })?;
        scripts.push(text);
    }
    if scripts.is_empty() {
        if std::io::stdin().is_terminal() {
            return Ok(None);
        }
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).map_err(|error| Failure {
            message: format!("cannot read the statements: {error}"),
            hint: None,
            ending: Ending::Io,
        })?;
        scripts.push(text);
    }
    Ok(Some(scripts))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_parameter_has_the_type_that_its_value_looks_like() {
        let value = |text: &str| param(text).map(|(_, value)| value);
        assert_eq!(value("n=-3"), Ok(Param::Int(-3)));
        assert_eq!(value("$n=0.5"), Ok(Param::Float(0.5)));
        assert_eq!(value("n=true"), Ok(Param::Bool(true)));
        assert_eq!(value("n=2017-12-04"), Ok(Param::Date(jiff::civil::date(2017, 12, 4))));
        assert_eq!(value("n='7'"), Ok(Param::Text("7".into())));
        assert_eq!(value("n=it's = 5; drop"), Ok(Param::Text("it's = 5; drop".into())));
        assert_eq!(value("n=nan"), Ok(Param::Text("nan".into())));
        assert!(param("n").is_err() && param("=3").is_err() && param("a b=3").is_err());
    }
}
