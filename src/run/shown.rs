//! Where analysts look: which run readers follow, its report in the reports folder, and the index of all nights.
//!
//! In: runs that are whole on disk. Out: `CURRENT`, `reports/<job>/<as-of>.html` with its summary and CSV files, `latest.html`,
//! `index.html`; each file is replaced at once. Not here: what a report says.

use std::fs;
use std::path::Path;

use arrow::array::Array as _;
use serde::Deserialize;

use super::NightError;
use crate::publish::{Home, PastRun, PublishError, folder};
use crate::report::{self, ByHand, CellFigure, PastNight, PrivacyInfo, Report};
use crate::table_file::{self, FileError, counts, numbers, texts};

/// Name of a held night's report: beside that of the run which stays.
const HELD: &str = "-held";

/// Switches `CURRENT` to a run and shows its report. A run of an earlier night than the current one is kept beside it. Returns
/// whether the run is current now.
pub(super) fn publish(home: &Home, run: &str) -> Result<bool, NightError> {
    let past = on_disk(home, run)?;
    let newest = newest(home, &past)?;
    if newest && !past.current {
        home.switch(run)?;
    }
    let shown = Shown::of(&past)?;
    // Another run of the same night may be the current one: then its report stays.
    if newest || !home.reports.join(format!("{}.html", past.manifest.as_of)).exists() {
        shown.put(home, &past.manifest.as_of)?;
    }
    if newest {
        shown.put_latest(home, &past.manifest.as_of)?;
    }
    index(home)?;
    Ok(newest)
}

/// Whether the current run, if there is one, is of no later night than this.
pub(super) fn newest(home: &Home, past: &PastRun) -> Result<bool, NightError> {
    let current = home.current()?.map(|id| home.find(&id)).transpose()?.flatten();
    Ok(current.is_none_or(|current| current.manifest.as_of <= past.manifest.as_of))
}

/// Shows the report of a held run, beside the one that stays.
pub(super) fn held(home: &Home, run: &str) -> Result<(), NightError> {
    let past = on_disk(home, run)?;
    Shown::of(&past)?.put(home, &format!("{}{HELD}", past.manifest.as_of))?;
    index(home)
}

/// Makes a run the current one, whatever its date, and shows its report.
pub(super) fn follow(home: &Home, run: &str) -> Result<(), NightError> {
    let past = on_disk(home, run)?;
    // Made before the switch: where it cannot be made, nothing is switched.
    let shown = Shown::of(&past)?;
    home.switch(run)?;
    shown.put(home, &past.manifest.as_of)?;
    shown.put_latest(home, &past.manifest.as_of)?;
    index(home)
}

fn on_disk(home: &Home, run: &str) -> Result<PastRun, NightError> {
    Ok(home.find(run)?.ok_or_else(|| PublishError::NoRun { run: run.to_owned(), runs: home.runs.clone() })?)
}

/// A run's report as readers get it.
pub(super) struct Shown {
    html: Vec<u8>,
    summary: Option<Vec<u8>>,
    /// Names and bytes.
    csv: Vec<(String, Vec<u8>)>,
}

impl Shown {
    /// The report of a run: that of its folder, or, where it was published by hand, the same with who did so and why.
    pub(super) fn of(past: &PastRun) -> Result<Self, NightError> {
        let mut csv = Vec::new();
        let tables = past.folder.join("csv");
        if tables.is_dir() {
            for path in folder::files(&tables)? {
                let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                csv.push((name, read(&path)?));
            }
        }
        if let Some(by) = &past.blessing {
            let failed = |error: serde_json::Error| NightError::Report(error.to_string());
            let mut told: Report = serde_json::from_slice(&read(&past.folder.join("report.json"))?).map_err(failed)?;
            "by hand".clone_into(&mut told.status);
            told.by_hand = Some(ByHand { reason: by.reason.clone(), at: by.at.clone() });
            let summary = report::exports(&told).into_iter().find(|export| export.file == "summary.md");
            let html = report::html(&told).map_err(NightError::Report)?;
            return Ok(Self { html: html.into_bytes(), summary: summary.map(|export| export.text.into_bytes()), csv });
        }
        let summary = past.folder.join("summary.md");
        // Runs of earlier versions have none.
        let summary = if summary.is_file() { Some(read(&summary)?) } else { None };
        Ok(Self { html: read(&past.folder.join("report.html"))?, summary, csv })
    }

    /// Puts page, summary and CSV files into the reports folder under a name.
    fn put(&self, home: &Home, name: &str) -> Result<(), NightError> {
        let tables = home.reports.join(format!("{name}-csv"));
        if tables.is_dir() {
            for path in folder::files(&tables)? {
                let listed = path.file_name().is_some_and(|file| self.csv.iter().any(|(known, _)| file == known.as_str()));
                if !listed {
                    fs::remove_file(&path).map_err(|source| FileError::Io { what: "remove", path, source })?;
                }
            }
        }
        for (file, bytes) in &self.csv {
            replace(&tables.join(file), bytes)?;
        }
        if let Some(summary) = self.summary_of(name) {
            replace(&home.reports.join(format!("{name}.md")), &summary)?;
        }
        Ok(replace(&home.reports.join(format!("{name}.html")), &self.html)?)
    }

