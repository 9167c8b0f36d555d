//! Publishing a held run by hand, with a reason that is kept beside it.

use jiff::Timestamp;

use super::NightError;
use crate::publish::home::{BLESSING, Blessing};
use crate::publish::{Home, Lock, PublishError, folder};
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
