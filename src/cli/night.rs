//! `polytask run`: one night of one job.

use std::path::PathBuf;

use clap::Args;
use jiff::civil::Date;

use super::console::{self, Console, say};
use super::notify::notify;
use super::{Failure, MachineArgs, PlaceArgs, block_on};
use crate::job::Job;
use crate::outcome::Ending;
use crate::publish::Home;
use crate::run::{self, Ended, Night};

/// Arguments of `polytask run`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  polytask run queries/complete_journey --as-of 2017-12-04\n  \
                        polytask run queries/marketplace --as-of 2026-03-26 --threads 1 --memory 4GB\n\n\
                        The as-of date is the start of a day in the job's time zone: the night knows what happened before it.\n\
                        A night that was published with the same inputs, configuration and seed is not run again.")]
pub(super) struct RunArgs {
    /// Folder of the job
    job: PathBuf,
    /// The night, YYYY-MM-DD
    #[arg(long, value_name = "DATE")]
    as_of: Date,
    #[command(flatten)]
    machine: MachineArgs,
    #[command(flatten)]
    places: PlaceArgs,
}

pub(super) fn run(args: &RunArgs) -> Result<Ending, Failure> {
    night(&args.job, args.as_of, &args.machine, &args.places)
}

/// Runs a night and says where its results are.
pub(super) fn night(folder: &std::path::Path, as_of: Date, machine: &MachineArgs, places: &PlaceArgs) -> Result<Ending, Failure> {
    let job = Job::load(folder)?;
    let home = Home::of(&job.folder, &places.places());
    let console = Console::new(machine.log);
    let options = machine.options();
    let ended = block_on(options.threads, async {
        let night = Night { job: &job, home: &home, as_of, options, watch: &console };
        Box::pin(run::night(&night)).await.map_err(Failure::from)
    });
    notify(&job, &home, &as_of.to_string(), ended.as_ref());
    let ended = ended?;
    say(&summary(&ended, &home));
    console::end("info", outcome(&ended));
    Ok(if matches!(ended, Ended::Held { .. }) { Ending::Held } else { Ending::Published })
}

/// How a night ended, for the log; the words are those of `night.json`.
pub(super) fn outcome(ended: &Ended) -> serde_json::Value {
    let (status, run, ending, by) = match ended {
        Ended::Published { run, .. } => ("published", run, Ending::Published, &[][..]),
        Ended::Held { run, by, .. } => ("held", run, Ending::Held, by.as_slice()),
        Ended::Already { run } | Ended::SameBytes { run } => ("unchanged", run, Ending::Published, &[][..]),
    };
    serde_json::json!({ "status": status, "run": run, "exit_code": ending as u8, "gates_not_passed": by })
}

/// How a night ended, in lines.
pub(super) fn summary(ended: &Ended, home: &Home) -> String {
    let report = home.reports.join("latest.html");
    match ended {
        Ended::Published { run, figures, current } => {
            let mut text = format!("published {run}");
            for line in figures {
                text.push_str("\n  ");
                text.push_str(line);
            }
            let place = if *current { report } else { home.run(run).join("report.html") };
            if !current {
                text.push_str("\nCURRENT stays with a later night");
            }
            text.push_str(&format!("\nscores  {}\nreport  {}", home.run(run).join("scores").display(), place.display()));
            text
        }
        Ended::Held { run, figures, by } => {
            let mut text = format!("held {run}: {} gate(s) not passed; the run before it stays published", by.len());
            for line in by.iter().chain(figures) {
                text.push_str("\n  ");
                text.push_str(line);
            }
            let report = home.run(run).join("report.html");
            text.push_str(&format!("\nreport  {}", report.display()));
            text.push_str(&format!("\nhint: read the report; `polytask bless <job> {run} --reason \"…\"` publishes it all the same"));
            text
        }
        Ended::Already { run } => {
            let report = home.run(run).join("report.html");
            format!("nothing to do: {run} was published with the same inputs, configuration and seed\nreport  {}", report.display())
        }
        Ended::SameBytes { run } => {
            let report = home.run(run).join("report.html");
            format!("made again: {run} has the same bytes as the published run\nreport  {}", report.display())
        }
    }
}
