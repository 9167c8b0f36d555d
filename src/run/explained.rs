//! Explanation of a night: the glue between `learn` and `explain`.
//!
//! In: [`Learned`], [`Judged`], the run before. Out: [`Explained`], values that tables and report are made of. How many rows each
//! part looks at is the job's (`[explain]`), so that the stage stays in bounds whatever the night.

pub(super) mod content;
mod since;
pub(super) mod tables;
pub(super) mod told_rows;
pub(super) mod values;

pub(super) use since::Past;
pub(super) use told_rows::Told;

use super::evaluated::Judged;
use super::learned::{Learned, Taught, raw};
use super::{Night, NightError};
use crate::explain::change::{Agreement, Change};
use crate::explain::contributions::{self, Contribution};
use crate::explain::curves::{Curve, CurveSettings, curves};
use crate::explain::effects::{Effect, Effects};
use crate::explain::faithful::{Faithful, FaithfulSettings, faithful};
use crate::explain::groups::{GroupAccumulator, GroupImportance, groups};
use crate::explain::importance::{Importance, ImportanceAccumulator};
use crate::explain::inside::{self, InsideFigure};
use crate::explain::permutation::{Disagreement, PermutationSettings, Permuted, disagreements, permute};
use crate::learn::picked::{Picked, spread};
use crate::learn::rows::{Block, Shape};
use crate::publish::PastRun;

/// Largest gap between contributions and raw output, as a share of the output's spread, that is rounding.
pub(super) const ADDS_UP: f64 = 1e-3;
/// Rows whose contributions are held at a time: four numbers per row, task and field.
const STRETCH: usize = 4096;
/// Rows behind the groups of features, the gates and the similarities: each is a mean or a rank, steady long before that.
const SAMPLE: usize = 2000;
/// Rows behind each point of partial dependence.
const PARTIAL: usize = 200;
/// Bins of a number's curve.
const BINS: usize = 16;
/// Entries of a category's curve.
const ENTRIES: usize = 12;
/// Steps of the deletion curves.
const STEPS: usize = 10;
/// Resamples behind the intervals of what is measured on a sample: enough for its percentiles, and a fifth of the price.
const RESAMPLES: usize = 200;

