//! `polytask whatif`: what a feature that the job does not have would add to a run.

use std::path::{Path, PathBuf};

use clap::Args;

use super::console::{Console, Form, say};
use super::{Failure, PlaceArgs, QueryArgs, block_on, sql};
use crate::job::queries::is_table_name;
use crate::job::{Job, Query, Split};
use crate::outcome::Ending;
use crate::publish::{Home, folder};
use crate::run::{Added, Method, WhatIf, WiderFrame, what_if};
use crate::sql::format::{Format, ResultWriter};
use crate::sql::what_if::{Question, Tried, beside};
use crate::table_file::FileError;

/// Arguments of `polytask whatif`.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  polytask whatif queries/marketplace --sql \"select user_id, count(*) as clicks_3d from impressions\n    \
                        where clicked = 1 and shown_at >= $as_of - interval '3 days' group by user_id\"\n  \
                        polytask whatif queries/complete_journey --sql @coupon_age.sql --rows 500000\n  \
                        polytask whatif queries/complete_journey --sql @coupon_age --format csv --out coupon_age.csv\n\n\
                        The query sees what a feature sees: clean tables and features as they were at the start of each snapshot's date, and\n\
                        $as_of. Its columns that are keys of the rows (or the scenario) join it to the frames of the run; the others are tried.\n\
                        boosted: small trees correct what the run publishes, with the columns and without, each row by trees that have not\n\
                        seen its entity. linear: the linear model is fitted with the columns and without. Both are held against the run's\n\
                        held-out night. Nothing is written into the job."
)]
pub(super) struct WhatIfArgs {
    /// Folder of the job
    job: PathBuf,
    /// The query; @FILE reads a file, @NAME a saved query of the job
    #[arg(long, value_name = "SQL")]
    sql: String,
    /// Name of the feature table that it would be [default: the file's name, or tried]
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// The run, or how its id begins [default: the published one]
    #[arg(long, value_name = "RUN")]
    run: Option<String>,
    /// Rows that are learned from, and held-out rows, about so many each: a sample of entities
    #[arg(long, value_name = "N", default_value_t = 200_000, value_parser = clap::value_parser!(u64).range(1..))]
    rows: u64,
    /// How the answer is written: table is for people; csv, tsv, json, ndjson, markdown or parquet have a row per cell and method
    /// [default: as the name of --out ends, or table]
    #[arg(long, value_name = "FORMAT", value_parser = sql::format)]
    format: Option<Format>,
    /// File that the rows are written to, whole or not at all
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
    #[command(flatten)]
    machine: QueryArgs,
    #[command(flatten)]
    places: PlaceArgs,
}

pub(super) fn run(args: &WhatIfArgs) -> Result<Ending, Failure> {
    let form = sql::form(args.format, args.out.as_deref())?;
    let job = Job::load(&args.job)?;
    let home = Home::of(&job.folder, &args.places.places());
    let query = query(args, &job)?;
    let threads = args.machine.threads();
    let question = Question {
        query: query.clone(),
        rows: args.rows,
        run: args.run.clone(),
        threads,
        memory: args.machine.memory,
        temp: args.machine.temp,
    };
    let console = Console::new(Form::Text);
    let scratch = tempfile::tempdir().map_err(|source| FileError::Io { what: "create a folder in", path: std::env::temp_dir(), source })?;
    let (tried, found) = block_on(threads, async {
        crate::watch::Watch::stage(&console, "the query beside the frames");
        let tried = Box::pin(beside(&job, &home, question, scratch.path(), &console)).await?;
        let frames: Vec<WiderFrame> = tried.frames.iter().filter_map(wider).collect();
        let found = what_if(&job, &tried.run, &frames, &tried.columns, scratch.path(), &console)?;
        Ok((tried, found))
    })?;
    drop(console);
    match (&args.out, form) {
        (None, Format::Table) => say(&told(&job, &args.job, &query, &tried, &found)),
        (out, form) => write(&found, form, out.as_deref())?,
    }
    Ok(Ending::Published)
}

fn wider(frame: &crate::sql::what_if::Beside) -> Option<WiderFrame> {
    Some(WiderFrame { as_of: frame.as_of.clone(), split: Split::named(&frame.split)?, file: frame.file.clone() })
}

/// The query that is tried, as a feature of the job.
fn query(args: &WhatIfArgs, job: &Job) -> Result<Query, Failure> {
    let (file, name, text) = match args.sql.strip_prefix('@') {
        None => ("--sql".to_owned(), "tried".to_owned(), args.sql.clone()),
        Some(wanted) => {
            let saved = job.queries.explore.iter().find(|query| query.name == wanted && !Path::new(wanted).is_file());
            if let Some(saved) = saved {
                (saved.file.clone(), saved.name.clone(), saved.sql.clone())
            } else {
                let text = std::fs::read_to_string(wanted).map_err(|error| Failure {
                    message: format!("cannot read `{wanted}`: {error}"),
                    hint: Some(format!("`@{wanted}` is neither a file nor a saved query in explore/")),
                    ending: Ending::Usage,
                })?;
                let stem = Path::new(wanted).file_stem().map_or_else(String::new, |stem| stem.to_string_lossy().into_owned());
                (wanted.to_owned(), stem, text)
            }
        }
    };
    let name = args.name.clone().unwrap_or(name);
    if !is_table_name(&name) {
        return Err(Failure::usage(
            format!("`{name}` is no name of a table"),
            "give one with `--name`: small letters, digits and _, for example coupon_age",
        ));
    }
    Ok(Query { name, file, sql: text.trim().trim_end_matches(';').to_owned(), header: String::new() })
}

