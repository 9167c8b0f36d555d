//! What a job may say of the network: sections `[net]` (its form) and `[train]` (how it learns).

use serde::{Deserialize, Serialize};

use super::super::LearnError;

/// Layers of an expert or a tower, at most.
const MOST_LAYERS: usize = 16;

/// How tasks share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TaskSharing {
    /// One bottom for all tasks (Caruana 1997).
    SharedBottom,
    /// Multi-gate mixture of experts (Ma 2018).
    Mmoe,
    /// Progressive layered extraction: experts of each task beside shared ones (Tang 2020).
    Ple,
}

/// How scenarios share.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ScenarioSharing {
    /// The scenario is a feature of gates and towers.
    None,
    /// Each scenario has its own factor on every weight of the towers (Sheng 2021).
    Star,
    /// The scenario gates the inputs and the towers' hidden units (Chang 2023).
    Pepnet,
}

/// How the tasks' losses are weighed against each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Balance {
    /// By `alpha` of the job.
    Fixed,
    /// By learned uncertainty (Kendall 2018).
    Uncertainty,
    /// By how fast each loss falls: dynamic weight average (Liu 2019).
    Dwa,
    /// By the norms of the gradients on the shared weights (Chen 2018).
    Gradnorm,
    /// By removing from each task's gradient what works against another's (Yu 2020).
    Pcgrad,
}

/// How weights follow gradients.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Optimizer {
    /// Stochastic gradient descent.
    Sgd,
    /// Adam (Kingma 2015), with catch-up for embedding rows.
    Adam,
    /// `AdaGrad` (Duchi 2011).
    Adagrad,
}

/// The form of the network: the section `[net]` of `job.toml`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NetSettings {
    /// How tasks share; several are tried on the validation night.
    pub task_sharing: Vec<TaskSharing>,
    /// How scenarios share; several are tried on the validation night.
    pub scenario_sharing: Vec<ScenarioSharing>,
    /// Width of the embedding of a categorical or text field.
    pub embedding: usize,
    /// Width of the embedding of a numeric field, interpolated between knots.
    pub numeric_embedding: usize,
    /// Shared experts of a level.
    pub experts: usize,
    /// Experts of each task (`ple`).
    pub task_experts: usize,
    /// Levels of experts (`ple`).
    pub levels: usize,
    /// Widths of an expert's layers.
    pub expert_layers: Vec<usize>,
    /// Widths of a tower's hidden layers.
    pub tower_layers: Vec<usize>,
    /// Width of the hidden layer of a gate that personalises (`pepnet`).
    pub gate_width: usize,
}

/// How the network learns: the section `[train]` of `job.toml`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrainSettings {
    /// How weights follow gradients.
    pub optimizer: Optimizer,
    /// Step size after the warm-up.
    pub rate: f32,
    /// Rows of a mini-batch.
    pub batch: usize,
    /// Passes over the rows, at most.
    pub epochs: usize,
    /// Passes without a better validation loss after which training stops.
    pub patience: usize,
    /// Steps over which the step size rises from 0.
    pub warmup_steps: usize,
    /// Factor by which the step size falls, smoothly, over each pass.
    pub rate_decay: f32,
    /// Decoupled weight decay of dense weights.
    pub weight_decay: f32,
    /// Decoupled weight decay of embeddings.
    pub embedding_decay: f32,
    /// Decoupled weight decay of what belongs to one scenario: it falls back to the shared part.
    pub scenario_decay: f32,
    /// Share of hidden units dropped in training.
    pub dropout: f32,
    /// Share of categorical values that training sees as "unknown".
    pub id_dropout: f32,
    /// How the tasks' losses are weighed.
    pub balance: Balance,
    /// Whether training begins from an earlier night's network, where the caller has one.
    pub warm_start: bool,
    /// Weight of the gradient reversal that makes the shared features forget the scenario; 0 = off.
    pub invariance: f32,
}

impl NetSettings {
    /// # Errors
    /// [`LearnError::Parameter`] naming the key.
    pub(super) fn check(&self) -> Result<(), LearnError> {
        let bad = |key, value: String, domain| Err(LearnError::Parameter { key, value, domain });
        if self.task_sharing.is_empty() {
            return bad("net.task_sharing", "[]".into(), "a list of shared-bottom, mmoe, ple");
        }
        if self.scenario_sharing.is_empty() {
            return bad("net.scenario_sharing", "[]".into(), "a list of none, star, pepnet");
        }
        for (key, value, most, domain) in [
            ("net.embedding", self.embedding, 256, "1 to 256"),
            ("net.numeric_embedding", self.numeric_embedding, 64, "1 to 64"),
            ("net.experts", self.experts, 64, "1 to 64"),
            ("net.task_experts", self.task_experts, 64, "1 to 64"),
            ("net.levels", self.levels, 4, "1 to 4"),
            ("net.gate_width", self.gate_width, 1024, "1 to 1024"),
        ] {
            if value == 0 || value > most {
                return bad(key, value.to_string(), domain);
            }
        }
        let wide = |layers: &[usize]| layers.len() > MOST_LAYERS || layers.iter().any(|width| !(1..=4096).contains(width));
        let told = |layers: &[usize]| format!("{:?}", &layers[..layers.len().min(MOST_LAYERS + 1)]);
        if self.expert_layers.is_empty() || wide(&self.expert_layers) {
            return bad("net.expert_layers", told(&self.expert_layers), "a list of 1 to 16 widths from 1 to 4096");
        }
        if wide(&self.tower_layers) {
            return bad("net.tower_layers", told(&self.tower_layers), "a list of at most 16 widths from 1 to 4096");
        }
        Ok(())
    }
}

impl TrainSettings {
    /// # Errors
    /// [`LearnError::Parameter`] naming the key.
    pub(super) fn check(&self) -> Result<(), LearnError> {
        let bad = |key, value: String, domain| Err(LearnError::Parameter { key, value, domain });
        if !(self.rate.is_finite() && self.rate > 0.0 && self.rate <= 1.0) {
            return bad("train.rate", self.rate.to_string(), "0 to 1");
        }
        if !(16..=1 << 16).contains(&self.batch) {
            return bad("train.batch", self.batch.to_string(), "16 to 65536");
        }
        if !(1..=1000).contains(&self.epochs) {
            return bad("train.epochs", self.epochs.to_string(), "1 to 1000");
        }
        if self.patience == 0 {
            return bad("train.patience", "0".into(), "1 and more");
        }
        if !(self.rate_decay > 0.0 && self.rate_decay <= 1.0) {
            return bad("train.rate_decay", self.rate_decay.to_string(), "0 to 1");
        }
        for (key, value) in [
            ("train.weight_decay", self.weight_decay),
            ("train.embedding_decay", self.embedding_decay),
            ("train.scenario_decay", self.scenario_decay),
            ("train.invariance", self.invariance),
        ] {
            if !(value.is_finite() && (0.0..=1000.0).contains(&value)) {
                return bad(key, value.to_string(), "0 and more");
            }
        }
        for (key, value) in [("train.dropout", self.dropout), ("train.id_dropout", self.id_dropout)] {
            if !(0.0..0.95).contains(&value) {
                return bad(key, value.to_string(), "0 to 0.95");
            }
        }
        Ok(())
    }
}
