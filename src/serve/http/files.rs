//! Reports as they lie in the reports folder.
//!
//! In: a path. Out: the file, if it is a report's; nothing outside of the folder, whatever the path says.

use std::path::{Component, Path as FilePath, PathBuf};
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse as _, Redirect, Response};

use crate::serve::Served;

/// What a reports folder holds.
const KINDS: [(&str, &str); 4] = [
    ("html", "text/html; charset=utf-8"),
    ("md", "text/markdown; charset=utf-8"),
    ("csv", "text/csv; charset=utf-8"),
    ("json", "application/json"),
];

/// The index of all nights.
pub(super) async fn index(state: State<Arc<Served>>) -> Response {
    if state.home.reports.join("index.html").is_file() {
        return report(state, Path("index.html".to_owned())).await;
    }
    Redirect::temporary("/").into_response()
}

/// A file of the reports folder.
pub(super) async fn report(State(served): State<Arc<Served>>, Path(path): Path<String>) -> Response {
    let none = || (StatusCode::NOT_FOUND, "there is no such report\n").into_response();
    let Some((file, kind)) = found(&served.home.reports, &path) else { return none() };
    match tokio::fs::read(&file).await {
        Ok(bytes) => ([(CONTENT_TYPE, kind)], bytes).into_response(),
        Err(_) => none(),
    }
}

/// The file of a path below the folder, and its type.
fn found(folder: &FilePath, path: &str) -> Option<(PathBuf, &'static str)> {
    let path = FilePath::new(path);
    if !path.components().all(|part| matches!(part, Component::Normal(_))) {
        return None;
    }
    let ending = path.extension()?.to_str()?;
    let (_, kind) = KINDS.iter().find(|(known, _)| *known == ending)?;
    // A link would lead out.
    let (folder, file) = (folder.canonicalize().ok()?, folder.join(path).canonicalize().ok()?);
    (file.starts_with(&folder) && file.is_file()).then_some((file, *kind))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn only_reports_below_the_folder_are_found() -> std::io::Result<()> {
        let place = tempfile::tempdir()?;
        let reports = place.path().join("reports");
        fs::create_dir_all(reports.join("a-csv"))?;
        for file in ["reports/a.html", "reports/a-csv/t.csv", "reports/.env", "secret.html", "reports/x.sh"] {
            fs::write(place.path().join(file), "")?;
        }
        #[cfg(unix)]
        std::os::unix::fs::symlink(place.path().join("secret.html"), reports.join("link.html"))?;
        for good in ["a.html", "a-csv/t.csv"] {
            assert!(found(&reports, good).is_some(), "{good}");
        }
        for bad in ["../secret.html", "/etc/passwd", "a-csv/../../secret.html", "link.html", ".env", "x.sh", "a-csv", "", "none.html"] {
            assert!(found(&reports, bad).is_none(), "{bad}");
        }
        Ok(())
    }
}
