//! What has changed since the run before: tonight's rows and scores in that run's bins, its labels beside tonight's, and what a
//! figure's change is made of. The glue between frames, past runs and `evaluate::drift`.
//!
//! In: tonight's batches as they pass by. Out: [`Drifted`]. The tables are `drift_tables`'.

use std::collections::HashMap;

use arrow::array::{Array as _, AsArray as _, RecordBatch, StringArray};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type};

use super::cells::places;
use super::drift_tables::{distributions_of, levels_of};
use super::error::failed;
use super::evaluated::Judged;
use super::explained::Explained;
use super::learned::{Holdout, Learned};
use super::{Night, NightError};
use crate::evaluate::drift::{
    Decomposition, Distribution, DistributionCounter, Drift, DriftSettings, Level, Measured, ScoredRows, compare, compare_levels,
    decompose, independent, quantile_edges,
};
use crate::learn::rows::{Block, FieldKind, Shape};
use crate::publish::PastRun;
use crate::table_file::{self, numbers, texts};

/// False discovery rate of a night's alarms.
const FALSE_DISCOVERY: f64 = 0.05;
/// Change of a share of missing values that is material.
const MISSING: f64 = 0.05;
/// Share of rows with new categories that is material.
const NEW_CATEGORIES: f64 = 0.01;
/// Relative change of a mean label that is material.
const LABEL_RATE: f64 = 0.1;
/// Bins of the scores.
const SCORE_BINS: usize = 10;

/// A feature's counters: in bins of tonight's own, and in those of the run before.
struct Counters {
    own: DistributionCounter,
    before: Option<DistributionCounter>,
}

impl Counters {
    fn number(&mut self, scenario: u16, value: Option<f64>) {
        self.own.number(scenario, value);
        if let Some(before) = &mut self.before {
            before.number(scenario, value);
        }
    }

    fn value(&mut self, scenario: u16, value: Option<&str>) {
        self.own.value(scenario, value);
        if let Some(before) = &mut self.before {
            before.value(scenario, value);
        }
    }
}

/// Tonight's rows to score, as they are counted.
pub(super) struct Counting {
    scenarios: Vec<String>,
    /// Column and kind of each feature that is counted.
    features: Vec<(String, bool)>,
    counters: Vec<Counters>,
    scores: Vec<Counters>,
    /// Rows of each entity, per scenario and (last) over all.
    entities: Vec<HashMap<u64, u64>>,
    earlier: Vec<Distribution>,
}

/// What changed.
#[derive(Default)]
pub(super) struct Drifted {
    /// Features, scores and labels, alarms first.
    pub(super) drifts: Vec<Drift>,
    /// What the changes of figures are made of.
    pub(super) changes: Vec<Change>,
    /// Tonight's distributions, for the next night.
    pub(super) distributions: Vec<Distribution>,
    /// Tonight's mean labels, for the next night.
    pub(super) levels: Vec<Level>,
}

/// The change of a figure since the run before, in three parts that add up.
pub(super) struct Change {
    pub(super) scenario: String,
    pub(super) task: String,
    pub(super) metric: &'static str,
    pub(super) parts: Decomposition,
}

impl Counting {
    /// Nothing counted yet. Scores are counted between the quantiles of the held-out predictions.
    pub(super) fn start(learned: &Learned, judged: &Judged, before: Option<&PastRun>) -> Result<Self, NightError> {
        let shape = learned.encoder.shape();
        let scenarios = shape.scenarios.clone();
        let earlier = before.map(|run| distributions_of(&run.folder)).transpose()?.unwrap_or_default();
        let within = |feature: &str| DistributionCounter::within(&earlier, feature, &scenarios);
        let (mut features, mut counters) = (Vec::new(), Vec::new());
        for field in &shape.fields {
            let own = match &field.kind {
                FieldKind::Numeric { knots, .. } => {
                    DistributionCounter::numeric(&field.name, &scenarios, knots.iter().map(|knot| f64::from(*knot)).collect())
                }
                FieldKind::Categorical { .. } => DistributionCounter::categorical(&field.name, &scenarios),
                // Words and vectors have no bins of their own.
                FieldKind::Text { .. } | FieldKind::Vector { .. } => continue,
            };
            features.push((field.name.clone(), matches!(field.kind, FieldKind::Numeric { .. })));
            counters.push(Counters { own, before: within(&field.name) });
        }
        let scores = shape.tasks.iter().zip(&judged.predictions[0]).map(|(task, predictions)| {
            let name = format!("score:{}", task.name);
            let own = DistributionCounter::numeric(&name, &scenarios, quantile_edges(predictions.clone(), SCORE_BINS));
            Counters { own, before: within(&name) }
        });
        let scores = scores.collect();
        let entities = vec![HashMap::new(); scenarios.len() + 1];
        Ok(Self { scenarios, features, counters, scores, entities, earlier })
    }

