//! Whether the night deserves to be published: its gates, with what they are judged by.
//!
//! In: figures, quality, tonight's scores, the run before. Out: [`Judgement`]. The glue between `evaluate::gates`,
//! `evaluate::drift` and the rest.

use std::collections::BTreeMap;

use super::baseline;
use super::data::Data;
use super::drift::{Counting, Drifted, Rescored};
use super::evaluated::Judged;
use super::explained::Explained;
use super::learned::Learned;
use super::outputs::Scored;
use super::{Night, NightError};
use crate::evaluate::gates::{Against, Gate, Measured, Moved, gates};
use crate::ingest::quality::{self, Quality, QualityCounter};
use crate::job::time::epoch_day;
use crate::publish::PastRun;
use crate::table_file::{self, FileError};

/// What the night was judged by.
pub(super) struct Judgement {
    pub(super) gates: Vec<Gate>,
    pub(super) against: Vec<Against>,
    pub(super) quality: Vec<Quality>,
    pub(super) drifted: Drifted,
    /// Rows to score and rows held out, tonight first.
    pub(super) row_counts: Vec<(u64, u64)>,
    /// Rows to score of each scenario, tonight first.
    pub(super) scenario_rows: Vec<BTreeMap<String, u64>>,
    /// What holds no night and is worth a word.
    pub(super) warnings: Vec<String>,
}

impl Judgement {
    /// The gates that were not passed, in sentences.
    pub(super) fn held_by(&self) -> Vec<String> {
        self.gates.iter().filter(|gate| !gate.passed).map(|gate| gate.words.clone()).collect()
    }
}

/// Judges the night.
pub(super) fn judge(
    night: &Night<'_>,
    data: &Data,
    (learned, judged, explained, scored): (&Learned, &Judged, &Explained, &Scored),
    before: Option<&PastRun>,
    mut counting: Counting,
) -> Result<Judgement, NightError> {
    let quality = measured_quality(night, data, learned, &mut counting)?;
    let (against, rescored) = match before {
        Some(before) => baseline::against(night, learned, judged, before)?,
        None => (Vec::new(), Rescored::new()),
    };
    let drifted = counting.finish(night, learned, judged, explained, before.map(|before| (before, &rescored)))?;
    let scores = drifted.drifts.iter().filter(|drift| drift.measure == "score psi" && drift.p.is_some());
    let moved = scores.map(|drift| Moved {
        scenario: drift.scenario.clone(),
        task: drift.feature.trim_start_matches("score:").to_owned(),
        psi: drift.value,
        beyond_chance: drift.alarm,
    });
    let moved: Vec<Moved> = moved.collect();
    let published = learned.taught[0].name;
    let figures = judged.figures.iter().filter(|(learner, _)| *learner == published).map(|(_, figure)| Measured {
        measure: figure.metric.to_owned(),
        of: figure.task.clone(),
        scenario: figure.scenario.clone(),
        value: figure.value,
    });
    // Means over tasks are for reading: a rule for every task speaks of the tasks.
    let measures = quality.iter().map(|row| Measured {
        measure: row.measure.to_owned(),
        of: row.subject.clone(),
        scenario: row.scenario.clone(),
        value: Some(row.value),
    });
    let measured: Vec<Measured> = figures.filter(|measured| measured.of != "*").chain(measures).collect();
    let to_score = data.tonight.as_ref().map_or(0, |tonight| tonight.rows);
    let row_counts = baseline::row_counts(before, to_score, learned.holdout.scenario.len() as u64);
    let scenarios = &learned.encoder.shape().scenarios;
    let scenario_rows = baseline::scenario_rows(before, rows_by_scenario(scenarios, scored));
    let counted = baseline::counted(&row_counts, &scenario_rows);
    let gates = gates(&night.job.gates, &measured, &against, &counted, &moved);
    for gate in gates.iter().filter(|gate| !gate.passed) {
        night.watch.note(&format!("gate not passed: {}", gate.words));
    }
    let warnings = if before.is_none() { empty_scenarios(night, &scenario_rows[0]) } else { Vec::new() };
    for warning in &warnings {
        night.watch.note(&format!("warning: {warning}"));
    }
    Ok(Judgement { gates, against, quality, drifted, row_counts, scenario_rows, warnings })
}

/// Rows to score of every scenario that the model or tonight knows.
fn rows_by_scenario(scenarios: &[String], scored: &Scored) -> BTreeMap<String, u64> {
    let mut rows: BTreeMap<String, u64> = scenarios.iter().map(|scenario| (scenario.clone(), 0)).collect();
    rows.extend(scored.summary.iter().map(|(scenario, summary)| (scenario.clone(), summary.rows)));
    rows
}

/// On a first night there is nothing to hold a scenario without rows against: it is told.
fn empty_scenarios(night: &Night<'_>, rows: &BTreeMap<String, u64>) -> Vec<String> {
    let empty = rows.iter().filter(|(scenario, rows)| **rows == 0 && !night.job.gates.may_be_empty(scenario));
    empty.map(|(scenario, _)| format!("scenario `{scenario}` has no rows to score tonight")).collect()
}

/// Quality of tonight's candidates, of the clean tables and of the held-out labels.
fn measured_quality(night: &Night<'_>, data: &Data, learned: &Learned, counting: &mut Counting) -> Result<Vec<Quality>, NightError> {
    let shape = &learned.encoder.shape();
    let mut counter = QualityCounter::new(shape);
    let day = epoch_day(night.as_of);
    if let Some(tonight) = &data.tonight {
        let mut done = 0;
        for batch in table_file::read(&tonight.file)? {
            let batch = batch.map_err(|error| FileError::Rows(error.to_string()))?;
            let encoded = learned.encoder.encode(&batch, day).map_err(crate::features::FeatureError::from)?;
            counter.add(&encoded.block());
            counting.rows(&batch, &encoded.block())?;
            done += batch.num_rows() as u64;
            night.watch.step("quality of rows", done, tonight.rows);
        }
    }
    let blocks = learned.holdout.rows.blocks();
    let labels: Vec<Vec<f32>> =
        (0..shape.tasks.len()).map(|task| blocks.iter().flat_map(|block| block.labels[task].iter().copied()).collect()).collect();
    let mut measures = counter.finish();
    measures.extend(quality::of_tables(&data.tables, day));
    measures.extend(quality::of_labels(shape, &labels));
    Ok(measures)
}
