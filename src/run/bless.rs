//! Switching readers by hand: to a held run, with a reason that is kept beside it, or back to an earlier one.

use jiff::Timestamp;

use super::{NightError, shown};
use crate::publish::home::{BLESSING, Blessing};
use crate::publish::{Home, Lock, PastRun, PublishError, folder, upkeep};

/// Makes a held run the current one; returns its id. The run folder keeps its bytes; the reason lies beside them in `blessed.json`.
///
/// # Errors
/// [`NightError`] when there is no such run or it cannot be published; nothing is switched then.
pub fn bless(home: &Home, wanted: &str, reason: &str) -> Result<String, NightError> {
    let _lock = Lock::take(home, &format!("bless {wanted}"))?;
    let past = home.named(wanted)?;
    let run = past.manifest.run.clone();
    if past.blessing.is_some() && !past.current && shown::newest(home, &past)? {
        // It was begun before, and ended between its record and the switch.
        shown::follow(home, &run)?;
        return Ok(run);
    }
    if past.published() {
        return Err(PublishError::NotHeld { run }.into());
    }
    let blessing = Blessing { reason: reason.to_owned(), at: Timestamp::now().to_string() };
    let json = serde_json::to_vec_pretty(&blessing).map_err(|error| NightError::Report(error.to_string()))?;
    // Whether its report can be made is known before anything is written.
    shown::Shown::of(&PastRun { blessing: Some(blessing), ..past.clone() })?;
    folder::sweep(&past.folder, &[])?;
    folder::write_atomically(&past.folder.join(BLESSING), &json)?;
    shown::follow(home, &run)?;
    Ok(run)
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
        return Err(PublishError::Damaged { run, first, more: wrong.count(), current: back.current }.into());
    }
    // Before the switch: a note of a run that is not current means nothing.
    home.stay(&run)?;
    shown::follow(home, &run)?;
    Ok(run)
}
