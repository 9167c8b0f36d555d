//! Rows that are told one by one: a fixed sample of the held-out night, as steps and in words.
//!
//! In: the night's predictions and contributions. Out: [`Told`] rows, and their contributions beside those that are spread evenly.
//! Which rows are worth telling is `explain::sample`'s.

use std::collections::BTreeMap;

use super::super::evaluated::Judged;
use super::super::learned::{Fitted, Learned, raw};
use super::super::{Night, NightError};
use super::Explained;
use super::values::{rows_at, values};
use crate::explain::contributions;
use crate::explain::sample::choose;
use crate::explain::surrogate::{Surrogate, agreement, surrogates};
use crate::explain::words::{self, Reason, Step, steps, words};
use crate::learn::Attribution;
use crate::learn::picked::Picked;
use crate::learn::rows::{Block, Shape, UNSEEN_SCENARIO};

/// Reasons that are told before the rest is put together.
pub(in super::super) const REASONS: usize = 8;
/// Reasons in a sentence.
const IN_WORDS: usize = 4;

/// A row and task, told.
#[derive(Debug, Clone, PartialEq)]
pub(in super::super) struct Told {
    /// Position in the frame.
    pub(in super::super) row: u64,
    pub(in super::super) scenario: String,
    pub(in super::super) task: String,
    /// Why it was chosen.
    pub(in super::super) why: String,
    /// What the model publishes for it.
    pub(in super::super) published: f64,
    /// The same given that the task before it happened, which is what contributions are about; as `published` where there is none.
    pub(in super::super) step: f64,
    /// The step of the average training row in the same scenario.
    pub(in super::super) usual: f64,
    /// What happened, where it is known.
    pub(in super::super) label: Option<f64>,
    /// Raw output of the average row, and of this one.
    pub(in super::super) base: f64,
    pub(in super::super) raw: f64,
    pub(in super::super) words: String,
    pub(in super::super) steps: Vec<Step>,
    /// The linear surrogate's fit near the row, and the share of the first five reasons that it shares.
    pub(in super::super) fit: Option<f64>,
    pub(in super::super) agreement: Option<f64>,
}

/// A model's account of some rows.
pub(in super::super) struct Account<'a> {
    pub(in super::super) fitted: &'a Fitted,
    pub(in super::super) shape: &'a Shape,
    pub(in super::super) block: Block<'a>,
    pub(in super::super) found: Attribution,
    /// Shape: `[tasks][rows]`.
    pub(in super::super) raw: Vec<Vec<f32>>,
    published: Vec<Vec<f64>>,
    /// Of each step of a chain: of this row, and of the average one.
    step: Vec<Vec<f64>>,
    usual: Vec<Vec<f64>>,
    /// Shape: `[rows][fields + 1]`.
    values: Vec<Vec<Option<String>>>,
}

impl<'a> Account<'a> {
    /// `None` where the model has no contributions that add up.
    pub(in super::super) fn of(
        fitted: &'a Fitted,
        shape: &'a Shape,
        block: Block<'a>,
        values: Vec<Vec<Option<String>>>,
    ) -> Result<Option<Self>, NightError> {
        let Some(found) = fitted.model.attribute(&block).transpose()? else { return Ok(None) };
        let raw = raw(fitted.model.as_ref(), std::slice::from_ref(&block))?;
        let published = fitted.calibration.apply(&raw, block.scenario, block.entity);
        let base: Vec<Vec<f32>> = found.base.iter().map(|base| vec![*base; block.rows()]).collect();
        let usual = fitted.calibration.steps(&base, block.scenario, block.entity);
        let step = fitted.calibration.steps(&raw, block.scenario, block.entity);
        Ok(Some(Self { fitted, shape, block, found, raw, published, step, usual, values }))
    }

