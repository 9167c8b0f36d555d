//! Switching readers by hand: to a held run, with a reason that is kept beside it, or back to an earlier one.

use jiff::Timestamp;

use super::NightError;
use crate::publish::home::{BLESSING, Blessing};
use crate::publish::{Home, Lock, PublishError, folder, upkeep};
use crate::report;

/// Makes a held run the current one. The run folder keeps its bytes; the reason lies beside them in `blessed.json`.
///
/// # Errors
/// [`NightError`] when there is no such run or it cannot be published; nothing is switched then.
pub fn bless(home: &Home, run: &str, reason: &str) -> Result<(), NightError> {
    let _lock = Lock::take(home, &format!("bless {run}"))?;
    let past = home.find(run)?.ok_or_else(|| PublishError::NoRun { run: run.to_owned(), runs: home.runs.clone() })?;
    if past.published() {
        return Err(PublishError::NotHeld { run: run.to_owned() }.into());
    }
    let blessing = Blessing { reason: reason.to_owned(), at: Timestamp::now().to_string() };
    let json = serde_json::to_vec_pretty(&blessing).map_err(|error| NightError::Report(error.to_string()))?;
    folder::write_atomically(&past.folder.join(BLESSING), &json)?;
    home.switch(run)?;
    let path = past.folder.join("report.json");
    let bytes = std::fs::read(&path).map_err(|source| crate::table_file::FileError::Io { what: "read", path, source })?;
    let mut told: report::Report = serde_json::from_slice(&bytes).map_err(|error| NightError::Report(error.to_string()))?;
    told.status = format!("Held by its gates, and published by hand on {}: {reason}", blessing.at);
    let html = report::html(&told).map_err(NightError::Report)?;
    folder::write_atomically(&home.reports.join(format!("{}.html", past.manifest.as_of)), html.as_bytes())?;
    folder::write_atomically(&home.reports.join("latest.html"), html.as_bytes())?;
    Ok(())
}

/// Makes an earlier run the current one, after reading it back; returns its id. Without a name it is the newest published run
/// before the current.
///
/// # Errors
/// [`NightError`] when there is none, or it is damaged; nothing is switched then.
pub fn rollback(home: &Home, wanted: Option<&str>) -> Result<String, NightError> {
    let _lock = Lock::take(home, "rollback")?;
    let back = upkeep::earlier(home, wanted)?;
    let run = back.manifest.run.clone();
    let mut wrong = upkeep::verify(&back)?.wrong.into_iter();
    if let Some(first) = wrong.next() {
        return Err(PublishError::Damaged { run, first, more: wrong.count() }.into());
    }
    home.switch(&run)?;
    let path = back.folder.join("report.html");
    let html = std::fs::read(&path).map_err(|source| crate::table_file::FileError::Io { what: "read", path, source })?;
    folder::write_atomically(&home.reports.join("latest.html"), &html)?;
    Ok(run)
}
