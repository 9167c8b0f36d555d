//! `polytask demo`: generate a marketplace with known truth, run its night, say where the report is.

use std::path::{Path, PathBuf};

use clap::Args;

use super::console::{Console, say};
use super::{Failure, MachineArgs, PlaceArgs, night};
use crate::demo::{self, Settings};
use crate::outcome::Ending;
use crate::publish::Home;
use crate::publish::home::Places;
use crate::watch::Watch as _;

/// Arguments of `polytask demo`.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  polytask demo\n  polytask demo --events 2000000 --seed 3\n  polytask demo --events 50000000 --only-generate"
)]
pub(super) struct DemoArgs {
    /// Impressions to generate, 10,000 to 50,000,000
    #[arg(long, value_name = "N", default_value_t = Settings::DEFAULT_EVENTS, value_parser = clap::value_parser!(u64).range(10_000..=50_000_000))]
    events: u64,
    /// Where every random choice begins
    #[arg(long, value_name = "SEED", default_value_t = 7)]
    seed: u64,
    /// Folder of the marketplace job
    #[arg(long, value_name = "DIR", default_value = "queries/marketplace")]
    job: PathBuf,
    /// Generate the data and stop
    #[arg(long)]
    only_generate: bool,
    #[command(flatten)]
    machine: MachineArgs,
    #[command(flatten)]
    places: PlaceArgs,
}

pub(super) fn run(args: &DemoArgs) -> Result<Ending, Failure> {
    let folder = job_folder(&args.job)?;
    let places: Places = args.places.places();
    let home = Home::of(&folder, &places);
    let console = Console::new(args.machine.log);
    console.stage("generate");
    let settings = Settings { events: args.events, seed: args.seed, ..Settings::default() };
    let summary = demo::generate(&settings, &home.input, &|done, total| console.step("impressions", done, total))?;
    for (table, rows) in &summary.tables {
        console.note(&format!("{table}: {rows} rows"));
    }
    if args.only_generate {
        say(&format!("{}\nrun it: polytask run {} --as-of {}", home.input.display(), args.job.display(), summary.suggested_as_of));
        return Ok(Ending::Published);
    }
    night::night(&folder, summary.suggested_as_of, &args.machine, &args.places)
}

/// The marketplace job: the folder given, or the embedded one written there when it does not exist yet.
fn job_folder(given: &Path) -> Result<PathBuf, Failure> {
    if !given.join("job.toml").is_file() {
        demo::job::write(given)?;
    }
    std::path::absolute(given)
        .map_err(|error| Failure::usage(format!("cannot find `{}`: {error}", given.display()), "give a folder with --job"))
}
