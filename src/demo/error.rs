//! What can go wrong while the marketplace is generated, and what mends it.

use std::path::PathBuf;

use crate::outcome::{Ending, Outcome};
use crate::table_file::FileError;

/// Why nothing was generated.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    /// More or fewer impressions than the generator makes.
    #[error("failed to generate {0} impressions: 10,000 to 50,000,000 can be made")]
    Events(u64),
    /// The folder holds what this program did not generate.
    #[error("failed to generate into `{}`: it holds `{found}`, which was not generated here", folder.display())]
    Foreign {
        /// The folder.
        folder: PathBuf,
        /// Its first entry.
        found: String,
    },
    /// A file of the job is there already and says something else.
    #[error("failed to write the marketplace job: `{}` is there already and differs", .0.display())]
    JobFile(PathBuf),
    /// No threads.
    #[error("failed to start threads: {0}")]
    Threads(String),
    /// Writing or reading a file failed.
    #[error("failed to generate the marketplace: {0}")]
    File(#[from] FileError),
}

impl Outcome for DemoError {
    fn ending(&self) -> Ending {
        match self {
            Self::Events(_) | Self::Foreign { .. } | Self::JobFile(_) => Ending::Usage,
            Self::Threads(_) => Ending::Internal,
            Self::File(error) => error.ending(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Events(_) => Some("give `--events` a number in this range".into()),
            Self::Foreign { .. } => Some("name an empty folder with `--input`, or move that file away".into()),
            Self::JobFile(_) => Some("move the folder away, or name another one with `--job`".into()),
            Self::Threads(_) => None,
            Self::File(error) => error.hint(),
        }
    }
}
