//! Why a run's model scores a row as it does: any row of its held-out night or of those that it scored.
//!
//! In: a run, keys of rows. Out: an [`Account`] per row and task. The rows' features are read from the frames in the cache, the model
//! from the run's folder.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use arrow::array::{AsArray as _, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::DataType;
use serde::Serialize;

use super::NightError;
use super::error::failed;
use super::explained::told_rows::{self, Told};
use super::explained::values::{rows_at, values};
use super::scorer::Scorer;
use crate::features::snapshot::kept;
use crate::features::{FeatureError, RowKind};
use crate::ingest::Cache;
use crate::job::Job;
use crate::job::time::epoch_day;
use crate::learn::Attribution;
use crate::learn::rows::Shape;
use crate::publish::{Home, PastRun};
use crate::table_file;

/// Rows that are explained at most: a key that names more is meant otherwise.
const MOST: usize = 50;

/// What is asked.
#[derive(Debug, Clone, Default)]
pub struct Asked {
    /// The run; `None` = the published one.
    pub run: Option<String>,
    /// Columns and their values: keys of the job, or some of them.
    pub keys: Vec<(String, String)>,
    /// One scenario; `None` = every one in which the row is there.
    pub scenario: Option<String>,
    /// One task; `None` = all.
    pub task: Option<String>,
}

/// A feature of an explained row.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Reason {
    /// The feature; `scenario` for the scenario itself.
    pub feature: String,
    /// Its value; `None` = missing.
    pub value: Option<String>,
    /// Its contribution to the raw output.
    pub contribution: f64,
    /// What all tasks and scenarios have in common of it.
    pub shared: f64,
    /// What belongs to the scenario.
    pub scenario_part: f64,
    /// What belongs to the task.
    pub task_part: f64,
}

/// Why a row is scored as it is.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Account {
    /// The run.
    pub run: String,
    /// `held-out night` or `scored tonight`, and its date.
    pub night: String,
    /// The row's keys.
    pub keys: Vec<(String, String)>,
    /// Its scenario.
    pub scenario: String,
    /// The task.
    pub task: String,
    /// What the model publishes for it.
    pub published: f64,
    /// The same given that the task before it happened, which is what contributions are about; as `published` where there is none.
    pub step: f64,
    /// The step of the average training row in the same scenario.
    pub usual: f64,
    /// Raw output of the average training row.
    pub base: f64,
    /// Raw output of this row: `base` and all contributions added up.
    pub raw: f64,
    /// |base + Σ contributions − raw|.
    pub residual: f64,
    /// The largest reasons in a sentence.
    pub words: String,
    /// From the average row to this one: label, contribution, raw output after it.
    pub steps: Vec<(String, f64, f64)>,
    /// Every feature, the largest contribution first.
    pub reasons: Vec<Reason>,
    /// Another model scores this cell; this one does not say why.
    pub stand_in: Option<String>,
}

fn unexplained(what: impl Into<String>, hint: impl Into<String>) -> NightError {
    NightError::Unexplained { what: what.into(), hint: hint.into() }
}

/// What a row of data without a history is explained as: by the models of the folds.
const OUT_OF_FOLD: &str = "out of fold on";

/// Explains rows of a run.
///
/// # Errors
/// [`NightError`]: no such run, key or row, or a frame that is no longer in the cache.
pub fn explain(job: &Job, home: &Home, asked: &Asked) -> Result<Vec<Account>, NightError> {
    let run = match &asked.run {
        Some(wanted) => home.named(wanted)?,
        None => home.published()?,
    };
    if let Some((key, _)) = asked.keys.iter().find(|(key, _)| !job.keys.contains(key)) {
        return Err(unexplained(format!("`{key}` is no key of the job"), format!("its keys are {}", job.keys.join(", "))));
    }
    let scorer = Scorer::open(&run.folder)?;
    let names: Vec<String> = scorer.encoder.shape().tasks.iter().map(|task| task.name.clone()).collect();
    if let Some(task) = asked.task.as_ref().filter(|task| !names.contains(task)) {
        return Err(unexplained(format!("the run has no task `{task}`"), format!("its tasks are {}", names.join(", "))));
    }
    let mut accounts = Vec::new();
    for (night, day, file) in frames(home, &run)? {
        let rows = matching(job, &file, asked)?;
        if rows.len() > MOST {
            return Err(unexplained(
                format!("{} rows have these keys", rows.len()),
                format!("name more keys ({}) or a --scenario; at most {MOST} rows are explained at a time", job.keys.join(", ")),
            ));
        }
        if !rows.is_empty() {
            accounts.extend(told(job, &run, &scorer, (&night, day), &rows_at(&file, &rows)?, asked)?);
        }
    }
    if accounts.is_empty() { Err(no_row(job, home, &run, asked)?) } else { Ok(accounts) }
}

