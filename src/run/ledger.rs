//! The transfer ledger as a table: written by the night that made it, carried on by the nights after it.
//!
//! In: entries, or a run folder. Out: a batch, or the entries again. How they come about is `transfer`'s.

use std::path::Path;

use arrow::array::RecordBatch;
use jiff::civil::Date;

use super::NightError;
use super::error::failed;
use crate::job::Days;
use crate::job::time::epoch_day;
use crate::publish::Columns;
use crate::table_file::{self, FileError, counts, numbers, texts};

/// One comparison of a cell.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Entry {
    /// The run that made it.
    pub(super) made: String,
    /// Scenario of the cell.
    pub(super) scenario: String,
    /// Task of the cell.
    pub(super) task: String,
    /// `alone`, `pooled`, or a challenger.
    pub(super) against: String,
    /// `auc`, or `rmse` in the label's unit.
    pub(super) metric: String,
    /// The shared model's figure.
    pub(super) shared: f64,
    /// The other's.
    pub(super) other: f64,
    /// How much better the shared model is.
    pub(super) value: f64,
    /// Lower end of its 95 % interval.
    pub(super) low: f64,
    /// Upper end of its 95 % interval.
    pub(super) high: f64,
    /// Two-sided p-value of no difference.
    pub(super) p: f64,
    /// `helped`, `hurt` or `no evidence`, after Holm's correction over the cells compared with the same other model.
    pub(super) verdict: String,
    /// Held-out rows.
    pub(super) n: u64,
    /// Positives among them.
    pub(super) positives: u64,
    /// Rows that both learned from.
    pub(super) learned_rows: u64,
}

/// The ledger of a night.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Ledger {
    /// As-of date of the night that made it; empty = none was made.
    pub(super) made_as_of: String,
    /// Its entries, scenario by scenario.
    pub(super) entries: Vec<Entry>,
}

/// The ledger in a run folder; `None` where there is none.
pub(super) fn read(folder: &Path) -> Result<Option<Ledger>, NightError> {
    let path = folder.join("transfer.parquet");
    if !path.is_file() {
        return Ok(None);
    }
    let mut ledger = Ledger::default();
    for batch in table_file::read(&path)? {
        let batch = batch.map_err(|error| failed(&error))?;
        ledger.add(&batch).map_err(|error| failed(&format!("{}: {error}", path.display())))?;
    }
    Ok(Some(ledger))
}

impl Ledger {
    /// Whether it still serves the night of `as_of`: one is made anew after `every`.
    pub(super) fn serves(&self, as_of: Date, every: Days) -> bool {
        self.made_as_of.parse().is_ok_and(|made: Date| epoch_day(as_of) - epoch_day(made) < every.0)
    }

    fn add(&mut self, batch: &RecordBatch) -> Result<(), FileError> {
        let text = |name: &str| texts(batch, name);
        let number = |name: &str| numbers(batch, name);
        let count = |name: &str| counts(batch, name);
        for row in 0..batch.num_rows() {
            text("made_as_of")?.value(row).clone_into(&mut self.made_as_of);
            self.entries.push(Entry {
                made: text("made_by")?.value(row).to_owned(),
                scenario: text("scenario")?.value(row).to_owned(),
                task: text("task")?.value(row).to_owned(),
                against: text("against")?.value(row).to_owned(),
                metric: text("metric")?.value(row).to_owned(),
                shared: number("shared")?.value(row),
                other: number("other")?.value(row),
                value: number("value")?.value(row),
                low: number("low")?.value(row),
                high: number("high")?.value(row),
                p: number("p")?.value(row),
                verdict: text("verdict")?.value(row).to_owned(),
                n: count("n")?.value(row) as u64,
                positives: count("positives")?.value(row) as u64,
                learned_rows: count("learned_rows")?.value(row) as u64,
            });
        }
        Ok(())
    }

    /// The ledger as the table `transfer`.
    pub(super) fn table(&self, run: &str) -> Result<RecordBatch, String> {
        let rows = &self.entries;
        let of = |entry: fn(&Entry) -> &String| rows.iter().map(entry);
        let number = |entry: fn(&Entry) -> f64| rows.iter().map(move |row| Some(entry(row)));
        Columns::new()
            .text("run", rows.iter().map(|_| run))
            .text("made_by", of(|entry| &entry.made))
            .text("made_as_of", rows.iter().map(|_| &self.made_as_of))
            .text("scenario", of(|entry| &entry.scenario))
            .text("task", of(|entry| &entry.task))
            .text("against", of(|entry| &entry.against))
            .text("metric", of(|entry| &entry.metric))
            .number("shared", number(|entry| entry.shared))
            .number("other", number(|entry| entry.other))
            .number("value", number(|entry| entry.value))
            .number("low", number(|entry| entry.low))
            .number("high", number(|entry| entry.high))
            .number("p", number(|entry| entry.p))
            .text("verdict", of(|entry| &entry.verdict))
            .count("n", rows.iter().map(|entry| entry.n))
            .count("positives", rows.iter().map(|entry| entry.positives))
            .count("learned_rows", rows.iter().map(|entry| entry.learned_rows))
            .batch()
    }
}
