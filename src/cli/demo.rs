//! `polytask demo`: generate a marketplace with known truth, run its night and that of its customer service, say where the reports are.

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
    let ending = night::night(&folder, summary.suggested_as_of, &args.machine, &args.places)?;
    let service = service_folder(&folder)?;
    let places = beside(&args.places, &home.input);
    let of_service = night::night(&service, summary.suggested_as_of, &args.machine, &places)?;
    Ok(if ending == Ending::Published { of_service } else { ending })
}

/// The job of the customer service beside the marketplace's: as it is, or the embedded one written there.
fn service_folder(marketplace: &Path) -> Result<PathBuf, Failure> {
    let folder = marketplace.with_file_name("service");
    if !folder.join("job.toml").is_file() {
        demo::job::write_service(&folder)?;
    }
    Ok(folder)
}

/// The places of a second job that reads the same data: below those that were named.
fn beside(places: &PlaceArgs, input: &Path) -> PlaceArgs {
    let own = |place: &Option<PathBuf>| place.as_ref().map(|place| place.join("service"));
    PlaceArgs { input: Some(input.to_path_buf()), runs: own(&places.runs), reports: own(&places.reports) }
}

/// The marketplace job: the folder given, or the embedded one written there when it does not exist yet.
fn job_folder(given: &Path) -> Result<PathBuf, Failure> {
    if !given.join("job.toml").is_file() {
        demo::job::write(given)?;
    }
    std::path::absolute(given)
        .map_err(|error| Failure::usage(format!("cannot find `{}`: {error}", given.display()), "give a folder with --job"))
}