/// No row has the keys, or none of those that have them is in the scenario.
fn no_row(job: &Job, home: &Home, run: &PastRun, asked: &Asked) -> Result<NightError, NightError> {
    let keys: Vec<String> = asked.keys.iter().map(|(key, value)| format!("{key}={value}")).collect();
    let what = format!("run {} has no row with {}", run.manifest.run, keys.join(", "));
    let Some(scenario) = &asked.scenario else {
        return Ok(unexplained(what, "keys of held-out rows are in holdout/holdout.parquet, of scored ones in scores/"));
    };
    let anywhere = Asked { scenario: None, ..asked.clone() };
    let mut places = Vec::new();
    for (night, _, file) in frames(home, run)? {
        let rows = matching(job, &file, &anywhere)?;
        let served = if rows.is_empty() { Vec::new() } else { column(&rows_at(&file, &rows)?, &job.scenario)? };
        let served: BTreeSet<String> = served.into_iter().flatten().collect();
        if !served.is_empty() {
            places.push(format!("{} ({night})", served.into_iter().collect::<Vec<_>>().join(", ")));
        }
    }
    let hint = if places.is_empty() {
        "nor in another scenario: keys of held-out rows are in holdout/holdout.parquet, of scored ones in scores/".to_owned()
    } else {
        format!("it is in {}", places.join("; "))
    };
    Ok(unexplained(format!("{what} in the scenario `{scenario}`"), hint))
}

/// The held-out frame and tonight's, each with what it is and its day.
fn frames(home: &Home, run: &PastRun) -> Result<Vec<(String, i32, PathBuf)>, NightError> {
    let cache = Cache::new(home.cache.clone(), false);
    let mut found = Vec::new();
    let kinds = [
        ("holdout", RowKind::Examples, "held-out night"),
        ("folds", RowKind::Examples, OUT_OF_FOLD),
        ("tonight", RowKind::Candidates, "scored on the night"),
    ];
    for (split, kind, word) in kinds {
        for snapshot in run.manifest.snapshots.iter().filter(|snapshot| snapshot.split == split) {
            let Some(file) = kept(&cache, kind, &snapshot.as_of, &snapshot.fingerprint) else {
                return Err(unexplained(
                    format!("the frame of {} is no longer in the cache", snapshot.as_of),
                    format!("`polytask run <job> --as-of {}` with the same data makes it again", run.manifest.as_of),
                ));
            };
            let date: jiff::civil::Date = snapshot.as_of.parse().map_err(|error: jiff::Error| failed(&error))?;
            found.push((format!("{word} {}", snapshot.as_of), epoch_day(date), file));
        }
    }
    Ok(found)
}

/// Positions of the rows that are asked for.
fn matching(job: &Job, file: &Path, asked: &Asked) -> Result<Vec<usize>, NightError> {
    let mut wanted: Vec<(&str, &str)> = asked.keys.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    wanted.extend(asked.scenario.as_deref().map(|scenario| (job.scenario.as_str(), scenario)));
    let (mut rows, mut first) = (Vec::new(), 0);
    for batch in table_file::read(file)? {
        let batch = batch.map_err(|error| failed(&error))?;
        let mut own = vec![true; batch.num_rows()];
        for (name, value) in &wanted {
            let texts = column(&batch, name)?;
            own.iter_mut().zip(texts).for_each(|(own, text)| *own &= text.as_deref() == Some(*value));
        }
        rows.extend(own.iter().enumerate().filter(|(_, own)| **own).map(|(row, _)| first + row));
        first += batch.num_rows();
    }
    Ok(rows)
}

