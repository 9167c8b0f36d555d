//! Curves: how a model's output moves as one feature is moved, per cell.
//!
//! In: a model, a sample of held-out rows, what turns raw outputs into published predictions. Out: [`Curve`] rows for the features
//! that matter most: accumulated local effects of numbers, centred partial dependence of categories. Not here: mean contributions
//! along a feature (`effects`), which need no further pass of the model.

use std::collections::BTreeMap;

use rayon::prelude::*;

use super::asked::{Publish, raw, with};
use super::importance::Importance;
use super::partial::{CellMeans, PointSums, centred, ends};
use super::units::{HALF_WIDTH, jackknife};
use super::{feature_name, places, strongest_of_all};
use crate::learn::picked::{Picked, spread};
use crate::learn::rows::{Block, Column, MISSING, Shape, UNSEEN_SCENARIO};
use crate::learn::{LearnError, Model};

/// How curves are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CurveSettings {
    /// Features of each task, the strongest by contributions.
    pub top: usize,
    /// Rows, at most; spread evenly over those given. Each asks the model twice per number.
    pub rows: usize,
    /// Rows of partial dependence, at most. Each asks the model once per point.
    pub partial_rows: usize,
    /// Bins of a number, of about equal mass.
    pub bins: usize,
    /// Entries of a category, the most common ones of the sample.
    pub entries: usize,
}

/// One row of the table `curves`: a point of a curve.
#[derive(Debug, Clone, PartialEq)]
pub struct Curve {
    /// Scenario, or `*`.
    pub scenario: String,
    /// Task.
    pub task: String,
    /// Feature.
    pub feature: String,
    /// `accumulated local effect` (numbers) or `partial dependence` (categories, and numbers that are missing).
    pub method: &'static str,
    /// Number of the point, from 0.
    pub point: u32,
    /// Value of a number: the end of a bin.
    pub at: Option<f64>,
    /// Entry of a category, or that of missing values.
    pub entry: Option<u32>,
    /// Centred effect in raw units: of binary tasks logits for `net`, the learner's own score for others; of amounts the scale on
    /// which they are learned.
    pub effect: f64,
    /// Lower end of its 95 % band: ± 1.96 standard errors of the delete-a-group jackknife over entities in 64 groups. It holds the
    /// noise of the rows, not that of learning. `None` with fewer than ten groups in the cell.
    pub low: Option<f64>,
    /// Upper end of its 95 % band.
    pub high: Option<f64>,
    /// Centred partial dependence, for comparison: it asks about rows that may not occur. Far from `effect` where the feature is tied to
    /// others and works together with them.
    pub partial: Option<f64>,
    /// The effect in what is published, at the base: `published(b + effects) − published(b)`, where `b` is the mean raw output of the
    /// cell and every task moves by its own effect. Times 100: percentage points of a probability; for amounts, the label's unit.
    pub published: f64,
    /// Share of the cell's sampled rows between this point and the one before, or with this entry.
    pub share: f64,
    /// Rows of that share.
    pub n: u64,
}

const LOCAL: &str = "accumulated local effect";
const PARTIAL: &str = "partial dependence";

/// Curves of the strongest features of every task.
///
/// Numbers: ends `z_0 < … < z_K` at quantiles of the sample, the same in all cells;
/// `g(z_k) = Σ_{j ≤ k} mean_{rows in bin j} [f(z_j, x) − f(z_{j−1}, x)]`, less its mean over the rows (each bin counting half at either
/// end). A bin without rows in a scenario has the slope of all scenarios. Missing values are no bin: their point is
/// `mean f(missing, x)` less the mean of the partial dependence. Categories: `mean f(entry, x)` for each of the most common entries,
/// less their mean by share. Texts and vectors have no curve.
///
/// # Errors
/// As [`Model::raw`].
///
/// # Source
/// Apley and Zhu (2020), "Visualizing the effects of predictor variables in black box supervised learning models", section 3 and (16);
/// partial dependence: Friedman (2001), "Greedy function approximation", section 8.2; band: Kott (2001), "The delete-a-group
/// jackknife".
pub fn curves(
    model: &dyn Model,
    block: &Block<'_>,
    publish: &Publish<'_>,
    importance: &[Importance],
    settings: &CurveSettings,
) -> Result<Vec<Curve>, LearnError> {
    let shape = model.shape();
    let blocks = std::slice::from_ref(block);
    let (rows, few) = (Picked::new(blocks, &spread(block.rows(), settings.rows)), spread(block.rows(), settings.partial_rows));
    let few = Picked::new(blocks, &few);
    let (rows, few) = (rows.block(), few.block());
    let fields = strongest_of_all(shape, importance, settings.top);
    let base = Base::new(model, &rows)?;
    let asker = Asker { model, shape, rows: &rows, few: &few, base, publish, settings };
    let found: Result<Vec<Vec<Curve>>, LearnError> = fields.par_iter().map(|field| asker.curve(*field)).collect();
    Ok(found?.into_iter().flatten().collect())
}

