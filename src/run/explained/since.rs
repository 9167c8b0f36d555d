//! What the model relies on tonight and did not in the run before, and the nights that led here.
//!
//! In: the importance of both runs. Out: changes, agreements and history in [`Explained`]. The run before hands its own history on, so
//! that tonight's does not depend on which older runs are still there.

use arrow::array::{Array as _, Float64Array};

use super::super::error::failed;
use super::super::{Night, NightError};
use super::Explained;
use crate::explain::change::change;
use crate::explain::importance::Importance;
use crate::publish::PastRun;
use crate::table_file::{self, counts, numbers, texts};

/// Nights that a history holds, the oldest falls out first.
const NIGHTS: usize = 60;

/// A leading feature of a past night: one row of the table `importance_history`.
#[derive(Debug, Clone, PartialEq)]
pub(in super::super) struct Past {
    pub(in super::super) of_run: String,
    pub(in super::super) as_of: String,
    pub(in super::super) task: String,
    pub(in super::super) feature: String,
    pub(in super::super) value: f64,
    pub(in super::super) low: Option<f64>,
    pub(in super::super) high: Option<f64>,
    /// 1 = largest of its task.
    pub(in super::super) rank: u64,
}

/// Compares tonight's importance with that of a run, where the same learner was published.
pub(super) fn compare(night: &Night<'_>, learner: &str, before: &PastRun, explained: &mut Explained) -> Result<(), NightError> {
    if before.manifest.learner != learner {
        night.watch.note(&format!("run {} published another learner: what it relied on is not compared", before.manifest.run));
        return Ok(());
    }
    let then = importance(before)?;
    let (changes, agreements) = change(&then, &explained.importance);
    let beyond = changes.iter().filter(|change| matches!(change.what, "rose" | "fell")).count();
    night.watch.note(&format!("importance against {}: {beyond} of {} changed beyond chance", before.manifest.run, changes.len()));
    (explained.changes, explained.agreements) = (changes, agreements);
    explained.history = history(night, before, &then)?;
    Ok(())
}

fn at(array: &Float64Array, row: usize) -> Option<f64> {
    (!array.is_null(row)).then(|| array.value(row))
}

/// What the published learner of a run relied on.
fn importance(run: &PastRun) -> Result<Vec<Importance>, NightError> {
    let mut found = Vec::new();
    for batch in table_file::read(&run.folder.join("importance.parquet"))? {
        let batch = batch.map_err(|error| failed(&error))?;
        let (learner, scenario) = (texts(&batch, "learner")?, texts(&batch, "scenario")?);
        let (task, feature) = (texts(&batch, "task")?, texts(&batch, "feature")?);
        let (value, low, high) = (numbers(&batch, "value")?, numbers(&batch, "low")?, numbers(&batch, "high")?);
        for row in (0..batch.num_rows()).filter(|row| learner.value(*row) == run.manifest.learner) {
            found.push(Importance {
                scenario: scenario.value(row).to_owned(),
                task: task.value(row).to_owned(),
                feature: feature.value(row).to_owned(),
                value: value.value(row),
                low: at(low, row),
                high: at(high, row),
                ..Importance::default()
            });
        }
    }
    Ok(found)
}

/// The history that the run before left, and the run itself; the newest nights.
fn history(night: &Night<'_>, before: &PastRun, then: &[Importance]) -> Result<Vec<Past>, NightError> {
    let mut found = left(before)?;
    let mut tasks: Vec<&str> = Vec::new();
    for row in then {
        if !tasks.contains(&row.task.as_str()) {
            tasks.push(&row.task);
        }
    }
    for task in tasks {
        let mut own: Vec<&Importance> = then.iter().filter(|row| row.scenario == "*" && row.task == task).collect();
        own.sort_by(|a, b| b.value.total_cmp(&a.value).then(a.feature.cmp(&b.feature)));
        found.extend(own.into_iter().take(night.job.top_features).enumerate().map(|(place, row)| Past {
            of_run: before.manifest.run.clone(),
            as_of: before.manifest.as_of.clone(),
            task: row.task.clone(),
            feature: row.feature.clone(),
            value: row.value,
            low: row.low,
            high: row.high,
            rank: place as u64 + 1,
        }));
    }
    let mut nights: Vec<String> = Vec::new();
    for past in &found {
        if !nights.contains(&past.of_run) {
            nights.push(past.of_run.clone());
        }
    }
    let kept = nights.split_off(nights.len().saturating_sub(NIGHTS));
    found.retain(|past| kept.contains(&past.of_run));
    Ok(found)
}

/// What a run left of the nights before it; runs made before there was such a table left nothing.
fn left(run: &PastRun) -> Result<Vec<Past>, NightError> {
    let file = run.folder.join("importance_history.parquet");
    let mut found = Vec::new();
    if !file.is_file() {
        return Ok(found);
    }
    for batch in table_file::read(&file)? {
        let batch = batch.map_err(|error| failed(&error))?;
        let (of_run, as_of) = (texts(&batch, "of_run")?, texts(&batch, "as_of")?);
        let (task, feature) = (texts(&batch, "task")?, texts(&batch, "feature")?);
        let (value, low, high) = (numbers(&batch, "value")?, numbers(&batch, "low")?, numbers(&batch, "high")?);
        let rank = counts(&batch, "rank")?;
        found.extend((0..batch.num_rows()).map(|row| Past {
            of_run: of_run.value(row).to_owned(),
            as_of: as_of.value(row).to_owned(),
            task: task.value(row).to_owned(),
            feature: feature.value(row).to_owned(),
            value: value.value(row),
            low: at(low, row),
            high: at(high, row),
            rank: u64::try_from(rank.value(row)).unwrap_or(0),
        }));
    }
    Ok(found)
}
