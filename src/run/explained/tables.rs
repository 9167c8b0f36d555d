//! Tables of values that `run` puts together: rows that are told, and the history of importance.
//!
//! In: [`Told`], [`Past`]. Out: batches. The other tables of what explains are `publish::explain_tables`.

use arrow::array::RecordBatch;

use super::{Past, Told};
use crate::publish::Columns;
use crate::publish::explain_tables::AddKeys;

/// `explained`: rows told one by one, with their keys.
pub(in super::super) fn told(run: &str, rows: &[Told], keys: &AddKeys<'_>) -> Result<RecordBatch, String> {
    let positions: Vec<u64> = rows.iter().map(|row| row.row).collect();
    keys(Columns::new().text("run", rows.iter().map(|_| run)), &positions)?
        .count("row", positions.iter().copied())
        .text("scenario", rows.iter().map(|row| &row.scenario))
        .text("task", rows.iter().map(|row| &row.task))
        .text("why", rows.iter().map(|row| &row.why))
        .number("published", rows.iter().map(|row| Some(row.published)))
        .number("step", rows.iter().map(|row| Some(row.step)))
        .number("usual", rows.iter().map(|row| Some(row.usual)))
        .number("label", rows.iter().map(|row| row.label))
        .number("base", rows.iter().map(|row| Some(row.base)))
        .number("raw", rows.iter().map(|row| Some(row.raw)))
        .text("words", rows.iter().map(|row| &row.words))
        .number("surrogate_fit", rows.iter().map(|row| row.fit))
        .number("surrogate_agreement", rows.iter().map(|row| row.agreement))
        .batch()
}

/// `explained_steps`: the steps of their waterfalls.
pub(in super::super) fn told_steps(run: &str, rows: &[Told]) -> Result<RecordBatch, String> {
    let long: Vec<(&Told, usize)> = rows.iter().flat_map(|row| (0..row.steps.len()).map(move |at| (row, at))).collect();
    Columns::new()
        .text("run", long.iter().map(|_| run))
        .count("row", long.iter().map(|(row, _)| row.row))
        .text("task", long.iter().map(|(row, _)| &row.task))
        .text("why", long.iter().map(|(row, _)| &row.why))
        .count("step", long.iter().map(|(_, at)| *at as u64))
        .text("label", long.iter().map(|(row, at)| &row.steps[*at].label))
        .number("value", long.iter().map(|(row, at)| Some(row.steps[*at].value)))
        .number("from", long.iter().map(|(row, at)| Some(row.steps[*at].from)))
        .number("to", long.iter().map(|(row, at)| Some(row.steps[*at].to)))
        .batch()
}

/// `importance_history`: the leading features of the nights before.
pub(in super::super) fn history(run: &str, rows: &[Past]) -> Result<RecordBatch, String> {
    Columns::new()
        .text("run", rows.iter().map(|_| run))
        .text("of_run", rows.iter().map(|row| &row.of_run))
        .text("as_of", rows.iter().map(|row| &row.as_of))
        .text("task", rows.iter().map(|row| &row.task))
        .text("feature", rows.iter().map(|row| &row.feature))
        .number("value", rows.iter().map(|row| Some(row.value)))
        .number("low", rows.iter().map(|row| row.low))
        .number("high", rows.iter().map(|row| row.high))
        .count("rank", rows.iter().map(|row| row.rank))
        .batch()
}
