//! The query graph, read off the SQL: who needs whom, who may see what, and the order of execution.
//!
//! In: the job's queries. Out: [`Graph`], with clean tables and features in an order in which each finds what it needs.
//! Leaks are refused here first, and once more by what `features` registers: a view that is not there cannot be read.

use std::collections::{BTreeMap, BTreeSet};

use super::error::IngestError;
use super::sql::{Select, parse};
use crate::job::{Check, Job, Query};

/// What a query may read.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Table {
    /// `raw.<source>`.
    Raw(String),
    /// A clean table.
    Clean(String),
    /// `outcome.<table>`: a clean table's rows in the outcome window.
    Outcome(String),
    /// A feature table.
    Feature(String),
    /// The rows of candidates.sql.
    Candidates,
    /// Keys and scenario of the rows that frame.sql is bound to.
    Rows,
    /// Tonight's scores.
    Scores,
    /// Tonight's scores under every scenario.
    ScoresUnder,
    /// Held-out rows with labels and predictions.
    Holdout,
    /// A decision table.
    Decision(String),
    /// `previous.<table>`: a decision table of the run before.
    Previous(String),
    /// What the models say beside the scores.
    BesideScores(&'static str),
}

/// Why a candidate scores as it does.
pub const CONTRIBUTIONS: &str = "score_contributions";
/// Tables that decisions may read beside the scores: why a candidate scores as it does, what the model of each fold says of it, and what
/// the models of the folds say of the labelled rows that they have not seen, under every scenario.
pub const BESIDE_SCORES: [&str; 3] = [CONTRIBUTIONS, "scores_folds", "holdout_under"];

/// A parsed query and what it reads.
#[derive(Debug, Clone)]
pub struct Node {
    /// The file.
    pub query: Query,
    /// Its syntax tree.
    pub select: Select,
    /// What it reads, sorted.
    pub uses: Vec<Table>,
}

/// All queries of a job that a night runs.
#[derive(Debug, Clone)]
pub struct Graph {
    /// Clean tables, in waves: each wave needs only earlier ones.
    pub clean: Vec<Vec<Node>>,
    /// Feature tables, each after what it needs.
    pub features: Vec<Node>,
    /// candidates.sql.
    pub candidates: Node,
    /// examples.sql.
    pub examples: Node,
    /// frame.sql.
    pub frame: Node,
    /// checks/*.sql, in the order of `Queries::checks`.
    pub checks: Vec<Node>,
    /// decisions/*.sql, each after what it needs.
    pub decisions: Vec<Node>,
    /// checks/decisions/*.sql, in the order of `Queries::decision_checks`.
    pub decision_checks: Vec<Node>,
}

/// The kinds of query, by what they may see.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Clean,
    Check,
    Feature,
    Candidates,
    Examples,
    Frame,
    Decision,
    DecisionCheck,
    Explore,
}

impl Graph {
    /// Parses every query and checks what it names.
    ///
    /// # Errors
    /// [`IngestError`] naming the file and the table.
    pub fn new(job: &Job) -> Result<Self, IngestError> {
        let names = Names::of(job);
        let nodes = |queries: &[Query], kind| queries.iter().map(|query| names.node(query, kind)).collect::<Result<Vec<_>, _>>();
        let of = |checks: &[Check]| checks.iter().map(|check| check.query.clone()).collect::<Vec<Query>>();
        nodes(&job.queries.explore, Kind::Explore)?;
        let mut decisions = nodes(&job.queries.decisions, Kind::Decision)?;
        let named = &job.explain.contributions_of;
        for node in decisions.iter_mut().filter(|node| !named.is_empty() && node.uses.contains(&Table::BesideScores(CONTRIBUTIONS))) {
            // What is explained is what that table names.
            node.uses.push(Table::Decision(named.clone()));
            node.uses.sort_unstable();
            node.uses.dedup();
        }
        Ok(Self {
            clean: waves(nodes(&job.queries.clean, Kind::Clean)?, |table| matches!(table, Table::Clean(_)))?,
            features: waves(nodes(&job.queries.features, Kind::Feature)?, |table| matches!(table, Table::Feature(_)))?
                .into_iter()
                .flatten()
                .collect(),
            candidates: names.node(&job.queries.candidates, Kind::Candidates)?,
            examples: names.node(&job.queries.examples, Kind::Examples)?,
            frame: names.node(&job.queries.frame, Kind::Frame)?,
            checks: nodes(&of(&job.queries.checks), Kind::Check)?,
            decisions: waves(decisions, |table| matches!(table, Table::Decision(_)))?.into_iter().flatten().collect(),
            decision_checks: nodes(&of(&job.queries.decision_checks), Kind::DecisionCheck)?,
        })
    }

