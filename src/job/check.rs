//! From what was typed to what is true: every rule between two keys is checked here, once.
//!
//! In: [`RawJob`] and the queries. Out: [`Job`], or the first [`JobError`]. Columns of data are not known here.

use std::path::PathBuf;

use jiff::tz::TimeZone;

use super::error::JobError;
use super::gates;
use super::prepare;
use super::queries::{Queries, is_table_name};
use super::raw::{
    Ordered, RawDecision, RawJob, RawSentinel, RawSnapshotKind, RawSnapshots, RawSource, RawTable, RawTask, RawTaskKind, RawThreshold,
    RawTransfer, Transform,
};
use super::{
    ColumnType, Days, ExplainSettings, FeatureRoles, Job, JobTask, Param, PartitionType, Sentinel, Snapshots, Source, StoreUrl, TableTime,
    Threshold, Transfer,
};
use crate::learn::folds::Folds;
use crate::learn::rows::{Task, TaskKind};

/// Parameters that polytask sets itself.
pub(super) const OWN_PARAMS: [&str; 3] = ["as_of", "as_of_date", "horizon_end"];
/// Columns that polytask adds to scores, frames and held-out predictions.
const OWN_COLUMNS: [&str; 7] = ["as_of", "split", "fold", "rank", "run", "under", "refused"];
/// Tables that polytask makes itself.
const OWN_TABLES: [&str; 9] =
    ["candidates", "rows", "rows_with_labels", "scores", "scores_under", "scores_folds", "score_contributions", "holdout", "holdout_under"];

pub(super) fn check(raw: RawJob, name: String, folder: PathBuf, queries: Queries, effective: String) -> Result<Job, JobError> {
    let folds = folds(&raw)?;
    let keys = raw.job.keys.ok_or(JobError::MissingKey("job.keys"))?;
    if keys.is_empty() {
        return Err(value("job.keys", "names no column", "name the columns that make a row, for example [\"user_id\", \"product_id\"]"));
    }
    for (at, key) in keys.iter().enumerate() {
        if keys[..at].contains(key) {
            return Err(value("job.keys", format!("names `{key}` twice"), "each column once"));
        }
        // Scores have a column `scenario`, whatever its name is in the queries.
        if key == "scenario" && raw.scenario.column != "scenario" {
            return Err(value("job.keys", "`scenario` is a column that polytask adds itself", "give the column another name in SQL"));
        }
    }
    for key in keys.iter().chain([&raw.scenario.column]) {
        if OWN_COLUMNS.contains(&key.as_str()) {
            return Err(value("job.keys", format!("`{key}` is a column that polytask adds itself"), "give the column another name in SQL"));
        }
    }
    if keys.contains(&raw.scenario.column) {
        return Err(value(
            "job.keys",
            "names the scenario column",
            "rows are named by keys and scenario; leave the scenario out of `keys`",
        ));
    }
    let entity = raw.job.entity.unwrap_or_else(|| keys[0].clone());
    if !keys.contains(&entity) {
        return Err(value("job.entity", format!("`{entity}` is not one of the keys"), format!("one of: {}", keys.join(", "))));
    }
    let zone = TimeZone::get(&raw.job.timezone)
        .map_err(|_| value("job.timezone", format!("`{}` is not an IANA zone", raw.job.timezone), "for example \"Europe/Berlin\""))?;
    let tasks = tasks(raw.tasks)?;
    let gates = gates::check(raw.gates, &tasks, &raw.scenario.values)?;
    if let Some(task) = tasks.iter().find(|task| keys.contains(&task.task.name)) {
        return Err(value(format!("tasks.{}", task.task.name), "is the name of a key", "scores have a column for each: rename one"));
    }
    own_names(&queries)?;
    let rank_by = if raw.scores.rank_by.is_empty() {
        0
    } else {
        position(&tasks, &raw.scores.rank_by).ok_or_else(|| no_task("scores.rank_by", &raw.scores.rank_by, &tasks))?
    };
    if raw.sources.0.is_empty() {
        return Err(JobError::MissingKey("sources"));
    }
    let challengers: Vec<_> = raw.model.challengers.into_iter().filter(|kind| *kind != raw.model.kind).collect();
    let learners: Vec<_> = challengers.iter().copied().chain([raw.model.kind]).collect();
    let prepared = prepare::settings(&raw.prepare, &learners)?;
    let title = raw.job.title.unwrap_or_else(|| name.clone());
    Ok(Job {
        title: if raw.report.title.is_empty() { title } else { raw.report.title },
        zone,
        zone_name: raw.job.timezone,
        keys,
        entity,
        seed: raw.job.seed,
        params: raw.params.0.into_iter().map(param).collect::<Result<_, _>>()?,
        sources: raw.sources.0.into_iter().map(source).collect::<Result<_, _>>()?,
        fresh: fresh(&raw.tables.0)?,
        times: raw.tables.0.into_iter().map(|(table, raw)| time(table, raw, &queries)).collect::<Result<_, _>>()?,
        previous: raw.decisions.0.into_iter().map(|(table, raw)| previous(table, raw, &queries)).collect::<Result<_, _>>()?,
        snapshots: snapshots(&raw.snapshots)?,
        folds,
        scenario: raw.scenario.column,
        scenarios: raw.scenario.values,
        tasks,
        roles: FeatureRoles {
            categorical: raw.features.categorical,
            text: raw.features.text,
            vector: raw.features.vector,
            ignore: raw.features.ignore,
        },
        encode: raw.encode,
        model: raw.model.kind,
        challengers,
        linear: raw.linear,
        forest: raw.forest,
        net: raw.net,
        train: raw.train,
        min_rows: raw.evaluate.min_rows,
        min_positives: raw.evaluate.min_positives,
        resamples: resamples(raw.evaluate.resamples)?,
        top: raw.evaluate.top.max(1),
        prepare: prepared,
        compared: prepare::compared(&raw.prepare, raw.model.kind, folds.is_some())?,
        transfer: transfer(&raw.transfer)?,
        sentinel: sentinel(raw.sentinel)?,
        drift_psi: positive("drift.psi", raw.drift.psi)?,
        gates,
        rank_by,
        under_every_scenario: raw.scores.under_every_scenario,
        notify: raw.notify.command,
        keep: (raw.retention.keep > 0).then_some(raw.retention.keep),
        privacy: raw.privacy,
        card: raw.card,
        language: raw.report.language,
        top_features: raw.report.top_features.max(1),
        explain: explain(raw.explain, &queries)?,
        name,
        folder,
        queries,
        effective,
    })
}

