//! What a report says, as plain values: this tree is `report.json`.
//!
//! `*` stands for all scenarios or all tasks. A missing number is `null`, with a note saying why where there is one.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::explained::ExplainedInfo;
use super::privacy::PrivacyInfo;
use super::standing::{ByHand, Card};
use super::words::Language;

/// The report of one run.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Report {
    /// The job's name.
    pub job: String,
    /// What it speaks: `en` or `zh`.
    pub language: String,
    /// Title of the report.
    pub title: String,
    /// The night.
    pub as_of: String,
    /// The shop's zone.
    pub zone: String,
    /// The held-out night.
    pub holdout: String,
    /// Folds of data without a history, whose labelled rows are all measured on; there is no held-out night then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub folds: Option<u32>,
    /// The run's id.
    pub run: String,
    /// `published`, `held` or `by hand`.
    pub status: String,
    /// What has arrived otherwise than in the run before.
    pub warnings: Vec<String>,
    /// Who published a held run, and why.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub by_hand: Option<ByHand>,
    /// What the job states about its model.
    pub card: Card,
    /// What is hidden for people's sake.
    pub privacy: PrivacyInfo,
    /// The learner that made the scores.
    pub learner: String,
    /// Column that ranks and resamples.
    pub entity: String,
    /// Scenarios, in order.
    pub scenarios: Vec<String>,
    /// Tasks, in order.
    pub tasks: Vec<TaskInfo>,
    /// Snapshots of the night.
    pub snapshots: Vec<SnapshotInfo>,
    /// Figures of every learner on the held-out night.
    pub figures: Vec<FigureInfo>,
    /// Reliability of the published learner.
    pub reliability: Vec<Reliability>,
    /// Choices made on the validation night.
    pub training: Vec<TrialInfo>,
    /// What the published learner relies on.
    pub importance: Vec<ImportanceInfo>,
    /// Largest gap between contributions and raw output; `None` where there are no exact contributions.
    pub residual: Option<f64>,
    /// Effects along the strongest features.
    pub effects: Vec<EffectInfo>,
    /// Features and their definitions.
    pub features: Vec<FeatureInfo>,
    /// Data quality.
    pub quality: Vec<QualityInfo>,
    /// Refused rows.
    pub refused: Vec<RefusedInfo>,
    /// Checks that found nothing.
    pub checks: Vec<String>,
    /// Clean tables.
    pub tables: Vec<TableInfo>,
    /// Input files.
    pub inputs: Vec<InputInfo>,
    /// Tonight's scores by scenario.
    pub scores: Vec<ScoreInfo>,
    /// Decision tables.
    pub decisions: Vec<DecisionInfo>,
    /// What the night had to pass.
    pub gates: Vec<GateInfo>,
    /// Whether sharing helps, cell by cell.
    pub transfer: Vec<TransferInfo>,
    /// Preparations of rows, on and off.
    pub preparation: Vec<PreparationInfo>,
    /// Cells that another model scores: scenario, task, model.
    pub stand_ins: Vec<(String, String, String)>,
    /// The run that this one was compared with.
    pub compared_with: Option<String>,
    /// What changed since then, alarms first.
    pub drift: Vec<DriftInfo>,
    /// What the changes of figures are made of.
    pub changes: Vec<ChangeInfo>,
    /// Gains by decile of the published learner.
    pub gains: Vec<GainInfo>,
    /// How to make this run again.
    pub reproduce: Reproduce,
    /// Features shown per task.
    pub top_features: usize,
    /// The model's reasons beyond importance.
    pub explained: ExplainedInfo,
}

/// A task.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct TaskInfo {
    /// Its name.
    pub name: String,
    /// `binary`, `regression`, `count` or `zero-inflated amount`.
    pub kind: String,
    /// The task before it in the chain.
    pub after: Option<String>,
    /// Decision threshold of a binary task.
    pub threshold: Option<f64>,
}

/// A snapshot.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct SnapshotInfo {
    /// Its date.
    pub as_of: String,
    /// train, gap, valid, holdout, tonight.
    pub split: String,
    /// Rows of its frame.
    pub rows: u64,
}

/// A figure.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct FigureInfo {
    /// The learner.
    pub learner: String,
    /// Scenario, or `*`.
    pub scenario: String,
    /// Task, or `*`.
    pub task: String,
    /// Name of the metric.
    pub metric: String,
    /// Its value.
    pub value: Option<f64>,
    /// Lower end of its 95 % interval.
    pub low: Option<f64>,
    /// Upper end of its 95 % interval.
    pub high: Option<f64>,
    /// Labelled rows.
    pub n: u64,
    /// Positives.
    pub positives: u64,
    /// Why there is no value.
    pub note: Option<String>,
}