    /// Whether a decision, or a check of one, reads a table that is made beside the scores.
    #[must_use]
    pub fn decides_on(&self, table: &str) -> bool {
        self.decisions
            .iter()
            .chain(&self.decision_checks)
            .any(|node| node.uses.iter().any(|used| matches!(used, Table::BesideScores(name) if *name == table)))
    }

    /// The decisions that come before contributions are known, the table among them that says whose, and those after.
    #[must_use]
    pub fn decisions_before(&self, contributions_of: &str) -> (&[Node], &[Node]) {
        let named = self.decisions.iter().position(|node| node.query.name == contributions_of);
        self.decisions.split_at(named.map_or(0, |at| at + 1))
    }

    /// The feature tables that `of` needs, directly or through others, in an order in which each finds what it needs.
    #[must_use]
    pub fn features_for(&self, of: &[&Node]) -> Vec<&Node> {
        let mut needed: BTreeSet<&str> = of.iter().flat_map(|node| features_of(node)).collect();
        for node in self.features.iter().rev() {
            if needed.contains(node.query.name.as_str()) {
                needed.extend(features_of(node));
            }
        }
        self.features.iter().filter(|node| needed.contains(node.query.name.as_str())).collect()
    }
}

fn features_of(node: &Node) -> impl Iterator<Item = &str> {
    node.uses.iter().filter_map(|table| if let Table::Feature(name) = table { Some(name.as_str()) } else { None })
}

struct Names {
    sources: BTreeSet<String>,
    clean: BTreeSet<String>,
    timed: BTreeSet<String>,
    features: BTreeSet<String>,
    decisions: BTreeSet<String>,
    previous: BTreeSet<String>,
    under: bool,
    folds: bool,
}

impl Names {
    fn of(job: &Job) -> Self {
        let names = |queries: &[Query]| queries.iter().map(|query| query.name.clone()).collect();
        Self {
            sources: job.sources.iter().map(|source| source.name.clone()).collect(),
            clean: names(&job.queries.clean),
            timed: job.times.iter().map(|(table, _)| table.clone()).collect(),
            features: names(&job.queries.features),
            decisions: names(&job.queries.decisions),
            previous: job.previous.iter().map(|(table, _)| table.clone()).collect(),
            under: job.under_every_scenario,
            folds: job.folds.is_some(),
        }
    }

    fn node(&self, query: &Query, kind: Kind) -> Result<Node, IngestError> {
        let select = parse(query)?;
        let mut uses = BTreeSet::new();
        for reference in &select.tables {
            uses.insert(self.resolve(&query.file, kind, reference.schema(), reference.table())?);
        }
        // A clean table, feature or decision may not read itself: that is a cycle of one.
        let own = match kind {
            Kind::Clean => Some(Table::Clean(query.name.clone())),
            Kind::Feature => Some(Table::Feature(query.name.clone())),
            Kind::Decision => Some(Table::Decision(query.name.clone())),
            _ => None,
        };
        if own.is_some_and(|own| uses.contains(&own)) {
            return Err(IngestError::Cycle(format!("{0} → {0}", query.file)));
        }
        Ok(Node { query: query.clone(), select, uses: uses.into_iter().collect() })
    }

