//! Gains: what each tenth of the rows holds, highest predictions first.
//!
//! In: [`Scored`]. Out: ten lines per task and scenario (`*`: all). Nothing where a cell has no rows, or its predictions are no
//! numbers; the figures of the cell say why.

use super::cells::{Scored, cell};
use super::metrics::Rows;

/// Lines of a table of gains.
pub const DECILES: u32 = 10;

/// One tenth of the rows of a cell.
#[derive(Debug, Clone, PartialEq)]
pub struct Gain {
    /// Scenario, or `*`.
    pub scenario: String,
    /// Task.
    pub task: String,
    /// 1 (highest predictions) to 10.
    pub decile: u32,
    /// Rows in it: a tenth of all, in general no whole number.
    pub rows: f64,
    /// Sum of labels: positives, or the amount, in the label's unit.
    pub labels: f64,
    /// Sum of predictions.
    pub predicted: f64,
    /// `labels` of all labels; `None` where these do not sum to more than 0.
    pub share: Option<f64>,
    /// `share` over a tenth: 1 is chance.
    pub lift: Option<f64>,
    /// `share` of this tenth and all before it.
    pub cumulative_share: Option<f64>,
    /// `cumulative_share` over the share of the rows.
    pub cumulative_lift: Option<f64>,
}

/// Sums of a tenth.
#[derive(Debug, Clone, Copy, Default)]
struct Tenth {
    rows: f64,
    labels: f64,
    predicted: f64,
}

/// Every table of gains, totals (`*`) first.
///
/// Each decile holds exactly a tenth of the rows: a run of equal predictions that lies across a border is cut in proportion,
/// so that neither the order of the rows nor a tie makes one decile fuller than another.
///
/// # Source
/// Ling and Li (1998), "Data mining for direct marketing: problems and solutions".
#[must_use]
pub fn gains(scored: &Scored<'_>) -> Vec<Gain> {
    let mut all = Vec::new();
    for scenario in std::iter::once(None).chain((0..scored.scenarios.len()).map(|at| Some(at as u16))) {
        for (at, task) in scored.tasks.iter().enumerate() {
            let (labels, predictions) = cell(scored, at, scenario);
            let Some(rows) = Rows::new(&labels, &predictions).filter(|_| !labels.is_empty()) else { continue };
            let name = scenario.map_or_else(|| "*".to_owned(), |at| scored.scenarios[at as usize].clone());
            all.extend(table(&tenths(&rows)).into_iter().map(|gain| Gain { scenario: name.clone(), task: task.name.clone(), ..gain }));
        }
    }
    all
}

fn tenths(rows: &Rows<'_>) -> Vec<Tenth> {
    let (labels, predictions, runs) = (rows.labels(), rows.predictions(), rows.runs());
    let count = labels.len() as f64;
    let border = |decile: usize| count * (decile + 1) as f64 / f64::from(DECILES);
    let mut tenths = vec![Tenth::default(); DECILES as usize];
    let (mut from, mut decile) = (0, 0);
    for length in &runs.lengths {
        let run = &runs.order[from..from + length];
        let (rows, begin) = (*length as f64, from as f64);
        from += length;
        let (sum, prediction) = (run.iter().map(|row| labels[*row as usize]).sum::<f64>(), predictions[run[0] as usize]);
        let mut taken = 0.0;
        while taken < rows {
            // What of the run lies in this decile; the last takes the rest.
            let last = decile + 1 == tenths.len();
            let here = if last { rows - taken } else { (border(decile) - begin - taken).clamp(0.0, rows - taken) };
            let tenth = &mut tenths[decile];
            tenth.rows += here;
            tenth.labels += sum * here / rows;
            tenth.predicted += prediction * here;
            taken += here;
            if taken < rows {
                decile += 1;
            }
        }
    }
    tenths
}

fn table(tenths: &[Tenth]) -> Vec<Gain> {
    let labels: f64 = tenths.iter().map(|tenth| tenth.labels).sum();
    let rows: f64 = tenths.iter().map(|tenth| tenth.rows).sum();
    let share = |sum: f64| (labels > 0.0).then(|| sum / labels);
    let (mut above, mut taken) = (0.0, 0.0);
    let line = |(at, tenth): (usize, &Tenth)| {
        above += tenth.labels;
        taken += tenth.rows;
        Gain {
            scenario: String::new(),
            task: String::new(),
            decile: at as u32 + 1,
            rows: tenth.rows,
            labels: tenth.labels,
            predicted: tenth.predicted,
            share: share(tenth.labels),
            lift: share(tenth.labels).map(|share| share * rows / tenth.rows),
            cumulative_share: share(above),
            cumulative_lift: share(above).map(|share| share * rows / taken),
        }
    };
    tenths.iter().enumerate().map(line).collect()
}