/// The caps of what is explained: without rows there is no importance, on which drift and report lean.
fn explain(raw: ExplainSettings, queries: &Queries) -> Result<ExplainSettings, JobError> {
    for (key, rows) in [("explain.importance_rows", raw.importance_rows), ("explain.forest_rows", raw.forest_rows)] {
        if rows == 0 {
            return Err(value(key, "0 rows explain nothing", "a whole number from 1 up"));
        }
    }
    if raw.surrogate_samples > 100_000 {
        return Err(value("explain.surrogate_samples", format!("{} is more than 100000", raw.surrogate_samples), "500 is usual"));
    }
    let of = &raw.contributions_of;
    if !of.is_empty() && queries.decisions.iter().all(|query| query.name != *of) {
        return Err(value(
            "explain.contributions_of",
            format!("there is no decisions/{of}.sql"),
            "name a decision table that has the keys",
        ));
    }
    Ok(raw)
}

pub(super) fn value(key: impl Into<String>, message: impl Into<String>, hint: impl Into<String>) -> JobError {
    JobError::Value { key: key.into(), message: message.into(), hint: hint.into() }
}

/// Clean tables and features share one name space, with the tables that polytask makes.
fn own_names(queries: &Queries) -> Result<(), JobError> {
    for query in queries.clean.iter().chain(&queries.features) {
        if OWN_TABLES.contains(&query.name.as_str()) {
            return Err(JobError::OwnName { name: query.name.clone(), file: query.file.clone() });
        }
    }
    for feature in &queries.features {
        if let Some(clean) = queries.clean.iter().find(|clean| clean.name == feature.name) {
            return Err(JobError::TakenName { name: feature.name.clone(), first: clean.file.clone(), second: feature.file.clone() });
        }
    }
    Ok(())
}