/// A column as texts.
fn column(batch: &RecordBatch, name: &str) -> Result<Vec<Option<String>>, NightError> {
    let array = batch.column_by_name(name).ok_or_else(|| failed(&format!("`{name}` is missing in the frame")))?;
    let array = cast(array, &DataType::Utf8).map_err(|error| failed(&error))?;
    Ok(array.as_string::<i32>().iter().map(|text| text.map(str::to_owned)).collect())
}

fn told(
    job: &Job,
    run: &PastRun,
    scorer: &Scorer,
    (night, day): (&str, i32),
    rows: &RecordBatch,
    asked: &Asked,
) -> Result<Vec<Account>, NightError> {
    let shape = scorer.encoder.shape();
    let keys: Vec<Vec<Option<String>>> = job.keys.iter().map(|key| column(rows, key)).collect::<Result<_, _>>()?;
    let served = column(rows, &job.scenario)?;
    let values = values(rows, &shape, &job.naming(), &job.scenario)?;
    let encoded = scorer.encoder.encode(rows, day).map_err(FeatureError::from)?;
    let unseen = scorer.unseen.as_ref().filter(|_| night.starts_with(OUT_OF_FOLD));
    let Some(account) = told_rows::Account::of(unseen.unwrap_or(&scorer.first), &shape, encoded.block(), values.clone())? else {
        return Err(unexplained(
            format!("the contributions of `{}` do not add up", run.manifest.learner),
            "choose a run whose learner has contributions",
        ));
    };
    let mut accounts = Vec::new();
    for row in 0..rows.num_rows() {
        for (task, spec) in shape.tasks.iter().enumerate() {
            if asked.task.as_ref().is_some_and(|wanted| *wanted != spec.name) {
                continue;
            }
            let Told { scenario: _, task: name, published, step, usual, base, raw, words, steps, .. } = account.tell(row, task, None);
            let mut reasons = reasons(&account.found, &shape, &values[row], row, task);
            let total = base + reasons.iter().map(|reason| reason.contribution).sum::<f64>();
            reasons.sort_by(|a, b| b.contribution.abs().total_cmp(&a.contribution.abs()).then_with(|| a.feature.cmp(&b.feature)));
            let scenario = served[row].clone().unwrap_or_default();
            let stand_in = run.manifest.stand_ins.iter().find(|(own, task, _)| *own == scenario && *task == name);
            accounts.push(Account {
                run: run.manifest.run.clone(),
                night: night.to_owned(),
                keys: job.keys.iter().zip(&keys).map(|(key, values)| (key.clone(), values[row].clone().unwrap_or_default())).collect(),
                stand_in: stand_in.map(|(_, _, by)| by.clone()),
                scenario,
                task: name,
                published,
                step,
                usual,
                base,
                raw,
                residual: (total - raw).abs(),
                words,
                steps: steps.into_iter().map(|step| (step.label, step.value, step.to)).collect(),
                reasons,
            });
        }
    }
    Ok(accounts)
}

/// What each feature does to a row's raw output, in the order of the fields; the scenario comes last.
pub(super) fn reasons(found: &Attribution, shape: &Shape, values: &[Option<String>], row: usize, task: usize) -> Vec<Reason> {
    let reason = |field: usize| {
        let at = [row, task, field];
        Reason {
            feature: crate::explain::feature_name(shape, field).to_owned(),
            value: values[field].clone(),
            contribution: f64::from(found.values[at]),
            shared: f64::from(found.shared[at]),
            scenario_part: f64::from(found.scenario_part[at]),
            task_part: f64::from(found.task_part[at]),
        }
    };
    (0..=shape.fields.len()).map(reason).collect()
}