    fn resolve(&self, file: &str, kind: Kind, schema: Option<&str>, table: &str) -> Result<Table, IngestError> {
        let full = schema.map_or_else(|| table.to_owned(), |schema| format!("{schema}.{table}"));
        let hidden = |reason| Err(IngestError::NotVisible { file: file.to_owned(), table: full.clone(), reason });
        let name = table.to_owned();
        let decides = matches!(kind, Kind::Decision | Kind::DecisionCheck);
        match schema {
            Some("raw") if self.sources.contains(table) => match kind {
                Kind::Clean | Kind::Explore => Ok(Table::Raw(name)),
                _ => hidden("raw rows are for clean queries; here the clean tables are seen"),
            },
            Some("outcome") if self.timed.contains(table) => match kind {
                Kind::Examples | Kind::Explore => Ok(Table::Outcome(name)),
                _ => hidden("the outcome window lies in the future of the as-of date"),
            },
            Some("outcome") if self.clean.contains(table) => {
                hidden("the table declares no `time` under [tables] in job.toml, so it has no outcome window")
            }
            None if self.clean.contains(table) => Ok(Table::Clean(name)),
            None if self.features.contains(table) => match kind {
                Kind::Clean => hidden("features are made after clean tables"),
                Kind::Check => hidden("checks look at clean tables, before features are made"),
                _ => Ok(Table::Feature(name)),
            },
            None if table == "candidates" && matches!(kind, Kind::Examples | Kind::Explore) => Ok(Table::Candidates),
            None if table == "rows" && kind == Kind::Frame => Ok(Table::Rows),
            None if table == "scores" && (decides || kind == Kind::Explore) => Ok(Table::Scores),
            None if table == "scores_under" && decides && !self.under => {
                hidden("set `scores.under_every_scenario = true` in job.toml to have it")
            }
            None if table == "scores_under" && (decides || kind == Kind::Explore) => Ok(Table::ScoresUnder),
            None if table == "holdout" && decides => Ok(Table::Holdout),
            None if self.decisions.contains(table) && decides => Ok(Table::Decision(name)),
            Some("previous") if self.previous.contains(table) && decides => Ok(Table::Previous(name)),
            Some("previous") if self.decisions.contains(table) && decides => {
                hidden("job.toml does not say which of its columns are read: [decisions.<table>] previous = { … }")
            }
            None if decides && BESIDE_SCORES.contains(&table) => match table {
                "scores_folds" | "holdout_under" if !self.folds => {
                    hidden("set `kind = \"folds\"` under [snapshots] in job.toml to have it")
                }
                "holdout_under" if !self.under => hidden("set `scores.under_every_scenario = true` in job.toml to have it"),
                _ => Ok(Table::BesideScores(BESIDE_SCORES.into_iter().find(|name| *name == table).unwrap_or_default())),
            },
            // Saved explorations run in the analyst's shell, where past nights are tables too.
            _ if kind == Kind::Explore => Ok(Table::Clean(name)),
            _ => Err(IngestError::UnknownTable { file: file.to_owned(), table: full, known: self.known(kind) }),
        }
    }

    fn known(&self, kind: Kind) -> String {
        let mut known: Vec<String> = Vec::new();
        if kind == Kind::Clean {
            known.extend(self.sources.iter().map(|name| format!("raw.{name}")));
        }
        known.extend(self.clean.iter().cloned());
        if !matches!(kind, Kind::Clean | Kind::Check) {
            known.extend(self.features.iter().cloned());
        }
        match kind {
            Kind::Examples => {
                known.push("candidates".into());
                known.extend(self.timed.iter().map(|name| format!("outcome.{name}")));
            }
            Kind::Frame => known.push("rows".into()),
            Kind::Decision | Kind::DecisionCheck => {
                known.extend(["scores".into(), "scores_under".into(), "holdout".into()]);
                known.extend(BESIDE_SCORES.map(str::to_owned));
                known.extend(self.decisions.iter().cloned());
                known.extend(self.previous.iter().map(|name| format!("previous.{name}")));
            }
            _ => {}
        }
        known.join(", ")
    }
}

/// Sorts nodes into waves by the tables of their own kind that they need.
fn waves(nodes: Vec<Node>, own: impl Fn(&Table) -> bool) -> Result<Vec<Vec<Node>>, IngestError> {
    let name_of = |table: &Table| match table {
        Table::Clean(name) | Table::Feature(name) | Table::Decision(name) => name.clone(),
        _ => String::new(),
    };
    let mut waiting: BTreeMap<String, (Node, BTreeSet<String>)> = nodes
        .into_iter()
        .map(|node| {
            let needs = node.uses.iter().filter(|table| own(table)).map(name_of).collect();
            (node.query.name.clone(), (node, needs))
        })
        .collect();
    let mut waves = Vec::new();
    while !waiting.is_empty() {
        let ready: Vec<String> = waiting
            .iter()
            .filter(|(_, (_, needs))| needs.iter().all(|need| !waiting.contains_key(need)))
            .map(|(name, _)| name.clone())
            .collect();
        if ready.is_empty() {
            let files: Vec<_> = waiting.values().map(|(node, _)| node.query.file.clone()).collect();
            return Err(IngestError::Cycle(files.join(" → ")));
        }
        waves.push(ready.iter().filter_map(|name| waiting.remove(name)).map(|(node, _)| node).collect());
    }
    Ok(waves)
}
