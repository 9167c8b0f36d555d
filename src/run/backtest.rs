//! Past nights in order, each as it would have been: what a job would have delivered.
//!
//! In: a job and the dates of the nights. Out: a run for each below the backtest's own folder, and the table `backtest`: figures
//! and totals per night and cell. Nights that are there already are not run again, so a backtest that was stopped goes on.

use std::collections::BTreeMap;
use std::path::PathBuf;

use arrow::array::{Array as _, RecordBatch};
use jiff::civil::Date;

use super::{Ended, Night, NightError, Options, night};
use crate::job::time::AsOf;
use crate::job::{Days, Job};
use crate::publish::{Columns, Home, Lock, PastRun, folder};
use crate::report::{self, NightFigure};
use crate::table_file::{self, FileError, numbers, texts};
use crate::watch::Watch;

/// Figures of `metrics` that a backtest follows.
const FOLLOWED: [&str; 8] = ["auc", "log_loss", "base_log_loss", "ece", "predicted_observed", "rmse", "r2", "base_rate"];

/// Nights in order.
#[derive(Debug, Clone, Copy)]
pub struct Span {
    /// The first.
    pub from: Date,
    /// No night after this one.
    pub to: Date,
    /// Distance between two.
    pub every: Days,
}

/// What came of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Backtested {
    /// Each night, how it ended in a word, and its main figures.
    pub nights: Vec<(Date, &'static str, String)>,
    /// The table.
    pub table: PathBuf,
    /// The page.
    pub page: PathBuf,
}

impl Span {
    /// Name of its backtest's folder.
    fn name(&self) -> String {
        format!("{}_{}_{}d", self.from, self.to, self.every.0)
    }

    /// The dates of the nights.
    ///
    /// # Errors
    /// [`NightError::Job`] at the end of the calendar.
    pub fn nights(&self, job: &Job) -> Result<Vec<Date>, NightError> {
        let mut nights = Vec::new();
        let mut next = AsOf::new(self.from, &job.zone).map_err(NightError::calendar)?;
        while next.date() <= self.to {
            nights.push(next.date());
            next = next.plus(self.every, &job.zone).map_err(NightError::calendar)?;
        }
        Ok(nights)
    }
}

/// Runs the nights of a backtest, or those of them that are missing. Runs and reports lie in folders of their own; clean tables
/// and snapshots are shared with the job's cache, which is why no night of the job runs meanwhile.
///
/// # Errors
/// [`NightError`] of the first night that could not be run; those before it are kept.
pub async fn backtest(job: &Job, home: &Home, of: Span, options: Options, watch: &dyn Watch) -> Result<Backtested, NightError> {
    let _lock = Lock::take(home, &format!("backtest --from {} --to {}", of.from, of.to))?;
    let name = of.name();
    let root = home.runs.parent().unwrap_or(&home.runs).join("backtests").join(&name);
    let own = Home { runs: root.join("runs"), reports: home.reports.join("backtests").join(&name), ..home.clone() };
    folder::create(&own.runs)?;
    let dates = of.nights(job)?;
    // A backtest needs all of its nights at its end.
    let job = &Job { keep: None, ..job.clone() };
    let mut nights = Vec::new();
    let mut figures = Vec::new();
    for (at, as_of) in dates.iter().enumerate() {
        watch.note(&format!("night {as_of}, {} of {}", at + 1, dates.len()));
        let ended = Box::pin(night(&Night { job, home: &own, as_of: *as_of, options, watch })).await?;
        let (run, word) = match &ended {
            Ended::Published { run, .. } | Ended::SameBytes { run } | Ended::Already { run } => (run, "published"),
            Ended::Held { run, .. } => (run, "held"),
        };
        let Some(past) = own.find(run)? else { continue };
        let main: Vec<String> = past.manifest.figures.iter().map(|(name, value)| format!("{name} {value:.4}")).collect();
        nights.push((*as_of, word, main.join(", ")));
        figures.extend(followed(&past, word)?);
    }
    let table = root.join("backtest.parquet");
    table_file::write_one(&table, &rows(&figures).map_err(FileError::Rows)?)?;
    let page = own.reports.join("backtest.html");
    let html = report::backtest(job.language.code(), &job.title, &format!("{} to {}, every {}", of.from, of.to, of.every), &figures)
        .map_err(NightError::Report)?;
    folder::write_atomically(&page, html.as_bytes())?;
    Ok(Backtested { nights, table, page })
}

