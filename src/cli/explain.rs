//! `polytask explain`: why the model of a run scores a row as it does.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use super::console::say;
use super::{Failure, PlaceArgs};
use crate::job::Job;
use crate::outcome::Ending;
use crate::publish::Home;
use crate::run::{self, Account, Asked};

/// Arguments of `polytask explain`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  polytask explain queries/complete_journey --key household_id=1,product_id=2\n  \
                  polytask explain queries/complete_journey --run 2017-12-04-0123456789ab --key household_id=1,product_id=2 --task purchase --format json\n\n\
                  Rows of the held-out night and those that the run scored. A waterfall leads from the raw output of the average training row\n\
                  to that of this row; what the model relies on is not what causes the outcome.")]
pub(super) struct ExplainArgs {
    /// Folder of the job
    job: PathBuf,
    /// The run, or how its id begins [default: the published one]
    #[arg(long, value_name = "RUN")]
    run: Option<String>,
    /// Keys of the row, for example `household_id=1,product_id=2`
    #[arg(long = "key", value_name = "KEY=VALUE", value_delimiter = ',', required = true, value_parser = key)]
    keys: Vec<(String, String)>,
    /// One scenario only
    #[arg(long, value_name = "NAME")]
    scenario: Option<String>,
    /// One task only
    #[arg(long, value_name = "NAME")]
    task: Option<String>,
    /// `table` for a waterfall in text, `json` for every contribution
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
    #[command(flatten)]
    places: PlaceArgs,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    Table,
    Json,
}

fn key(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or_else(|| format!("`{text}` is no KEY=VALUE"))?;
    Ok((key.trim().to_owned(), value.trim().to_owned()))
}

pub(super) fn run(args: &ExplainArgs) -> Result<Ending, Failure> {
    let job = Job::load(&args.job)?;
    let home = Home::of(&job.folder, &args.places.places());
    let asked = Asked { run: args.run.clone(), keys: args.keys.clone(), scenario: args.scenario.clone(), task: args.task.clone() };
    let accounts = run::explain(&job, &home, &asked)?;
    match args.format {
        Format::Json => {
            let text = serde_json::to_string_pretty(&accounts);
            say(&text.map_err(|error| Failure { message: error.to_string(), hint: None, ending: Ending::Internal })?);
        }
        Format::Table => {
            let mut before: Option<&Account> = None;
            for account in &accounts {
                if before.is_none_or(|before| {
                    (&before.keys, &before.scenario, &before.night) != (&account.keys, &account.scenario, &account.night)
                }) {
                    let keys: Vec<String> = account.keys.iter().map(|(key, value)| format!("{key}={value}")).collect();
                    say(&format!("{}, {}: {} in {}", account.run, account.night, keys.join(", "), account.scenario));
                }
                say(&waterfall(account));
                before = Some(account);
            }
        }
    }
    Ok(Ending::Published)
}

/// Characters of the longest bar.
const BAR: f64 = 24.0;

/// A waterfall in text: label, contribution, raw output after it, and a bar from the one to the other.
fn waterfall(account: &Account) -> String {
    let ends = || account.steps.iter().map(|(_, _, to)| *to).chain([account.base]);
    let (low, high) = ends().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), end| (low.min(end), high.max(end)));
    let span = (high - low).max(f64::MIN_POSITIVE);
    let place = |value: f64| ((value - low) / span * BAR).round() as usize;
    let wide = account.steps.iter().map(|(label, ..)| label.chars().count()).chain([11]).max().unwrap_or(11);
    let mut lines = vec![String::new(), account.words.clone()];
    if let Some(by) = &account.stand_in {
        lines.push(format!("This cell is scored by {by}; what follows is the shared model's own account."));
    }
    let line = |label: &str, value: &str, to: f64, from: f64| {
        let (left, right) = (place(from.min(to)), place(from.max(to)));
        let bar = if left == right { "|".to_owned() } else { if to > from { "+" } else { "-" }.repeat(right - left) };
        format!("  {label:<wide$}  {value:>9}  {to:>9.4}  {}{bar}", " ".repeat(left))
    };
    lines.push(line("average row", "", account.base, account.base));
    let mut from = account.base;
    for (label, value, to) in &account.steps {
        lines.push(line(label, &format!("{value:+.4}"), *to, from));
        from = *to;
    }
    lines.push(line("this row", "", account.raw, account.raw));
    lines.join("\n")
}