    /// Counts a batch of the frame and the same rows encoded.
    pub(super) fn rows(&mut self, batch: &RecordBatch, block: &Block<'_>) -> Result<(), NightError> {
        for ((name, numeric), counters) in self.features.iter().zip(&mut self.counters) {
            let column = batch.column_by_name(name).ok_or_else(|| failed(&format!("`{name}` is missing")))?;
            if *numeric {
                let column = cast(column, &DataType::Float64).map_err(|error| failed(&error))?;
                let values = column.as_primitive::<Float64Type>();
                // The edges are f32, as the model's inputs are: a value on an edge stays on it.
                let rounded = values.iter().map(|value| value.map(|value| f64::from(value as f32)));
                rounded.zip(block.scenario).for_each(|(value, scenario)| counters.number(*scenario, value));
            } else {
                let column = cast(column, &DataType::Utf8).map_err(|error| failed(&error))?;
                let values: &StringArray = column.as_string();
                values.iter().zip(block.scenario).for_each(|(value, scenario)| counters.value(*scenario, value));
            }
        }
        let all = self.scenarios.len();
        for (entity, scenario) in block.entity.iter().zip(block.scenario) {
            *self.entities[all].entry(*entity).or_default() += 1;
            if let Some(own) = self.entities[..all].get_mut(*scenario as usize) {
                *own.entry(*entity).or_default() += 1;
            }
        }
        Ok(())
    }

    /// Counts published scores. Shape: `[tasks][rows]`.
    pub(super) fn scores(&mut self, scenario: &[u16], published: &[Vec<f64>]) {
        for (counters, scores) in self.scores.iter_mut().zip(published) {
            scores.iter().zip(scenario).for_each(|(score, scenario)| counters.number(*scenario, Some(*score)));
        }
    }

    /// What changed since the run before.
    pub(super) fn finish(
        self,
        night: &Night<'_>,
        learned: &Learned,
        judged: &Judged,
        explained: &Explained,
        before: Option<(&PastRun, &Rescored)>,
    ) -> Result<Drifted, NightError> {
        let shape = learned.encoder.shape();
        let units: Vec<u64> = self.entities.iter().map(|entities| independent(entities.values().copied())).collect();
        let (own_units, all_units) = units.split_at(self.scenarios.len());
        let all_units = all_units.first().copied().unwrap_or(0);
        let counters = || self.counters.iter().chain(&self.scores);
        let distributions: Vec<Distribution> = counters().flat_map(|counters| counters.own.finish(own_units, all_units)).collect();
        let levels = levels(&learned.holdout, &shape);
        let mut drifted = Drifted { distributions, levels, ..Drifted::default() };
        let Some((run, rescored)) = before else { return Ok(drifted) };
        let settings = DriftSettings {
            false_discovery: FALSE_DISCOVERY,
            psi: night.job.drift_psi,
            missing: MISSING,
            new_categories: NEW_CATEGORIES,
            label_rate: LABEL_RATE,
        };
        // A feature that the run before had no bins for is told by its own: it was not there.
        let mut now: Vec<Distribution> = Vec::new();
        for counters in counters() {
            now.extend(counters.before.as_ref().unwrap_or(&counters.own).finish(own_units, all_units));
        }
        let mut weights: HashMap<(&str, &str), f64> = HashMap::new();
        for row in &explained.importance {
            let most = weights.entry((row.feature.as_str(), row.scenario.as_str())).or_default();
            *most = most.max(row.value);
        }
        let importance = |feature: &str, scenario: &str| {
            if feature.starts_with("score:") { None } else { Some(weights.get(&(feature, scenario)).copied().unwrap_or(0.0)) }
        };
        drifted.drifts = compare(&self.earlier, &now, &importance, &settings);
        if run.manifest.holdout != super::data::date(learned.holdout.as_of) {
            drifted.drifts.extend(compare_levels(&levels_of(&run.folder)?, &drifted.levels, &settings));
            drifted.changes = changes(run, rescored, learned, judged)?;
        }
        drifted.drifts.sort_by_key(|drift| !drift.alarm);
        let alarms = drifted.drifts.iter().filter(|drift| drift.alarm).count();
        night.watch.note(&format!("drift against {}: {alarms} alarm(s) in {} comparisons", run.manifest.run, drifted.drifts.len()));
        Ok(drifted)
    }
}

/// The run before's predictions of tonight's held-out rows, by task; NaN where it has none.
pub(super) type Rescored = std::collections::BTreeMap<String, Vec<f64>>;