    /// The summary beside the CSV files of `name`: in the run's own folder they lie in `csv/`.
    fn summary_of(&self, name: &str) -> Option<Vec<u8>> {
        let text = self.summary.as_deref().map(String::from_utf8_lossy)?;
        Some(text.replace("`csv/", &format!("`{name}-csv/")).into_bytes())
    }

    fn put_latest(&self, home: &Home, name: &str) -> Result<(), NightError> {
        if let Some(summary) = self.summary_of(name) {
            replace(&home.reports.join("latest.md"), &summary)?;
        }
        Ok(replace(&home.reports.join("latest.html"), &self.html)?)
    }
}

/// Makes the index of all nights from the run folders.
pub(super) fn index(home: &Home) -> Result<(), NightError> {
    let past = home.past()?;
    let heads: Vec<Head> = past.iter().map(head).collect();
    let nights = past.iter().zip(&heads).map(|(run, head)| night(home, run, head, &past)).collect::<Result<Vec<_>, _>>()?;
    let head = heads.into_iter().next().unwrap_or_default();
    let title = if head.title.is_empty() { home.job.clone() } else { head.title };
    let html = report::history(&head.language, &title, &nights).map_err(NightError::Report)?;
    Ok(replace(&home.reports.join("index.html"), html.as_bytes())?)
}

/// What the index takes from a run's report.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Head {
    language: String,
    title: String,
    privacy: PrivacyInfo,
}

/// Nothing where the report cannot be read: `polytask verify` tells of a damaged run, and no later night fails over it.
fn head(run: &PastRun) -> Head {
    read(&run.folder.join("report.json")).ok().and_then(|json| serde_json::from_slice(&json).ok()).unwrap_or_default()
}

/// The file that shows a run: others of the same night may share it.
fn page_of(run: &PastRun) -> String {
    let held = if run.published() { "" } else { HELD };
    format!("{}{held}.html", run.manifest.as_of)
}

/// A run as the index tells of it.
fn night(home: &Home, run: &PastRun, head: &Head, past: &[PastRun]) -> Result<PastNight, NightError> {
    let as_of = &run.manifest.as_of;
    let status = match (&run.blessing, run.manifest.status.as_str()) {
        (Some(_), _) => "by hand",
        (None, "held") => "held",
        _ => "published",
    };
    let file = page_of(run);
    let path = home.reports.join(&file);
    // Of several runs of one night the page shows one, and names it.
    let alone = past.iter().filter(|other| page_of(other) == file).count() == 1;
    let shown = path.is_file() && (alone || String::from_utf8_lossy(&read(&path)?).contains(&run.manifest.run));
    Ok(PastNight {
        as_of: as_of.clone(),
        run: run.manifest.run.clone(),
        status: status.to_owned(),
        current: run.current,
        report: shown.then_some(file),
        // As for `head`.
        figures: figures(run, head.privacy.min_group).unwrap_or_default(),
    })
}

/// The main figure of each cell of the published learner that has as many rows as the report shows.
fn figures(run: &PastRun, least: u64) -> Result<Vec<CellFigure>, NightError> {
    let failed = |message: &str| NightError::from(FileError::Rows(format!("run {}: {message}", run.manifest.run)));
    let mut found = Vec::new();
    for batch in table_file::read(&run.folder.join("metrics.parquet"))? {
        let batch = batch.map_err(|error| failed(&error.to_string()))?;
        let (learner, scenario) = (texts(&batch, "learner")?, texts(&batch, "scenario")?);
        let (task, metric, value) = (texts(&batch, "task")?, texts(&batch, "metric")?, numbers(&batch, "value")?);
        let n = counts(&batch, "n")?;
        let wanted = |row: &usize| {
            learner.value(*row) == run.manifest.learner
                && task.value(*row) != "*"
                && ["auc", "r2"].contains(&metric.value(*row))
                && !value.is_null(*row)
                && u64::try_from(n.value(*row)).is_ok_and(|n| n >= least)
        };
        found.extend((0..batch.num_rows()).filter(wanted).map(|row| CellFigure {
            scenario: scenario.value(row).to_owned(),
            task: task.value(row).to_owned(),
            metric: metric.value(row).to_owned(),
            value: value.value(row),
        }));
    }
    Ok(found)
}

fn read(path: &Path) -> Result<Vec<u8>, FileError> {
    fs::read(path).map_err(|source| FileError::Io { what: "read", path: path.into(), source })
}

fn replace(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    if fs::read(path).is_ok_and(|old| old == bytes) { Ok(()) } else { folder::write_atomically(path, bytes) }
}
