//! A job: `job.toml` and its SQL, checked once and then trusted by every stage.
//!
//! In: a folder below `queries/`. Out: [`Job`]. No DataFusion here: SQL is text until `ingest` plans it.

mod check;
mod error;
mod gates;
mod prepare;
pub mod queries;
mod raw;
pub mod scaffold;
mod store_url;
pub mod time;

use std::path::{Path, PathBuf};

use jiff::tz::TimeZone;

pub use error::JobError;
pub use prepare::Compared;
pub use queries::{Check, Queries, Query};
pub use raw::{Card, ColumnType, DEFAULTS, Language, ModelKind, PartitionType, Privacy};
pub use store_url::{StoreUrl, is_credential};
pub use time::{AsOf, Days, Plan, Snapshots, Split};

use crate::evaluate::gates::GateSettings;
use crate::features::encode::EncodeSettings;
use crate::learn::folds::Folds;
use crate::learn::rows::Task;
use crate::learn::{ForestSettings, LinearSettings, NetSettings, Prepare, TrainSettings};

/// A checked job.
#[derive(Debug, Clone)]
pub struct Job {
    /// The folder's name.
    pub name: String,
    /// The folder.
    pub folder: PathBuf,
    /// What the report is called.
    pub title: String,
    /// The shop's zone.
    pub zone: TimeZone,
    /// The zone's IANA name.
    pub zone_name: String,
    /// Columns that name a row, beside the scenario.
    pub keys: Vec<String>,
    /// The key of the user, household, patient: unit of ranks, folds and resampling.
    pub entity: String,
    /// Where every random choice begins.
    pub seed: u64,
    /// Typed parameters of the queries.
    pub params: Vec<(String, Param)>,
    /// Where raw data comes from.
    pub sources: Vec<Source>,
    /// Clean tables that are bound to time.
    pub times: Vec<(String, TableTime)>,
    /// Age that the newest row of a clean table may have.
    pub fresh: Vec<(String, Days)>,
    /// When snapshots are taken.
    pub snapshots: Snapshots,
    /// How entities are parted where the data has no history; `None` = nights are held out.
    pub folds: Option<Folds>,
    /// Column of the scenario.
    pub scenario: String,
    /// Order of the scenarios; empty = those seen in training, sorted.
    pub scenarios: Vec<String>,
    /// What is predicted.
    pub tasks: Vec<JobTask>,
    /// Roles of the frame's columns.
    pub roles: FeatureRoles,
    /// How columns are encoded.
    pub encode: EncodeSettings,
    /// The learner that is published.
    pub model: ModelKind,
    /// The learners that are measured beside it.
    pub challengers: Vec<ModelKind>,
    /// Settings of the learner `linear`.
    pub linear: LinearSettings,
    /// Settings of the learner `forest`.
    pub forest: ForestSettings,
    /// Form of the learner `net`.
    pub net: NetSettings,
    /// How the learner `net` learns.
    pub train: TrainSettings,
    /// Least support of a cell that shows figures.
    pub min_rows: u64,
    /// Least number of positives of a binary cell that shows figures.
    pub min_positives: u64,
    /// Resamples behind every interval.
    pub resamples: usize,
    /// Rows of an entity's list that a reader sees.
    pub top: usize,
    /// How rows are prepared for the network.
    pub prepare: Prepare,
    /// Preparations that a night measures on and off.
    pub compared: Vec<Compared>,
    /// When and how the transfer ledger is made.
    pub transfer: Transfer,
    /// What looks like a leak, and what is allowed to.
    pub sentinel: Sentinel,
    /// Population stability index from which a change is told.
    pub drift_psi: f64,
    /// What a night must pass to be published.
    pub gates: GateSettings,
    /// Index of the task that ranks rows within an entity.
    pub rank_by: usize,
    /// Whether candidates are also scored under every scenario.
    pub under_every_scenario: bool,
    /// Command that is told how a night ended; empty = none.
    pub notify: Vec<String>,
    /// Newest runs that stay on disk when a night has been published; `None` = all.
    pub keep: Option<usize>,
    /// What the report hides for people's sake.
    pub privacy: Privacy,
    /// What the job states about its model.
    pub card: Card,
    /// What the report speaks.
    pub language: Language,
    /// Features shown per task in the report.
    pub top_features: usize,
    /// How much is explained.
    pub explain: ExplainSettings,
    /// Decision tables of the run before that decisions may read as `previous.<table>`, with their columns.
    pub previous: Vec<(String, Vec<(String, ColumnType)>)>,
    /// The SQL.
    pub queries: Queries,
    /// `job.toml` with every default filled in.
    pub effective: String,
}