fn rows(figures: &[NightFigure]) -> Result<RecordBatch, String> {
    let of = |text: fn(&NightFigure) -> &String| figures.iter().map(text);
    Columns::new()
        .text("as_of", of(|figure| &figure.as_of))
        .text("holdout", of(|figure| &figure.holdout))
        .text("run", of(|figure| &figure.run))
        .text("status", of(|figure| &figure.status))
        .text("scenario", of(|figure| &figure.scenario))
        .text("task", of(|figure| &figure.task))
        .text("metric", of(|figure| &figure.metric))
        .number("value", figures.iter().map(|figure| Some(figure.value)))
        .number("low", figures.iter().map(|figure| figure.low))
        .number("high", figures.iter().map(|figure| figure.high))
        .batch()
}

/// The figures of a run that a backtest follows, and its totals.
fn followed(past: &PastRun, status: &str) -> Result<Vec<NightFigure>, NightError> {
    let failed = |message: &str| NightError::from(FileError::Rows(format!("run {}: {message}", past.manifest.run)));
    let figure = |scenario: &str, task: &str, metric: &str, value: f64, (low, high): (Option<f64>, Option<f64>)| NightFigure {
        as_of: past.manifest.as_of.clone(),
        holdout: past.manifest.holdout.clone(),
        run: past.manifest.run.clone(),
        status: status.to_owned(),
        scenario: scenario.to_owned(),
        task: task.to_owned(),
        metric: metric.to_owned(),
        value,
        low,
        high,
    };
    let mut found = Vec::new();
    for batch in table_file::read(&past.folder.join("metrics.parquet"))? {
        let batch = batch.map_err(|error| failed(&error.to_string()))?;
        let text = |name: &str| texts(&batch, name).map_err(|error| failed(&error.to_string()));
        let number = |name: &str| numbers(&batch, name).map_err(|error| failed(&error.to_string()));
        let (learner, scenario, task, metric) = (text("learner")?, text("scenario")?, text("task")?, text("metric")?);
        let (value, low, high) = (number("value")?, number("low")?, number("high")?);
        for row in (0..batch.num_rows()).filter(|row| learner.value(*row) == past.manifest.learner && !value.is_null(*row)) {
            if FOLLOWED.contains(&metric.value(row)) && task.value(row) != "*" {
                let ends = [low, high].map(|array| (!array.is_null(row)).then(|| array.value(row)));
                found.push(figure(scenario.value(row), task.value(row), metric.value(row), value.value(row), ends.into()));
            }
        }
    }
    for ((scenario, task), (realised, predicted)) in totals(past)? {
        found.push(figure(&scenario, &task, "realised_total", realised, (None, None)));
        found.push(figure(&scenario, &task, "predicted_total", predicted, (None, None)));
    }
    Ok(found)
}

/// `(scenario, task)` → `(realised, predicted)`.
type Totals = BTreeMap<(String, String), (f64, f64)>;

/// Sums of labels and of predictions over the held-out rows with a label, by cell.
fn totals(past: &PastRun) -> Result<Totals, NightError> {
    let failed = |message: &str| NightError::from(FileError::Rows(format!("run {}: {message}", past.manifest.run)));
    let mut sums = Totals::new();
    for batch in table_file::read(&past.folder.join("holdout/holdout.parquet"))? {
        let batch = batch.map_err(|error| failed(&error.to_string()))?;
        let scenario = texts(&batch, "scenario").map_err(|error| failed(&error.to_string()))?;
        let tasks: Vec<String> =
            batch.schema().fields().iter().filter_map(|field| field.name().strip_prefix("y_").map(str::to_owned)).collect();
        for task in tasks {
            let (Ok(y), Ok(p)) = (numbers(&batch, &format!("y_{task}")), numbers(&batch, &format!("p_{task}"))) else { continue };
            for row in (0..batch.num_rows()).filter(|row| !y.is_null(*row) && !p.is_null(*row)) {
                for place in [scenario.value(row), "*"] {
                    let sums = sums.entry((place.to_owned(), task.clone())).or_default();
                    sums.0 += y.value(row);
                    sums.1 += p.value(row);
                }
            }
        }
    }
    Ok(sums)
}
