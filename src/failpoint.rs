//! Fail-points: steps of writing and publishing at which a test lets the program die or the disk be full.
//!
//! In: the environment variable `POLYTASK_FAILPOINT`, read once. Out: nothing, a dead process, or an I/O error. It is compiled
//! into every build, so that the program that is tested is the program that is shipped; without the variable a step costs one
//! look at a word in memory. Not here: which steps there are; each stands where the file system is called.
//!
//! `list:FILE` writes the name of every step that is reached to FILE, a line each; `kill:STEP` ends the process by SIGKILL just
//! before STEP; `full:STEP` lets STEP fail as on a full disk. A step is an operation and a path whose random and hashed parts are
//! cut off; `STEP#3` is the third time that it is reached.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;
use std::sync::{Mutex, OnceLock, PoisonError};

/// Name of the environment variable.
const VARIABLE: &str = "POLYTASK_FAILPOINT";
/// Parts of a path that name a step.
const PARTS: usize = 3;

/// What happens at a step.
enum Act {
    List(File),
    Kill(String, u32),
    Full(String, u32),
}

/// What the environment asks for, and how often each step was reached.
struct Asked {
    act: Act,
    reached: Mutex<HashMap<String, u32>>,
}

/// A step is about to be taken: `operation` on `path`.
///
/// # Errors
/// "No space left" where a test asks for it; never otherwise.
pub(crate) fn step(operation: &'static str, path: &Path) -> io::Result<()> {
    static ASKED: OnceLock<Option<Asked>> = OnceLock::new();
    match ASKED.get_or_init(|| Asked::read(&std::env::var(VARIABLE).ok()?)) {
        None => Ok(()),
        Some(asked) => asked.at(&name(operation, path)),
    }
}

impl Asked {
    fn read(text: &str) -> Option<Self> {
        let (word, rest) = text.split_once(':')?;
        let (step, time) = rest.rsplit_once('#').and_then(|(step, time)| Some((step, time.parse().ok()?))).unwrap_or((rest, 1));
        let act = match word {
            "list" => Act::List(OpenOptions::new().create(true).append(true).open(rest).ok()?),
            "kill" => Act::Kill(step.to_owned(), time),
            "full" => Act::Full(step.to_owned(), time),
            _ => return None,
        };
        Some(Self { act, reached: Mutex::new(HashMap::new()) })
    }

    fn at(&self, step: &str) -> io::Result<()> {
        let time = {
            let mut reached = self.reached.lock().unwrap_or_else(PoisonError::into_inner);
            let time = reached.entry(step.to_owned()).or_default();
            *time += 1;
            *time
        };
        match &self.act {
            Act::List(file) => writeln!(&*file, "{step}#{time}"),
            Act::Kill(wanted, at) if wanted == step && *at == time => die(),
            Act::Full(wanted, at) if wanted == step && *at == time => Err(io::ErrorKind::StorageFull.into()),
            Act::Kill(..) | Act::Full(..) => Ok(()),
        }
    }
}

/// Ends this process as `kill -9` does: no destructor runs. The standard library cannot send signals; a shell can.
fn die() -> ! {
    let _ = std::process::Command::new("sh").args(["-c", "kill -KILL $PPID"]).status();
    std::process::abort()
}

/// The operation and the last parts of the path, without what differs from night to night: `rename clean/.making-orders`.
fn name(operation: &str, path: &Path) -> String {
    let parts: Vec<String> = path.components().map(|part| steady(&part.as_os_str().to_string_lossy())).collect();
    let from = parts.len().saturating_sub(PARTS);
    // What lies before the staged folder is no part of the step.
    let from = parts.iter().rposition(|part| part == ".staging").map_or(from, |staged| staged.max(from));
    format!("{operation} {}", parts[from..].join("/"))
}

/// A name without its random or hashed end.
fn steady(part: &str) -> String {
    let cut = |end: &str| part.strip_suffix(end).and_then(|rest| rest.strip_suffix('-')).unwrap_or(part).to_owned();
    match part.rsplit_once('-') {
        Some((_, end)) if part.starts_with('.') => cut(end),
        Some((_, end)) if end.len() >= 12 && end.chars().all(|c| c.is_ascii_hexdigit()) => cut(end),
        _ => part.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_has_the_same_name_every_night() {
        let named = |path: &str| name("sync", Path::new(path));
        assert_eq!(named("/a/runs/cache/clean/.making-orders-x1Yz/table.parquet"), "sync clean/.making-orders/table.parquet");
        assert_eq!(named("/a/runs/cache/clean/orders-0123456789abcdef"), "sync cache/clean/orders");
        assert_eq!(named("/a/runs/.staging-q9/model/model.json"), "sync .staging/model/model.json");
        assert_eq!(named("/a/runs/.staging-q9/run.json"), "sync .staging/run.json");
        assert_eq!(named("/a/shop/runs/CURRENT"), "sync shop/runs/CURRENT");
    }

    #[test]
    fn only_the_asked_step_fails_and_only_the_asked_time() {
        let asked = Asked::read("full:sync a/b#2").unwrap_or_else(|| panic!("a fail-point"));
        assert!(asked.at("sync a/c").is_ok() && asked.at("sync a/b").is_ok());
        assert!(asked.at("sync a/b").is_err_and(|error| error.kind() == io::ErrorKind::StorageFull));
        assert!(asked.at("sync a/b").is_ok());
        assert!(Asked::read("nonsense").is_none());
    }
}
