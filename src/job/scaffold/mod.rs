//! `polytask new`: a job folder guessed from Parquet files, commented and ready to run.
//!
//! In: Parquet files. Out: a [`Proposal`] that can be written and summarised. `files`, `sample`, `counter` and `facts`
//! are what was read; `guess` is what it means; `texts` is what is written. No SQL runs here: `polytask check` tries it.

mod counter;
mod error;
mod facts;
mod files;
mod folder;
mod guess;
mod names;
mod sample;
mod summary;
mod texts;
mod time;
mod words;

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

pub use error::ScaffoldError;

use files::Found;
use guess::Guess;
use sample::Footers;

/// A guessed job.
pub struct Proposal {
    name: String,
    guess: Guess,
    /// Where it was written: the summary's commands name it.
    written: OnceLock<PathBuf>,
}

/// Guesses a job called `name` from Parquet files and folders of them.
///
/// # Errors
/// [`ScaffoldError`] naming the file and column: not there, not Parquet, no rows, no events in it.
pub fn propose(from: &[PathBuf], name: &str) -> Result<Proposal, ScaffoldError> {
    let tables = files::find(from)?.into_iter().map(|found| facts::look(Footers::read(found)?)).collect::<Result<Vec<_>, _>>()?;
    Ok(Proposal { name: name.to_owned(), guess: guess::guess(tables)?, written: OnceLock::new() })
}

impl Proposal {
    /// Writes the job into `folder`, whole or not at all.
    ///
    /// # Errors
    /// [`ScaffoldError::Exists`] when the folder holds something, [`ScaffoldError::Io`] when writing fails.
    pub fn write(&self, folder: &Path) -> Result<(), ScaffoldError> {
        folder::is_free(folder)?;
        let place = folder::place(folder)?;
        let input = folder::input(&place);
        // Sources may lie below a link to the input folder.
        let input = input.canonicalize().unwrap_or(input);
        let path_of = |found: &Found| path_below(&found.root, &input);
        folder::write(&place, &texts::files(&self.guess, &self.name, &path_of))?;
        let _ = self.written.set(folder.to_path_buf());
        Ok(())
    }

    /// What was guessed and why, what to look at first, and the next commands.
    #[must_use]
    pub fn summary(&self) -> String {
        let usual = Path::new("queries").join(&self.name);
        summary::text(&self.guess, self.written.get().unwrap_or(&usual))
    }
}

/// The path of a source as job.toml writes it: below the input folder, else absolute.
fn path_below(root: &Path, input: &Path) -> String {
    let path = match root.strip_prefix(input) {
        Ok(below) if below.as_os_str().is_empty() => Path::new("."),
        Ok(below) => below,
        Err(_) => root,
    };
    // Paths that are not UTF-8 were refused when they were found.
    path.to_string_lossy().into_owned()
}