fn position(tasks: &[JobTask], name: &str) -> Option<usize> {
    tasks.iter().position(|task| task.task.name == name)
}

fn no_task(key: &str, name: &str, tasks: &[JobTask]) -> JobError {
    let known: Vec<_> = tasks.iter().map(|task| task.task.name.as_str()).collect();
    value(key, format!("there is no task `{name}` above it"), format!("one of: {}", known.join(", ")))
}

fn tasks(raw: Ordered<RawTask>) -> Result<Vec<JobTask>, JobError> {
    let mut tasks: Vec<JobTask> = Vec::new();
    for (name, raw) in raw.0 {
        let key = format!("tasks.{name}");
        if !is_table_name(&name) || OWN_COLUMNS.contains(&name.as_str()) || name == "scenario" {
            return Err(value(key, "is not a task name", "lower-case letters, digits and _, and none of polytask's own columns"));
        }
        let after = match &raw.after {
            None => None,
            Some(parent) => {
                let parent = position(&tasks, parent).ok_or_else(|| no_task(&format!("{key}.after"), parent, &tasks))?;
                if !tasks[parent].task.kind.is_binary() {
                    return Err(value(
                        format!("{key}.after"),
                        "names a task that is not binary",
                        "a chain goes through events that happen or not",
                    ));
                }
                Some(parent)
            }
        };
        let kind = match (raw.kind, raw.transform) {
            (RawTaskKind::Binary, None) => TaskKind::Binary,
            (RawTaskKind::Count, None) => TaskKind::Count,
            (RawTaskKind::ZeroInflated, None) => TaskKind::ZeroInflated,
            (RawTaskKind::Binary | RawTaskKind::Count | RawTaskKind::ZeroInflated, Some(_)) => {
                return Err(value(format!("{key}.transform"), "is for regressions", "remove it, or set kind = \"regression\""));
            }
            (RawTaskKind::Regression, None | Some(Transform::Identity)) => TaskKind::Regression,
            (RawTaskKind::Regression, Some(Transform::Log1p)) => TaskKind::RegressionLog1p,
        };
        let alpha = raw.alpha.unwrap_or(1.0);
        if !(alpha.is_finite() && alpha > 0.0) {
            return Err(value(format!("{key}.alpha"), format!("{alpha} is not a positive number"), "1.0 weighs a task like the others"));
        }
        if raw.threshold.is_some() && kind != TaskKind::Binary {
            return Err(value(format!("{key}.threshold"), "is for binary tasks", "remove it: a regression decides nothing"));
        }
        tasks.push(JobTask {
            label: raw.label.unwrap_or_else(|| name.clone()),
            weight: raw.weight,
            threshold: threshold(&format!("{key}.threshold"), raw.threshold)?,
            task: Task { name, kind, after, alpha },
        });
    }
    if tasks.is_empty() {
        return Err(JobError::MissingKey("tasks"));
    }
    Ok(tasks)
}

fn threshold(key: &str, raw: Option<RawThreshold>) -> Result<Threshold, JobError> {
    match raw {
        None => Ok(Threshold::BestF1),
        Some(RawThreshold::Number(number)) if (0.0..=1.0).contains(&number) => Ok(Threshold::Fixed(number)),
        Some(RawThreshold::Number(number)) => Err(value(key, format!("{number} is not a probability"), "between 0 and 1")),
        Some(RawThreshold::Rule(rule)) => match rule.as_str() {
            "best-f1" => Ok(Threshold::BestF1),
            "base-rate" => Ok(Threshold::BaseRate),
            _ => Err(value(key, format!("`{rule}` is no rule"), "a number between 0 and 1, \"best-f1\" or \"base-rate\"")),
        },
    }
}