/// What the published model relies on, and its challengers.
#[derive(Default)]
pub(super) struct Explained {
    pub(super) importance: Vec<Importance>,
    pub(super) challengers: Vec<(&'static str, Vec<Importance>)>,
    pub(super) groups: Vec<GroupImportance>,
    pub(super) permuted: Vec<Permuted>,
    pub(super) disagreements: Vec<Disagreement>,
    pub(super) effects: Vec<Effect>,
    pub(super) curves: Vec<Curve>,
    pub(super) inside: Vec<InsideFigure>,
    pub(super) faithful: Vec<Faithful>,
    pub(super) contributions: Vec<Contribution>,
    pub(super) told: Vec<Told>,
    pub(super) changes: Vec<Change>,
    pub(super) agreements: Vec<Agreement>,
    pub(super) history: Vec<Past>,
    /// Largest |base + Σ contributions − raw| over the explained rows.
    pub(super) residual: f64,
    /// The same as a share of the raw output's spread, of the task where it is largest.
    pub(super) residual_share: f64,
}

/// Contributions of the published model on the held-out night and all that is made of them; of challengers their importance.
/// Nothing but the challengers' where the published model has no contributions that add up.
pub(super) fn explain(night: &Night<'_>, learned: &Learned, judged: &Judged, baseline: Option<&PastRun>) -> Result<Explained, NightError> {
    let shape = learned.encoder.shape();
    let taught = &learned.taught[0];
    let challengers = learned.taught[1..].iter().map(|taught| Ok((taught.name, importance_of(night, learned, taught, &shape)?)));
    let challengers = challengers.collect::<Result<Vec<_>, NightError>>()?;
    let blocks = learned.holdout.rows.blocks();
    let positions = spread(learned.holdout.scenario.len(), rows_of(night, taught));
    let picked = Picked::new(&blocks, &positions);
    let sample = picked.block();
    let all = if taught.measured().model.attribution_is_dear() { None } else { Some(&blocks) };
    let Some(mut explained) = added_up(night, taught, &shape, all, (&sample, &positions))? else {
        return Ok(Explained { challengers, ..Explained::default() });
    };
    explained.challengers = challengers;
    second_opinion(night, learned, (&sample, &positions), &mut explained)?;
    explained.curves = drawn(night, taught, &sample, &explained.importance)?;
    explained.inside = looked_inside(night, taught, &shape, &sample, judged)?;
    explained.faithful = tested(night, taught, &sample)?;
    told_rows::tell(night, learned, judged, &mut explained)?;
    if let Some(before) = baseline {
        since::compare(night, taught.name, before, &mut explained)?;
    }
    Ok(explained)
}

/// Rows on which a learner is explained where that is dear.
fn rows_of(night: &Night<'_>, taught: &Taught) -> usize {
    if taught.name == "forest" { night.job.explain.forest_rows } else { night.job.explain.importance_rows }
}

/// Importance, groups, effects, and the contributions of some rows: over `all` rows, or over the sample where that is dear. `None`
/// where the model's contributions do not add up.
fn added_up(
    night: &Night<'_>,
    taught: &Taught,
    shape: &Shape,
    all: Option<&Vec<Block<'_>>>,
    (sample, positions): (&Block<'_>, &[usize]),
) -> Result<Option<Explained>, NightError> {
    let model = taught.measured().model.as_ref();
    let (resamples, seed) = (night.job.resamples, night.job.seed);
    let few = Picked::new(std::slice::from_ref(sample), &spread(sample.rows(), SAMPLE));
    let mut importance = ImportanceAccumulator::resampled(shape, resamples, seed);
    let mut grouped = GroupAccumulator::new(shape, groups(&few.block()));
    let mut effects = Effects::new(shape);
    let mut written = Vec::new();
    let own = [sample.clone()];
    let blocks: &[Block<'_>] = all.map_or(&own, Vec::as_slice);
    let rows: usize = blocks.iter().map(Block::rows).sum();
    let every = rows.div_ceil(night.job.explain.explained_rows.max(1)).max(1);
    let place = |row: u64| if all.is_some() { row } else { positions[row as usize] as u64 };
    let mut at = 0;
    for part in blocks.iter().flat_map(|block| block.parts(STRETCH)) {
        let Some(attribution) = model.attribute(&part) else { return Ok(None) };
        let attribution = attribution?;
        let raw = raw(model, std::slice::from_ref(&part))?;
        importance.add(&part, &attribution, &raw);
        grouped.add(&part, &attribution);
        effects.add(&part, &attribution);
        if night.job.explain.explained_rows > 0 {
            let sampled: Vec<usize> = (0..part.rows()).filter(|row| (at + row) % every == 0).collect();
            let own = contributions::of(shape, &part, &attribution, &raw, &sampled, at);
            written.extend(own.into_iter().map(|row| Contribution { row: place(row.row), ..row }));
        }
        at += part.rows();
        night.watch.step("explained rows", at as u64, rows as u64);
    }
    let (residual, residual_share) = (importance.residual(), importance.residual_share());
    let importance = importance.finish();
    let effects = effects.finish(&importance, night.job.top_features);
    let warning = if residual_share < ADDS_UP { "" } else { "warning: " };
    night.watch.note(&format!(
        "{warning}{}: contributions add up to the raw output within {residual:.1e}, {residual_share:.1e} of its spread",
        taught.name
    ));
    let groups = grouped.finish(&importance, resamples, seed);
    Ok(Some(Explained { importance, groups, effects, contributions: written, residual, residual_share, ..Explained::default() }))
}

/// What a challenger relies on, on a sample of the held-out night; nothing where its contributions do not add up.
fn importance_of(night: &Night<'_>, learned: &Learned, taught: &Taught, shape: &Shape) -> Result<Vec<Importance>, NightError> {
    let positions = spread(learned.holdout.scenario.len(), rows_of(night, taught));
    let picked = Picked::new(&learned.holdout.rows.blocks(), &positions);
    let mut importance = ImportanceAccumulator::resampled(shape, night.job.resamples, night.job.seed);
    for part in picked.block().parts(STRETCH) {
        let model = taught.measured().model.as_ref();
        let Some(attribution) = model.attribute(&part) else { return Ok(Vec::new()) };
        importance.add(&part, &attribution?, &raw(model, std::slice::from_ref(&part))?);
    }
    let share = importance.residual_share();
    if share >= ADDS_UP {
        night.watch.note(&format!("warning: {}: contributions add up within {share:.1e} of the raw output's spread only", taught.name));
    }
    Ok(importance.finish())
}

/// Importance by permutation, and where it disagrees with the contributions. As they, it is about a chained task given that the task
/// before it happened. It is the model's own: cells that another model scores are measured with this one too.
fn second_opinion(
    night: &Night<'_>,
    learned: &Learned,
    (sample, positions): (&Block<'_>, &[usize]),
    explained: &mut Explained,
) -> Result<(), NightError> {
    let of = &night.job.explain;
    if of.permutation_rows == 0 || of.permuted_features == 0 {
        return Ok(());
    }
    let fitted = learned.taught[0].measured();
    let all = &learned.holdout.labels;
    let given = |after: Option<usize>, row: usize| after.is_none_or(|parent| all[parent][row] > 0.0);
    let label = |(labels, after): (&Vec<f32>, Option<usize>)| {
        positions.iter().map(|row| if given(after, *row) { labels[*row] } else { f32::NAN }).collect()
    };
    let after = fitted.model.shape().tasks.iter().map(|task| task.after);
    let labels: Vec<Vec<f32>> = all.iter().zip(after).map(label).collect();
    let publish = |raw: &[Vec<f32>], block: &Block<'_>| fitted.calibration.steps(raw, block.scenario, block.entity);
    let settings = PermutationSettings { rows: of.permutation_rows, top: of.permuted_features, resamples: RESAMPLES, seed: night.job.seed };
    explained.permuted = permute(fitted.model.as_ref(), sample, &labels, &publish, &explained.importance, &settings)?;
    explained.disagreements = disagreements(&explained.importance, &explained.permuted);
    Ok(())
}

fn drawn(night: &Night<'_>, taught: &Taught, sample: &Block<'_>, importance: &[Importance]) -> Result<Vec<Curve>, NightError> {
    let of = &night.job.explain;
    if of.curve_rows == 0 || of.curve_features == 0 {
        return Ok(Vec::new());
    }
    // Curves are the published model's, also with folds: they say what it does, not how good it is.
    let publish = |raw: &[Vec<f32>], scenario: &[u16]| taught.fitted.calibration.apply(raw, scenario, &[]);
    let settings = CurveSettings { top: of.curve_features, rows: of.curve_rows, partial_rows: PARTIAL, bins: BINS, entries: ENTRIES };
    Ok(curves(taught.fitted.model.as_ref(), sample, &publish, importance, &settings)?)
}

/// Gates and experts, with what was measured elsewhere of the network as a whole: how well scenarios can be told from the shared
/// features, and whether the tasks' gradients agree (mean over the passes of the setting that was chosen).
fn looked_inside(
    night: &Night<'_>,
    taught: &Taught,
    shape: &Shape,
    sample: &Block<'_>,
    judged: &Judged,
) -> Result<Vec<InsideFigure>, NightError> {
    let few = Picked::new(std::slice::from_ref(sample), &spread(sample.rows(), SAMPLE));
    let block = few.block();
    let Some(inside) = taught.fitted.model.inside(&block).transpose()? else { return Ok(Vec::new()) };
    let mut found = inside::figures(shape, &block, &inside, RESAMPLES, night.job.seed);
    let probes = judged.figures.iter().filter(|(learner, figure)| *learner == taught.name && figure.metric == "scenario_probe_auc");
    found.extend(probes.filter_map(|(_, figure)| {
        Some(InsideFigure {
            measure: "scenario probe auc",
            scenario: figure.scenario.clone(),
            task: "*".into(),
            value: figure.value?,
            n: figure.n,
            ..InsideFigure::default()
        })
    }));
    let mut cosines: std::collections::BTreeMap<(&str, &str, &str), Vec<f64>> = std::collections::BTreeMap::new();
    for figure in taught.trials.iter().filter(|trial| trial.chosen).flat_map(|trial| &trial.figures) {
        if figure.measure == "gradient cosine" {
            cosines.entry((&figure.scenario, &figure.task, &figure.other_task)).or_default().push(figure.value);
        }
    }
    found.extend(cosines.into_iter().map(|((scenario, task, other), values)| InsideFigure {
        measure: "gradient cosine",
        scenario: scenario.to_owned(),
        task: task.to_owned(),
        other: other.to_owned(),
        value: values.iter().sum::<f64>() / values.len() as f64,
        n: values.len() as u64,
        ..InsideFigure::default()
    }));
    Ok(found)
}

/// Whether taking away what contributions call large moves the model more than taking away anything.
fn tested(night: &Night<'_>, taught: &Taught, sample: &Block<'_>) -> Result<Vec<Faithful>, NightError> {
    let settings = FaithfulSettings { rows: night.job.explain.faithful_rows, steps: STEPS, resamples: RESAMPLES, seed: night.job.seed };
    if settings.rows == 0 {
        return Ok(Vec::new());
    }
    Ok(faithful(taught.measured().model.as_ref(), sample, &settings).transpose()?.unwrap_or_default())
}
