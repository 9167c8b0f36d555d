//! The published run before tonight, and tonight's model against its on the same held-out rows.
//!
//! In: past runs and tonight's predictions. Out: the run to compare with, and an [`Against`] per cell.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use arrow::array::{Array as _, AsArray as _, Float64Array, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type};

use super::cells::{Cell, places};
use super::drift::Rescored;
use super::error::failed;
use super::evaluated::Judged;
use super::learned::Learned;
use super::scorer::Scorer;
use super::told::held_out_keys;
use super::{Night, NightError};
use crate::evaluate::gates::{Against, Counted};
use crate::evaluate::paired::{Verdict, verdicts};
use crate::publish::PastRun;
use crate::table_file::{self, numbers, texts};

/// Chance of holding a night whose model is as good as the current one.
const LEVEL: f64 = 0.05;
/// Past nights whose row counts are looked at.
const NIGHTS: usize = 8;

/// The run that the night `own` is compared with: what it was compared with when it ran before, else the newest published run
/// up to its date.
///
/// # Errors
/// [`NightError::Gone`] when the night ran before and what it was compared with has been removed since: it cannot be made again.
pub(super) fn find(night: &Night<'_>, own: &str) -> Result<Option<PastRun>, NightError> {
    let past = night.home.past()?;
    if let Some(same) = past.iter().find(|run| run.manifest.night == own) {
        let Some(before) = same.manifest.compared_with.as_deref() else { return Ok(None) };
        let found = past.iter().find(|run| run.manifest.run == before).cloned();
        return found.map(Some).ok_or_else(|| NightError::Gone { run: same.manifest.run.clone(), before: before.to_owned() });
    }
    let tonight = night.as_of.to_string();
    let fit = past.into_iter().filter(|run| run.published() && run.manifest.as_of <= tonight);
    Ok(fit.max_by(|a, b| (&a.manifest.as_of, a.current, &a.manifest.run).cmp(&(&b.manifest.as_of, b.current, &b.manifest.run))))
}

/// Row counts of tonight, then those of the nights that led to the baseline: its manifest carries them, whatever runs are left.
pub(super) fn row_counts(baseline: Option<&PastRun>, to_score: u64, held_out: u64) -> Vec<(u64, u64)> {
    let before = baseline.map_or(&[][..], |run| &run.manifest.row_counts);
    std::iter::once((to_score, held_out)).chain(before.iter().copied()).take(NIGHTS + 1).collect()
}

/// Rows to score of each scenario, of the same nights.
pub(super) fn scenario_rows(baseline: Option<&PastRun>, tonight: BTreeMap<String, u64>) -> Vec<BTreeMap<String, u64>> {
    let before = baseline.map_or(&[][..], |run| &run.manifest.scenario_rows);
    std::iter::once(tonight).chain(before.iter().cloned()).take(NIGHTS + 1).collect()
}

/// The same as what gates look at.
pub(super) fn counted(counts: &[(u64, u64)], by_scenario: &[BTreeMap<String, u64>]) -> Vec<Counted> {
    let counted = |what, scenario: &str, mut counts: Vec<f64>| {
        let past = counts.split_off(1);
        Counted { what, scenario: scenario.to_owned(), tonight: counts[0], past }
    };
    if counts.is_empty() {
        return Vec::new();
    }
    let mut found = vec![
        counted("rows to score", "*", counts.iter().map(|(scored, _)| *scored as f64).collect()),
        counted("rows held out", "*", counts.iter().map(|(_, held)| *held as f64).collect()),
    ];
    // A scenario that one night does not know had no rows then.
    let scenarios: BTreeSet<&String> = by_scenario.iter().flat_map(BTreeMap::keys).collect();
    found.extend(scenarios.into_iter().map(|scenario| {
        let rows = by_scenario.iter().map(|night| night.get(scenario).copied().unwrap_or(0) as f64);
        counted("rows to score", scenario, rows.collect())
    }));
    found
}