fn param((name, raw): (String, toml::Value)) -> Result<(String, Param), JobError> {
    let key = format!("params.{name}");
    if !is_table_name(&name) || OWN_PARAMS.contains(&name.as_str()) {
        return Err(value(key, "is not a parameter name", "lower-case letters, digits and _, and none of as_of, as_of_date, horizon_end"));
    }
    let param = match raw {
        toml::Value::Integer(number) => Param::Int(number),
        toml::Value::Float(number) if number.is_finite() => Param::Float(number),
        toml::Value::String(text) => Param::Text(text),
        toml::Value::Boolean(truth) => Param::Bool(truth),
        toml::Value::Datetime(when) if when.time.is_none() => {
            Param::Date(when.to_string().parse().map_err(|_| value(&key, format!("`{when}` is not a date"), "for example 2017-12-04"))?)
        }
        _ => return Err(value(key, "has a type that a query cannot take", "a number, text, true/false or a date")),
    };
    Ok((name, param))
}

fn source((name, raw): (String, RawSource)) -> Result<Source, JobError> {
    if !is_table_name(&name) {
        return Err(JobError::BadName { name, file: "job.toml [sources]".into() });
    }
    let key = format!("sources.{name}.path");
    let climbs = raw.path.split('/').any(|part| part == "..");
    if raw.path.is_empty() || climbs || raw.path.chars().any(char::is_control) {
        return Err(value(
            key,
            format!("`{}` is not a path below the input folder", raw.path.escape_debug()),
            "a path below data/<job>/input/, or an absolute one",
        ));
    }
    let url = StoreUrl::parse(&raw.path).map_err(|(message, hint)| value(key, message, hint))?;
    let length = |key: &str, text: &Option<String>| {
        let key = format!("sources.{name}.{key}");
        if text.is_some() && !raw.partitions.0.iter().any(|(_, kind)| *kind == PartitionType::Date) {
            return Err(value(key, "needs a partition of type \"date\"", "`fresh` of a clean table looks at a time column instead"));
        }
        text.as_deref().map(|text| days(&key, text)).transpose()
    };
    let (fresh, complete, lookback) =
        (length("fresh", &raw.fresh)?, length("complete", &raw.complete)?, length("lookback", &raw.lookback)?);
    Ok(Source {
        fresh,
        complete,
        lookback,
        path: raw.path,
        url,
        partitions: raw.partitions.0,
        columns: raw.columns.0,
        untrusted: raw.untrusted,
        may_change: raw.may_change,
        name,
    })
}

/// Clean tables whose newest row may only be so old.
fn fresh(tables: &[(String, RawTable)]) -> Result<Vec<(String, Days)>, JobError> {
    let asked = tables.iter().filter_map(|(table, raw)| Some((table, raw.fresh.as_deref()?)));
    asked.map(|(table, text)| Ok((table.clone(), days(&format!("tables.{table}.fresh"), text)?))).collect()
}

fn time(table: String, raw: RawTable, queries: &Queries) -> Result<(String, TableTime), JobError> {
    let key = format!("tables.{table}");
    if !queries.clean.iter().any(|query| query.name == table) {
        let known: Vec<_> = queries.clean.iter().map(|query| query.name.as_str()).collect();
        return Err(value(key, format!("there is no clean/{table}.sql"), format!("clean tables: {}", known.join(", "))));
    }
    let known_ahead = days(&format!("{key}.known_ahead"), raw.known_ahead.as_deref().unwrap_or("0 days"))?;
    Ok((table, TableTime { time: raw.time, known_ahead, available: raw.available }))
}

/// A decision table whose rows of the run before are seen, and the columns that are asked for.
fn previous(table: String, raw: RawDecision, queries: &Queries) -> Result<(String, Vec<(String, ColumnType)>), JobError> {
    let key = format!("decisions.{table}");
    if !queries.decisions.iter().any(|query| query.name == table) {
        let known: Vec<_> = queries.decisions.iter().map(|query| query.name.as_str()).collect();
        return Err(value(key, format!("there is no decisions/{table}.sql"), format!("decision tables: {}", known.join(", "))));
    }
    if raw.previous.0.is_empty() {
        return Err(value(format!("{key}.previous"), "names no column", "for example { user_id = \"int\", segment = \"int\" }"));
    }
    Ok((table, raw.previous.0))
}