/// Mean labels of every cell and of each task over all scenarios.
fn levels(holdout: &Holdout, shape: &Shape) -> Vec<Level> {
    let all = (0..shape.tasks.len()).map(|task| (None, task));
    let cells = places(shape).map(|(scenario, task)| (Some(scenario), task));
    all.chain(cells)
        .filter_map(|(scenario, task)| {
            let labels = &holdout.labels[task];
            let own = |row: &usize| !labels[*row].is_nan() && scenario.is_none_or(|wanted| holdout.scenario[*row] as usize == wanted);
            let rows: Vec<usize> = (0..labels.len()).filter(own).collect();
            let n = rows.len() as f64;
            let mean = rows.iter().map(|row| f64::from(labels[*row])).sum::<f64>() / n;
            let mut entities: HashMap<u64, (u64, f64)> = HashMap::new();
            for row in &rows {
                let sums = entities.entry(holdout.entity[*row]).or_default();
                sums.0 += 1;
                sums.1 += f64::from(labels[*row]) - mean;
            }
            // Sums of floats depend on their order, and a map's own order is not repeatable.
            let mut squares: Vec<f64> = entities.values().map(|(_, sum)| sum * sum).collect();
            squares.sort_unstable_by(f64::total_cmp);
            let error = squares.iter().sum::<f64>().sqrt() / n;
            (!rows.is_empty()).then(|| Level {
                scenario: scenario.map_or_else(|| "*".to_owned(), |at| shape.scenarios[at].clone()),
                task: shape.tasks[task].name.clone(),
                mean,
                standard_error: (!shape.tasks[task].kind.is_binary()).then_some(error),
                rows: rows.len() as u64,
                entities: independent(entities.values().map(|(rows, _)| *rows)),
            })
        })
        .collect()
}

/// Labels and predictions of a task in a past run's held-out rows, by scenario.
struct PastRows {
    scenario: Vec<String>,
    labels: Vec<f64>,
    predictions: Vec<f64>,
}

fn past_rows(run: &PastRun, task: &str) -> Result<Option<PastRows>, NightError> {
    let mut past = PastRows { scenario: Vec::new(), labels: Vec::new(), predictions: Vec::new() };
    for batch in table_file::read(&run.folder.join("holdout/holdout.parquet"))? {
        let batch = batch.map_err(|error| failed(&error))?;
        let (Ok(y), Ok(p)) = (numbers(&batch, &format!("y_{task}")), numbers(&batch, &format!("p_{task}"))) else { return Ok(None) };
        let Ok(scenario) = texts(&batch, "scenario") else { return Ok(None) };
        for row in (0..batch.num_rows()).filter(|row| !y.is_null(*row) && !p.is_null(*row)) {
            past.scenario.push(scenario.value(row).to_owned());
            past.labels.push(y.value(row));
            past.predictions.push(p.value(row));
        }
    }
    Ok(Some(past))
}

/// The changes of AUC and log loss of every binary task, over all and per cell.
fn changes(run: &PastRun, rescored: &Rescored, learned: &Learned, judged: &Judged) -> Result<Vec<Change>, NightError> {
    let shape = learned.encoder.shape();
    let holdout = &learned.holdout;
    let mut found = Vec::new();
    for (at, task) in shape.tasks.iter().enumerate().filter(|(_, task)| task.kind.is_binary()) {
        let (Some(old_model), Some(past)) = (rescored.get(&task.name), past_rows(run, &task.name)?) else { continue };
        let scenarios = std::iter::once(None).chain((0..shape.scenarios.len()).map(Some));
        for scenario in scenarios {
            let name = scenario.map_or("*", |at| shape.scenarios[at].as_str());
            let then: Vec<usize> = (0..past.labels.len()).filter(|row| scenario.is_none() || past.scenario[*row] == name).collect();
            let own = |row: &usize| {
                !holdout.labels[at][*row].is_nan()
                    && !old_model[*row].is_nan()
                    && scenario.is_none_or(|wanted| holdout.scenario[*row] as usize == wanted)
            };
            let now: Vec<usize> = (0..holdout.scenario.len()).filter(own).collect();
            let of = |rows: &[usize], value: &dyn Fn(usize) -> f64| rows.iter().map(|row| value(*row)).collect::<Vec<f64>>();
            let (old_labels, old_scores) = (of(&then, &|row| past.labels[row]), of(&then, &|row| past.predictions[row]));
            let (labels, scores) = (of(&now, &|row| f64::from(holdout.labels[at][row])), of(&now, &|row| old_model[row]));
            let model = of(&now, &|row| judged.predictions[0][at][row]);
            for (measured, metric) in [(Measured::Auc, "auc"), (Measured::LogLoss, "log_loss")] {
                let earlier = ScoredRows { labels: &old_labels, earlier: &old_scores };
                let tonight = ScoredRows { labels: &labels, earlier: &scores };
                if let Some(parts) = decompose(measured, earlier, tonight, &model) {
                    found.push(Change { scenario: name.to_owned(), task: task.name.clone(), metric, parts });
                }
            }
        }
    }
    Ok(found)
}
