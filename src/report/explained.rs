//! What a report says of the model's reasons, as plain values: a part of `report.json`.

use serde::{Deserialize, Serialize};

/// Everything beyond importance and mean contributions.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ExplainedInfo {
    /// Largest gap between contributions and raw output as a share of the output's spread.
    pub residual_share: Option<f64>,
    /// Correlated features as one, over all scenarios.
    pub groups: Vec<GroupInfo>,
    /// The second opinion.
    pub permutation: Vec<PermutedInfo>,
    /// Curves of the strongest features.
    pub curves: Vec<CurveInfo>,
    /// Gates and experts.
    pub inside: Vec<InsideInfo>,
    /// Whether contributions say what moves the model.
    pub faithful: Vec<FaithfulInfo>,
    /// Features whose importance changed beyond chance, new ones and those that are gone.
    pub changes: Vec<ImportanceChangeInfo>,
    /// Features compared with the run before, in all cells.
    pub compared: usize,
    /// How much of the ranking of the run before holds.
    pub agreements: Vec<AgreementInfo>,
    /// Leading features of the nights before.
    pub history: Vec<PastImportanceInfo>,
    /// Rows told one by one.
    pub rows: Vec<ToldInfo>,
}

/// Correlated features as one.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct GroupInfo {
    /// Task.
    pub task: String,
    /// Its strongest member.
    pub group: String,
    /// All members, the strongest first.
    pub members: Vec<String>,
    /// Mean |Σ of the members' contributions|.
    pub value: f64,
    /// Lower end of its 95 % interval.
    pub low: Option<f64>,
    /// Upper end of its 95 % interval.
    pub high: Option<f64>,
    /// The members' own importances over that of the group.
    pub cancelled: Option<f64>,
}

/// What permuting a feature costs.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct PermutedInfo {
    /// Scenario, or `*`.
    pub scenario: String,
    /// Task.
    pub task: String,
    /// Feature.
    pub feature: String,
    /// `auc`, `log_loss` or `rmse`.
    pub metric: String,
    /// By how much predictions are worse.
    pub value: f64,
    /// Lower end of its 95 % interval.
    pub low: f64,
    /// Upper end of its 95 % interval.
    pub high: f64,
    /// In what it disagrees with the contributions.
    pub disagrees: Option<String>,
}

/// A point of a curve.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct CurveInfo {
    /// Scenario, or `*`.
    pub scenario: String,
    /// Task.
    pub task: String,
    /// Feature.
    pub feature: String,
    /// `accumulated local effect` or `partial dependence`.
    pub method: String,
    /// Number of the point, the same in every scenario.
    pub point: u32,
    /// The point, as people read it.
    pub label: String,
    /// Centred effect on the raw output.
    pub effect: f64,
    /// Lower end of its 95 % band.
    pub low: Option<f64>,
    /// Upper end of its 95 % band.
    pub high: Option<f64>,
    /// Partial dependence, for comparison.
    pub partial: Option<f64>,
    /// The effect in what is published, at the base rate.
    pub published: f64,
    /// Share of the rows.
    pub share: f64,
    /// Rows of that share.
    pub n: u64,
}

/// A figure of gates and experts.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct InsideInfo {
    /// What is measured.
    pub measure: String,
    /// Level of experts; 0 = the network as a whole.
    pub level: u32,
    /// Scenario, or `*`.
    pub scenario: String,
    /// Task, or `*`.
    pub task: String,
    /// Expert.
    pub expert: String,
    /// The other expert or task.
    pub other: String,
    /// Its value.
    pub value: f64,
    /// Lower end of its 95 % interval.
    pub low: Option<f64>,
    /// Upper end of its 95 % interval.
    pub high: Option<f64>,
    /// Experts that have become one, or a gate that listens to one alone.
    pub alarm: bool,
}

/// How faithful the contributions of a task are.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct FaithfulInfo {
    /// Learner.
    pub learner: String,
    /// Task.
    pub task: String,
    /// Area under the deletion curve.
    pub deletion: f64,
    /// The same in random order.
    pub random_deletion: f64,
    /// Area under the insertion curve.
    pub insertion: f64,
    /// The same in random order.
    pub random_insertion: f64,
    /// How much better than chance.
    pub gain: f64,
    /// Lower end of its 95 % interval.
    pub low: Option<f64>,
    /// Upper end of its 95 % interval.
    pub high: Option<f64>,
    /// Largest gap of the contributions, as a share of the output's spread.
    pub residual: f64,
    /// Rows.
    pub n: u64,
}

/// A change of importance since the run before.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ImportanceChangeInfo {
    /// Scenario, or `*`.
    pub scenario: String,
    /// Task.
    pub task: String,
    /// Feature.
    pub feature: String,
    /// Importance then.
    pub then: Option<f64>,
    /// Importance now.
    pub now: Option<f64>,
    /// Rank then.
    pub rank_then: Option<usize>,
    /// Rank now.
    pub rank_now: Option<usize>,
    /// The change in its own standard errors.
    pub z: Option<f64>,
    /// False discovery rate at which it counts.
    pub q: Option<f64>,
    /// `rose`, `fell`, `new` or `gone`.
    pub what: String,
}

/// How much of a cell's ranking holds.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct AgreementInfo {
    /// Scenario, or `*`.
    pub scenario: String,
    /// Task.
    pub task: String,
    /// 1 = the same order where it matters.
    pub ndcg: Option<f64>,
    /// Changes beyond chance.
    pub changed: usize,
}

/// A leading feature of a night before.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct PastImportanceInfo {
    /// The night.
    pub as_of: String,
    /// Task.
    pub task: String,
    /// Feature.
    pub feature: String,
    /// Its importance over all scenarios.
    pub value: f64,
    /// Its rank.
    pub rank: u64,
}

/// A row told in words.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct ToldInfo {
    /// Position in the held-out frame, as in contributions.parquet.
    pub row: u64,
    /// Scenario.
    pub scenario: String,
    /// Task.
    pub task: String,
    /// Why it is told.
    pub why: String,
    /// What the model publishes.
    pub published: f64,
    /// The same given that the task before it happened.
    pub step: f64,
    /// The step of the average row.
    pub usual: f64,
    /// What happened.
    pub label: Option<f64>,
    /// Raw output of the average row.
    pub base: f64,
    /// Raw output of this row.
    pub raw: f64,
    /// The reasons in a sentence.
    pub words: String,
    /// From the average row to this one.
    pub steps: Vec<StepInfo>,
    /// Fit of the linear surrogate.
    pub fit: Option<f64>,
    /// Share of the first five reasons that it shares.
    pub agreement: Option<f64>,
}

/// A step of a waterfall.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct StepInfo {
    /// Feature and value.
    pub label: String,
    /// Contribution.
    pub value: f64,
    /// Raw output before.
    pub from: f64,
    /// Raw output after.
    pub to: f64,
}