/// `[transfer]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Transfer {
    /// Age from which the last ledger is made again.
    pub every: Days,
    /// Rows of a scenario, at most, that each compared network learns from.
    pub rows: usize,
    /// Family-wise error of the verdicts.
    pub level: f64,
    /// Whether a hurt cell is scored by the better model.
    pub fallback: bool,
}

/// `[explain]`: caps that keep explaining in bounds, whatever the rows.
#[derive(Debug, Clone, PartialEq, Eq, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExplainSettings {
    /// Held-out rows on which a network's importance is measured, at least 1.
    pub importance_rows: usize,
    /// Held-out rows on which a forest's is, at least 1.
    pub forest_rows: usize,
    /// Held-out rows whose contributions are written.
    pub explained_rows: usize,
    /// Rows of each kind and task that are told one by one.
    pub told_rows: usize,
    /// Held-out rows on which features are permuted; 0 = none are.
    pub permutation_rows: usize,
    /// Features of each task that are permuted.
    pub permuted_features: usize,
    /// Held-out rows behind the curves; 0 = none.
    pub curve_rows: usize,
    /// Features of each task with a curve.
    pub curve_features: usize,
    /// Rows on which contributions are tested; 0 = none.
    pub faithful_rows: usize,
    /// Samples of the surrogate of each told row; 0 = none.
    pub surrogate_samples: usize,
    /// The decision table whose keys say of which candidates decisions read the contributions; empty = of all.
    pub contributions_of: String,
}

/// `[sentinel]`.
#[derive(Debug, Clone, PartialEq)]
pub struct Sentinel {
    /// Largest AUC of a single feature; 0 = off.
    pub auc: f64,
    /// Features that may be above it, and why.
    pub allow: Vec<(String, String)>,
}

/// A task of a job: what learners see of it, and where its label is found.
#[derive(Debug, Clone)]
pub struct JobTask {
    /// What learners see.
    pub task: Task,
    /// Label column of examples.sql.
    pub label: String,
    /// Weight column of examples.sql.
    pub weight: Option<String>,
    /// Decision threshold of accuracy, precision, recall and F1.
    pub threshold: Threshold,
}

/// From which prediction on a row counts as predicted to happen.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Threshold {
    /// From this probability on.
    Fixed(f64),
    /// From the share of training rows where it happened.
    BaseRate,
    /// From where F1 is largest on the nights that the choice did not learn from.
    BestF1,
}

/// The value of a query parameter.
#[derive(Debug, Clone, PartialEq)]
pub enum Param {
    /// A whole number.
    Int(i64),
    /// A number.
    Float(f64),
    /// Text.
    Text(String),
    /// A truth value.
    Bool(bool),
    /// A calendar date.
    Date(jiff::civil::Date),
}

