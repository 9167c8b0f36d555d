//! `job.toml` as it was typed: one struct per section, misspelt keys refused with their line.
//!
//! The embedded defaults are merged under the job's own keys before anything is read, so only keys without a default
//! are optional here. [`super::check`] turns this into a [`super::Job`].

use std::fmt;
use std::marker::PhantomData;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::ExplainSettings;
use super::error::JobError;
use super::store_url;
use crate::features::encode::EncodeSettings;
use crate::learn::{Batches, ClassWeights, ForestSettings, LinearSettings, NetSettings, TrainSettings};

/// The defaults, commented: documentation, template and the single source of default values.
pub const DEFAULTS: &str = include_str!("defaults.toml");

/// A TOML table whose entries keep the order in which the job names them.
#[derive(Debug)]
pub(super) struct Ordered<T>(pub(super) Vec<(String, T)>);

impl<T> Default for Ordered<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Ordered<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Entries<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Entries<T> {
            type Value = Ordered<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a table")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Ordered(entries))
            }
        }
        deserializer.deserialize_map(Entries(PhantomData))
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawJob {
    pub(super) job: RawHead,
    #[serde(default)]
    pub(super) params: Ordered<toml::Value>,
    #[serde(default)]
    pub(super) sources: Ordered<RawSource>,
    #[serde(default)]
    pub(super) tables: Ordered<RawTable>,
    #[serde(default)]
    pub(super) decisions: Ordered<RawDecision>,
    pub(super) snapshots: RawSnapshots,
    pub(super) scenario: RawScenario,
    #[serde(default)]
    pub(super) tasks: Ordered<RawTask>,
    pub(super) features: RawFeatures,
    pub(super) encode: EncodeSettings,
    pub(super) model: RawModel,
    pub(super) linear: LinearSettings,
    pub(super) forest: ForestSettings,
    pub(super) net: NetSettings,
    pub(super) train: TrainSettings,
    pub(super) prepare: RawPrepare,
    pub(super) evaluate: RawEvaluate,
    pub(super) transfer: RawTransfer,
    pub(super) sentinel: RawSentinel,
    pub(super) drift: RawDrift,
    pub(super) gates: RawGates,
    pub(super) scores: RawScores,
    pub(super) notify: RawNotify,
    pub(super) retention: RawRetention,
    pub(super) privacy: Privacy,
    pub(super) card: Card,
    pub(super) explain: ExplainSettings,
    pub(super) report: RawReport,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawHead {
    pub(super) title: Option<String>,
    pub(super) timezone: String,
    pub(super) keys: Option<Vec<String>>,
    pub(super) entity: Option<String>,
    pub(super) seed: u64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawSource {
    pub(super) path: String,
    #[serde(default)]
    pub(super) partitions: Ordered<PartitionType>,
    #[serde(default)]
    pub(super) columns: Ordered<ColumnType>,
    #[serde(default)]
    pub(super) untrusted: bool,
    pub(super) fresh: Option<String>,
    pub(super) complete: Option<String>,
    pub(super) lookback: Option<String>,
    #[serde(default)]
    pub(super) may_change: Vec<String>,
}

/// Type of a Hive partition's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PartitionType {
    /// 64-bit integer.
    Int,
    /// Text.
    Text,
    /// `YYYY-MM-DD`.
    Date,
}

/// Family of types that a source's column must belong to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ColumnType {
    /// Any integer.
    Int,
    /// Any floating-point or decimal number, or an integer.
    Float,
    /// Any text.
    Text,
    /// Boolean.
    Bool,
    /// A calendar date.
    Date,
    /// A point in time.
    Timestamp,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawTable {
    pub(super) time: String,
    pub(super) known_ahead: Option<String>,
    pub(super) available: Option<String>,
    pub(super) fresh: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawDecision {
    pub(super) previous: Ordered<ColumnType>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawSnapshots {
    pub(super) kind: RawSnapshotKind,
    pub(super) folds: u32,
    pub(super) every: String,
    pub(super) count: usize,
    pub(super) horizon: String,
    pub(super) settle: String,
    pub(super) history: String,
    /// The keys that the job gives another value than the default.
    #[serde(skip)]
    pub(super) own: Vec<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum RawSnapshotKind {
    Nights,
    Folds,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawScenario {
    pub(super) column: String,
    pub(super) values: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawTask {
    pub(super) kind: RawTaskKind,
    pub(super) label: Option<String>,
    pub(super) after: Option<String>,
    pub(super) transform: Option<Transform>,
    pub(super) weight: Option<String>,
    pub(super) alpha: Option<f32>,
    pub(super) threshold: Option<RawThreshold>,
}

/// A probability, or the word for how one is found.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum RawThreshold {
    Number(f64),
    Rule(String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum RawTaskKind {
    Binary,
    Regression,
    Count,
    ZeroInflated,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Transform {
    Identity,
    Log1p,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawFeatures {
    pub(super) categorical: Vec<String>,
    pub(super) text: Vec<String>,
    pub(super) vector: Vec<String>,
    pub(super) ignore: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawModel {
    pub(super) kind: ModelKind,
    pub(super) challengers: Vec<ModelKind>,
}

/// The learners that a job can name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ModelKind {
    /// The multi-task elastic net.
    Linear,
    /// Trees stacked on it.
    Forest,
    /// The multi-scenario multi-task network.
    Net,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawEvaluate {
    pub(super) min_rows: u64,
    pub(super) min_positives: u64,
    pub(super) resamples: usize,
    pub(super) top: usize,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawPrepare {
    pub(super) negatives: u32,
    pub(super) class_weights: ClassWeights,
    pub(super) oversample: f32,
    pub(super) feature_masking: f32,
    pub(super) mixup: f32,
    pub(super) batches: Batches,
    pub(super) scenario_temperature: f32,
    pub(super) compare: RawCompare,
}

/// Options that are measured on and off, with their values.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawCompare {
    pub(super) negatives: Option<u32>,
    pub(super) class_weights: Option<ClassWeights>,
    pub(super) oversample: Option<f32>,
    pub(super) feature_masking: Option<f32>,
    pub(super) mixup: Option<f32>,
    pub(super) scenario_temperature: Option<f32>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawTransfer {
    pub(super) every: String,
    pub(super) rows: usize,
    pub(super) level: f64,
    pub(super) fallback: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawSentinel {
    pub(super) auc: f64,
    pub(super) allow: Ordered<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawDrift {
    pub(super) psi: f64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawGates {
    pub(super) require: Vec<String>,
    pub(super) against_current: bool,
    pub(super) margin: f64,
    pub(super) rows: f64,
    pub(super) scenario_rows: f64,
    pub(super) may_be_empty: Vec<String>,
    pub(super) score_psi: f64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawScores {
    pub(super) rank_by: String,
    pub(super) under_every_scenario: bool,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawNotify {
    pub(super) command: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawRetention {
    pub(super) keep: usize,
}

/// `[privacy]`: what the report hides for people's sake.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Privacy {
    /// Whether ids are shown as pseudonyms.
    pub pseudonyms: bool,
    /// Columns with ids of people, beside the entity's.
    pub columns: Vec<String>,
    /// Rows of a group, at least, whose figures are shown.
    pub min_group: u64,
}

/// `[card]`: what the job states about its model; empty = not stated.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Card {
    /// Who answers for it.
    pub owner: String,
    /// What it is for.
    pub intended_use: String,
    /// What it is not for, and where it fails.
    pub limits: String,
    /// Whom it may harm.
    pub ethics: String,
}

/// What a report speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// English.
    En,
    /// Chinese.
    Zh,
}

impl Language {
    /// Its code.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::En => "en",
            Self::Zh => "zh",
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawReport {
    pub(super) language: Language,
    pub(super) title: String,
    pub(super) top_features: usize,
}

/// Reads `text` over the defaults. The second value is the merged configuration as TOML.
pub(super) fn parse(text: &str, file: &str) -> Result<(RawJob, String), JobError> {
    let typed = DeTable::parse(text).map_err(|error| toml_error(&error, text, file))?;
    let defaults = DeTable::parse(DEFAULTS).map_err(|error| toml_error(&error, DEFAULTS, "defaults.toml"))?;
    let own = typed.span();
    let mut merged = typed.into_inner();
    merge(&mut merged, defaults.into_inner());
    let effective = toml::Table::deserialize(toml::Deserializer::from(Spanned::new(own.clone(), merged.clone())))
        .and_then(|table| toml::to_string_pretty(&table).map_err(serde::de::Error::custom))
        .map_err(|error| toml_error(&error, text, file))?;
    let table = effective.parse::<toml::Table>().map_err(|error| toml_error(&error, text, file))?;
    if let Some(key) = store_url::credential(&table) {
        let message = "is no place for a credential: job.toml is copied into every run".to_owned();
        return Err(JobError::Value { key, message, hint: store_url::ENVIRONMENT.to_owned() });
    }
    let mut raw: RawJob =
        RawJob::deserialize(toml::Deserializer::from(Spanned::new(own, merged))).map_err(|error| toml_error(&error, text, file))?;
    raw.snapshots.own = own_keys(&table, "snapshots");
    Ok((raw, effective))
}

/// The keys of a section whose values are not the defaults': a configuration that names every key is a job again.
fn own_keys(effective: &toml::Table, section: &str) -> Vec<String> {
    let defaults = DEFAULTS.parse::<toml::Table>().unwrap_or_default();
    let keys = effective.get(section).and_then(toml::Value::as_table).into_iter().flatten();
    keys.filter(|(key, value)| defaults.get(section).and_then(|of| of.get(key.as_str())) != Some(value))
        .map(|(key, _)| key.clone())
        .collect()
}

/// Adds to `into` what it does not name itself, table by table.
fn merge<'a>(into: &mut DeTable<'a>, defaults: DeTable<'a>) {
    for (key, value) in defaults {
        let existing = into.iter_mut().find(|(name, _)| name.get_ref() == key.get_ref()).map(|(_, value)| value.get_mut());
        match (existing, value) {
            (None, value) => {
                into.insert(key, value);
            }
            (Some(DeValue::Table(own)), value) => {
                if let DeValue::Table(table) = value.into_inner() {
                    merge(own, table);
                }
            }
            (Some(_), _) => {}
        }
    }
}

fn toml_error(error: &toml::de::Error, text: &str, file: &str) -> JobError {
    let start = error.span().map_or(0, |span| span.start.min(text.len()));
    let before = text.get(..start).unwrap_or("");
    let line = before.matches('\n').count() + 1;
    // A line that could hold a credential is not repeated.
    let shown = |code: &&str| code.split_once('=').is_none_or(|(key, _)| key.trim() == "keys" || !store_url::is_credential(key));
    let place = text.lines().nth(line - 1).filter(shown).map(|code| format!("\n  {line} | {}", code.trim_end())).unwrap_or_default();
    JobError::Toml { file: file.to_owned(), line, message: error.message().to_owned(), place }
}