/// Tonight against the baseline in every cell and over all scenarios.
///
/// The same held-out night: its saved predictions, row by row. Another one: its model on tonight's rows, where the frame still
/// has the columns that it reads. Else the two nights' own figures, unpaired.
///
/// Returns its predictions of tonight's held-out rows too; none in the last case.
pub(super) fn against(
    night: &Night<'_>,
    learned: &Learned,
    judged: &Judged,
    baseline: &PastRun,
) -> Result<(Vec<Against>, Rescored), NightError> {
    let theirs = match saved(night, learned, baseline)? {
        Some(theirs) => theirs,
        // Its model has learned from every row of its own night: only what it said out of fold is a fair answer.
        None if night.job.folds.is_some() => return Ok((unpaired(judged, baseline)?, Rescored::new())),
        None => match rescored(learned, baseline)? {
            Some(theirs) => theirs,
            None => return Ok((unpaired(judged, baseline)?, Rescored::new())),
        },
    };
    let shape = learned.encoder.shape();
    let all = (0..shape.tasks.len()).map(|task| (None, task));
    let mut found = Vec::new();
    for (scenario, task) in all.chain(places(&shape).map(|(scenario, task)| (Some(scenario), task))) {
        let cell = Cell { holdout: &learned.holdout, shape: &shape, scenario, task };
        let Some(other) = theirs.get(&cell.task()) else { continue };
        let Some(difference) = cell.compare(night.job, &judged.predictions[0][task], other) else { continue };
        found.push(Against {
            scenario: cell.place(),
            task: cell.task(),
            metric: difference.metric,
            current: difference.b,
            tonight: difference.a,
            value: difference.value,
            low: difference.low,
            high: difference.high,
            p: difference.p,
            verdict: Verdict::NoEvidence,
            n: difference.n,
            paired: true,
        });
    }
    let judged: Vec<(f64, f64)> = found.iter().map(|against| (against.value, against.p)).collect();
    for (against, verdict) in found.iter_mut().zip(verdicts(&judged, 1.0 - LEVEL)) {
        against.verdict = verdict;
    }
    Ok((found, theirs))
}

/// The baseline's saved predictions, if it held out the same night.
fn saved(night: &Night<'_>, learned: &Learned, baseline: &PastRun) -> Result<Option<Rescored>, NightError> {
    // Out of fold, the rows of another date are the same entities.
    if baseline.manifest.holdout != super::data::date(learned.holdout.as_of) && night.job.folds.is_none() {
        return Ok(None);
    }
    let ours = held_out_keys(night, learned)?;
    let mut names = night.job.keys.clone();
    names.push(night.job.scenario.clone());
    let place: HashMap<String, usize> = keys(&ours, &names)?.into_iter().enumerate().map(|(row, key)| (key, row)).collect();
    let mut theirs: Rescored = night.job.tasks.iter().map(|task| (task.task.name.clone(), vec![f64::NAN; ours.num_rows()])).collect();
    // In what is published the column is always called `scenario`.
    if let Some(last) = names.last_mut() {
        "scenario".clone_into(last);
    }
    for batch in table_file::read(&baseline.folder.join("holdout/holdout.parquet"))? {
        let batch = batch.map_err(|error| failed(&error))?;
        if names.iter().any(|name| batch.column_by_name(name).is_none()) {
            return Ok(None);
        }
        let rows: Vec<Option<usize>> = keys(&batch, &names)?.iter().map(|key| place.get(key).copied()).collect();
        for (task, predictions) in &mut theirs {
            let Some(column) = batch.column_by_name(&format!("p_{task}")) else { continue };
            let column = column.as_primitive_opt::<Float64Type>().ok_or_else(|| failed(&format!("p_{task} is no number")))?;
            rows.iter().zip(column).for_each(|(row, value)| {
                if let (Some(row), Some(value)) = (row, value) {
                    predictions[*row] = value;
                }
            });
        }
    }
    // A run that knows half of the rows is another night after all.
    let known = theirs.values().map(|values| values.iter().filter(|value| !value.is_nan()).count()).max().unwrap_or(0);
    Ok((known * 2 > ours.num_rows()).then_some(theirs))
}