/// A gate.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct GateInfo {
    /// `required`, `current run`, `rows`, `scenario rows` or `scores`.
    pub kind: String,
    /// What is asked for.
    pub gate: String,
    /// Scenario, or `*`.
    pub scenario: String,
    /// Task or subject; empty where it is about all.
    pub task: String,
    /// Tonight's value.
    pub value: Option<f64>,
    /// Its limit.
    pub limit: Option<f64>,
    /// Whether it was passed.
    pub passed: bool,
    /// The same in a sentence.
    pub words: String,
}

/// A comparison of the transfer ledger.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct TransferInfo {
    /// Night that made the ledger.
    pub made_as_of: String,
    /// Scenario.
    pub scenario: String,
    /// Task.
    pub task: String,
    /// `alone`, `pooled`, or a challenger.
    pub against: String,
    /// `auc` or `rmse`.
    pub metric: String,
    /// The shared model's figure.
    pub shared: f64,
    /// The other's.
    pub other: f64,
    /// How much better the shared model is.
    pub value: f64,
    /// Lower end of its 95 % interval.
    pub low: f64,
    /// Upper end of its 95 % interval.
    pub high: f64,
    /// helped, hurt or no evidence.
    pub verdict: String,
    /// Held-out rows.
    pub n: u64,
    /// Rows that both learned from.
    pub learned_rows: u64,
}

/// A comparison of a preparation, on and off.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct PreparationInfo {
    /// Key of `[prepare]`.
    pub option: String,
    /// Its value where it is on.
    pub setting: String,
    /// Scenario, or `*`.
    pub scenario: String,
    /// Task.
    pub task: String,
    /// `auc`, `log_loss`, `rmse` or `mae`.
    pub metric: String,
    /// Figure without it.
    pub off: f64,
    /// Figure with it.
    pub on: f64,
    /// How much better it is with it.
    pub difference: f64,
    /// Lower end of its 95 % interval.
    pub low: f64,
    /// Upper end of its 95 % interval.
    pub high: f64,
    /// helped, hurt or no evidence.
    pub verdict: String,
    /// Held-out rows.
    pub n: u64,
    /// Rows that the first pass visited without it.
    pub visited_off: u64,
    /// Rows that the first pass visited with it.
    pub visited_on: u64,
}

/// A comparison with the run before.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct DriftInfo {
    /// Scenario, or `*`.
    pub scenario: String,
    /// Feature, `score:<task>`, or the task of a label.
    pub feature: String,
    /// `psi`, `missing`, `new categories`, `label rate` or `score psi`.
    pub measure: String,
    /// Size of the change.
    pub value: f64,
    /// Share or mean then.
    pub earlier: Option<f64>,
    /// Share or mean now.
    pub now: Option<f64>,
    /// What chance stays below nineteen nights of twenty.
    pub critical: Option<f64>,
    /// What the model makes of the feature.
    pub importance: Option<f64>,
    /// Beyond chance, and material.
    pub alarm: bool,
    /// Rows of tonight.
    pub n: u64,
    /// New categories by name, or why there is no test.
    pub detail: Option<String>,
}

/// What the change of a figure is made of.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ChangeInfo {
    /// Scenario, or `*`.
    pub scenario: String,
    /// Task.
    pub task: String,
    /// `auc` or `log_loss`.
    pub metric: String,
    /// The earlier model on its own held-out night.
    pub before: f64,
    /// Tonight's model on tonight's.
    pub now: f64,
    /// Because the rows are others.
    pub data: f64,
    /// Because the same scores come true more or less often.
    pub labels: f64,
    /// Because the model is another.
    pub model: f64,
}

/// A tenth of a cell's rows, by falling prediction.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct GainInfo {
    /// Scenario, or `*`.
    pub scenario: String,
    /// Task.
    pub task: String,
    /// 1 = the highest predictions.
    pub decile: u32,
    /// Rows: a tenth of the cell's.
    pub rows: f64,
    /// Sum of their labels.
    pub labels: f64,
    /// Sum of their predictions.
    pub predicted: f64,
    /// Share of all positives.
    pub share: Option<f64>,
    /// Rate over the cell's rate.
    pub lift: Option<f64>,
    /// Share of all positives in this tenth and those above it.
    pub cumulative_share: Option<f64>,
    /// Rate of this tenth and those above it over the cell's rate.
    pub cumulative_lift: Option<f64>,
}

/// A bin of a reliability curve.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Reliability {
    /// Scenario, or `*`.
    pub scenario: String,
    /// Task.
    pub task: String,
    /// Number of the bin.
    pub bin: u32,
    /// Mean prediction.
    pub predicted: f64,
    /// Share of positives.
    pub observed: f64,
    /// Lower end of its interval.
    pub low: f64,
    /// Upper end of its interval.
    pub high: f64,
    /// Rows.
    pub n: u64,
}