fn snapshots(raw: &RawSnapshots) -> Result<Snapshots, JobError> {
    let every = days("snapshots.every", &raw.every)?;
    let horizon = days("snapshots.horizon", &raw.horizon)?;
    let settle = days("snapshots.settle", &raw.settle)?;
    let history = days("snapshots.history", &raw.history)?;
    for (key, length) in [("snapshots.every", every), ("snapshots.horizon", horizon)] {
        if length.0 == 0 {
            return Err(value(key, "is 0 days", "at least 1 day"));
        }
    }
    if raw.count > 1000 {
        return Err(value("snapshots.count", format!("{} is more than 1000", raw.count), "a few dozen snapshots teach as much"));
    }
    Ok(Snapshots { every, count: raw.count, horizon, settle, history })
}

/// The folds of a job without a history; what makes no sense with them, or without them, is refused.
fn folds(raw: &RawJob) -> Result<Option<Folds>, JobError> {
    let of = &raw.snapshots;
    if of.kind == RawSnapshotKind::Nights {
        let typed = of.own.iter().any(|key| key == "folds");
        return if typed { Err(value("snapshots.folds", "is for kind = \"folds\"", "set `kind`, or remove the key")) } else { Ok(None) };
    }
    if let Some(key) = of.own.iter().find(|key| !["kind", "folds"].contains(&key.as_str())) {
        return Err(value(
            format!("snapshots.{key}"),
            "is for kind = \"nights\"",
            "data without a history has one date: remove the key, or set kind = \"nights\"",
        ));
    }
    if !(3..=50).contains(&of.folds) {
        return Err(value(
            "snapshots.folds",
            format!("{} is not between 3 and 50", of.folds),
            "one fold is held out, one is chosen on and the rest is learned from: at least 3, 5 or 10 is usual",
        ));
    }
    if let Some((table, _)) = raw.tables.0.first() {
        return Err(value(
            format!("tables.{table}"),
            "declares a time, and folds have no history",
            "remove it where rows have no time; data with a history is for kind = \"nights\"",
        ));
    }
    if raw.train.warm_start {
        return Err(value("train.warm_start", "needs nights: an earlier run's network has seen every fold", "remove it"));
    }
    if raw.transfer.fallback {
        return Err(value(
            "transfer.fallback",
            "needs nights: with folds the ledger measures on every row that would be scored",
            "remove it; the ledger still says where another learner is better",
        ));
    }
    Ok(Some(Folds::new(of.folds, raw.job.seed)))
}

fn resamples(wanted: usize) -> Result<usize, JobError> {
    if (100..=100_000).contains(&wanted) {
        Ok(wanted)
    } else {
        Err(value("evaluate.resamples", format!("{wanted} resamples make no interval"), "between 100 and 100000; 1000 is usual"))
    }
}

fn transfer(raw: &RawTransfer) -> Result<Transfer, JobError> {
    let every = days("transfer.every", &raw.every)?;
    if raw.rows < 1000 {
        return Err(value("transfer.rows", format!("{} rows teach a network nothing", raw.rows), "at least 1000"));
    }
    if !(raw.level > 0.0 && raw.level < 0.5) {
        return Err(value("transfer.level", format!("{} is no error rate", raw.level), "for example 0.05"));
    }
    Ok(Transfer { every, rows: raw.rows, level: raw.level, fallback: raw.fallback })
}

fn sentinel(raw: RawSentinel) -> Result<Sentinel, JobError> {
    let off = raw.auc.total_cmp(&0.0).is_eq();
    if !(off || raw.auc > 0.5 && raw.auc <= 1.0) {
        return Err(value("sentinel.auc", format!("{} is no AUC above chance", raw.auc), "between 0.5 and 1, or 0 to switch it off"));
    }
    for (feature, reason) in &raw.allow.0 {
        if reason.trim().is_empty() {
            return Err(value(format!("sentinel.allow.{feature}"), "has no reason", "say why the feature is no leak"));
        }
    }
    Ok(Sentinel { auc: raw.auc, allow: raw.allow.0 })
}

/// A finite number that is not below 0.
pub(super) fn positive(key: &str, number: f64) -> Result<f64, JobError> {
    if number.is_finite() && number >= 0.0 { Ok(number) } else { Err(value(key, format!("{number} is below 0"), "0 or more")) }
}

fn days(key: &str, text: &str) -> Result<Days, JobError> {
    Days::parse(text).map_err(|message| value(key, message, "for example \"14 days\""))
}