/// Mean raw output and rows of each scenario; the last one holds those never seen.
struct Base {
    /// Shape: `[scenarios + 1][tasks]`.
    raw: Vec<Vec<f64>>,
    rows: Vec<f64>,
}

impl Base {
    fn new(model: &dyn Model, block: &Block<'_>) -> Result<Self, LearnError> {
        let (scenarios, tasks) = (model.shape().scenarios.len(), model.shape().tasks.len());
        let found = raw(model, block)?;
        let mut base = Self { raw: vec![vec![0.0; tasks]; scenarios + 1], rows: vec![0.0; scenarios + 1] };
        for (row, scenario) in block.scenario.iter().enumerate() {
            let scenario = (*scenario as usize).min(scenarios);
            base.rows[scenario] += 1.0;
            base.raw[scenario].iter_mut().zip(&found).for_each(|(sum, raw)| *sum += f64::from(raw[row]));
        }
        for (raw, rows) in base.raw.iter_mut().zip(&base.rows) {
            for sum in raw {
                *sum /= rows.max(1.0);
            }
        }
        Ok(base)
    }
}

struct Asker<'a> {
    model: &'a dyn Model,
    shape: &'a Shape,
    rows: &'a Block<'a>,
    few: &'a Block<'a>,
    base: Base,
    publish: &'a Publish<'a>,
    settings: &'a CurveSettings,
}

/// The points of a feature, before they are rows of a table.
struct Points {
    at: Vec<(Option<f64>, Option<u32>)>,
    /// Differences over each bin (numbers).
    local: Option<PointSums>,
    /// Raw outputs at each point.
    partial: PointSums,
    /// Rows between each point and the one before, or of each entry. Shape: `[scenarios + 1][points]`.
    counts: Vec<Vec<f64>>,
}

