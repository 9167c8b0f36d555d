//! `polytask new`: a job folder guessed from Parquet files.

use std::path::PathBuf;

use clap::Args;

use super::Failure;
use super::console::say;
use crate::job::scaffold;
use crate::outcome::Ending;

/// Arguments of `polytask new`.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  polytask new queries/shop --from data/shop/input/*.parquet\n\n\
                        Guesses keys, time, labels and roles from schemas and the first rows, and writes a commented folder to edit.")]
pub(super) struct NewArgs {
    /// Folder to make
    job: PathBuf,
    /// Parquet files, or folders of them (one source each)
    #[arg(long, value_name = "FILES", num_args = 1.., required = true)]
    from: Vec<PathBuf>,
}

pub(super) fn run(args: &NewArgs) -> Result<Ending, Failure> {
    let name = args.job.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    if !crate::job::queries::is_table_name(&name) {
        return Err(Failure::usage(
            format!("`{name}` is not a job name"),
            "use lower-case letters, digits and _, for example queries/shop",
        ));
    }
    let proposal = scaffold::propose(&args.from, &name)?;
    proposal.write(&args.job)?;
    say(&proposal.summary());
    Ok(Ending::Published)
}