/// Where raw rows come from.
#[derive(Debug, Clone)]
pub struct Source {
    /// `raw.<name>`.
    pub name: String,
    /// File or folder below `data/<job>/input/`, an absolute path, or the URL of an object store.
    pub path: String,
    /// The same, where it is the URL of an object store.
    pub url: Option<StoreUrl>,
    /// Hive partition columns, outermost first.
    pub partitions: Vec<(String, PartitionType)>,
    /// Columns that must be there, with their type.
    pub columns: Vec<(String, ColumnType)>,
    /// Whether its files are read in a process of their own.
    pub untrusted: bool,
    /// Age that the newest day of its `date` partition may have.
    pub fresh: Option<Days>,
    /// Stretch before the as-of date in which no day of its `date` partition may be missing.
    pub complete: Option<Days>,
    /// Age up to which a day of its `date` partition may still change without a word.
    pub lookback: Option<Days>,
    /// Columns that may go or have another type than in the run before; `*` = all.
    pub may_change: Vec<String>,
}

impl Source {
    /// A source that only has a path: nothing is asked of its files.
    #[must_use]
    pub fn new(name: &str, path: &str) -> Self {
        Self {
            name: name.to_owned(),
            path: path.to_owned(),
            url: None,
            partitions: Vec::new(),
            columns: Vec::new(),
            untrusted: false,
            fresh: None,
            complete: None,
            lookback: None,
            may_change: Vec::new(),
        }
    }
}

/// When the rows of a clean table happened and when they could be seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TableTime {
    /// Event time: timestamp, or date in the shop's zone.
    pub time: String,
    /// Rows are visible this long before their time.
    pub known_ahead: Days,
    /// Rows are visible only after the time in this column.
    pub available: Option<String>,
}

/// Roles of the frame's columns, as the job names them.
#[derive(Debug, Clone, Default)]
pub struct FeatureRoles {
    /// Categorical columns.
    pub categorical: Vec<String>,
    /// Text columns.
    pub text: Vec<String>,
    /// Vector columns.
    pub vector: Vec<String>,
    /// Columns that the model must not see.
    pub ignore: Vec<String>,
}

impl Job {
    /// Reads and checks the job in `folder`.
    ///
    /// # Errors
    /// [`JobError`] naming the file, line or key.
    pub fn load(folder: &Path) -> Result<Self, JobError> {
        let path = folder.join("job.toml");
        if !path.is_file() {
            return Err(JobError::NoJob(folder.to_path_buf()));
        }
        let text = std::fs::read_to_string(&path).map_err(|source| JobError::Read { path, source })?;
        let folder = folder.canonicalize().map_err(|source| JobError::Read { path: folder.to_path_buf(), source })?;
        let name = folder.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if !queries::is_table_name(&name) {
            return Err(JobError::BadName { name, file: "the job's folder".into() });
        }
        let (raw, effective) = raw::parse(&text, "job.toml")?;
        let queries = Queries::read(&folder)?;
        check::check(raw, name, folder, queries, effective)
    }

    /// Columns whose values name people or things: the keys, and those that `[privacy]` names.
    #[must_use]
    pub fn naming(&self) -> Vec<String> {
        self.keys.iter().chain(&self.privacy.columns).cloned().collect()
    }

    /// Facts about the time of the clean table `table`.
    #[must_use]
    pub fn time_of(&self, table: &str) -> Option<&TableTime> {
        self.times.iter().find(|(name, _)| name == table).map(|(_, time)| time)
    }

    /// The tasks as learners see them.
    #[must_use]
    pub fn learner_tasks(&self) -> Vec<Task> {
        self.tasks.iter().map(|task| task.task.clone()).collect()
    }

    /// The snapshots of the night `tonight`.
    ///
    /// # Errors
    /// [`JobError::Value`] when `[snapshots]` leaves nothing to choose on.
    pub fn plan(&self, tonight: jiff::civil::Date) -> Result<Plan, JobError> {
        let laid_out = |as_of: AsOf| match self.folds {
            Some(_) => Ok(Plan::folds(as_of)),
            None => Plan::new(as_of, self.snapshots, &self.zone),
        };
        AsOf::new(tonight, &self.zone).and_then(laid_out).map_err(|message| JobError::Value {
            key: "snapshots".into(),
            message,
            hint: "raise `count`, or shorten `horizon`".into(),
        })
    }
}