/// Rows' names as texts that compare across files.
fn keys(batch: &RecordBatch, names: &[String]) -> Result<Vec<String>, NightError> {
    let columns = names
        .iter()
        .map(|name| {
            cast(batch.column_by_name(name).ok_or_else(|| failed(&format!("`{name}` is missing")))?, &DataType::Utf8)
                .map_err(|error| failed(&error))
        })
        .collect::<Result<Vec<_>, NightError>>()?;
    let texts: Vec<_> = columns.iter().map(arrow::array::AsArray::as_string::<i32>).collect();
    // The unit separator: two keys never run into each other.
    Ok((0..batch.num_rows()).map(|row| texts.iter().map(|text| text.value(row)).collect::<Vec<_>>().join("\u{1f}")).collect())
}

/// The baseline's model on tonight's held-out rows.
fn rescored(learned: &Learned, baseline: &PastRun) -> Result<Option<Rescored>, NightError> {
    let scorer = Scorer::open(&baseline.folder)?;
    let mut theirs = Rescored::new();
    for batch in table_file::read(&learned.holdout.frame)? {
        let batch = batch.map_err(|error| failed(&error))?;
        if !scorer.reads(&batch.schema()) {
            return Ok(None);
        }
        for (task, predictions) in scorer.published(&batch, learned.holdout.as_of)? {
            theirs.entry(task).or_default().extend(predictions);
        }
    }
    Ok(Some(theirs))
}

/// The figures of both nights, each on its own rows.
fn unpaired(judged: &Judged, baseline: &PastRun) -> Result<Vec<Against>, NightError> {
    let mut past: HashMap<(String, String, String), [Option<f64>; 3]> = HashMap::new();
    for batch in table_file::read(&baseline.folder.join("metrics.parquet"))? {
        let batch = batch.map_err(|error| failed(&error))?;
        let (text, number) = (|name: &str| texts(&batch, name), |name: &str| numbers(&batch, name));
        let (Ok(learner), Ok(scenario), Ok(task), Ok(metric)) = (text("learner"), text("scenario"), text("task"), text("metric")) else {
            return Ok(Vec::new());
        };
        let (Ok(value), Ok(low), Ok(high)) = (number("value"), number("low"), number("high")) else { return Ok(Vec::new()) };
        for row in (0..batch.num_rows()).filter(|row| learner.value(*row) == baseline.manifest.learner) {
            let at = |array: &Float64Array| (!array.is_null(row)).then(|| array.value(row));
            let place = (scenario.value(row).to_owned(), task.value(row).to_owned(), metric.value(row).to_owned());
            past.insert(place, [at(value), at(low), at(high)]);
        }
    }
    let Some((published, _)) = judged.figures.first() else { return Ok(Vec::new()) };
    let ours = judged
        .figures
        .iter()
        .filter(|(learner, figure)| learner == published && figure.task != "*" && ["auc", "rmse"].contains(&figure.metric));
    let one = |(_, figure): &(&'static str, crate::evaluate::cells::Figure)| {
        let place = (figure.scenario.clone(), figure.task.clone(), figure.metric.to_owned());
        let [Some(current), Some(low), Some(high)] = *past.get(&place)? else { return None };
        let (tonight, own_low, own_high) = (figure.value?, figure.low?, figure.high?);
        let value = if figure.metric == "auc" { tonight - current } else { current - tonight };
        let half = ((high - low).hypot(own_high - own_low)) / 2.0;
        let verdict = if value + half < 0.0 {
            Verdict::Hurt
        } else if value - half > 0.0 {
            Verdict::Helped
        } else {
            Verdict::NoEvidence
        };
        Some(Against {
            scenario: figure.scenario.clone(),
            task: figure.task.clone(),
            metric: figure.metric,
            current,
            tonight,
            value,
            low: value - half,
            high: value + half,
            p: f64::NAN,
            verdict,
            n: figure.n,
            paired: false,
        })
    };
    Ok(ours.filter_map(one).collect())
}
