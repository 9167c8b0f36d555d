//! Preparations measured on and off: networks that differ in one option of `[prepare]` and in nothing else.
//!
//! In: the night's encoded rows and its learner. Out: [`Measured`], one a cell and metric; the table `preparation`. Both networks of a
//! comparison learn from the sample of the transfer ledger with the same care and from the same seed, are calibrated alike and are
//! measured on the same held-out rows. Intervals are about the held-out rows: how much two trainings of one recipe differ by chance
//! is not in them.

use std::collections::BTreeMap;

use arrow::array::RecordBatch;

use super::cells::{Cell, places};
use super::learned::Learned;
use super::transfer::{Passing, samples, teach_on};
use super::{Night, NightError};
use crate::evaluate::paired::{Difference, Verdict, verdicts};
use crate::learn::picked::Picked;
use crate::learn::rows::{Block, Shape};
use crate::learn::{Examples, Prepare, Sharing};
use crate::publish::Columns;

/// One comparison of a cell.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Measured {
    /// Key of `[prepare]`.
    pub(super) option: String,
    /// Its value where it is on.
    pub(super) setting: String,
    /// Scenario, or `*`.
    pub(super) scenario: String,
    /// Task.
    pub(super) task: String,
    /// Figures without (`b`) and with the option (`a`): above 0, it helps.
    pub(super) difference: Difference,
    /// What the difference is evidence of.
    pub(super) verdict: Verdict,
    /// Rows of the sample.
    pub(super) learned_rows: u64,
    /// Rows that the first pass of each network visited, without and with the option.
    pub(super) visited: [u64; 2],
}

/// A network of one preparation: published predictions of the held-out rows (`[tasks][rows]`), and rows that its first pass visited.
struct Tried {
    prepare: Prepare,
    published: Vec<Vec<f64>>,
    visited: u64,
}

/// Measures what the job wants measured.
pub(super) fn measure(night: &Night<'_>, learned: &Learned) -> Result<Vec<Measured>, NightError> {
    let Some(first) = learned.learners.first().filter(|_| !night.job.compared.is_empty()) else { return Ok(Vec::new()) };
    night.watch.stage("preparation");
    let shape = learned.encoder.shape();
    let progress = Passing(night.watch);
    let samples = samples(night, learned, &shape);
    let parts: Vec<Block<'_>> = samples.iter().flat_map(|sample| sample.parts.iter().map(Picked::block)).collect();
    let rows: usize = parts.iter().map(Block::rows).sum();
    let Some(learner) = first.compared(Sharing::Chosen, rows) else { return Ok(Vec::new()) };
    let held = learned.holdout.rows.blocks();
    let mut tried: Vec<Tried> = Vec::new();
    let mut found = Vec::new();
    for compared in &night.job.compared {
        let mut sides = [0; 2];
        for (side, prepare) in sides.iter_mut().zip([compared.off, compared.on]) {
            if let Some(at) = tried.iter().position(|tried| tried.prepare == prepare) {
                *side = at;
                continue;
            }
            let Some(learner) = learner.prepared(&prepare)? else { return Ok(Vec::new()) };
            let visited = learner.visited(&Examples::new(&shape, parts.clone())).map_or(0, |visited| visited.iter().sum());
            let Some(fitted) = teach_on(night, learned, learner.as_ref(), &shape, parts.clone(), &progress)? else {
                night.watch.note("preparation: nothing is measured, the sample teaches too little (`transfer.rows`)");
                return Ok(Vec::new());
            };
            *side = tried.len();
            tried.push(Tried { prepare, published: fitted.published(&held)?, visited });
        }
        let [off, on] = sides.map(|at| &tried[at]);
        for (scenario, task) in (0..shape.tasks.len()).map(|task| (None, task)).chain(places(&shape).map(|(at, task)| (Some(at), task))) {
            let cell = Cell { holdout: &learned.holdout, shape: &shape, scenario, task };
            found.extend(cell.compare_all(night.job, &on.published[task], &off.published[task]).into_iter().map(|difference| Measured {
                option: compared.option.to_owned(),
                setting: compared.value.clone(),
                scenario: cell.place(),
                task: cell.task(),
                difference,
                verdict: Verdict::NoEvidence,
                learned_rows: rows as u64,
                visited: [off.visited, on.visited],
            }));
        }
    }
    judge(&mut found, 1.0 - night.job.transfer.level);
    night.watch.note(&told(&found, &shape));
    Ok(found)
}

/// Holm's correction over what one option did by one metric.
fn judge(found: &mut [Measured], level: f64) {
    let mut families: BTreeMap<(String, &str), Vec<&mut Measured>> = BTreeMap::new();
    for measured in found {
        families.entry((measured.option.clone(), measured.difference.metric)).or_default().push(measured);
    }
    for family in families.values_mut() {
        let judged: Vec<(f64, f64)> = family.iter().map(|measured| (measured.difference.value, measured.difference.p)).collect();
        for (measured, verdict) in family.iter_mut().zip(verdicts(&judged, level)) {
            measured.verdict = verdict;
        }
    }
}

/// A line for the log.
fn told(found: &[Measured], shape: &Shape) -> String {
    let count = |verdict| found.iter().filter(|measured| measured.verdict == verdict).count();
    format!(
        "preparation: {} comparison(s) in {} cell(s): better in {}, worse in {}, no evidence in {}",
        found.len(),
        shape.scenarios.len() * shape.tasks.len(),
        count(Verdict::Helped),
        count(Verdict::Hurt),
        count(Verdict::NoEvidence)
    )
}

/// The table `preparation`.
pub(super) fn table(run: &str, rows: &[Measured]) -> Result<RecordBatch, String> {
    let number = |of: fn(&Difference) -> f64| rows.iter().map(move |row| Some(of(&row.difference)));
    Columns::new()
        .text("run", rows.iter().map(|_| run))
        .text("option", rows.iter().map(|row| &row.option))
        .text("setting", rows.iter().map(|row| &row.setting))
        .text("scenario", rows.iter().map(|row| &row.scenario))
        .text("task", rows.iter().map(|row| &row.task))
        .text("metric", rows.iter().map(|row| row.difference.metric))
        .number("off", number(|difference| difference.b))
        .number("on", number(|difference| difference.a))
        .number("difference", number(|difference| difference.value))
        .number("low", number(|difference| difference.low))
        .number("high", number(|difference| difference.high))
        .number("p", number(|difference| difference.p))
        .text("verdict", rows.iter().map(|row| row.verdict.name()))
        .count("n", rows.iter().map(|row| row.difference.n))
        .count("positives", rows.iter().map(|row| row.difference.positives))
        .count("learned_rows", rows.iter().map(|row| row.learned_rows))
        .count("visited_off", rows.iter().map(|row| row.visited[0]))
        .count("visited_on", rows.iter().map(|row| row.visited[1]))
        .batch()
}