/// A setting that was tried.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct TrialInfo {
    /// The learner.
    pub learner: String,
    /// What was varied.
    pub setting: String,
    /// Mean validation loss over the cells.
    pub loss: f64,
    /// Whether it was chosen.
    pub chosen: bool,
}

/// Importance of a feature in a cell.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ImportanceInfo {
    /// Scenario, or `*`.
    pub scenario: String,
    /// Task.
    pub task: String,
    /// Feature.
    pub feature: String,
    /// Mean |contribution|.
    pub value: f64,
    /// The same as a share of the sum over the features, in per cent.
    pub percent: f64,
    /// Lower end of its 95 % interval.
    pub low: Option<f64>,
    /// Upper end of its 95 % interval.
    pub high: Option<f64>,
    /// Mean |shared part|.
    pub shared: f64,
    /// Mean |part of the scenario|.
    pub scenario_part: f64,
    /// Mean |part of the task|.
    pub task_part: f64,
    /// Drop of AUC, or rise of the error of an amount, when the feature is permuted.
    pub permutation: Option<f64>,
    /// Correlation of contribution and value.
    pub direction: Option<f64>,
}

/// A bin of an effect curve.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct EffectInfo {
    /// Scenario, or `*`.
    pub scenario: String,
    /// Task.
    pub task: String,
    /// Feature.
    pub feature: String,
    /// The bin, as people read it.
    pub label: String,
    /// Mean contribution.
    pub contribution: f64,
    /// Rows.
    pub n: u64,
}

/// A feature.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct FeatureInfo {
    /// Its column.
    pub name: String,
    /// How it is encoded.
    pub kind: String,
    /// Its definition, from frame.sql.
    pub definition: Option<String>,
    /// Share of training rows that are missing.
    pub missing: Option<f64>,
    /// Held-out rows whose value was unknown to the encoder.
    pub unknown: u64,
}

/// A measure of data quality.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct QualityInfo {
    /// Scenario, or `*`.
    pub scenario: String,
    /// completeness, consistency, diversity.
    pub dimension: String,
    /// What is measured.
    pub measure: String,
    /// Table or column that it is about; empty for the whole.
    pub subject: String,
    /// Its value.
    pub value: f64,
    /// Rows behind it.
    pub n: u64,
}

/// Refused rows of a table.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct RefusedInfo {
    /// The table.
    pub table: String,
    /// The reason.
    pub reason: String,
    /// Rows.
    pub rows: u64,
}

/// A clean table.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct TableInfo {
    /// Its name.
    pub name: String,
    /// What its query's header says of it.
    pub what: String,
    /// Rows kept.
    pub rows: u64,
    /// Rows refused.
    pub refused: u64,
}

/// An input file.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct InputInfo {
    /// The source.
    pub source: String,
    /// The file.
    pub file: String,
    /// Size.
    pub bytes: u64,
    /// Rows.
    pub rows: u64,
    /// sha256.
    pub sha256: String,
}

/// Tonight's scores of a scenario.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ScoreInfo {
    /// The scenario.
    pub scenario: String,
    /// Rows scored.
    pub rows: u64,
    /// Mean score of each task.
    pub means: Vec<f64>,
}

/// A decision table.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct DecisionInfo {
    /// Its name.
    pub name: String,
    /// What its query's header says of it.
    pub what: String,
    /// Column names.
    pub columns: Vec<String>,
    /// Its rows.
    pub rows_total: u64,
    /// The first of them.
    pub rows: Vec<Vec<String>>,
}

/// How to make a run again.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Reproduce {
    /// The command.
    pub command: String,
    /// Where every random choice began.
    pub seed: u64,
    /// Fingerprint of the night.
    pub fingerprint: String,
    /// Program and library versions.
    pub versions: BTreeMap<String, String>,
    /// sha256 of each query.
    pub queries: BTreeMap<String, String>,
}

impl Report {
    /// The words of its language.
    pub(super) fn words(&self) -> Language {
        Language::of(&self.language)
    }

    /// A figure of a learner.
    #[must_use]
    pub fn figure(&self, learner: &str, scenario: &str, task: &str, metric: &str) -> Option<&FigureInfo> {
        self.figures
            .iter()
            .find(|figure| figure.learner == learner && figure.scenario == scenario && figure.task == task && figure.metric == metric)
    }

    /// The learners in order, the published one first.
    #[must_use]
    pub fn learners(&self) -> Vec<&str> {
        let mut learners: Vec<&str> = Vec::new();
        for figure in &self.figures {
            if !learners.contains(&figure.learner.as_str()) {
                learners.push(&figure.learner);
            }
        }
        learners
    }
}