impl Asker<'_> {
    fn curve(&self, field: usize) -> Result<Vec<Curve>, LearnError> {
        let points = match self.rows.columns[field] {
            Column::Numeric(values) => self.number(field, values)?,
            Column::Categorical(entries) => self.category(field, entries)?,
            Column::Text { .. } | Column::Vector(_) => None,
        };
        Ok(points.map_or_else(Vec::new, |points| self.table(field, &points)))
    }

    fn number(&self, field: usize, values: &[f32]) -> Result<Option<Points>, LearnError> {
        let edges = edges(values, self.settings.bins);
        if edges.len() < 2 {
            return Ok(None);
        }
        let bins: Vec<Option<usize>> = values
            .iter()
            .map(|value| (!value.is_nan()).then(|| edges.partition_point(|edge| edge < value).clamp(1, edges.len() - 1)))
            .collect();
        let end = |lower: usize| -> Vec<f32> { bins.iter().map(|bin| bin.map_or(f32::NAN, |bin| edges[bin - lower])).collect() };
        let (below, above) = (end(1), end(0));
        let below = raw(self.model, &with(self.rows, field, Column::Numeric(&below)))?;
        let above = raw(self.model, &with(self.rows, field, Column::Numeric(&above)))?;
        let missing = bins.iter().any(Option::is_none);
        let total = edges.len() + usize::from(missing);
        let mut local = PointSums::new(self.shape.scenarios.len(), self.shape.tasks.len(), edges.len());
        let mut counts = vec![vec![0.0; total]; self.shape.scenarios.len() + 1];
        for (row, bin) in bins.iter().enumerate() {
            let scenario = self.rows.scenario[row];
            counts[(scenario as usize).min(self.shape.scenarios.len())][bin.unwrap_or(edges.len())] += 1.0;
            if let Some(bin) = bin {
                local.add(scenario, self.rows.entity[row], *bin, |task| f64::from(above[task][row]) - f64::from(below[task][row]));
            }
        }
        let mut at: Vec<(Option<f64>, Option<u32>)> = edges.iter().map(|edge| (Some(f64::from(*edge)), None)).collect();
        let mut settings: Vec<f32> = edges;
        if missing {
            at.push((None, Some(MISSING)));
            settings.push(f32::NAN);
        }
        let partial = self.partial(settings.len(), |point, rows| {
            let set = vec![settings[point]; rows.rows()];
            raw(self.model, &with(rows, field, Column::Numeric(&set)))
        })?;
        Ok(Some(Points { at, local: Some(local), partial, counts }))
    }

    fn category(&self, field: usize, entries: &[u32]) -> Result<Option<Points>, LearnError> {
        let mut found: BTreeMap<u32, usize> = BTreeMap::new();
        for entry in entries {
            *found.entry(*entry).or_default() += 1;
        }
        let mut common: Vec<(u32, usize)> = found.into_iter().collect();
        common.sort_by(|a, b| b.1.cmp(&a.1).then(a.0.cmp(&b.0)));
        common.truncate(self.settings.entries);
        if common.len() < 2 {
            return Ok(None);
        }
        let mut counts = vec![vec![0.0; common.len()]; self.shape.scenarios.len() + 1];
        for (entry, scenario) in entries.iter().zip(self.rows.scenario) {
            if let Some(point) = common.iter().position(|(own, _)| own == entry) {
                counts[(*scenario as usize).min(self.shape.scenarios.len())][point] += 1.0;
            }
        }
        let partial = self.partial(common.len(), |point, rows| {
            let set = vec![common[point].0; rows.rows()];
            raw(self.model, &with(rows, field, Column::Categorical(&set)))
        })?;
        Ok(Some(Points { at: common.iter().map(|(entry, _)| (None, Some(*entry))).collect(), local: None, partial, counts }))
    }

    /// Raw outputs of a few rows at every point.
    fn partial(
        &self,
        points: usize,
        ask: impl Fn(usize, &Block<'_>) -> Result<Vec<Vec<f32>>, LearnError>,
    ) -> Result<PointSums, LearnError> {
        let mut sums = PointSums::new(self.shape.scenarios.len(), self.shape.tasks.len(), points);
        for point in 0..points {
            let found = ask(point, self.few)?;
            for (row, (scenario, entity)) in self.few.scenario.iter().zip(self.few.entity).enumerate() {
                sums.add(*scenario, *entity, point, |task| f64::from(found[task][row]));
            }
        }
        Ok(sums)
    }

    fn table(&self, field: usize, points: &Points) -> Vec<Curve> {
        let all: Vec<usize> = (0..=self.shape.scenarios.len()).collect();
        let mut table = Vec::new();
        for (scenario, members) in places(self.shape) {
            let counts: Vec<f64> =
                (0..points.at.len()).map(|point| members.iter().map(|member| points.counts[*member][point]).sum()).collect();
            let total: f64 = members.iter().map(|member| self.base.rows[*member]).sum();
            if total < 1.0 {
                continue;
            }
            let found: Vec<Vec<Told>> = (0..self.shape.tasks.len()).map(|task| points.effects(&members, &all, task, &counts)).collect();
            let published = self.published(&members, &found);
            for (task, spec) in self.shape.tasks.iter().enumerate() {
                for (point, (at, entry)) in points.at.iter().enumerate() {
                    let (effect, error, partial) = found[task][point];
                    if effect.is_nan() {
                        continue;
                    }
                    let half = error.map(|error| error * HALF_WIDTH);
                    table.push(Curve {
                        scenario: scenario.to_owned(),
                        task: spec.name.clone(),
                        feature: feature_name(self.shape, field).to_owned(),
                        method: if at.is_some() { LOCAL } else { PARTIAL },
                        point: point as u32,
                        at: *at,
                        entry: *entry,
                        effect,
                        low: half.map(|half| effect - half),
                        high: half.map(|half| effect + half),
                        partial,
                        published: published[task][point],
                        share: counts[point] / total,
                        n: counts[point] as u64,
                    });
                }
            }
        }
        table
    }

    /// The effects in what is published, scenario by scenario at its own base, weighed by rows. Shape: `[tasks][points]`.
    fn published(&self, members: &[usize], effects: &[Vec<Told>]) -> Vec<Vec<f64>> {
        let points = effects[0].len();
        let mut all = vec![vec![0.0; points]; effects.len()];
        let total: f64 = members.iter().map(|member| self.base.rows[*member]).sum();
        for member in members.iter().filter(|member| self.base.rows[**member] > 0.0) {
            // The base itself stands behind the points.
            let moved = |(effects, base): (&Vec<Told>, &f64)| {
                effects
                    .iter()
                    .map(|(effect, _, _)| *effect)
                    .chain([0.0])
                    .map(|effect| (base + if effect.is_nan() { 0.0 } else { effect }) as f32)
                    .collect()
            };
            let raw: Vec<Vec<f32>> = effects.iter().zip(&self.base.raw[*member]).map(moved).collect();
            let scenario = if *member < self.shape.scenarios.len() { *member as u16 } else { UNSEEN_SCENARIO };
            for (all, own) in all.iter_mut().zip((self.publish)(&raw, &vec![scenario; points + 1])) {
                all.iter_mut().enumerate().for_each(|(point, sum)| *sum += self.base.rows[*member] / total * (own[point] - own[points]));
            }
        }
        all
    }
}