    /// Tells one row (counted within the block) and task.
    pub(in super::super) fn tell(&self, row: usize, task: usize, surrogate: Option<&Surrogate>) -> Told {
        let fields = self.shape.fields.len();
        let spec = &self.shape.tasks[task];
        let reasons: Vec<Reason> = (0..=fields)
            .map(|field| Reason {
                feature: crate::explain::feature_name(self.shape, field).to_owned(),
                value: self.values[row][field].clone(),
                contribution: f64::from(self.found.values[[row, task, field]]),
            })
            .collect();
        // Contributions are about the step of a chain, and so are the words.
        let name = spec.after.map_or_else(|| spec.name.clone(), |parent| format!("{} given {}", spec.name, self.shape.tasks[parent].name));
        let explained = words::Explained {
            task: &name,
            binary: spec.kind.is_binary(),
            published: self.step[task][row],
            usual: self.usual[task][row],
            reasons: &reasons,
        };
        let base = f64::from(self.found.base[task]);
        let own: Vec<f64> = reasons.iter().take(fields).map(|reason| reason.contribution).collect();
        Told {
            row: row as u64,
            scenario: self.shape.scenarios.get(self.block.scenario[row] as usize).cloned().unwrap_or_default(),
            task: spec.name.clone(),
            why: String::new(),
            published: self.published[task][row],
            step: explained.published,
            usual: explained.usual,
            label: None,
            base,
            raw: f64::from(self.raw[task][row]),
            words: words(&explained, IN_WORDS),
            steps: steps(base, &reasons, REASONS),
            fit: surrogate.map(|surrogate| surrogate.fit),
            agreement: surrogate.and_then(|surrogate| agreement(&own, &surrogate.effects)),
        }
    }

    /// The linear surrogates of a row, one a task; none without samples.
    pub(in super::super) fn surrogates(&self, row: usize, samples: usize, seed: u64) -> Result<Vec<Surrogate>, NightError> {
        if samples == 0 || self.shape.fields.is_empty() {
            return Ok(Vec::new());
        }
        Ok(surrogates(self.fitted.model.as_ref(), &self.block.slice(row, row + 1), samples, seed)?)
    }
}

/// Tells the rows that the job asks for, and adds their contributions to those that are written.
pub(super) fn tell(night: &Night<'_>, learned: &Learned, judged: &Judged, explained: &mut Explained) -> Result<(), NightError> {
    let of = &night.job.explain;
    if of.told_rows == 0 {
        return Ok(());
    }
    let shape = learned.encoder.shape();
    let holdout = &learned.holdout;
    // Cells that another model scores are told by this one: its own predictions say which rows are worth it.
    let own = if learned.stand_ins.is_empty() { None } else { Some(learned.taught[0].measured().published(&holdout.rows.blocks())?) };
    let predictions = own.as_ref().unwrap_or(&judged.predictions[0]);
    let mut chosen = choose(&shape.tasks, &holdout.labels, predictions, &learned.thresholds, &holdout.entity, of.told_rows, night.job.seed);
    chosen.retain(|chosen| holdout.scenario[chosen.row] != UNSEEN_SCENARIO);
    let mut positions: Vec<usize> = chosen.iter().map(|chosen| chosen.row).collect();
    positions.sort_unstable();
    positions.dedup();
    if positions.is_empty() {
        return Ok(());
    }
    let rows = rows_at(&holdout.frame, &positions)?;
    let values = values(&rows, &shape, &night.job.naming(), &night.job.scenario)?;
    let picked = Picked::new(&holdout.rows.blocks(), &positions);
    let Some(account) = Account::of(learned.taught[0].measured(), &shape, picked.block(), values)? else { return Ok(()) };
    let places: BTreeMap<usize, usize> = positions.iter().enumerate().map(|(at, row)| (*row, at)).collect();
    let fits =
        (0..positions.len()).map(|row| account.surrogates(row, of.surrogate_samples, night.job.seed)).collect::<Result<Vec<_>, _>>()?;
    for chosen in &chosen {
        let at = places[&chosen.row];
        let label = f64::from(holdout.labels[chosen.task][chosen.row]);
        let told = account.tell(at, chosen.task, fits[at].get(chosen.task));
        explained.told.push(Told {
            row: chosen.row as u64,
            why: chosen.why.name().to_owned(),
            label: (!label.is_nan()).then_some(label),
            ..told
        });
    }
    let written: std::collections::BTreeSet<u64> = explained.contributions.iter().map(|row| row.row).collect();
    let new: Vec<usize> = (0..positions.len()).filter(|at| !written.contains(&(positions[*at] as u64))).collect();
    let added = contributions::of(&shape, &account.block, &account.found, &account.raw, &new, 0);
    explained
        .contributions
        .extend(added.into_iter().map(|row| contributions::Contribution { row: positions[row.row as usize] as u64, ..row }));
    Ok(())
}
