//! The tables of a run folder as record batches: the columns that others rely on.
//!
//! In: lists of figures. Out: batches. Each carries the run's id, so that the nights can be stacked. What explains has its tables in
//! `explain_tables`.

use arrow::array::RecordBatch;

use super::columns::Columns;
use crate::evaluate::calibration::ReliabilityBin;
use crate::evaluate::cells::Figure;
use crate::evaluate::gains::Gain;
use crate::evaluate::gates::{Against, Gate};
use crate::ingest::quality::Quality;
use crate::learn::{Trial, TrialFigure};

pub(super) type Batch = Result<RecordBatch, String>;

pub(super) fn run(run: &str, rows: usize) -> Columns {
    Columns::new().text("run", std::iter::repeat_n(run, rows))
}

/// `metrics`.
///
/// # Errors
/// A sentence when the columns differ in length; they do not.
pub fn metrics(id: &str, figures: &[(&'static str, Figure)]) -> Batch {
    let of = || figures.iter().map(|(_, figure)| figure);
    run(id, figures.len())
        .text("learner", figures.iter().map(|(learner, _)| *learner))
        .text("scenario", of().map(|figure| &figure.scenario))
        .text("task", of().map(|figure| &figure.task))
        .text("metric", of().map(|figure| figure.metric))
        .number("value", of().map(|figure| figure.value))
        .number("low", of().map(|figure| figure.low))
        .number("high", of().map(|figure| figure.high))
        .count("n", of().map(|figure| figure.n))
        .count("positives", of().map(|figure| figure.positives))
        .maybe_text("note", of().map(|figure| figure.note))
        .batch()
}

/// `calibration`: reliability of the published learner.
///
/// # Errors
/// As [`metrics`].
pub fn calibration(id: &str, bins: &[ReliabilityBin]) -> Batch {
    run(id, bins.len())
        .text("scenario", bins.iter().map(|bin| &bin.scenario))
        .text("task", bins.iter().map(|bin| &bin.task))
        .count("bin", bins.iter().map(|bin| u64::from(bin.bin)))
        .number("predicted", bins.iter().map(|bin| Some(bin.predicted)))
        .number("observed", bins.iter().map(|bin| Some(bin.observed)))
        .number("low", bins.iter().map(|bin| Some(bin.low)))
        .number("high", bins.iter().map(|bin| Some(bin.high)))
        .count("n", bins.iter().map(|bin| bin.n))
        .batch()
}

/// `training`: what was tried on the validation night.
///
/// # Errors
/// As [`metrics`].
pub fn training(id: &str, rows: &[(&str, &Trial)]) -> Batch {
    // The trial's own loss first, then what else was measured of it.
    let own = |trial: &Trial| TrialFigure {
        measure: "mean validation loss".into(),
        scenario: "*".into(),
        task: "*".into(),
        other_task: String::new(),
        value: trial.loss,
    };
    let long: Vec<(&str, &Trial, TrialFigure)> = rows
        .iter()
        .flat_map(|(learner, trial)| {
            std::iter::once(own(trial)).chain(trial.figures.iter().cloned()).map(move |figure| (*learner, *trial, figure))
        })
        .collect();
    run(id, long.len())
        .text("learner", long.iter().map(|(learner, ..)| *learner))
        .text("setting", long.iter().map(|(_, trial, _)| &trial.setting))
        .truth("chosen", long.iter().map(|(_, trial, _)| trial.chosen))
        .text("measure", long.iter().map(|(.., figure)| figure.measure.as_ref()))
        .text("scenario", long.iter().map(|(.., figure)| &figure.scenario))
        .text("task", long.iter().map(|(.., figure)| &figure.task))
        .text("other_task", long.iter().map(|(.., figure)| &figure.other_task))
        .number("value", long.iter().map(|(.., figure)| Some(figure.value)))
        .batch()
}

/// `gains`: what each tenth of a cell's rows holds, highest predictions first.
///
/// # Errors
/// As [`metrics`].
pub fn gains(id: &str, gains: &[Gain]) -> Batch {
    run(id, gains.len())
        .text("scenario", gains.iter().map(|gain| &gain.scenario))
        .text("task", gains.iter().map(|gain| &gain.task))
        .count("decile", gains.iter().map(|gain| u64::from(gain.decile)))
        .number("rows", gains.iter().map(|gain| Some(gain.rows)))
        .number("labels", gains.iter().map(|gain| Some(gain.labels)))
        .number("predicted", gains.iter().map(|gain| Some(gain.predicted)))
        .number("share", gains.iter().map(|gain| gain.share))
        .number("lift", gains.iter().map(|gain| gain.lift))
        .number("cumulative_share", gains.iter().map(|gain| gain.cumulative_share))
        .number("cumulative_lift", gains.iter().map(|gain| gain.cumulative_lift))
        .batch()
}

/// `gates`: what the night had to pass.
///
/// # Errors
/// As [`metrics`].
pub fn gates(id: &str, gates: &[Gate]) -> Batch {
    run(id, gates.len())
        .text("kind", gates.iter().map(|gate| gate.kind))
        .text("gate", gates.iter().map(|gate| &gate.gate))
        .text("scenario", gates.iter().map(|gate| &gate.scenario))
        .text("task", gates.iter().map(|gate| &gate.task))
        .number("value", gates.iter().map(|gate| gate.value))
        .number("limit", gates.iter().map(|gate| gate.limit))
        .truth("passed", gates.iter().map(|gate| gate.passed))
        .text("words", gates.iter().map(|gate| &gate.words))
        .batch()
}

/// `compared`: tonight's model against the current run's.
///
/// # Errors
/// As [`metrics`].
pub fn compared(id: &str, rows: &[Against]) -> Batch {
    run(id, rows.len())
        .text("scenario", rows.iter().map(|row| &row.scenario))
        .text("task", rows.iter().map(|row| &row.task))
        .text("metric", rows.iter().map(|row| row.metric))
        .number("current", rows.iter().map(|row| Some(row.current)))
        .number("tonight", rows.iter().map(|row| Some(row.tonight)))
        .number("value", rows.iter().map(|row| Some(row.value)))
        .number("low", rows.iter().map(|row| Some(row.low)))
        .number("high", rows.iter().map(|row| Some(row.high)))
        .number("p", rows.iter().map(|row| Some(row.p)))
        .text("verdict", rows.iter().map(|row| row.verdict.name()))
        .truth("paired", rows.iter().map(|row| row.paired))
        .count("n", rows.iter().map(|row| row.n))
        .batch()
}

/// `quality`.
///
/// # Errors
/// As [`metrics`].
pub fn quality(id: &str, rows: &[Quality]) -> Batch {
    run(id, rows.len())
        .text("scenario", rows.iter().map(|row| &row.scenario))
        .text("dimension", rows.iter().map(|row| row.dimension))
        .text("measure", rows.iter().map(|row| row.measure))
        .text("subject", rows.iter().map(|row| &row.subject))
        .number("value", rows.iter().map(|row| Some(row.value)))
        .count("n", rows.iter().map(|row| row.n))
        .batch()
}