/// `(effect, its standard error, partial dependence)` of a point of a cell; NaN where there is none.
type Told = (f64, Option<f64>, Option<f64>);

impl Points {
    /// What is told of each point of a cell.
    fn effects(&self, members: &[usize], all: &[usize], task: usize, counts: &[f64]) -> Vec<Told> {
        let means = |values: &[(f64, f64)]| values.iter().map(|(mean, _)| *mean).collect::<Vec<f64>>();
        let errors = |without: &[Vec<f64>], points: usize| -> Vec<Option<f64>> {
            (0..points).map(|point| jackknife(&without.iter().map(|own| own[point]).collect::<Vec<f64>>())).collect()
        };
        let partial = self.partial.cell(members, task);
        let Some(local) = &self.local else {
            let own = centred(&means(&partial.all), counts);
            let without: Vec<Vec<f64>> = partial.without.iter().map(|without| centred(&means(without), counts)).collect();
            let errors = errors(&without, own.len());
            return own.into_iter().zip(errors).map(|(effect, error)| (effect, error, None)).collect();
        };
        let whole = local.cell(all, task).all;
        let CellMeans { all, without } = local.cell(members, task);
        let edges = whole.len();
        // Where all rows of the cell are missing nothing weighs, and there is no curve.
        let walk = |means: &[(f64, f64)]| {
            let bins: Vec<f64> = means[1..].iter().map(|(_, rows)| *rows).collect();
            let mut path = vec![0.0; edges];
            for bin in 1..edges {
                path[bin] = path[bin - 1] + if means[bin].1 > 0.0 { means[bin].0 } else { whole[bin].0 };
            }
            centred(&path, &ends(&bins))
        };
        let (own, errors_of) = (walk(&all), errors(&without.iter().map(|without| walk(without)).collect::<Vec<_>>(), edges));
        let weights = ends(&counts[1..edges]);
        let level = |means: &[f64]| {
            // The level of the numbers' own points; that of missing values is told from it.
            let numbers = centred(&means[..edges], &weights);
            let shift = means[0] - numbers[0];
            means.iter().map(|mean| mean - shift).collect::<Vec<f64>>()
        };
        let dependence = level(&means(&partial.all));
        let without: Vec<Vec<f64>> = partial.without.iter().map(|without| level(&means(without))).collect();
        let errors_of_partial = errors(&without, dependence.len());
        let finite = |value: f64| Some(value).filter(|value| value.is_finite());
        let number = |point: usize| (own[point], errors_of[point], finite(dependence[point]));
        (0..edges).map(number).chain((edges..dependence.len()).map(|point| (dependence[point], errors_of_partial[point], None))).collect()
    }
}

/// Distinct quantiles of the present values, ascending, the smallest and the largest among them: at most `bins + 1`.
fn edges(values: &[f32], bins: usize) -> Vec<f32> {
    let mut present: Vec<f32> = values.iter().copied().filter(|value| value.is_finite()).collect();
    present.sort_unstable_by(f32::total_cmp);
    let Some(last) = present.len().checked_sub(1) else { return Vec::new() };
    let bins = bins.max(1);
    let mut edges: Vec<f32> = (0..=bins).map(|at| present[(last * at + bins / 2) / bins]).collect();
    edges.dedup_by(|a, b| *a <= *b);
    edges
}