/// Writes the rows to a file, or to stdout.
fn write(found: &WhatIf, form: Format, out: Option<&Path>) -> Result<(), Failure> {
    let batch = found.table()?;
    let failed = |error: std::io::Error| Failure { message: format!("cannot write the answer: {error}"), hint: None, ending: Ending::Io };
    let put = |sink: crate::sql::format::Sink| -> std::io::Result<usize> {
        let mut writer = ResultWriter::new(form, batch.schema(), sink)?;
        writer.write(&batch)?;
        writer.finish()
    };
    let Some(out) = out else { return put(Box::new(std::io::stdout())).map(|_| ()).map_err(failed) };
    let out = std::path::absolute(out).map_err(failed)?;
    folder::write_whole(&out, |file| put(Box::new(std::io::BufWriter::new(file))).map_err(failed))?;
    say(&found.advice());
    Ok(())
}

/// The answer for a person.
fn told(job: &Job, place: &Path, query: &Query, tried: &Tried, found: &WhatIf) -> String {
    let mut lines = vec![
        format!("what if {} had `{}`: {}, joined by {}", job.name, query.name, tried.columns.join(", "), tried.keys.join(", ")),
        format!(
            "run {} ({}): the linear models learned from {} rows; figures are of {} held-out rows",
            found.run,
            found.learner,
            sql::grouped(found.rows.0),
            sql::grouped(found.rows.1)
        ),
        String::new(),
        found.advice(),
    ];
    for (method, title) in [
        (Method::Boosted, format!("What it adds to the scores of `{}`", found.learner)),
        (Method::Linear, "What it adds to the linear model".to_owned()),
    ] {
        lines.extend([String::new(), title]);
        lines.extend(table(&found.added.iter().filter(|added| added.method == method).collect::<Vec<_>>()));
    }
    lines.push(String::new());
    lines.push(match found.leaks.as_slice() {
        [] => "leaks    none: it saw only what could be known on each date, and no label stands out".to_owned(),
        leaks => format!("leaks    {}", leaks.join("; ")),
    });
    for (column, share) in &found.missing {
        lines.push(format!("missing  {column}: {:.1} % of the held-out rows", 100.0 * share));
    }
    for column in &tried.columns {
        let own: Vec<String> =
            found.ties.iter().filter(|tie| tie.column == *column).map(|tie| format!("{} {:.2}", tie.feature, tie.strength)).collect();
        let redundant = found.redundant().iter().any(|tie| tie.column == *column);
        lines.push(if own.is_empty() {
            format!("tied to  {column}: nothing that the frame has")
        } else {
            format!("tied to  {column}: {}{}", own.join(", "), if redundant { " (they say much the same)" } else { "" })
        });
    }
    for column in &found.unseen {
        lines.push(format!("unseen   {column}: texts are looked at by the linear model alone"));
    }
    lines.extend([
        String::new(),
        "To add it:".to_owned(),
        format!("  {}", place.join("features").join(format!("{}.sql", query.name)).display()),
    ]);
    lines.extend(query.sql.lines().map(|line| format!("    {line}")));
    lines.push(format!("  {}", place.join("frame.sql").display()));
    lines.extend(tried.columns.iter().map(|column| format!("    {}.{column}, -- what it means, for the report", query.name)));
    let same: Vec<String> = tried.keys.iter().map(|key| format!("{0}.{key} = rows.{key}", query.name)).collect();
    lines.push(format!("    left join {} on {}", query.name, same.join(" and ")));
    lines.join("\n")
}

/// A difference with its sign, and none where it is nothing.
fn signed(value: f64) -> String {
    let text = format!("{value:+.4}");
    if text.trim_start_matches(['+', '-']) == "0.0000" { " 0.0000".to_owned() } else { text }
}

/// Figures with their intervals, column under column.
fn table(added: &[&Added]) -> Vec<String> {
    let head = ["scenario", "task", "metric", "without", "with", "better by", "95 % interval", "verdict"].map(str::to_owned);
    let row = |added: &&Added| {
        let found = &added.difference;
        [
            added.scenario.clone(),
            added.task.clone(),
            found.metric.to_owned(),
            format!("{:.4}", found.b),
            format!("{:.4}", found.a),
            signed(found.value),
            format!("{} to {}", signed(found.low), signed(found.high)),
            added.verdict.name().to_owned(),
        ]
    };
    if added.is_empty() {
        return vec!["  no cell has enough rows".to_owned()];
    }
    let rows: Vec<[String; 8]> = std::iter::once(head).chain(added.iter().map(row)).collect();
    let wide = |at: usize| rows.iter().map(|row| row[at].chars().count()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..8).map(wide).collect();
    let line = |row: &[String; 8]| {
        let cells = row
            .iter()
            .enumerate()
            .map(|(at, cell)| if (3..6).contains(&at) { format!("{cell:>0$}", widths[at]) } else { format!("{cell:<0$}", widths[at]) });
        format!("  {}", cells.collect::<Vec<_>>().join("  ")).trim_end().to_owned()
    };
    rows.iter().map(line).collect()
}
