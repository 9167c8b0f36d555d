//! `polytask read-untrusted`, hidden: the child process that a night reads an untrusted file in.
//!
//! In: the file and where its rows go. Out: exit code 0, or 3 and one line that says what is wrong with the file.

use std::path::PathBuf;

use clap::Args;

use super::Failure;
use crate::ingest::untrusted;
use crate::outcome::Ending;

/// Arguments of `polytask read-untrusted`.
#[derive(Debug, Args)]
pub(super) struct ReadUntrustedArgs {
    /// The file
    from: PathBuf,
    /// Where its rows are written
    to: PathBuf,
}

pub(super) fn run(args: &ReadUntrustedArgs) -> Result<Ending, Failure> {
    let failed = |message: String| Failure { message: message.replace(['\n', '\r'], " "), hint: None, ending: Ending::Refused };
    untrusted::reread(&args.from, &args.to).map_err(failed)?;
    Ok(Ending::Published)
}
